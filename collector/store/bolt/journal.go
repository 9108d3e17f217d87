package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// Append implements store.Journal.
func (s *Store) Append(ctx context.Context, records []store.Record) ([]store.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Held until the cursors in memory are those on disk: the next append
	// begins from them.
	s.appending.Lock()
	defer s.appending.Unlock()
	var answers []store.Answer
	var moved map[string]*store.Cursor
	err := s.update(func(tx *bbolt.Tx) error {
		a := appender{store: s, tx: tx, now: s.clock().UTC()}
		if err := a.all(records); err != nil {
			return err
		}
		answers, moved = a.answers, a.moved
		return nil
	})
	if err != nil {
		return nil, err
	}
	for key, c := range moved {
		if c == nil {
			delete(s.cursors, key)
		} else {
			s.cursors[key] = c
		}
	}
	return answers, nil
}

// appender writes the records of one transaction.
type appender struct {
	store   *Store
	tx      *bbolt.Tx
	now     time.Time
	next    uint64 // position of the next record
	first   uint64 // position of the segment's first record
	segment []byte
	moved   map[string]*store.Cursor
	refused map[*store.Cursor]store.Outcome
	answers []store.Answer
}

func (a *appender) all(records []store.Record) error {
	meta := a.tx.Bucket(bucketMeta)
	a.next = readNumber(meta.Get(metaLast)) + 1
	a.answers = make([]store.Answer, 0, len(records))
	a.moved, a.refused = map[string]*store.Cursor{}, map[*store.Cursor]store.Outcome{}
	for _, r := range records {
		if err := a.one(&r); err != nil {
			return err
		}
	}
	if err := a.flush(); err != nil {
		return err
	}
	for key, c := range a.moved {
		if c == nil || c.Through == 0 {
			continue // forgotten, or none of it was taken
		}
		if err := a.tx.Bucket(bucketCursors).Put([]byte(key), c.AppendTo(nil)); err != nil {
			return err
		}
		if err := putDigests(a.tx, key, c.Blocks(), a.now); err != nil {
			return err
		}
	}
	return meta.Put(metaLast, number(a.next-1))
}

func (a *appender) one(r *store.Record) error {
	answer := store.Answer{}
	if r.Kind.FromAgent() {
		c, err := a.cursor(r)
		if err != nil {
			return err
		}
		fresh, next := c.Through == 0, c.Through+1
		answer.Outcome = a.refused[c]
		if answer.Outcome == store.Taken {
			answer.Outcome = c.Take(r.Kind == store.KindLost, r.From, r.Sequence, r.Digest, func(sequence uint64) ([16]byte, bool) {
				return oldDigest(a.tx, cursorKey(r.Agent, r.Epoch), sequence)
			})
		}
		if answer.Outcome == store.Forked || answer.Outcome == store.Gap {
			a.refused[c] = answer.Outcome
		}
		r.From = max(r.From, next) // of a Lost, what was not committed before
		if fresh && answer.Outcome == store.Taken {
			if err := a.forgetEpochs(r.Agent); err != nil {
				return err
			}
		}
		answer.Through = c.Through
		if answer.Outcome == store.Taken {
			c.Used = a.now
		}
	}
	if answer.Outcome == store.Taken {
		answer.Position = a.next
		if err := a.write(*r); err != nil {
			return err
		}
		for _, act := range r.Acts {
			if err := a.store.audit(a.tx, act); err != nil {
				return err
			}
		}
	}
	a.answers = append(a.answers, answer)
	return nil
}

func (a *appender) cursor(r *store.Record) (*store.Cursor, error) {
	key := cursorKey(r.Agent, r.Epoch)
	if c := a.moved[key]; c != nil {
		return c, nil
	}
	known := a.store.cursors[key]
	if known == nil {
		var err error
		if known, err = readCursor(a.tx, key); err != nil {
			return nil, err
		}
	}
	c := known.Clone()
	c.Site = r.Site
	a.moved[key] = &c
	return &c, nil
}

// forgetEpochs makes room for one more epoch of an agent: the one that was
// used longest ago goes when store.MaxEpochs are kept.
func (a *appender) forgetEpochs(agent string) error {
	prefix := []byte(agent + "\x00")
	var oldest []byte
	var used time.Time
	n := 0
	c := a.tx.Bucket(bucketCursors).Cursor()
	for key, value := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, value = c.Next() {
		known, err := store.ReadCursor(value)
		if err != nil {
			return err
		}
		if n++; oldest == nil || known.Used.Before(used) {
			oldest, used = bytes.Clone(key), known.Used
		}
	}
	if n < store.MaxEpochs {
		return nil
	}
	a.moved[string(oldest)] = nil
	if err := a.tx.Bucket(bucketCursors).Delete(oldest); err != nil {
		return err
	}
	return dropDigests(a.tx, string(oldest))
}

func (a *appender) write(r store.Record) error {
	if len(a.segment) > segmentFull {
		if err := a.flush(); err != nil {
			return err
		}
	}
	if len(a.segment) == 0 {
		// bbolt keeps the slice until commit: each segment has its own.
		a.segment, a.first = beginSegment(make([]byte, 0, segmentHead+r.Size())), a.next
	}
	if r.Recorded.IsZero() {
		r.Recorded = a.now
	}
	a.segment = appendRecord(a.segment, &r)
	a.next++
	return nil
}

func (a *appender) flush() error {
	if len(a.segment) == 0 {
		return nil
	}
	endSegment(a.segment)
	b := a.tx.Bucket(bucketJournal)
	b.FillPercent = 1 // keys ascend: pages are never split in the middle
	err := b.Put(number(a.first), a.segment)
	a.segment = nil
	return err
}

// Journal implements store.Journal.
func (s *Store) Journal(ctx context.Context, after uint64, limit int) (records []store.Record, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketJournal).Cursor()
		for key, value := seek(c, after+1); key != nil; key, value = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			more, err := readSegment(readNumber(key), value, after, &limit, &records)
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// seek finds the segment that holds a position, or else the first one past it;
// nil when there is none. A segment is kept under its first position.
func seek(c *bbolt.Cursor, position uint64) (key, value []byte) {
	key, value = c.Seek(number(position))
	switch {
	case key == nil:
		return c.Last()
	case readNumber(key) > position:
		if key, value = c.Prev(); key == nil {
			return c.First()
		}
	}
	return key, value
}

// readSegment adds a segment's records past after until limit is used up.
func readSegment(position uint64, b []byte, after uint64, limit *int, to *[]store.Record) (more bool, err error) {
	b, err = openSegment(position, b)
	if err != nil {
		return false, err
	}
	for ; len(b) > 0; position++ {
		if *limit <= 0 && len(*to) > 0 {
			return false, nil
		}
		var r store.Record
		if b, err = readRecord(b, &r, position > after); err != nil {
			return false, fmt.Errorf("record %d: %w", position, err)
		}
		if position <= after {
			continue
		}
		r.Position = position
		*limit -= r.Size()
		*to = append(*to, r)
	}
	return true, nil
}

// Last implements store.Journal.
func (s *Store) Last(context.Context) (last uint64, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		last = readNumber(tx.Bucket(bucketMeta).Get(metaLast))
		return nil
	})
	return last, err
}

func cursorKey(agent string, epoch store.Epoch) string { return agent + "\x00" + string(epoch[:]) }

// Cursor implements store.Journal.
func (s *Store) Cursor(_ context.Context, agent string, epoch store.Epoch) (c store.Cursor, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		known, err := readCursor(tx, cursorKey(agent, epoch))
		if err == nil {
			c = *known
		}
		return err
	})
	return c, err
}

func readCursor(tx *bbolt.Tx, key string) (*store.Cursor, error) {
	value := tx.Bucket(bucketCursors).Get([]byte(key))
	if value == nil {
		return &store.Cursor{}, nil
	}
	c, err := store.ReadCursor(value)
	return &c, err
}
