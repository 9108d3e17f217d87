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
