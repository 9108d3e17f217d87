package bolt

import (
	"bytes"
	"context"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// PutSlice implements store.Slices.
func (s *Store) PutSlice(_ context.Context, x store.Slice, data []byte, forget []string, by store.Act) error {
	return s.update(func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketSlices).Get([]byte(x.SHA256)) != nil {
			return fmt.Errorf("slice %s: %w", x.SHA256, store.ErrExists)
		}
		if err := drop(tx, forget); err != nil {
			return err
		}
		if err := put(tx, bucketSlices, []byte(x.SHA256), x); err != nil {
			return err
		}
		if err := tx.Bucket(bucketFrames).Put([]byte(x.SHA256), data); err != nil {
			return err
		}
		return s.audit(tx, by)
	})
}

// DropSlices implements store.Slices.
func (s *Store) DropSlices(_ context.Context, sums []string, by store.Act) error {
	return s.update(func(tx *bbolt.Tx) error {
		if err := drop(tx, sums); err != nil {
			return err
		}
		return s.audit(tx, by)
	})
}

func drop(tx *bbolt.Tx, sums []string) error {
	for _, sum := range sums {
		for _, bucket := range [][]byte{bucketSlices, bucketFrames} {
			if err := tx.Bucket(bucket).Delete([]byte(sum)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Slices implements store.Slices.
func (s *Store) Slices(context.Context) (all []store.Slice, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketSlices).ForEach(func(sum, _ []byte) error {
			x, err := get[store.Slice](tx, bucketSlices, sum)
			all = append(all, x)
			return err
		})
	})
	return all, err
}

// SliceData implements store.Slices.
func (s *Store) SliceData(_ context.Context, sum string) (data []byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketFrames).Get([]byte(sum))
		if b == nil {
			return fmt.Errorf("slice %s: %w", sum, store.ErrNotFound)
		}
		data = bytes.Clone(b)
		return nil
	})
	return data, err
}
