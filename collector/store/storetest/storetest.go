// Package storetest is the conformance suite of collector stores: call Run from
// a store's own test with a function that opens it.
package storetest

import (
	"testing"
	"time"

	"demarc/collector/store"
)

// Open opens the store that lives in dir, as a restarted collector would, and
// makes it when there is none. Every record is dated by clock.
type Open func(t *testing.T, dir string, clock func() time.Time) store.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"journal", testJournal},
		{"journal in parts", testJournalParts},
		{"cursors", testCursors},
		{"cursors survive", testCursorsSurvive},
		{"epochs are forgotten", testEpochs},
		{"others do not notice", testOthers},
		{"trim", testTrim},
		{"state", testState},
		{"state whole", testStateWhole},
		{"bases", testBases},
		{"bases refused", testBasesRefused},
		{"fence", testFence},
		{"append during save", testAppendDuringSave},
		{"tokens", testTokens},
		{"enrol", testEnrol},
		{"agents", testAgents},
		{"users", testUsers},
		{"api tokens", testAPITokens},
		{"policies", testPolicies},
		{"acts", testActs},
		{"acts of records", testRecordActs},
		{"slices", testSlices},
		{"audit", testAudit},
		{"deliveries", testDeliveries},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{open: open, dir: t.TempDir(), now: time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)}
			b.reopen(t)
			t.Cleanup(func() { _ = b.Close() })
			c.test(t, b)
		})
	}
}

// bench is a store under test.
type bench struct {
	store.Store
	open Open
	dir  string
	now  time.Time
}

// reopen closes the store and opens it again.
func (b *bench) reopen(t *testing.T) {
	t.Helper()
	if b.Store != nil {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b.Store = b.open(t, b.dir, func() time.Time { return b.now })
}

func (b *bench) append(t *testing.T, records ...store.Record) []store.Answer {
	t.Helper()
	a, err := b.Append(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != len(records) {
		t.Fatalf("%d answers to %d records", len(a), len(records))
	}
	return a
}

func (b *bench) read(t *testing.T, after uint64, limit int) []store.Record {
	t.Helper()
	r, err := b.Journal(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func batch(agent string, epoch byte, sequence uint64, body string) store.Record {
	e := store.Epoch{epoch}
	return store.Record{
		Kind: store.KindBatch, Site: "houston", Agent: agent, Epoch: e,
		From: sequence, Sequence: sequence,
		Digest: store.BatchDigest(e, sequence, []byte(body)), Body: []byte(body),
	}
}

// lost is a Lost of agent a in its first epoch.
func lost(from, to uint64) store.Record {
	e := store.Epoch{1}
	return store.Record{
		Kind: store.KindLost, Site: "houston", Agent: "a", Epoch: e, From: from, Sequence: to,
		Digest: store.LostDigest(e, from, to, "spool-full"), Body: []byte("lost"),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
