package bolt

import (
	"context"
	"time"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// trimAtOnce bounds the segments that one transaction of Trim removes, so that
// appends wait little.
const trimAtOnce = 256

// Trim implements store.Journal. Segments go whole.
func (s *Store) Trim(ctx context.Context, t time.Time) (gone uint64, err error) {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return gone, err
		}
		err := s.update(func(tx *bbolt.Tx) error {
			var n uint64
			n, more, err = trim(tx, t)
			gone += n
			return err
		})
		if err != nil {
			return gone, err
		}
	}
	for more := true; more; {
		if err := s.update(func(tx *bbolt.Tx) error { more, err = trimDigests(tx, t); return err }); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

func trim(tx *bbolt.Tx, t time.Time) (gone uint64, more bool, err error) {
	state, err := readStateMeta(tx)
	if err != nil {
		return 0, false, err
	}
	b := tx.Bucket(bucketJournal)
	var old [][]byte
	c := b.Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		limit := int(^uint(0) >> 1)
		var records []store.Record
		if _, err := readSegment(readNumber(key), value, 0, &limit, &records); err != nil {
			return 0, false, err
		}
		last := records[len(records)-1]
		if last.Position > state.position || !last.Recorded.Before(t) || len(old) == trimAtOnce {
			break
		}
		old = append(old, append([]byte(nil), key...))
		gone += uint64(len(records))
	}
	for _, key := range old {
		if err := b.Delete(key); err != nil {
			return 0, false, err
		}
	}
	return gone, len(old) == trimAtOnce, nil
}
