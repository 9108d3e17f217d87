package flow

import (
	"net/netip"
	"testing"

	"demarc/agent/decode"
)

// nobody is a Handler that does nothing.
type nobody struct{}

func (nobody) Stream(*Conversation, Side, []byte, int64, bool)   {}
func (nobody) Gap(*Conversation, Side, int64)                    {}
func (nobody) Datagram(*Conversation, Side, []byte, int64, bool) {}
func (nobody) Close(*Conversation, bool)                         {}

// BenchmarkAdd polls over two thousand TCP conversations.
func BenchmarkAdd(b *testing.B) {
	tab := NewTable(nobody{}, Limit{})
	const flows = 2000
	packets := make([]decode.Packet, 2*flows)
	for i := range packets {
		p := segment(0, i%2 == 0, decode.ACK, 1, 1, "0123456789ab")
		p.Src, p.Dst = netip.AddrFrom4([4]byte{10, 0, byte(i / 2 >> 8), byte(i / 2)}), hostB
		if i%2 == 1 {
			p.Src, p.Dst = p.Dst, p.Src
		}
		packets[i] = *p
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		p := &packets[n%len(packets)]
		n++
		p.Time = int64(n) * 1000
		p.IPID, p.Checksum = uint16(n), uint16(n)
		p.Seq += 12
		p.Ack += 12
		tab.Add(p, 0)
	}
}
