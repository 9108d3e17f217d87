package storetest

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"demarc/collector/store"
)

func testActs(t *testing.T, b *bench) {
	b.append(t, batch("a", 1, 1, "seen"))
	at, err := b.PutAct(t.Context(), "houston", []byte("merge"), act("asset merge"))
	if err != nil || at != 2 {
		t.Fatalf("position %d, %v", at, err)
	}
	b.append(t, batch("a", 1, 2, "seen again"))
	b.reopen(t)
	records := b.read(t, 0, 1<<20)
	if len(records) != 3 {
		t.Fatalf("%d records", len(records))
	}
	r := records[1]
	if r.Kind != store.KindAct || r.Site != "houston" || !bytes.Equal(r.Body, []byte("merge")) || !r.Recorded.Equal(b.now) || r.Agent != "" {
		t.Errorf("record %+v", r)
	}
	if got := b.acts(t); len(got) != 1 || got[0] != "asset merge" {
		t.Errorf("audit %v", got)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := b.PutAct(ended, "houston", nil, act("too late")); err == nil {
		t.Error("an act whose caller has gone was kept")
	}
	if got := b.acts(t); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
}

// testRecordActs: what a record says for the audit log stands there once, with
// the record or not at all, and the record does not keep it.
func testRecordActs(t *testing.T, b *bench) {
	told := func(sequence uint64, what ...string) store.Record {
		r := batch("a", 1, sequence, what[0])
		for _, w := range what {
			r.Acts = append(r.Acts, store.Act{Time: b.now.Add(-time.Minute), Who: "agent a", What: w, On: "10.20.4.10:502", Detail: "sent 11 bytes"})
		}
		return r
	}
	first := told(1, "asked one", "asked two")
	b.append(t, first, told(2, "asked three"))
	b.reopen(t)
	answers := b.append(t, first, told(9, "behind a gap"), told(3, "asked four")) // the first is sent again
	if got := outcomes(answers); !slices.Equal(got[:2], []store.Outcome{store.Again, store.Gap}) {
		t.Errorf("outcomes %v", got)
	}
	altered := told(2, "altered")
	if got := outcomes(b.append(t, altered)); got[0] != store.Forked {
		t.Errorf("outcomes %v", got)
	}
	b.append(t, told(3, "asked four"))
	b.reopen(t)
	if got := b.acts(t); !slices.Equal(got, []string{"asked one", "asked two", "asked three", "asked four"}) {
		t.Errorf("audit %q", got)
	}
	log, err := b.AuditLog(t.Context(), 0, 1000)
	must(t, err)
	if a := log[0].Act; a.Who != "agent a" || a.On != "10.20.4.10:502" || a.Detail != "sent 11 bytes" || !a.Time.Equal(b.now.Add(-time.Minute)) {
		t.Errorf("act %+v", a)
	}
	for _, r := range b.read(t, 0, 1<<20) {
		if len(r.Acts) != 0 {
			t.Errorf("record %d holds %d acts", r.Position, len(r.Acts))
		}
	}
}
