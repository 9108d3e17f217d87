package server

import (
	"maps"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// counts is when each operation class of a connection was last counted, Unix
// nanoseconds of packet time.
type counts map[string]int64

// counted tells when each class was last counted: now, where the count grew
// since the judgement before.
func counted(d *demarcv1.Connection, before *demarcv1.JudgedConnection) map[string]*timestamppb.Timestamp {
	if len(d.GetOperations()) == 0 {
		return nil
	}
	if d == before.GetConnection() {
		return before.GetOperationsLast()
	}
	if maps.Equal(d.GetOperations(), before.GetConnection().GetOperations()) && len(before.GetOperationsLast()) > 0 {
		return before.GetOperationsLast() // never changed once it is shown
	}
	last := make(map[string]*timestamppb.Timestamp, len(d.GetOperations()))
	for class, n := range d.GetOperations() {
		switch {
		case n == 0:
		case before.GetOperationsLast()[class] != nil && n <= before.GetConnection().GetOperations()[class]:
			last[class] = before.GetOperationsLast()[class]
		default:
			last[class] = d.GetLastSeen()
		}
	}
	return last
}

func countsOf(c *demarcv1.JudgedConnection) counts {
	if len(c.GetOperationsLast()) == 0 {
		return nil
	}
	all := make(counts, len(c.GetOperationsLast()))
	for class, t := range c.GetOperationsLast() {
		all[class] = t.AsTime().UnixNano()
	}
	return all
}

func (c counts) shown() map[string]*timestamppb.Timestamp {
	if len(c) == 0 {
		return nil
	}
	all := make(map[string]*timestamppb.Timestamp, len(c))
	for class, ns := range c {
		all[class] = timestamppb.New(time.Unix(0, ns))
	}
	return all
}

// saveHeard adds what changed in a ledger.
func (c *checkpoint) saveHeard(l *condition.Ledger) error {
	all, err := l.Changed(c.whole)
	for _, r := range all {
		c.changes = append(c.changes, store.Change{Table: tableHeard, Key: []byte(r.Key), Value: r.Value})
	}
	return err
}

func (e *engine) restoreHeard(all map[string][]byte) error {
	for key, value := range all {
		if err := e.ledger.Restore(condition.Record{Key: key, Value: value}); err != nil {
			return err
		}
	}
	return nil
}

// Heard implements api.Plant.
func (e *engine) Heard() *condition.Ledger {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.ledger.Clone()
}

// Documents implements api.Plant.
func (e *engine) Documents() *boundary.Documents { return e.documents() }
