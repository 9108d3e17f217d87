// Package uplink is the agent's last stage: what was seen goes to a spool file
// first and from there to the collector, numbered, so that it arrives once
// through crashes of either side. What cannot be kept leaves a Lost record in
// its place.
package uplink

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// Options of a spool. Zero values take the defaults.
type Options struct {
	MaxBytes int64 // of batches kept while the collector cannot be reached; default 1 GiB
}

const (
	defaultMaxBytes = 1 << 30
	maxPending      = 16 << 20 // bytes in memory before Emit waits for the disk
	lockWait        = time.Second
)

var (
	bucketMeta     = []byte("meta")
	bucketRecords  = []byte("records")  // sequence (8 bytes) -> record
	bucketCaptures = []byte("captures") // capture key -> bodies spooled of it

	keyEpoch   = []byte("epoch")
	keyNext    = []byte("next")    // next sequence
	keyRunning = []byte("running") // since when a live capture spools here
)

// Spool keeps numbered batches on disk until the collector has them. It is
// safe for concurrent use, and a sighting.Sink.
type Spool struct {
	db  *bbolt.DB
	max int64

	disk sync.Mutex // held by whoever writes to db; taken before mu

	mu      sync.Mutex
	drained *sync.Cond
	pending []entry
	bytes   int // of pending
	unsaved int // bodies that are not on disk yet
	closed  bool
	failed  error

	first, next uint64 // sequences held: first..next-1
	exported    uint64 // those to this one are in bundles, too
	held        int64  // bytes of records on disk
	epoch       [16]byte

	wake chan struct{} // writer: something is pending
	news chan struct{} // client: something was committed
	done chan struct{}
}

// entry is one body on its way to disk.
type entry struct {
	body  []byte
	feed  string // capture that it comes from, "" for none
	index uint64 // bodies of that capture so far, this one included
}

// ErrInUse is returned by Open while another agent has the spool.
var ErrInUse = errors.New("uplink: the spool is in use by another demarc-agent")

// Open opens the spool at path, or makes it with a new epoch.
func Open(path string, o Options) (*Spool, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("uplink: spool: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: %s: stop it, or give this one its own state directory", ErrInUse, path)
	}
	if err != nil {
		return nil, fmt.Errorf("uplink: spool %s: %w", path, err)
	}
	s := &Spool{db: db, max: o.MaxBytes, wake: make(chan struct{}, 1), news: make(chan struct{}, 1), done: make(chan struct{})}
	if s.max == 0 {
		s.max = defaultMaxBytes
	}
	s.drained = sync.NewCond(&s.mu)
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("uplink: spool %s: %w", path, err), db.Close())
	}
	go s.write()
	return s, nil
}

// load reads the positions, and leaves a Lost where a crash may have taken
// what was in memory.
func (s *Spool) load() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketRecords, bucketCaptures} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta, records := tx.Bucket(bucketMeta), tx.Bucket(bucketRecords)
		s.next = 1
		if e := meta.Get(keyEpoch); len(e) == 16 {
			copy(s.epoch[:], e)
			s.next = number(meta.Get(keyNext))
			s.exported = number(meta.Get(keyExported))
		} else if err := s.newEpoch(meta); err != nil {
			return err
		}
		s.first = s.next
		c := records.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			s.first = min(s.first, number(k))
			s.held += int64(len(v))
		}
		if started := meta.Get(keyRunning); started != nil {
			lost := &demarcv1.Lost{Reason: "agent-crash", First: parseTime(started), Last: timestamppb.Now()}
			if err := s.putLost(tx, s.next, s.next, lost); err != nil {
				return err
			}
			s.next++
			return errors.Join(meta.Put(keyNext, encode(s.next)), meta.Delete(keyRunning))
		}
		return nil
	})
}

// Live says that what is emitted from now on cannot be read again: should this
// process be killed, what was in its memory is told as lost.
func (s *Spool) Live() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keyRunning, encode(uint64(time.Now().UnixNano()))) // after 1970
	})
}

func (s *Spool) newEpoch(meta *bbolt.Bucket) error {
	if _, err := rand.Read(s.epoch[:]); err != nil {
		return err
	}
	s.next, s.exported = 1, 0
	return errors.Join(meta.Put(keyEpoch, s.epoch[:]), meta.Put(keyNext, encode(s.next)), meta.Delete(keyExported))
}

// Emit implements sighting.Sink: the body is on disk within 100 ms.
func (s *Spool) Emit(b *demarcv1.Body, _ bool) error { return s.emit(b, "", 0) }

func (s *Spool) emit(b *demarcv1.Body, feed string, index uint64) error {
	parts, err := split(b)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bytes > maxPending && s.failed == nil && !s.closed {
		s.drained.Wait()
	}
	if s.failed != nil {
		return s.failed
	}
	if s.closed {
		return errors.New("uplink: spool is closed")
	}
	for i, p := range parts {
		e := entry{body: p, feed: feed}
		if i == len(parts)-1 {
			e.index = index
		}
		s.pending = append(s.pending, e)
		s.bytes += len(p)
		s.unsaved++
	}
	signal(s.wake)
	return nil
}

// split marshals a body into parts that a batch may hold.
func split(b *demarcv1.Body) ([][]byte, error) {
	raw, err := proto.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("uplink: body: %w", err)
	}
	n := len(b.Endpoints) + len(b.Facts) + len(b.Connections) + len(b.Moves) + len(b.Losses) + len(b.Probes)
	if len(raw) <= demarcv1.MaxBody && n <= demarcv1.MaxItems {
		return [][]byte{raw}, nil
	}
	if n <= 1 {
		return nil, fmt.Errorf("uplink: one sighting of %d bytes is more than a batch holds", len(raw))
	}
	var out [][]byte
	a, z := halves(b)
	for _, h := range []*demarcv1.Body{a, z} {
		p, err := split(h)
		if err != nil {
			return nil, err
		}
		out = append(out, p...)
	}
	return out, nil
}

// halves keeps the order in which a collector must take them: endpoints and
// facts before connections, moves after the connections that they move.
func halves(b *demarcv1.Body) (a, z *demarcv1.Body) {
	e, f, c := len(b.Endpoints), len(b.Facts), len(b.Connections)
	switch {
	case len(b.Probes) > 0 && e+f+c+len(b.Moves)+len(b.Losses) > 0:
		return &demarcv1.Body{Probes: b.Probes}, &demarcv1.Body{Endpoints: b.Endpoints, Facts: b.Facts, Connections: b.Connections, Moves: b.Moves, Losses: b.Losses}
	case len(b.Probes) > 0:
		half := len(b.Probes) / 2
		return &demarcv1.Body{Probes: b.Probes[:half]}, &demarcv1.Body{Probes: b.Probes[half:]}
	case e+f > 0 && c+len(b.Moves)+len(b.Losses) > 0:
		return &demarcv1.Body{Endpoints: b.Endpoints, Facts: b.Facts}, &demarcv1.Body{Connections: b.Connections, Moves: b.Moves, Losses: b.Losses}
	case e+f > 0:
		return &demarcv1.Body{Endpoints: b.Endpoints[:e/2], Facts: b.Facts[:f/2]}, &demarcv1.Body{Endpoints: b.Endpoints[e/2:], Facts: b.Facts[f/2:]}
	case len(b.Moves)+len(b.Losses) > 0 && c > 0:
		return &demarcv1.Body{Moves: b.Moves, Losses: b.Losses}, &demarcv1.Body{Connections: b.Connections}
	case c > 0:
		return &demarcv1.Body{Connections: b.Connections[:c/2]}, &demarcv1.Body{Connections: b.Connections[c/2:]}
	}
	m, l := len(b.Moves), len(b.Losses)
	return &demarcv1.Body{Moves: b.Moves[:(m+1)/2], Losses: b.Losses[:l/2]}, &demarcv1.Body{Moves: b.Moves[(m+1)/2:], Losses: b.Losses[l/2:]}
}

// write brings pending bodies to disk, all that wait in one transaction.
func (s *Spool) write() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		batch, closed := s.pending, s.closed
		s.pending = nil
		s.mu.Unlock()
		if len(batch) > 0 {
			err := s.commit(batch)
			s.mu.Lock()
			s.bytes, s.unsaved = 0, len(s.pending)
			for _, e := range s.pending {
				s.bytes += len(e.body)
			}
			if err != nil {
				s.failed = fmt.Errorf("uplink: spool: %w; free disk space and start the agent again", err)
			}
			s.drained.Broadcast()
			s.mu.Unlock()
			signal(s.news)
		}
		if closed {
			return
		}
	}
}

func (s *Spool) commit(batch []entry) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	next, epoch := s.next, s.epoch
	s.mu.Unlock()
	var added int64
	err := s.db.Update(func(tx *bbolt.Tx) error {
		records := tx.Bucket(bucketRecords)
		records.FillPercent = 1
		for i := range batch {
			v := batchRecord(epoch, next, batch[i].body)
			if err := records.Put(encode(next), v); err != nil {
				return err
			}
			added += int64(len(v))
			next++
			if batch[i].index > 0 {
				if err := tx.Bucket(bucketCaptures).Put([]byte(batch[i].feed), encode(batch[i].index)); err != nil {
					return err
				}
			}
		}
		return tx.Bucket(bucketMeta).Put(keyNext, encode(next))
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.next = next
	s.held += added
	over := s.held > s.max
	s.mu.Unlock()
	if over {
		return s.shed()
	}
	return nil
}

// Close writes what is pending and marks a clean end.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	failed := s.failed
	s.mu.Unlock()
	signal(s.wake)
	<-s.done
	err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyRunning) })
	return errors.Join(failed, err, s.db.Close())
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func encode(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func parseTime(b []byte) *timestamppb.Timestamp {
	return timestamppb.New(time.Unix(0, int64(number(b)))) // written by load
}

// batchDigest is SHA-256 over epoch, sequence and body (uplink.proto, Batch.digest).
func batchDigest(epoch [16]byte, seq uint64, body []byte) []byte {
	h := sha256.New()
	h.Write(epoch[:])
	h.Write(encode(seq))
	h.Write(body)
	return h.Sum(nil)
}

// lostDigest is SHA-256 over epoch, from, to and reason (Lost.digest).
func lostDigest(epoch [16]byte, from, to uint64, reason string) []byte {
	h := sha256.New()
	h.Write(epoch[:])
	h.Write(encode(from))
	h.Write(encode(to))
	h.Write([]byte(reason))
	return h.Sum(nil)
}
