package pipeline

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
	demarcv1 "demarc/proto/demarc/v1"
)

// few is a source of frames made in code, a millisecond apart.
type few struct {
	frames [][]byte
	n      int
}

func (s *few) Next(f *capture.Frame) error {
	if s.n == len(s.frames) {
		return io.EOF
	}
	b := s.frames[s.n]
	s.n++
	*f = capture.Frame{Link: capture.LinkEthernet, Time: int64(s.n) * 1e6, Data: b, Length: len(b)}
	return nil
}

func (s *few) Interfaces() []capture.Interface { return nil }
func (s *few) Stats() capture.Stats            { return capture.Stats{} }
func (s *few) Close() error                    { return nil }

func bytesOf(t *testing.T, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, ls...); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(b.Bytes())
}

// hop is an Ethernet header between stations of a link, on a VLAN unless that is 0.
func hop(src, dst byte, vlan uint16) []gopacket.SerializableLayer {
	e := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, src}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, dst}, EthernetType: layers.EthernetTypeIPv4}
	if vlan == 0 {
		return []gopacket.SerializableLayer{e}
	}
	e.EthernetType = layers.EthernetTypeDot1Q
	return []gopacket.SerializableLayer{e, &layers.Dot1Q{VLANIdentifier: vlan, Type: layers.EthernetTypeIPv4}}
}

func packet(src, dst string, proto layers.IPProtocol, rest ...gopacket.SerializableLayer) []gopacket.SerializableLayer {
	a, b := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	return append([]gopacket.SerializableLayer{&layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: a[:], DstIP: b[:]}}, rest...)
}

// seenIn runs frames and lists what was seen: "end ADDRESS SEGMENT VLANS" and
// "CLIENT>SERVER:TRANSPORT/PORT PROTOCOL SEGMENT packets C/S".
func seenIn(t *testing.T, cfg Config, frames ...[]byte) []string {
	t.Helper()
	out := &kept{}
	if _, err := Run(context.Background(), cfg, &few{frames: frames}, out); err != nil {
		t.Fatal(err)
	}
	address := func(a *demarcv1.Address) string {
		if ip, ok := netip.AddrFromSlice(a.Ip); ok {
			return ip.String()
		}
		return fmt.Sprintf("mac %x", a.Mac)
	}
	var lines []string
	for _, b := range out.bodies {
		for _, e := range b.Endpoints {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("end %s %s %v", address(e.Address), e.Address.Segment, e.Vlans)))
		}
		for _, c := range b.Connections {
			lines = append(lines, fmt.Sprintf("%s>%s:%s/%d %s %s packets %d/%d", address(c.Key.Client), address(c.Key.Server), c.Key.Transport, c.Key.Port, c.Protocol, c.Key.Client.Segment, c.ClientPackets, c.ServerPackets))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTunnelAndInside: both ends of a tunnel and of what it carries are told,
// in the segment where the frame was seen.
func TestTunnelAndInside(t *testing.T) {
	inner := func(src, dst string, sport, dport layers.UDPPort) []byte {
		return bytesOf(t, append(hop(7, 8, 0), packet(src, dst, 17, &layers.UDP{SrcPort: sport, DstPort: dport}, gopacket.Payload("hello, this is data"))...)...)
	}
	vxlan := func(src, dst string, port layers.UDPPort, b []byte) []byte {
		return bytesOf(t, append(hop(1, 2, 105), packet(src, dst, 17, &layers.UDP{SrcPort: port, DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true, VNI: 9}, gopacket.Payload(b))...)...)
	}
	cfg := Config{Default: "d", Interfaces: []Interface{{Segment: "line4", VLANs: map[uint16]string{105: "line5"}}}}
	got := seenIn(t, cfg,
		vxlan("172.16.1.1", "172.16.1.2", 50001, inner("10.0.0.1", "10.0.0.2", 9, 40000)),
		vxlan("172.16.1.2", "172.16.1.1", 50002, inner("10.0.0.2", "10.0.0.1", 40000, 9)),
		vxlan("172.16.1.1", "172.16.1.2", 50003, inner("10.0.0.1", "10.0.0.2", 9, 40000)),
	)
	expect(t, got,
		"end 10.0.0.1 line5 []", "end 10.0.0.2 line5 []", "end 172.16.1.1 line5 [105]", "end 172.16.1.2 line5 [105]",
		"10.0.0.2>10.0.0.1:udp/9  line5 packets 1/2", "172.16.1.1>172.16.1.2:udp/4789 vxlan line5 packets 2/1")
}

// TestMirrorIsNoTraffic: of a remote mirror the switch is told, and the frames
// that it mirrors, in the segment of their VLAN.
func TestMirrorIsNoTraffic(t *testing.T) {
	frame := bytesOf(t, append(hop(7, 8, 105), packet("10.0.0.1", "10.0.0.2", 17, &layers.UDP{SrcPort: 40000, DstPort: 9}, gopacket.Payload("hello, this is data"))...)...)
	erspan := bytesOf(t, append(hop(1, 2, 0), packet("172.16.1.1", "172.16.1.2", 47, &layers.GRE{Protocol: 0x88be}, gopacket.Payload(frame))...)...)
	cfg := Config{Default: "d", Interfaces: []Interface{{Segment: "line4", VLANs: map[uint16]string{105: "line5"}}}}
	expect(t, seenIn(t, cfg, erspan),
		"end 10.0.0.1 line5 [105]", "end 172.16.1.1 line4 []", "10.0.0.1>10.0.0.2:udp/9  line5 packets 1/0")
}

// TestTunnelProvesNoPing: who only pings inside a tunnel, or holds another one's
// end there, is a connection and no endpoint; who speaks is both.
func TestTunnelProvesNoPing(t *testing.T) {
	ping := packet("10.0.0.1", "10.0.0.2", 1, gopacket.Payload("echo"))
	tunnel := packet("10.1.0.1", "10.1.0.2", 4, packet("10.2.0.1", "10.2.0.2", 17, &layers.UDP{SrcPort: 40000, DstPort: 9}, gopacket.Payload("hello"))...)
	outside := func(inside []gopacket.SerializableLayer) []byte {
		return bytesOf(t, append(hop(1, 2, 0), packet("172.16.1.1", "172.16.1.2", 4, inside...)...)...)
	}
	expect(t, seenIn(t, Config{Default: "d"}, outside(ping), outside(tunnel)),
		"end 10.2.0.1 d []", "end 172.16.1.1 d []", "10.0.0.1>10.0.0.2:icmp/0  d packets 1/0", "10.1.0.1>10.1.0.2:ip-proto-4/0 ipip d packets 1/0",
		"10.2.0.1>10.2.0.2:udp/9  d packets 1/0", "172.16.1.1>172.16.1.2:ip-proto-4/0 ipip d packets 2/0")
}

// TestCopiedTunnel: a frame on both lanes of a redundant network counts once,
// with all that is in it.
func TestCopiedTunnel(t *testing.T) {
	b := bytesOf(t, append(hop(1, 2, 0), packet("172.16.1.1", "172.16.1.2", 4,
		packet("10.0.0.1", "10.0.0.2", 1, gopacket.Payload("echo, but no port to know the copy by"))...)...)...)
	lane := func(lane byte) []byte {
		return append(slices.Clone(b), 0, 9, lane<<4, byte(len(b)-14+6), 0x88, 0xfb)
	}
	expect(t, seenIn(t, Config{Default: "d"}, lane(0xa), lane(0xb)),
		"end 172.16.1.1 d []", "10.0.0.1>10.0.0.2:icmp/0  d packets 1/0", "172.16.1.1>172.16.1.2:ip-proto-4/0 ipip d packets 1/0")
}

// TestTunnelOfOneNumber: the ends of a tunnel that give all packets one
// identification send no copies; a mirror that copies the frames does.
func TestTunnelOfOneNumber(t *testing.T) {
	frame := func(id uint16) []byte {
		inside := packet("10.0.0.1", "10.0.0.2", 1, gopacket.Payload("echo"))
		inside[0].(*layers.IPv4).Id = id
		outside := packet("172.16.1.1", "172.16.1.2", 4, inside...)
		outside[0].(*layers.IPv4).Id = 1
		return bytesOf(t, append(hop(1, 2, 0), outside...)...)
	}
	expect(t, seenIn(t, Config{Default: "d"}, frame(7), frame(8), frame(8), frame(9)),
		"end 172.16.1.1 d []", "10.0.0.1>10.0.0.2:icmp/0  d packets 3/0", "172.16.1.1>172.16.1.2:ip-proto-4/0 ipip d packets 3/0")
}
