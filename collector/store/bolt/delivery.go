package bolt

import (
	"context"
	"encoding/json"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// Deliveries implements store.Deliveries.
func (s *Store) Deliveries(context.Context) (map[string]store.Delivery, error) {
	all := map[string]store.Delivery{}
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketDeliveries).ForEach(func(name, text []byte) error {
			var d store.Delivery
			if err := json.Unmarshal(text, &d); err != nil {
				return fmt.Errorf("%w: delivery %q: %w", store.ErrCorrupt, name, err)
			}
			all[string(name)] = d
			return nil
		})
	})
	return all, err
}

// PutDelivery implements store.Deliveries.
func (s *Store) PutDelivery(_ context.Context, name string, d store.Delivery) error {
	return s.update(func(tx *bbolt.Tx) error { return put(tx, bucketDeliveries, []byte(name), d) })
}

// DropDelivery implements store.Deliveries.
func (s *Store) DropDelivery(_ context.Context, name string) error {
	return s.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketDeliveries).Delete([]byte(name)) })
}
