package spancheck

import (
	"testing"

	"demarc/agent/decode"
	"demarc/agent/flow"
)

// BenchmarkPacket is what a packet of a known conversation costs, eight of them
// in turn.
func BenchmarkPacket(b *testing.B) {
	w := newWorld(Options{Live: true, Rolling: true, MTU: 1500, Speed: 1e9})
	const n = 8
	var (
		packets [n]decode.Packet
		conv    [n]*flow.Conversation
		frames  = make([]frameOf, n)
	)
	for i := range n {
		f := w.tcp(i, flow.A, decode.ACK|decode.PSH, "data")
		w.decoder.Decode(&f, &packets[i])
		packets[i].Payload = nil
		conv[i], _, _ = w.flows.Add(&packets[i], 0)
		w.show(w.tcp(i, flow.B, decode.ACK, "")) // both sides are seen, as usual
		frames[i] = f
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f, p := &frames[i%n], &packets[i%n]
		f.Time += 1000
		w.check.Packet(f, p, conv[i%n], flow.A, false)
		i++
	}
}
