package storetest

import (
	"bytes"
	"context"
	"testing"

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
