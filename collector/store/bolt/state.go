package bolt

import (
	"bytes"
	"context"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// The state is a log of changes in segments, under number of the whole and
// number of the segment. What counts is what metaState names, so that a Save
// can write in many small transactions, between those of Append, and still be
// all or nothing: the last one moves metaState.
type stateMeta struct {
	whole    uint64 // number of the last whole state
	segments uint64 // of it that count
	position uint64
}

func readStateMeta(tx *bbolt.Tx) (stateMeta, error) {
	v := tx.Bucket(bucketMeta).Get(metaState)
	switch len(v) {
	case 0:
		return stateMeta{}, nil
	case 24:
		return stateMeta{readNumber(v), readNumber(v[8:]), readNumber(v[16:])}, nil
	}
	return stateMeta{}, fmt.Errorf("%w: the state's position has %d bytes", store.ErrCorrupt, len(v))
}

func (m stateMeta) put(tx *bbolt.Tx) error {
	return tx.Bucket(bucketMeta).Put(metaState, append(append(number(m.whole), number(m.segments)...), number(m.position)...))
}

func stateKey(whole, segment uint64) []byte { return append(number(whole), number(segment)...) }

// Lease implements store.State. The file's lock keeps other processes out, so
// that a later lease is always given.
func (s *Store) Lease(_ context.Context, holder string) (fence uint64, err error) {
	err = s.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		fence = readNumber(meta.Get(metaFence)) + 1
		return meta.Put(metaFence, append(number(fence), holder...))
	})
	return fence, err
}

func checkFence(tx *bbolt.Tx, fence uint64) error {
	if given := readNumber(tx.Bucket(bucketMeta).Get(metaFence)); given != fence {
		return fmt.Errorf("%w (lease %d, the last one given is %d)", store.ErrFence, fence, given)
	}
	return nil
}

// saveAtOnce bounds what one transaction of Save writes, in bytes.
const saveAtOnce = 1 << 20

// Save implements store.State.
func (s *Store) Save(ctx context.Context, fence, position uint64, whole bool, changes []store.Change) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	var old, m stateMeta
	err := s.update(func(tx *bbolt.Tx) (err error) {
		if err := checkFence(tx, fence); err != nil {
			return err
		}
		if old, err = readStateMeta(tx); err != nil {
			return err
		}
		if last := readNumber(tx.Bucket(bucketMeta).Get(metaLast)); position < old.position || position > last {
			return fmt.Errorf("save at position %d: it must lie between %d, saved before, and %d, the journal's end", position, old.position, last)
		}
		m = old
		if whole {
			m.whole, m.segments = old.whole+1, 0
		}
		// What a Save that did not finish left behind.
		return clearState(tx, stateKey(m.whole, m.segments), stateKey(m.whole+1, 0))
	})
	if err != nil {
		return err
	}
	for len(changes) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 0
		if err := s.update(func(tx *bbolt.Tx) error {
			n, err = putChanges(tx, &m, changes)
			return err
		}); err != nil {
			return err
		}
		changes = changes[n:]
	}
	m.position = position
	if err := s.update(func(tx *bbolt.Tx) error {
		if err := checkFence(tx, fence); err != nil {
			return err
		}
		return m.put(tx)
	}); err != nil {
		return err
	}
	return s.dropWholes(m.whole)
}

// putChanges writes segments of changes until a transaction is full and says
// how many it took.
func putChanges(tx *bbolt.Tx, m *stateMeta, changes []store.Change) (n int, err error) {
	b := tx.Bucket(bucketState)
	b.FillPercent = 1
	for written := 0; n < len(changes) && written < saveAtOnce; {
		segment := beginSegment(nil)
		for ; n < len(changes) && len(segment) < segmentFull; n++ {
			segment = appendChange(segment, &changes[n])
		}
		endSegment(segment)
		if err := b.Put(stateKey(m.whole, m.segments), segment); err != nil {
			return n, err
		}
		m.segments++
		written += len(segment)
	}
	return n, nil
}

// dropWholes removes the states before a whole one, some at a time.
func (s *Store) dropWholes(before uint64) error {
	for more := true; more; {
		err := s.update(func(tx *bbolt.Tx) error {
			c := tx.Bucket(bucketState).Cursor()
			n := 0
			for key, _ := c.First(); key != nil && readNumber(key) < before && n < trimAtOnce; key, _ = c.First() {
				if err := c.Delete(); err != nil {
					return err
				}
				n++
			}
			more = n == trimAtOnce
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// clearState removes the keys from..to, to excluded.
func clearState(tx *bbolt.Tx, from, to []byte) error {
	c := tx.Bucket(bucketState).Cursor()
	for key, _ := c.Seek(from); key != nil && bytes.Compare(key, to) < 0; key, _ = c.Seek(from) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// Load implements store.State.
func (s *Store) Load(ctx context.Context, each func(store.Change) error) (position uint64, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		m, err := readStateMeta(tx)
		if err != nil {
			return err
		}
		position = m.position
		for i := range m.segments {
			if err := ctx.Err(); err != nil {
				return err
			}
			b, err := openSegment(i, tx.Bucket(bucketState).Get(stateKey(m.whole, i)))
			if err != nil {
				return fmt.Errorf("state: %w", err)
			}
			if err := readChanges(b, each); err != nil {
				return err
			}
		}
		return nil
	})
	return position, err
}

// A change is table 1 | 1 when it has a value, else 0 | key and value, each
// length uvarint, bytes.
func appendChange(b []byte, c *store.Change) []byte {
	has := byte(0)
	if c.Value != nil {
		has = 1
	}
	b = append(b, c.Table, has)
	b = appendBytes(b, c.Key)
	return appendBytes(b, c.Value)
}

func readChanges(b []byte, each func(store.Change) error) (err error) {
	for len(b) > 0 {
		if len(b) < 2 {
			return fmt.Errorf("%w: a change is cut", store.ErrCorrupt)
		}
		c := store.Change{Table: b[0]}
		has := b[1] == 1
		if c.Key, b, err = readBytes(b[2:]); err != nil {
			return err
		}
		if c.Value, b, err = readBytes(b); err != nil {
			return err
		}
		if !has {
			c.Value = nil
		}
		if err := each(c); err != nil {
			return err
		}
	}
	return nil
}
