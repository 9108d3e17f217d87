package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

// The encapsulation matrix: every link under every tunnel under both versions
// of IP, outside and inside; whole, jumbo, in fragments and cut anywhere.

var (
	macC   = net.HardwareAddr{0x00, 0x80, 0xf4, 7, 8, 9}
	macD   = net.HardwareAddr{0x00, 0xa0, 0x45, 1, 1, 1}
	endA   = net.IP{172, 16, 1, 1}
	endB   = net.IP{172, 16, 1, 2}
	endA6  = net.ParseIP("fd00:ee::1")
	endB6  = net.ParseIP("fd00:ee::2")
	label3 = []byte{0, 1, 0, 0x40, 0, 2, 0x01, 0x40} // two labels, the second at the bottom
)

// linkRow is how the outermost packet is framed. vlans are its tags, mac says
// which addresses it names.
type linkRow struct {
	name  string
	link  capture.LinkType
	vlans []uint16
	mac   Layers
	wrap  func(kind uint16, b []byte) []byte
}

// tunnelRow is what the packet of interest is inside of. ip: over IP, so that
// there are outer addresses of version 4 or 6.
type tunnelRow struct {
	name    string
	ip      bool
	proto   layers.IPProtocol
	carrier Carrier
	vlans   []uint16 // of the packet inside
	mac     bool     // the packet inside has addresses of its own link
	wrap    func(t testing.TB, outer gopacket.NetworkLayer, kind uint16, b []byte) []byte
}

func etherHeader(kind uint16, tags ...uint16) []byte {
	b := append(append([]byte(nil), macB...), macA...)
	for i := 0; i < len(tags); i += 2 {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, tags[i]), 0xc000|tags[i+1])
	}
	return binary.BigEndian.AppendUint16(b, kind)
}

func pppKind(kind uint16) uint16 {
	return map[uint16]uint16{etherIPv4: pppIPv4, etherIPv6: pppIPv6, etherMPLS: pppMPLS}[kind]
}

func linkRows() []linkRow {
	tagged := func(tags ...uint16) func(uint16, []byte) []byte {
		return func(kind uint16, b []byte) []byte { return append(etherHeader(kind, tags...), b...) }
	}
	after := func(head string, kind bool) func(uint16, []byte) []byte {
		return func(k uint16, b []byte) []byte {
			h := []byte(head)
			if kind {
				h = binary.BigEndian.AppendUint16(h, k)
			}
			return append(h, b...)
		}
	}
	ppp := func(kind uint16, b []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, 3}, pppKind(kind)), b...)
	}
	session := func(kind uint16, b []byte) []byte {
		h := append(etherHeader(etherPPPoE), 0x11, 0, 0, 5)
		h = binary.BigEndian.AppendUint16(h, uint16(len(b)+2))
		return append(binary.BigEndian.AppendUint16(h, pppKind(kind)), b...)
	}
	loop := func(kind uint16, b []byte) []byte {
		f := byte(2)
		if kind == etherIPv6 {
			f = 24
		}
		return append([]byte{f, 0, 0, 0}, b...)
	}
	sll2 := func(kind uint16, b []byte) []byte {
		h := binary.BigEndian.AppendUint16(nil, kind)
		return append(append(h, "\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06"+string(macA)+"\x00\x00"...), b...)
	}
	return []linkRow{
		{"plain", 1, nil, HasMAC, tagged()},
		{"vlan", 1, []uint16{104}, HasMAC, tagged(etherCTag, 104)},
		{"qinq", 1, []uint16{100, 104}, HasMAC, tagged(etherSTag, 100, etherCTag, 104)},
		{"priority tag", 1, []uint16{0}, HasMAC, tagged(etherCTag, 0)},
		{"sll", 113, nil, HasMAC | NoDst, after("\x00\x00\x00\x01\x00\x06"+string(macA)+"\x00\x00", true)},
		{"sll2", 276, nil, HasMAC | NoDst, sll2},
		{"raw ip", 101, nil, 0, after("", false)},
		{"loopback", 0, nil, 0, loop},
		{"pppoe", 1, nil, HasMAC, session},
		{"ppp", 9, nil, 0, ppp},
	}
}

func tunnelRows() []tunnelRow {
	none := func(_ testing.TB, _ gopacket.NetworkLayer, _ uint16, b []byte) []byte { return b }
	inner := func(kind uint16, b []byte, tags ...uint16) []byte {
		h := append(append([]byte(nil), macD...), macC...)
		for _, v := range tags {
			h = binary.BigEndian.AppendUint16(append(h, 0x81, 0x00), v)
		}
		return append(binary.BigEndian.AppendUint16(h, kind), b...)
	}
	gre := func(t testing.TB, h layers.GRE, b ...[]byte) []byte {
		return build(t, &h, gopacket.Payload(bytes.Join(b, nil)))
	}
	overUDP := func(t testing.TB, outer gopacket.NetworkLayer, port layers.UDPPort, b []byte) []byte {
		u := &layers.UDP{SrcPort: 51234, DstPort: port}
		if err := u.SetNetworkLayerForChecksum(outer); err != nil {
			t.Fatal(err)
		}
		return build(t, u, gopacket.Payload(b))
	}
	erspan3 := append([]byte{0x20, 104, 0, 7}, 0, 0, 0, 1, 0, 0, 0, 0)
	erspan3more := append([]byte{0x20, 104, 0, 7}, append([]byte{0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 8)...)...)
	return []tunnelRow{
		{"plain", false, 0, NoCarrier, nil, false, none},
		{"mpls", false, 0, NoCarrier, nil, false, nil}, // of the link; mplsRow where the link carries IP alone
		{"erspan I", true, protoGRE, ERSPAN, []uint16{77}, true, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: greERSPAN}, inner(k, b, 77))
		}},
		{"erspan II", true, protoGRE, ERSPAN, []uint16{104}, true, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			h := build(t, &layers.ERSPANII{Version: 1, VLANIdentifier: 104, SessionID: 7})
			return gre(t, layers.GRE{Protocol: greERSPAN, SeqPresent: true, Seq: 9}, h[:8], inner(k, b))
		}},
		{"erspan II, tag kept", true, protoGRE, ERSPAN, []uint16{104}, true, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			h := build(t, &layers.ERSPANII{Version: 1, VLANIdentifier: 104, SessionID: 7, TrunkEncap: 3})
			return gre(t, layers.GRE{Protocol: greERSPAN, SeqPresent: true, Seq: 9}, h[:8], inner(k, b, 104))
		}},
		{"erspan III", true, protoGRE, ERSPAN, []uint16{104}, true, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: greERSPAN3, SeqPresent: true, Seq: 9}, erspan3, inner(k, b))
		}},
		{"erspan III, subheader", true, protoGRE, ERSPAN, []uint16{104}, true, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: greERSPAN3}, erspan3more, inner(k, b))
		}},
		{"gre", true, protoGRE, GRE, nil, false, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: layers.EthernetType(k)}, b)
		}},
		{"gre, key, sequence, checksum", true, protoGRE, GRE, nil, false, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: layers.EthernetType(k), KeyPresent: true, Key: 5, SeqPresent: true, Seq: 1, ChecksumPresent: true}, b)
		}},
		{"gre, ethernet", true, protoGRE, GRE, []uint16{77}, true, func(t testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: greEthernet, KeyPresent: true, Key: 5}, inner(k, b, 77))
		}},
		{"gre, mpls", true, protoGRE, GRE, nil, false, func(t testing.TB, _ gopacket.NetworkLayer, _ uint16, b []byte) []byte {
			return gre(t, layers.GRE{Protocol: etherMPLS}, label3, b)
		}},
		{"vxlan", true, protoUDP, VXLAN, []uint16{77}, true, func(t testing.TB, o gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return overUDP(t, o, portVXLAN, build(t, &layers.VXLAN{ValidIDFlag: true, VNI: 5000}, gopacket.Payload(inner(k, b, 77))))
		}},
		{"vxlan, old port", true, protoUDP, VXLAN, nil, true, func(t testing.TB, o gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return overUDP(t, o, portOldVXLAN, build(t, &layers.VXLAN{ValidIDFlag: true, VNI: 5000}, gopacket.Payload(inner(k, b))))
		}},
		{"vxlan, protocol extension", true, protoUDP, VXLAN, nil, false, func(t testing.TB, o gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return overUDP(t, o, portVXLANGPE, append([]byte{0x0c, 0, 0, map[uint16]byte{etherIPv4: 1, etherIPv6: 2}[k], 0, 0, 9, 0}, b...))
		}},
		{"geneve", true, protoUDP, GENEVE, nil, true, func(t testing.TB, o gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return overUDP(t, o, portGENEVE, append([]byte{1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 0x80, 0}, inner(k, b)...))
		}},
		{"gtp-u", true, protoUDP, GTPU, nil, false, func(t testing.TB, o gopacket.NetworkLayer, _ uint16, b []byte) []byte {
			h := binary.BigEndian.AppendUint16([]byte{0x34, 0xff}, uint16(len(b)+8))
			return overUDP(t, o, portGTPU, append(append(h, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0), b...))
		}},
		{"l2tp", true, protoUDP, L2TP, nil, false, func(t testing.TB, o gopacket.NetworkLayer, k uint16, b []byte) []byte {
			h := binary.BigEndian.AppendUint16([]byte{0x40, 2}, uint16(len(b)+12))
			h = binary.BigEndian.AppendUint16(append(h, 0, 1, 0, 2, 0xff, 3), pppKind(k))
			return overUDP(t, o, portL2TP, append(h, b...))
		}},
		{"mpls over udp", true, protoUDP, MPLS, nil, false, func(t testing.TB, o gopacket.NetworkLayer, _ uint16, b []byte) []byte {
			return overUDP(t, o, portMPLS, append(slices.Clone(label3), b...))
		}},
		{"ip in ip", true, protoIPIP, IPinIP, nil, false, none},
		{"etherip", true, protoEtherIP, EtherIP, []uint16{77}, true, func(_ testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			return append([]byte{0x30, 0}, inner(k, b, 77)...)
		}},
		{"pptp", true, protoGRE, PPTP, nil, false, func(_ testing.TB, _ gopacket.NetworkLayer, k uint16, b []byte) []byte {
			h := binary.BigEndian.AppendUint16([]byte{0x30, 0x81, 0x88, 0x0b}, uint16(len(b)+2))
			return append(binary.BigEndian.AppendUint16(append(h, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2), pppKind(k)), b...)
		}},
	}
}

var mplsOverIP = tunnelRow{"mpls over ip", true, protoMPLS, MPLS, nil, false, func(_ testing.TB, _ gopacket.NetworkLayer, _ uint16, b []byte) []byte {
	return append(slices.Clone(label3), b...)
}}

// combination is one cell of the matrix.
type combination struct {
	linkRow
	tunnel       tunnelRow
	outer, inner uint16 // EtherType of either
}

func (c *combination) name() string {
	return fmt.Sprintf("%s/%s/%04x/%04x", c.linkRow.name, c.tunnel.name, c.outer, c.inner)
}

// matrix calls f for every combination.
func matrix(f func(c *combination)) {
	for _, l := range linkRows() {
		for _, r := range tunnelRows() {
			if r.name == "mpls" && (l.name == "raw ip" || l.name == "loopback") {
				r = mplsOverIP
			}
			for _, inner := range []uint16{etherIPv4, etherIPv6} {
				if !r.ip {
					f(&combination{l, r, inner, inner})
					continue
				}
				for _, outer := range []uint16{etherIPv4, etherIPv6} {
					c := &combination{l, r, outer, inner}
					if r.name == "ip in ip" && inner == etherIPv6 {
						c.tunnel.proto = protoIPv6
					}
					f(c)
				}
			}
		}
	}
}

// frames builds the frames that bring payload; the IP packet inside and the one
// outside are cut into fragments of the given size, 0 for whole.
func (c *combination) frames(t testing.TB, payload string, innerPiece, outerPiece int) (out []*capture.Frame) {
	for i, pkt := range pieces(c.innerPacket(t, payload), innerPiece, 9) {
		kind, bodies := c.outer, [][]byte{pkt}
		switch {
		case c.tunnel.name == "mpls":
			kind, bodies = etherMPLS, [][]byte{append(slices.Clone(label3), pkt...)}
		case c.tunnel.ip:
			bodies = pieces(c.outerPacket(t, pkt), outerPiece, byte(i))
		}
		for _, b := range bodies {
			f := c.wrap(kind, b)
			out = append(out, &capture.Frame{Link: c.link, Data: f, Length: len(f), Time: 1e18})
		}
	}
	return out
}

func (c *combination) innerPacket(t testing.TB, payload string) []byte {
	if c.inner == etherIPv6 {
		ip := v6(layers.IPProtocolTCP)
		return build(t, ip, tcp(ip), gopacket.Payload(payload))
	}
	ip := v4(layers.IPProtocolTCP)
	return build(t, ip, tcp(ip), gopacket.Payload(payload))
}

func (c *combination) outerPacket(t testing.TB, pkt []byte) []byte {
	if c.outer == etherIPv6 {
		ip := v6(c.tunnel.proto)
		ip.SrcIP, ip.DstIP = endA6, endB6
		return build(t, ip, gopacket.Payload(c.tunnel.wrap(t, ip, c.inner, pkt)))
	}
	ip := v4(c.tunnel.proto)
	ip.SrcIP, ip.DstIP = endA, endB
	return build(t, ip, gopacket.Payload(c.tunnel.wrap(t, ip, c.inner, pkt)))
}

// pieces cuts an IP packet into fragments of n bytes of data, a multiple of 8.
func pieces(pkt []byte, n int, id byte) (out [][]byte) {
	head := 20
	if pkt[0]>>4 == 6 {
		head = 40
	}
	if data := pkt[head:]; n > 0 && len(data) > n {
		for from := 0; from < len(data); from += n {
			to := min(from+n, len(data))
			out = append(out, piece46(pkt[:head], data[from:to], id, from, to < len(data)))
		}
		return out
	}
	return [][]byte{pkt}
}

func piece46(head, data []byte, id byte, offset int, more bool) []byte {
	h := slices.Clone(head)
	if len(h) == 20 {
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(data)))
		h[5], h[6], h[7] = id, byte(offset/8>>8), byte(offset/8)
		if more {
			h[6] |= 0x20
		}
		return append(h, data...)
	}
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(data)))
	f := []byte{h[6], 0, byte(offset >> 8), byte(offset), 0, 0, 0, id}
	if more {
		f[3] |= 1
	}
	h[6] = protoFragment
	return append(append(h, f...), data...)
}

// check holds a decoded packet against what the combination says.
func (c *combination) check(t testing.TB, p *Packet, payload string) {
	t.Helper()
	src, dst := netip.MustParseAddr("10.20.4.50"), netip.MustParseAddr("10.20.4.10")
	if c.inner == etherIPv6 {
		src, dst = netip.MustParseAddr("fd00:20::50"), netip.MustParseAddr("fd00:20::10")
	}
	if p.Fault != NoFault || p.Src != src || p.Dst != dst || p.Protocol != protoTCP || p.SrcPort != 49152 || p.DstPort != 502 || p.EtherType != c.inner {
		t.Errorf("fault %d, %v:%d > %v:%d, protocol %d, %04x", p.Fault, p.Src, p.SrcPort, p.Dst, p.DstPort, p.Protocol, p.EtherType)
	}
	if string(p.Payload) != payload || p.CutShort {
		t.Errorf("%d bytes of payload, want %d, cut %v", len(p.Payload), len(payload), p.CutShort)
	}
	has, vlans, from := c.mac, c.vlans, macA
	if c.tunnel.ip {
		has, vlans, from = 0, c.tunnel.vlans, macC
		if c.tunnel.mac {
			has = HasMAC
		}
		c.checkOuter(t, p)
	} else if len(p.Outer()) != 0 {
		t.Errorf("came through %+v", p.Outer())
	}
	if p.Has != has|HasIP|HasPort || has != 0 && !bytes.Equal(p.SrcMAC[:], from) {
		t.Errorf("has %b, from %v", p.Has, p.SrcMAC)
	}
	if !slices.Equal(p.VLANs[:p.Tags], vlans) {
		t.Errorf("VLANs %v, want %v", p.VLANs[:p.Tags], vlans)
	}
}

func (c *combination) checkOuter(t testing.TB, p *Packet) {
	t.Helper()
	if len(p.Outer()) != 1 {
		t.Fatalf("came through %d tunnels: %+v", len(p.Outer()), p)
	}
	o := &p.Outer()[0]
	src, dst := netip.MustParseAddr("172.16.1.1"), netip.MustParseAddr("172.16.1.2")
	if c.outer == etherIPv6 {
		src, dst = netip.MustParseAddr("fd00:ee::1"), netip.MustParseAddr("fd00:ee::2")
	}
	has := c.mac | HasIP
	if c.tunnel.proto == protoUDP {
		has |= HasPort
	}
	if o.Src != src || o.Dst != dst || layers.IPProtocol(o.Protocol) != c.tunnel.proto || o.Carrier != c.tunnel.carrier || o.Has != has || o.Fault != NoFault {
		t.Errorf("outside %v > %v, protocol %d, carries %v, has %b", o.Src, o.Dst, o.Protocol, o.Carrier, o.Has)
	}
	if !slices.Equal(o.VLANs[:o.Tags], c.vlans) || o.Payload != nil || o.Outer() != nil {
		t.Errorf("outside VLANs %v, want %v; %d bytes of payload", o.VLANs[:o.Tags], c.vlans, len(o.Payload))
	}
	if p.Length >= o.Length && p.Frames == 1 {
		t.Errorf("%d bytes inside of %d", p.Length, o.Length)
	}
}

func TestMatrix(t *testing.T) {
	small, jumbo := strings.Repeat("demarc! ", 8), strings.Repeat("jumbo ", 1480)
	cells := 0
	matrix(func(c *combination) {
		cells++
		t.Run(c.name(), func(t *testing.T) {
			for _, r := range []struct {
				payload      string
				inner, outer int
			}{{small, 0, 0}, {jumbo, 0, 0}, {jumbo, 1480, 0}, {jumbo, 0, 1480}, {jumbo, 3000, 1400}} {
				d := New(Options{})
				frames := c.frames(t, r.payload, r.inner, r.outer)
				var p Packet
				for i, f := range frames {
					if d.Decode(f, &p); i+1 < len(frames) && p.Fault != Fragment {
						t.Fatalf("frame %d of %d: fault %d", i+1, len(frames), p.Fault)
					}
				}
				c.check(t, &p, r.payload)
			}
		})
	})
	if want := 10 * (2*2 + (len(tunnelRows())-2)*4); cells < want {
		t.Fatalf("%d cells, want %d", cells, want)
	}
}

// TestMatrixCut: however short the capture cut a frame, what is told of it is
// what the whole frame says, and that it was cut.
func TestMatrixCut(t *testing.T) {
	matrix(func(c *combination) {
		if t.Failed() {
			return
		}
		f := c.frames(t, strings.Repeat("x", 40), 0, 0)[0]
		d := New(Options{})
		var p Packet
		whole := decodeOne(f)
		for n := range f.Data {
			cut := *f
			cut.Data = f.Data[:n]
			d.Decode(&cut, &p)
			if err := lessThan(&p, &whole); err != "" {
				t.Errorf("%s cut to %d: %s: %+v", c.name(), n, err, p)
				return
			}
		}
	})
}

// lessThan says what p, of a frame that was cut, tells that the whole one does
// not; "" for nothing.
func lessThan(p, whole *Packet) string {
	if p.Fault != NoFault && p.Fault != Cut || p.Fault == NoFault && !p.CutShort {
		return "fault"
	}
	if len(p.Outer()) > len(whole.Outer()) {
		return "more tunnels"
	}
	for i := range p.Outer() {
		if o, w := &p.Outer()[i], &whole.Outer()[i]; !equal(o, w) {
			return fmt.Sprintf("outside %+v, not %+v", *o, *w)
		}
	}
	if len(p.Outer()) < len(whole.Outer()) {
		whole = &whole.Outer()[len(p.Outer())]
	}
	switch {
	case p.Has&^whole.Has != 0:
		return "more layers"
	case p.Has&HasIP != 0 && (p.Src != whole.Src || p.Dst != whole.Dst || p.Protocol != whole.Protocol):
		return "other addresses"
	case p.Has&HasPort != 0 && p.DstPort != whole.DstPort:
		return "other ports"
	case p.Tags > whole.Tags:
		return "more tags"
	}
	return ""
}
