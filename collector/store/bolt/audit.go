package bolt

import (
	"context"
	"encoding/json"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// audit adds an act to the log within a transaction.
func (s *Store) audit(tx *bbolt.Tx, by store.Act) error {
	prev, err := lastAudit(tx)
	if err != nil {
		return err
	}
	if by.Time.IsZero() {
		by.Time = s.clock()
	}
	e := store.Chain(prev, by)
	return put(tx, bucketAudit, number(e.Sequence), e)
}

func lastAudit(tx *bbolt.Tx) (last store.AuditEntry, err error) {
	if _, text := tx.Bucket(bucketAudit).Cursor().Last(); text != nil {
		if err := json.Unmarshal(text, &last); err != nil {
			return last, fmt.Errorf("%w: the last audit entry: %w", store.ErrCorrupt, err)
		}
	}
	return last, nil
}

// LastAudit implements store.Audit.
func (s *Store) LastAudit(context.Context) (last store.AuditEntry, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		last, err = lastAudit(tx)
		return err
	})
	return last, err
}

// AppendAudit implements store.Audit.
func (s *Store) AppendAudit(_ context.Context, by store.Act) error {
	return s.update(func(tx *bbolt.Tx) error { return s.audit(tx, by) })
}

// AuditLog implements store.Audit.
func (s *Store) AuditLog(_ context.Context, after uint64, limit int) (entries []store.AuditEntry, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketAudit).Cursor()
		for key, text := c.Seek(number(after + 1)); key != nil && len(entries) < limit; key, text = c.Next() {
			var e store.AuditEntry
			if err := json.Unmarshal(text, &e); err != nil {
				return fmt.Errorf("%w: audit entry %d: %w", store.ErrCorrupt, readNumber(key), err)
			}
			entries = append(entries, e)
		}
		return nil
	})
	return entries, err
}
