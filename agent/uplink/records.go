package uplink

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// A record on disk is a marshalled ReportRequest holding a Batch or a Lost:
// the bytes that go to the collector, and never change.

func batchRecord(epoch [16]byte, seq uint64, body []byte) []byte {
	return mustMarshal(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Batch{
		Batch: &demarcv1.Batch{Sequence: seq, Digest: batchDigest(epoch, seq, body), Body: body},
	}})
}

func mustMarshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil { // only invalid UTF-8 in a string field can: there is none
		panic(err)
	}
	return b
}

// putLost writes a Lost in the place of from..to, keyed by from.
func (s *Spool) putLost(tx *bbolt.Tx, from, to uint64, l *demarcv1.Lost) error {
	l.From, l.To, l.Digest = from, to, lostDigest(s.epoch, from, to, l.Reason)
	v := mustMarshal(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Lost{Lost: l}})
	s.held += int64(len(v))
	return tx.Bucket(bucketRecords).Put(encode(from), v)
}

// shed makes room until a tenth is free again: what is in bundles goes, and the
// oldest records behind it become one Lost. A Lost at the front grows.
// The caller holds disk.
func (s *Spool) shed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Update(func(tx *bbolt.Tx) error {
		lost := &demarcv1.Lost{Reason: "spool-full", Last: timestamppb.Now()}
		var from, to uint64
		c := tx.Bucket(bucketRecords).Cursor()
		for k, v := c.First(); k != nil && s.held > s.max-s.max/10; k, v = c.Next() {
			var r demarcv1.ReportRequest
			if err := proto.Unmarshal(v, &r); err != nil {
				return err
			}
			s.held -= int64(len(v))
			if end := last(&r); end <= s.exported {
				s.first = end + 1
			} else {
				if from == 0 {
					from = number(k)
				}
				to = end
				if l := r.GetLost(); l != nil {
					lost.First = l.First
					lost.Bytes += l.Bytes
				} else {
					lost.Bytes += uint64(len(r.GetBatch().GetBody()))
				}
			}
			if err := c.Delete(); err != nil {
				return err
			}
		}
		if from == 0 {
			return nil
		}
		return s.putLost(tx, from, to, lost)
	})
}

// state is what Hello says of the spool.
func (s *Spool) state() (epoch [16]byte, first, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, s.first, s.next - 1
}

// Held is the number of records, and their bytes, that the collector has not
// acknowledged.
func (s *Spool) Held() (records uint64, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next - s.first, s.held
}

// MaxBytes is the most that is kept.
func (s *Spool) MaxBytes() int64 { return s.max }

// Idle reports whether everything emitted is on disk and acknowledged.
func (s *Spool) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsaved == 0 && s.first == s.next
}

// read returns up to n records from sequence from on.
func (s *Spool) read(from uint64, n int, size int) (out []*demarcv1.ReportRequest, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketRecords).Cursor()
		for k, v := c.Seek(encode(from)); k != nil && len(out) < n && size > 0; k, v = c.Next() {
			r := &demarcv1.ReportRequest{}
			if err := proto.Unmarshal(v, r); err != nil {
				return fmt.Errorf("record %d: %w", number(k), err)
			}
			out = append(out, r)
			size -= len(v)
		}
		return nil
	})
	return out, err
}

// acknowledge lets go of everything to through; of a Lost that reaches farther
// the rest stays.
func (s *Spool) acknowledge(through uint64) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if through < s.first || s.first == s.next {
		return nil
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketRecords).Cursor()
		for k, v := c.First(); k != nil && number(k) <= through; k, v = c.Next() {
			var r demarcv1.ReportRequest
			if err := proto.Unmarshal(v, &r); err != nil {
				return err
			}
			s.held -= int64(len(v))
			if err := c.Delete(); err != nil {
				return err
			}
			if l := r.GetLost(); l != nil && l.To > through {
				return s.putLost(tx, through+1, l.To, l)
			}
		}
		return nil
	})
	s.first = min(through+1, s.next)
	return err
}

// trimLost takes what the collector has, to through, out of Lost records that
// came in the place of batches which were on their way to it.
func (s *Spool) trimLost(through uint64) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Update(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketRecords).Cursor()
		for k, v := c.First(); k != nil && number(k) <= through; k, v = c.Next() {
			var r demarcv1.ReportRequest
			if err := proto.Unmarshal(v, &r); err != nil {
				return err
			}
			l := r.GetLost()
			if l == nil {
				continue
			}
			s.held -= int64(len(v))
			s.first = through + 1 // a Lost stands at the front
			if err := c.Delete(); err != nil {
				return err
			}
			if l.To > through {
				return s.putLost(tx, through+1, l.To, l)
			}
		}
		return nil
	})
}

// fill puts a Lost in the place of what the collector had acknowledged and has
// no more: everything behind through that is not held.
func (s *Spool) fill(through uint64) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if through+1 >= s.first {
		return nil
	}
	from := through + 1
	err := s.db.Update(func(tx *bbolt.Tx) error {
		return s.putLost(tx, from, s.first-1, &demarcv1.Lost{Reason: "collector-restored", Last: timestamppb.Now()})
	})
	if err == nil {
		s.first = from
	}
	return err
}

// giveUp puts a Lost in the place of one batch that the collector cannot read.
func (s *Spool) giveUp(seq uint64) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Update(func(tx *bbolt.Tx) error {
		v := tx.Bucket(bucketRecords).Get(encode(seq))
		var r demarcv1.ReportRequest
		if v == nil || proto.Unmarshal(v, &r) != nil || r.GetBatch() == nil {
			return nil
		}
		s.held -= int64(len(v))
		return s.putLost(tx, seq, seq, &demarcv1.Lost{Reason: "refused", Last: timestamppb.Now(), Bytes: uint64(len(r.GetBatch().GetBody()))})
	})
}

// restart begins a new epoch and gives what is still held new numbers: another
// agent has used this epoch.
func (s *Spool) restart() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Update(func(tx *bbolt.Tx) error {
		var held []*demarcv1.ReportRequest
		err := tx.Bucket(bucketRecords).ForEach(func(_, v []byte) error {
			r := &demarcv1.ReportRequest{}
			held = append(held, r)
			return proto.Unmarshal(v, r)
		})
		if err != nil {
			return err
		}
		if err := errors.Join(tx.DeleteBucket(bucketRecords), s.newEpoch(tx.Bucket(bucketMeta))); err != nil {
			return err
		}
		records, err := tx.CreateBucket(bucketRecords)
		if err != nil {
			return err
		}
		s.held = 0
		for _, r := range held {
			if l := r.GetLost(); l != nil {
				err = s.putLost(tx, s.next, s.next+l.To-l.From, l)
				s.next += l.To - l.From + 1
			} else {
				v := batchRecord(s.epoch, s.next, r.GetBatch().GetBody())
				s.held += int64(len(v))
				err = records.Put(encode(s.next), v)
				s.next++
			}
			if err != nil {
				return err
			}
		}
		s.first = 1
		return tx.Bucket(bucketMeta).Put(keyNext, encode(s.next))
	})
}
