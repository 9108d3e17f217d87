package bolt

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// A base is compressed: it is written once and read rarely. Its segments come
// first, in many small transactions between those of Append; what says that it
// is there comes last.
const (
	baseSegment = 1 << 20  // of a base, before it is compressed
	maxSegment  = 64 << 20 // that is ever unpacked: one change may be large
)

// baseMeta is a store.Base as it is stored under its position.
type baseMeta struct {
	Taken    time.Time `json:"taken"`
	Software string    `json:"software,omitempty"`
	Segments uint64    `json:"segments"`
	Bytes    uint64    `json:"bytes"`
}

// PutBase implements store.Bases.
func (s *Store) PutBase(ctx context.Context, fence uint64, b store.Base, changes []store.Change) (store.Base, error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	err := s.update(func(tx *bbolt.Tx) error {
		if err := checkFence(tx, fence); err != nil {
			return err
		}
		if last := readNumber(tx.Bucket(bucketMeta).Get(metaLast)); b.Position > last {
			return fmt.Errorf("base at position %d: the journal ends at %d", b.Position, last)
		}
		if tx.Bucket(bucketBases).Get(number(b.Position)) != nil {
			return fmt.Errorf("base at position %d: %w", b.Position, store.ErrExists)
		}
		return nil
	})
	// What a PutBase that did not finish left behind.
	if err = errors.Join(err, ctx.Err()); err == nil {
		err = s.dropBaseData(b.Position)
	}
	if err != nil {
		return b, err
	}
	m := baseMeta{Taken: b.Taken.UTC(), Software: b.Software}
	for len(changes) > 0 {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		var raw []byte
		for len(changes) > 0 && len(raw) < baseSegment {
			raw, changes = appendChange(raw, &changes[0]), changes[1:]
		}
		segment, err := pack(raw)
		if err != nil {
			return b, err
		}
		if err := s.update(func(tx *bbolt.Tx) error {
			bucket := tx.Bucket(bucketBaseData)
			bucket.FillPercent = 1
			return bucket.Put(stateKey(b.Position, m.Segments), segment)
		}); err != nil {
			return b, err
		}
		m.Segments++
		m.Bytes += uint64(len(segment))
	}
	b.Taken, b.Bytes = m.Taken, m.Bytes
	value, err := json.Marshal(m)
	if err != nil {
		return b, err
	}
	return b, s.update(func(tx *bbolt.Tx) error {
		if err := checkFence(tx, fence); err != nil {
			return err
		}
		return tx.Bucket(bucketBases).Put(number(b.Position), value)
	})
}

// Bases implements store.Bases.
func (s *Store) Bases(context.Context) (all []store.Base, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketBases).ForEach(func(key, value []byte) error {
			m, err := readBase(readNumber(key), value)
			all = append(all, store.Base{Position: readNumber(key), Taken: m.Taken, Software: m.Software, Bytes: m.Bytes})
			return err
		})
	})
	return all, err
}

func readBase(position uint64, value []byte) (m baseMeta, err error) {
	if err := json.Unmarshal(value, &m); err != nil {
		return m, fmt.Errorf("%w: base at position %d: %w", store.ErrCorrupt, position, err)
	}
	return m, nil
}

// LoadBase implements store.Bases. Each segment is read in a transaction of its
// own, so that unpacking a large base keeps no page from being used again.
func (s *Store) LoadBase(ctx context.Context, position uint64, each func(store.Change) error) error {
	var m baseMeta
	err := s.view(func(tx *bbolt.Tx) (err error) {
		value := tx.Bucket(bucketBases).Get(number(position))
		if value == nil {
			return fmt.Errorf("base at position %d: %w", position, store.ErrNotFound)
		}
		m, err = readBase(position, value)
		return err
	})
	if err != nil {
		return err
	}
	for i := range m.Segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		var segment []byte
		if err := s.view(func(tx *bbolt.Tx) error {
			if tx.Bucket(bucketBases).Get(number(position)) == nil {
				return fmt.Errorf("base at position %d was dropped meanwhile: %w", position, store.ErrNotFound)
			}
			segment = bytes.Clone(tx.Bucket(bucketBaseData).Get(stateKey(position, i)))
			return nil
		}); err != nil {
			return err
		}
		raw, err := unpack(i, segment)
		if err == nil {
			err = readChanges(raw, each)
		}
		if err != nil {
			return fmt.Errorf("store: base at position %d: %w", position, err)
		}
	}
	return nil
}

// DropBase implements store.Bases.
func (s *Store) DropBase(_ context.Context, fence, position uint64) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := s.update(func(tx *bbolt.Tx) error {
		if err := checkFence(tx, fence); err != nil {
			return err
		}
		return tx.Bucket(bucketBases).Delete(number(position))
	}); err != nil {
		return err
	}
	return s.dropBaseData(position)
}

// dropBaseData removes a base's segments, some at a time.
func (s *Store) dropBaseData(position uint64) error {
	for more := true; more; {
		if err := s.update(func(tx *bbolt.Tx) error {
			c := tx.Bucket(bucketBaseData).Cursor()
			n := 0
			for key, _ := c.Seek(number(position)); key != nil && readNumber(key) == position && n < trimAtOnce; key, _ = c.Seek(number(position)) {
				if err := c.Delete(); err != nil {
					return err
				}
				n++
			}
			more = n == trimAtOnce
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// pack makes a segment whose content is compressed.
func pack(raw []byte) ([]byte, error) {
	b := bytes.NewBuffer(beginSegment(nil))
	w, err := flate.NewWriter(b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	segment := b.Bytes()
	endSegment(segment)
	return segment, nil
}

// unpack is what pack was given.
func unpack(key uint64, segment []byte) ([]byte, error) {
	packed, err := openSegment(key, segment)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxSegment+1))
	if err != nil {
		return nil, fmt.Errorf("%w: segment %d: %w", store.ErrCorrupt, key, err)
	}
	if len(raw) > maxSegment {
		return nil, fmt.Errorf("%w: segment %d holds more than %d bytes", store.ErrCorrupt, key, maxSegment)
	}
	return raw, nil
}
