package dissect

import (
	"errors"
	"net/netip"
	"testing"

	"demarc/agent/flow"
)

// fuzzDissector seeds a fuzz target from the samples of a protocol and holds
// one dissector to the laws that the engine relies on.
func fuzzDissector(f *testing.F, name string, stream bool) {
	f.Helper()
	p, ok := registry[name]
	if !ok {
		f.Fatalf("no protocol %s", name)
	}
	port := uint16(0)
	if len(p.Ports) > 0 {
		port = p.Ports[0].Number
	}
	seeds := 0
	for _, file := range samples(f, p) {
		for _, packet := range load(f, file) {
			if len(packet.Payload) > 0 {
				f.Add(packet.Payload)
				seeds++
			}
		}
	}
	if seeds == 0 {
		f.Fatalf("the samples of %s hold no payload", name)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p.Match != nil {
			p.Match(b)
		}
		walk(t, p.New(), b, port, stream)
	})
}

// walk reads b message by message, alternating sides as a stubborn peer would.
func walk(t *testing.T, d Dissector, b []byte, port uint16, stream bool) {
	ends := [2]Endpoint{{Addr: netip.MustParseAddr("10.0.0.1"), Port: 50123}, {Addr: netip.MustParseAddr("10.0.0.2"), Port: port}}
	var out log
	for i := 0; len(b) > 0 && i < 1000; i++ {
		m := &Message{Ends: &ends, From: flow.Side(i % 2), Data: b, Stream: stream, Cut: i%5 == 4}
		out.reset()
		used, err := d.Dissect(m, &out)
		switch {
		case err == nil && used <= 0:
			t.Fatalf("used %d of %d without an error", used, len(b))
		case err == nil && used < len(b):
			b = b[used:]
		case err == nil:
			return
		case errors.Is(err, ErrShort), errors.Is(err, ErrNotMine), errors.Is(err, ErrMalformed), errors.Is(err, ErrDone):
			b = b[1:]
		default:
			t.Fatalf("an error of its own: %v", err)
		}
		if r, ok := d.(Resyncer); ok {
			if off := r.Resync(b); off >= len(b) {
				t.Fatalf("resync to %d of %d", off, len(b))
			}
		}
	}
}
