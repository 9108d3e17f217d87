package decode

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

func benchFrames(tb testing.TB) map[string]*capture.Frame {
	ip, u6 := v4(layers.IPProtocolTCP), v6(layers.IPProtocolUDP)
	card := frame(tcp4(tb, "hello"))
	card.TPID, card.TCI = 0x8100, 12
	return map[string]*capture.Frame{
		"tcp4":     frame(tcp4(tb, "hello")),
		"udp4":     frame(udp4(tb, "hello")),
		"tcp4vlan": frame(build(tb, eth(layers.EthernetTypeDot1Q), dot1q(4, layers.EthernetTypeIPv4), ip, tcp(ip))),
		"tcp4card": card,
		"udp6":     frame(build(tb, eth(layers.EthernetTypeIPv6), u6, udp(u6), gopacket.Payload("x"))),
		"arp":      frame(build(tb, eth(layers.EthernetTypeARP), gopacket.Payload("arp"))),
		"prp":      frame(rct(tcp4(tb, "hello, this is no short frame"), 14, 0xa, 7)),
		"goose":    frame(append(etherHeader(etherGOOSE), make([]byte, 100)...)),
		"gre":      frame(over(tb, protoGRE, append([]byte{0, 0, 8, 0}, tcp4(tb, "hello")[14:]...))),
		"vxlan":    frame(overPorts(tb, 9, portVXLAN, append([]byte{8, 0, 0, 0, 0, 0, 9, 0}, tcp4(tb, "hello")...))),
		"erspan":   frame(over(tb, protoGRE, append([]byte{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 4, 0, 0, 0, 0, 0, 0}, tcp4(tb, "hello")...))),
		"mstp":     {Link: capture.LinkMSTP, Data: mstpFrame(5, 12, 27, "\x01\x04npdu"), Length: 18},
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, f := range benchFrames(b) {
		b.Run(name, func(b *testing.B) {
			d, p := New(Options{}), new(Packet)
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(f, p)
			}
		})
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	for name, f := range benchFrames(t) {
		d, p := New(Options{}), new(Packet)
		if n := testing.AllocsPerRun(100, func() { d.Decode(f, p) }); n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
	}
}
