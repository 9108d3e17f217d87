package quarter

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// start is the beginning of a quarter hour.
var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC).UnixNano()

const second = int64(time.Second)

func ops(o ot.Operation, n uint64) []uint64 {
	all := make([]uint64, ot.NumOperations)
	all[o] = n
	return all
}

// reads is a delta of the nth quarter hour in which something was read.
func reads(n int, bytes uint64) Delta {
	at := start + int64(n)*span
	return Delta{First: at + second, Last: at + span - second, State: State{TLS: None, Outcome: ot.Exchanged}, Bytes: [2]uint64{bytes, 10 * bytes}, Sessions: 1, Operations: ops(ot.Read, 900)}
}

func TestSteadyIsOneRun(t *testing.T) {
	var l Line
	for i := range 1000 {
		for range 3 { // told three times in each quarter hour
			l.Add(reads(i, 100_000+uint64(i%7)*1000))
		}
	}
	if len(l.runs) > 3 {
		t.Fatalf("%d runs", len(l.runs))
	}
	c := History{&l}.Operations(ot.Read, start, start+1000*span)
	if c != (Count{Low: 2_700_000, High: 2_700_000}) {
		t.Errorf("%+v", c)
	}
	if c := (History{&l}).Operations(ot.Read, start+990*span, start+1000*span); c.Low != 27_000 || c.High != 27_000 {
		t.Errorf("of ten quarter hours: %+v, want 27,000", c)
	}
	if c := (History{&l}).Operations(ot.Write, start, start+1000*span); c != (Count{}) {
		t.Errorf("writes: %+v", c)
	}
	if c := (History{&l}).Bytes(true, start+990*span, start+1000*span); c.Low == c.High || c.Low > 3_030_000 || c.High < 3_030_000 {
		t.Errorf("bytes of a part of a run: %+v", c)
	}
}

// What acts on a device keeps its quarter hour, whatever is around it.
func TestOneWriteKeepsItsQuarterHour(t *testing.T) {
	var l Line
	for i := range 200 {
		l.Add(reads(i, 1000))
		if i == 77 {
			d := reads(i, 10)
			d.Operations = ops(ot.Write, 1)
			l.Add(d)
		}
	}
	h := History{&l}
	for _, c := range []struct {
		from, to int64
		want     uint64
	}{{0, 76, 0}, {77, 77, 1}, {78, 199, 0}, {0, 199, 1}} {
		if got := h.Operations(ot.Write, start+c.from*span, start+c.to*span); got.Low != c.want || got.High != c.want || got.Cut {
			t.Errorf("quarter hours %d to %d: %+v, want %d", c.from, c.to, got, c.want)
		}
	}
}

func TestPausesAndRhythm(t *testing.T) {
	var l Line
	for i := 0; i < 400; i += 40 { // every ten hours
		l.Add(reads(i, 1000))
	}
	if got := time.Duration(History{&l}.Rhythm()).Round(time.Hour); got != 10*time.Hour {
		t.Errorf("rhythm %s", got)
	}
	if (History{}).Rhythm() != 0 {
		t.Error("a rhythm of nothing")
	}
}

func TestWhatIsDroppedIsTold(t *testing.T) {
	var l Line
	for i := 0; i < 400; i += 2 {
		l.Add(reads(i, 1000))
	}
	if !l.Trim(start+390*span) || len(l.runs) > 8 {
		t.Fatalf("%d runs", len(l.runs))
	}
	h := History{&l}
	if c := h.Operations(ot.Read, start, start+400*span); !c.Cut || c.Low == 0 {
		t.Errorf("%+v", c)
	}
	if c := h.Operations(ot.Read, start+392*span, start+400*span); c.Cut {
		t.Errorf("%+v", c)
	}
	l.Trim(start + 1000*span)
	if len(l.runs) != minRuns {
		t.Errorf("%d runs: what tells the rhythm is kept", len(l.runs))
	}
}

// A connection that never does the same twice has its bound, and says so.
func TestCap(t *testing.T) {
	var l Line
	for i := range 10_000 {
		d := reads(2*i, 1000)
		d.Operations = ops(ot.Operation(i%ot.NumOperations), uint64(i+1))
		l.Add(d)
	}
	if len(l.runs) > maxRuns {
		t.Fatalf("%d runs", len(l.runs))
	}
	h := History{&l}
	if !h.Cut(start) || h.Cut(start+19_990*span) {
		t.Error("what is folded is not told")
	}
	total := uint64(0)
	for i := 1; i < 10_000; i += ot.NumOperations {
		total += uint64(i + 1)
	}
	if c := h.Operations(1, start, start+20_000*span); c.Low != total || c.High != total {
		t.Errorf("%+v, want %d: folded, and still counted", c, total)
	}
}

// Agents that saw the same do not add up.
func TestAgentsDoNotAddUp(t *testing.T) {
	var a, b Line
	a.Add(reads(0, 1000))
	b.Add(reads(0, 1500))
	if c := (History{&a, &b}).Bytes(true, start, start); c.Low != 1500 || c.High != 1500 {
		t.Errorf("%+v", c)
	}
}

func TestAbsorbTurned(t *testing.T) {
	var a, b Line
	d := reads(1, 100)
	d.Opener = Client
	b.Add(d)
	a.Add(reads(0, 5))
	a.Add(reads(2, 5))
	a.Absorb(&b, true)
	h := History{&a}
	if c := h.Bytes(true, start+span, start+span); c.Low != 1000 {
		t.Errorf("%+v", c)
	}
	if a.runs[1].Opener != Server || len(a.runs) != 3 {
		t.Errorf("%+v", a.runs)
	}
}

// Payload is known where all of a window was counted, whichever agent did.
func TestPayload(t *testing.T) {
	at := func(n int, p Payload) Delta {
		d := reads(n, 1000)
		d.Payload = p
		return d
	}
	var a, b Line
	a.Add(at(0, Uncounted))
	for i := 1; i < 100; i++ {
		a.Add(at(i, FromClient))
	}
	a.Add(at(100, FromServer))
	if len(a.runs) > 5 {
		t.Errorf("%d runs", len(a.runs))
	}
	asks := func(h History, from, to int64, want Payload) {
		t.Helper()
		if got := h.Payload(start+from*span, start+to*span); got != want {
			t.Errorf("%b from %d to %d, want %b", got, from, to, want)
		}
	}
	asks(History{&a}, 0, 100, Uncounted|FromClient|FromServer)
	asks(History{&a}, 1, 99, FromClient)
	asks(History{&a}, 90, 100, FromClient|FromServer)
	asks(History{}, 0, 100, Uncounted)
	b.Add(at(50, 0))
	asks(History{&a, &b}, 40, 60, FromClient)
	b.Absorb(&a, true)
	asks(History{&b}, 51, 99, FromServer)
	a.Trim(start + 70*span)
	asks(History{&a}, 0, 100, Uncounted|FromClient|FromServer) // the first is not kept any more
	asks(History{&a}, 1, 100, FromClient|FromServer)
	asks(History{Restore(a.Record())}, 80, 99, FromClient)
	asks(History{Restore([]*demarcv1.QuarterRun{{FirstNs: start, LastNs: start, Amounts: make([]uint64, 6)}}, 0)}, 0, 1, Uncounted) // of an older collector
}

// Whatever comes, in whatever order and from whatever clock: bounded, every
// count within its bounds, and the same after it was saved.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Line
		type told struct {
			q int64
			n uint64
		}
		var all []told
		for i := range rapid.IntRange(1, 400).Draw(t, "n") {
			q := start/span + rapid.Int64Range(-50, 50).Draw(t, "q")
			switch rapid.IntRange(0, 20).Draw(t, "clock") {
			case 0:
				q += 1 << 20 // decades ahead
			case 1:
				q = rapid.Int64Range(1, 100).Draw(t, "past")
			case 2:
				q = start/span + int64(i)
			}
			n := rapid.Uint64Range(1, 3).Draw(t, "count")
			d := Delta{Last: q*span + rapid.Int64Range(0, span-1).Draw(t, "at"), State: State{TLS: None, Opener: Opener(n % 3), Outcome: ot.Exchanged, Payload: Payload(rapid.IntRange(0, 7).Draw(t, "payload"))}, Bytes: [2]uint64{rapid.Uint64().Draw(t, "bytes"), 1}, Operations: ops(ot.Write, n)}
			d.First = d.Last - rapid.Int64Range(-10, 2*span).Draw(t, "length")
			l.Add(d)
			all = append(all, told{q, n})
		}
		if len(l.runs) > maxRuns {
			t.Fatalf("%d runs", len(l.runs))
		}
		from := start/span + rapid.Int64Range(-60, 60).Draw(t, "from")
		to := from + rapid.Int64Range(0, 100).Draw(t, "length")
		want := uint64(0)
		for _, x := range all {
			if x.q >= from && x.q <= to {
				want += x.n
			}
		}
		c := History{&l}.Operations(ot.Write, from*span, to*span)
		if c.Low > want || c.High < want {
			t.Fatalf("%+v, want %d", c, want)
		}
		if len(all) <= maxRuns && !(History{&l}).Cut(0) && c.Low != c.High {
			t.Fatalf("%+v: what acts is counted exactly while there is room", c)
		}
		for i := 1; i < len(l.runs); i++ {
			if l.runs[i].end() < l.runs[i-1].end() {
				t.Fatal("runs are out of order")
			}
		}
		runs, dropped := l.Record()
		again, back := Restore(runs, dropped).Record()
		if len(again) != len(runs) || back != dropped {
			t.Fatalf("%d runs restored of %d", len(again), len(runs))
		}
		for i := range runs {
			if !proto.Equal(runs[i], again[i]) {
				t.Fatalf("saved %v, restored %v", runs[i], again[i])
			}
		}
	})
}

// FuzzRestore: no record panics, and what it gives has its bounds.
func FuzzRestore(f *testing.F) {
	var l Line
	l.Add(reads(0, 7))
	runs, _ := l.Record()
	raw, _ := proto.Marshal(runs[0])
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		x := &demarcv1.QuarterRun{}
		if proto.Unmarshal(b, x) != nil {
			return
		}
		l := Restore([]*demarcv1.QuarterRun{x, x, x}, 5)
		for i := range 200 {
			l.Add(reads(i, uint64(i)))
		}
		h := History{l}
		for o := range ot.Operation(ot.NumOperations) {
			if c := h.Operations(o, start, start+100*span); c.Low > c.High {
				t.Fatalf("%+v", c)
			}
		}
		if len(l.runs) > maxRuns {
			t.Fatal("no bound")
		}
	})
}
