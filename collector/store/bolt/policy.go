package bolt

import (
	"context"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// PutPolicy implements store.Policies.
func (s *Store) PutPolicy(_ context.Context, p store.Policy, by store.Act) (position uint64, err error) {
	err = s.update(func(tx *bbolt.Tx) error {
		if last := lastNumber(tx, bucketPolicies); p.Version != last+1 {
			return fmt.Errorf("policy version %d: %w: the last one is %d", p.Version, store.ErrExists, last)
		}
		if err := put(tx, bucketPolicies, number(p.Version), p); err != nil {
			return err
		}
		a := appender{store: s, tx: tx, now: s.clock().UTC()}
		if err := a.all([]store.Record{{Kind: store.KindPolicy, Body: store.PolicyBody(p.Version)}}); err != nil {
			return err
		}
		position = a.answers[0].Position
		return s.audit(tx, by)
	})
	return position, err
}

// Policy implements store.Policies.
func (s *Store) Policy(_ context.Context, version uint64) (p store.Policy, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		if version == 0 {
			version = lastNumber(tx, bucketPolicies)
		}
		if p, err = get[store.Policy](tx, bucketPolicies, number(version)); err != nil {
			return fmt.Errorf("policy version %d: %w", version, err)
		}
		return nil
	})
	return p, err
}

// lastNumber is the highest key of a bucket with numbers for keys, 0 when it is
// empty.
func lastNumber(tx *bbolt.Tx, bucket []byte) uint64 {
	key, _ := tx.Bucket(bucket).Cursor().Last()
	return readNumber(key)
}
