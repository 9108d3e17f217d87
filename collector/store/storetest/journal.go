package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"demarc/collector/store"
)

func testJournal(t *testing.T, b *bench) {
	if last, err := b.Last(t.Context()); err != nil || last != 0 {
		t.Fatal(last, err)
	}
	if got := b.read(t, 0, 1000); len(got) != 0 {
		t.Fatalf("an empty journal has %d records", len(got))
	}
	in := []store.Record{
		batch("a", 1, 1, "one"),
		{Kind: store.KindClock, Site: "houston", Recorded: b.now.Add(time.Second)},
		lost(2, 5),
		batch("b", 9, 1, ""),
	}
	for i, a := range b.append(t, in...) {
		if a.Outcome != store.Taken || a.Position != uint64(i)+1 {
			t.Errorf("answer %d: %+v", i, a)
		}
		in[i].Position = a.Position
		if in[i].Recorded.IsZero() {
			in[i].Recorded = b.now
		}
	}
	check := func() {
		t.Helper()
		got := b.read(t, 0, 1<<20)
		for i := range got {
			if len(got[i].Body) == 0 && len(in[i].Body) == 0 {
				got[i].Body = in[i].Body
			}
		}
		if !reflect.DeepEqual(got, in) {
			t.Errorf("read\n%+v, wrote\n%+v", got, in)
		}
	}
	check()
	b.reopen(t)
	check()
	if last, _ := b.Last(t.Context()); last != 4 {
		t.Errorf("last %d", last)
	}
}

func testJournalParts(t *testing.T, b *bench) {
	// More than one segment, and single records of more than one.
	var want []string
	sequence := uint64(0)
	for n := range 40 {
		var records []store.Record
		for i := range 1 + n%7 {
			sequence++
			body := fmt.Sprintf("%d/%s", sequence, bytes.Repeat([]byte{'x'}, (n*7919+i*104729)%90000))
			records = append(records, batch("a", 1, sequence, body))
			want = append(want, body)
		}
		b.append(t, records...)
	}
	b.append(t, batch("a", 1, sequence+1, string(make([]byte, 1<<20))))
	want = append(want, string(make([]byte, 1<<20)))
	for _, limit := range []int{1, 5000, 300000, 1 << 30} {
		after := uint64(0)
		for {
			part := b.read(t, after, limit)
			if len(part) == 0 {
				break
			}
			size := 0
			for i, r := range part {
				if r.Position != after+1 || string(r.Body) != want[r.Position-1] {
					t.Fatalf("limit %d: record %d after %d has %d bytes", limit, r.Position, after, len(r.Body))
				}
				after = r.Position
				if i < len(part)-1 {
					size += len(r.Body)
				}
			}
			if size > limit {
				t.Fatalf("limit %d: %d bytes before the last record", limit, size)
			}
		}
		if after != uint64(len(want)) {
			t.Fatalf("limit %d: %d of %d records", limit, after, len(want))
		}
	}
	for _, after := range []uint64{0, 1, 17, 99, uint64(len(want)) - 1, uint64(len(want)), uint64(len(want)) + 5} {
		got := b.read(t, after, 1)
		if after >= uint64(len(want)) {
			if len(got) != 0 {
				t.Errorf("after %d: %d records", after, len(got))
			}
		} else if len(got) == 0 || got[0].Position != after+1 {
			t.Errorf("after %d: %d records", after, len(got))
		}
	}
}

func outcomes(answers []store.Answer) (o []store.Outcome) {
	for _, a := range answers {
		o = append(o, a.Outcome)
	}
	return o
}

func testCursors(t *testing.T, b *bench) {
	steps := []struct {
		name    string
		r       store.Record
		want    store.Outcome
		through uint64
	}{
		{"not the first", batch("a", 1, 2, "x"), store.Gap, 0},
		{"zero", batch("a", 1, 0, "x"), store.Gap, 0},
		{"first", batch("a", 1, 1, "x"), store.Taken, 1},
		{"again", batch("a", 1, 1, "x"), store.Again, 1},
		{"other content", batch("a", 1, 1, "y"), store.Forked, 1},
		{"hole", batch("a", 1, 3, "x"), store.Gap, 1},
		{"hole before a lost", lost(3, 4), store.Gap, 1},
		{"second", batch("a", 1, 2, "x"), store.Taken, 2},
		{"lost fills", lost(3, 6), store.Taken, 6},
		{"lost again", lost(3, 6), store.Again, 6},
		{"content of what was lost", batch("a", 1, 4, "x"), store.Forked, 6},
		{"shed what was committed", lost(1, 2), store.Again, 6},
		{"shed over the edge", lost(5, 9), store.Taken, 9},
		{"still compared", batch("a", 1, 2, "x"), store.Again, 9},
		{"backward lost", lost(11, 10), store.Gap, 9},
		{"after lost", batch("a", 1, 10, "x"), store.Taken, 10},
		{"other epoch", batch("a", 2, 1, "y"), store.Taken, 1},
		{"other agent", batch("b", 1, 1, "y"), store.Taken, 1},
	}
	taken := 0
	for _, s := range steps {
		a := b.append(t, s.r)[0]
		if a.Outcome != s.want || a.Through != s.through {
			t.Errorf("%s: %v through %d, want %v through %d", s.name, a.Outcome, a.Through, s.want, s.through)
		}
		if a.Outcome == store.Taken {
			taken++
		}
	}
	if got := len(b.read(t, 0, 1<<20)); got != taken {
		t.Errorf("%d records in the journal, %d were taken", got, taken)
	}
	c, err := b.Cursor(t.Context(), "a", store.Epoch{1})
	if err != nil || c.Through != 10 || c.Lost != 7 || c.Site != "houston" {
		t.Errorf("cursor %+v %v", c, err)
	}
	for _, r := range b.read(t, 0, 1<<20) {
		if r.Kind == store.KindLost && r.Sequence == 9 && r.From != 7 {
			t.Errorf("of the Lost 5..9 the part from %d counts, want 7", r.From)
		}
	}
	if c, err := b.Cursor(t.Context(), "nobody", store.Epoch{1}); err != nil || c.Through != 0 {
		t.Errorf("unknown cursor %+v %v", c, err)
	}
}

func testCursorsSurvive(t *testing.T, b *bench) {
	body := func(n uint64) string { return fmt.Sprint(n) }
	for i := range uint64(300) {
		b.append(t, batch("a", 1, i+1, body(i+1)), batch("ab", 1, i+1, "other "+body(i+1)))
	}
	b.append(t, lost(301, 1000))
	for i := uint64(1001); i <= 1200; i++ {
		b.append(t, batch("a", 1, i, body(i)))
	}
	b.reopen(t)
	// However old: the same is acknowledged again, other content is a fork.
	for _, n := range []uint64{1, 2, 63, 64, 65, 100, 127, 128, 129, 191, 192, 299, 300, 1001, 1002, 1063, 1064, 1065, 1150, 1199, 1200} {
		if o := b.append(t, batch("a", 1, n, body(n)))[0].Outcome; o != store.Again {
			t.Errorf("%d again: %v", n, o)
		}
		if o := b.append(t, batch("a", 1, n, "x"))[0].Outcome; o != store.Forked {
			t.Errorf("other content of %d: %v", n, o)
		}
	}
	for _, n := range []uint64{301, 302, 364, 700, 999, 1000} {
		if o := b.append(t, batch("a", 1, n, body(n)))[0].Outcome; o != store.Forked {
			t.Errorf("%d was told lost: %v", n, o)
		}
	}
	if o := b.append(t, batch("a", 1, 1202, "x"))[0].Outcome; o != store.Gap {
		t.Errorf("past the next: %v", o)
	}
	if o := b.append(t, batch("a", 1, 1201, "x"))[0].Outcome; o != store.Taken {
		t.Errorf("the next: %v", o)
	}
	if _, err := b.Trim(t.Context(), b.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if o := b.append(t, batch("a", 1, 1, body(1)))[0].Outcome; o != store.Forked {
		t.Errorf("what was trimmed cannot be compared: %v", o)
	}
	if o := b.append(t, batch("a", 1, 1201, "x"))[0].Outcome; o != store.Again {
		t.Errorf("the last ones are never trimmed: %v", o)
	}
}

func testEpochs(t *testing.T, b *bench) {
	for e := range store.MaxEpochs + 1 {
		b.now = b.now.Add(time.Second)
		b.append(t, batch("a", byte(e), 1, "x"))
		b.append(t, batch("a", 0, uint64(e)+2, "keeps itself in use"), batch("aa", byte(e), 1, "x"))
	}
	through := func(agent string, e byte) uint64 {
		c, err := b.Cursor(t.Context(), agent, store.Epoch{e})
		must(t, err)
		return c.Through
	}
	if through("a", 1) != 0 || through("a", 0) == 0 || through("a", 2) == 0 || through("a", store.MaxEpochs) == 0 || through("aa", 2) == 0 {
		t.Errorf("kept: %d %d %d %d %d", through("a", 0), through("a", 1), through("a", 2), through("a", store.MaxEpochs), through("aa", 2))
	}
	if o := b.append(t, batch("a", 1, 1, "x"))[0].Outcome; o != store.Taken {
		t.Errorf("a forgotten epoch begins anew: %v", o)
	}
}

func testOthers(t *testing.T, b *bench) {
	b.append(t, batch("good", 1, 1, "1"), batch("bad", 1, 1, "a"), batch("bad", 2, 1, "b"))
	got := outcomes(b.append(t,
		batch("good", 1, 2, "2"), batch("bad", 1, 7, "x"), batch("good", 1, 3, "3"),
		// Behind a record that is refused, what would fit is not taken: it is
		// another spool's.
		batch("bad", 1, 2, "x"), batch("bad", 2, 1, "forged"), batch("bad", 2, 2, "x"), batch("good", 1, 4, "4")))
	want := []store.Outcome{store.Taken, store.Gap, store.Taken, store.Gap, store.Forked, store.Forked, store.Taken}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var bodies []string
	for _, r := range b.read(t, 0, 1<<20) {
		bodies = append(bodies, string(r.Body))
	}
	if !slices.Equal(bodies, []string{"1", "a", "b", "2", "3", "4"}) {
		t.Errorf("journal %q", bodies)
	}
	if got := outcomes(b.append(t, batch("bad", 1, 2, "y"))); got[0] != store.Taken {
		t.Errorf("the next call begins anew: %v", got)
	}
}

func testTrim(t *testing.T, b *bench) {
	for i := range uint64(10) {
		b.append(t, batch("a", 1, i+1, "x"))
		b.now = b.now.Add(time.Hour)
	}
	if n, err := b.Trim(t.Context(), b.now); err != nil || n != 0 {
		t.Errorf("no state covers them, %d went, %v", n, err)
	}
	fence, err := b.Lease(t.Context(), "x")
	must(t, err)
	must(t, b.Save(t.Context(), fence, 6, true, nil))
	cut := b.now.Add(-7 * time.Hour) // 3 were recorded before it
	if n, err := b.Trim(t.Context(), cut); err != nil || n != 3 {
		t.Errorf("%d went, %v", n, err)
	}
	if n, err := b.Trim(t.Context(), b.now); err != nil || n != 3 {
		t.Errorf("%d went past the state, %v", n, err)
	}
	b.reopen(t)
	got := b.read(t, 0, 1<<20)
	if len(got) != 4 || got[0].Position != 7 {
		t.Errorf("left: %d", len(got))
	}
	if a := b.append(t, batch("a", 1, 11, "x"))[0]; a.Position != 11 {
		t.Errorf("next position %d", a.Position)
	}
}
