package server

import (
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/store"
)

// heardPiece is how many days are copied at once.
const heardPiece = 16

// saveHeard adds a piece of what changed in a ledger.
func (c *checkpoint) saveHeard(d *condition.Draft) error {
	all, err := d.Next(heardPiece)
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
