package server

import (
	"maps"
	"testing"

	"demarc/collector/store"
	"demarc/internal/ot"
)

// FuzzKeptState puts anything in the place of one value of a state that was kept:
// an engine that starts from it says what is wrong, or goes on.
func FuzzKeptState(f *testing.F) {
	l := newLab(f)
	_, err := l.apply(documents(plantDocs, agreement, conditionedATO), applyOptions{})
	l.must(err)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	l.send("a", flow("10.60.9.91", "10.20.4.93", 102, "s7comm", l.now))
	l.pass(driftEvery)
	l.take("line4-ato")
	kept, err := l.cutState(true)
	l.must(err)
	state := saved{}
	for _, c := range kept.changes {
		l.must(state.take(c))
		f.Add(c.Table, string(c.Key), c.Value)
		f.Add(c.Table, string(c.Key), c.Value[:len(c.Value)/2])
	}
	if len(state) < 10 {
		f.Fatalf("%d tables are kept: there is little to read", len(state))
	}
	f.Fuzz(func(t *testing.T, table byte, key string, value []byte) {
		s := saved{}
		for n, rows := range state {
			s[n] = maps.Clone(rows)
		}
		if err := s.take(store.Change{Table: table, Key: []byte(key), Value: value}); err != nil {
			return
		}
		e := l.fresh()
		if e.restoreFrom(t.Context(), s, kept.position) != nil {
			return
		}
		now := l.now.Add(driftEvery)
		e.passed(l.now, now)
		_, _, _, _, _ = e.Assets(), e.Findings(), e.Conditions(now), e.Notices(), e.Unused()
		for _, c := range e.Connections() {
			_ = e.Activity(e.Connections(), now)
			_, _, _ = e.Connection(c.GetId())
		}
		if _, err := e.cutState(true); err != nil {
			t.Fatalf("what was read cannot be kept again: %v", err)
		}
	})
}
