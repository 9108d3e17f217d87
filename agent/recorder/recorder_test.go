package recorder

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/ot"
	"demarc/internal/slice"
)

// nobody is a handler that forgets.
type nobody struct{}

func (nobody) Stream(*flow.Conversation, flow.Side, []byte, int64, bool)   {}
func (nobody) Datagram(*flow.Conversation, flow.Side, []byte, int64, bool) {}
func (nobody) Gap(*flow.Conversation, flow.Side, int64)                    {}
func (nobody) Close(*flow.Conversation, bool)                              {}

// wire is one worker up to its recorder.
type wire struct {
	flows *flow.Table
	r     *Recorder
	now   int64
}

func newWire(o Options) *wire {
	w := &wire{flows: flow.NewTable(nobody{}, flow.Limit{}), r: New(o), now: 1_700_000_000e9}
	w.r.Attach([]string{"line4"})
	return w
}

// udp takes one datagram of n bytes.
func (w *wire) udp(client uint32, port uint16, n int) *flow.Conversation {
	w.now += 1000
	f := capture.Frame{Time: w.now, Link: capture.LinkEthernet, Data: frame(client, port, n)}
	f.Length = len(f.Data)
	var p decode.Packet
	if !decode.Plain(&f, &p) {
		panic("not plain")
	}
	p.Time = f.Time
	c, _, copied := w.flows.Add(&p, 0)
	w.r.Packet(&f, &p, c, copied)
	return c
}

func frame(client uint32, port uint16, n int) []byte {
	b := make([]byte, 14+20+8+n)
	b[5], b[11] = 1, 2
	b[12], b[13] = 8, 0
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(28+n))
	serial++
	binary.BigEndian.PutUint16(ip[4:], serial)
	binary.BigEndian.PutUint32(ip[12:], client)
	binary.BigEndian.PutUint32(ip[16:], 0x0a000001)
	binary.BigEndian.PutUint16(ip[20:], port)
	binary.BigEndian.PutUint16(ip[22:], 502)
	binary.BigEndian.PutUint16(ip[24:], uint16(8+n))
	return b
}

var serial uint16

func query(client uint32) Query {
	a := netip.AddrFrom4([4]byte{byte(client >> 24), byte(client >> 16), byte(client >> 8), byte(client)})
	return Query{Client: a.String(), Server: "10.0.0.1", Transport: "udp", Port: 502, Segment: "line4"}
}

func options() Options {
	return Options{Memory: 1 << 20, Packets: 4, Most: 16 << 10, All: true, Header: slice.Header{Interface: "span"}}
}

// TestAFloodTakesNoMemory: whatever comes, no more is kept than was set, the
// oldest goes first, and nothing is allocated.
func TestAFloodTakesNoMemory(t *testing.T) {
	w := newWire(options())
	w.udp(0x0a000099, 9999, 100)
	if c := w.r.Cut([]Query{query(0x0a000099)}); c[0].Frames != 1 {
		t.Fatalf("%d frames", c[0].Frames)
	}
	for i := range 20_000 {
		w.udp(0x0b000000+uint32(i), 1000, i%1400)
		if held := w.r.Held(); held > 1<<20 || len(w.r.ring) != 1<<20 {
			t.Fatalf("%d bytes are held in %d", held, len(w.r.ring))
		}
	}
	n := 0
	w.r.records(func(b record) {
		if c := b.frame(); len(c.Data) > 0 {
			n++
		}
	})
	cuts := w.r.Cut([]Query{query(0x0a000099), query(0x0b000000 + 19_999)})
	if cuts[0].Data != nil || cuts[1].Frames != 1 || n < 500 {
		t.Errorf("%d frames are kept; of the oldest connection %d, of the newest %d", n, cuts[0].Frames, cuts[1].Frames)
	}
	f := capture.Frame{Time: w.now, Link: capture.LinkEthernet, Data: frame(0x0a000077, 1, 500)}
	f.Length = len(f.Data)
	var p decode.Packet
	decode.Plain(&f, &p)
	c := w.udp(0x0a000077, 1, 500)
	if got := testing.AllocsPerRun(5000, func() {
		w.r.Named(c)
		w.r.Packet(&f, &p, c, false)
	}); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}

// TestWhatBeginsIsKept: the first packets, and later those that begin a class of
// operations, each once; of the others two of many.
func TestWhatBeginsIsKept(t *testing.T) {
	w := newWire(options())
	frames := func() int { return w.r.Cut([]Query{query(0x0a000002)})[0].Frames }
	for range 100 {
		w.udp(0x0a000002, 1000, 10)
	}
	if n := frames(); n != 4 {
		t.Errorf("%d of the first frames", n)
	}
	c := w.udp(0x0a000002, 1000, 10)
	for i, o := range []ot.Operation{ot.Read, ot.Write, ot.Write, ot.Program, ot.Subscribe} {
		w.r.Operation(c, o)
		w.udp(0x0a000002, 1000, 10)
		if n, want := frames(), 4+[]int{0, 1, 1, 2, 2}[i]; n != want {
			t.Errorf("behind %v there are %d frames, not %d", o, n, want)
		}
	}
	for range 2 * sampled {
		w.udp(0x0a000002, 1000, 10)
	}
	if n := frames(); n != 6+4 {
		t.Errorf("%d frames", n)
	}
}

// TestOneConnectionDoesNotPushOthersOut: one that is opened again and again has
// a few of its conversations kept in a quarter hour.
func TestOneConnectionDoesNotPushOthersOut(t *testing.T) {
	w := newWire(options())
	for i := range 1000 {
		w.udp(0x0a000002, uint16(20000+i), 10)
	}
	if n := w.r.Cut([]Query{query(0x0a000002)})[0].Frames; n != sessions {
		t.Errorf("%d conversations", n)
	}
	w.now += quarter
	w.udp(0x0a000002, 40000, 10)
	if n := w.r.Cut([]Query{query(0x0a000002)})[0].Frames; n != sessions+1 {
		t.Errorf("%d conversations a quarter hour later", n)
	}
}

// TestSliceIsBounded: of much, the beginning and the end.
func TestSliceIsBounded(t *testing.T) {
	o := options()
	o.Packets = 1000
	w := newWire(o)
	for range 100 {
		w.udp(0x0a000002, 1000, 1000)
	}
	c := w.r.Cut([]Query{query(0x0a000002)})[0]
	if len(c.Data) > o.Most || c.Frames+c.LeftOff != 100 || c.LeftOff == 0 || c.Last != w.now || c.First != w.now-99_000 {
		t.Errorf("%d bytes, %d frames and %d left off, from %d to %d", len(c.Data), c.Frames, c.LeftOff, c.First-w.now, c.Last-w.now)
	}
}

// TestAskIsAnsweredByTheWorker, and not without one.
func TestAskIsAnsweredByTheWorker(t *testing.T) {
	w := newWire(options())
	w.udp(0x0a000002, 1000, 10)
	got := make(chan []Cut)
	go func() {
		cuts, err := w.r.Ask(t.Context(), []Query{query(0x0a000002)})
		if err != nil {
			t.Error(err)
		}
		got <- cuts
	}()
	for {
		select {
		case cuts := <-got:
			if len(cuts) != 1 || cuts[0].Frames != 1 {
				t.Errorf("%v", cuts)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := w.r.Ask(ctx, nil); err == nil {
				t.Error("answered without a worker")
			}
			return
		default:
			w.r.Serve()
		}
	}
}

// FuzzQuery: a collector may ask for anything.
func FuzzQuery(f *testing.F) {
	w := newWire(options())
	w.udp(0x0a000002, 1000, 10)
	f.Add("10.0.0.2", "10.0.0.1", "udp", uint32(502), "line4")
	f.Add("00:00:00:00:00:01", "", "ip-proto-300", uint32(1<<31), "")
	f.Fuzz(func(t *testing.T, client, server, transport string, port uint32, segment string) {
		if c := w.r.Cut([]Query{{client, server, transport, port, segment}})[0]; c.Frames > 1 {
			t.Errorf("%d frames", c.Frames)
		}
	})
}
