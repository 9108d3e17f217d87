// Package bolt is the collector's default store: one bbolt file, one process,
// no server to install. Open makes or opens the file; everything else is the
// contract of package store.
package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"demarc/collector/store"
)

// Buckets of the file.
var (
	bucketMeta     = []byte("meta")     // names below -> values
	bucketJournal  = []byte("journal")  // first position -> segment
	bucketCursors  = []byte("cursors")  // epoch, agent -> cursor
	bucketDigests  = []byte("digests")  // agent, epoch, first sequence -> block of digests
	bucketState    = []byte("state")    // whole, number -> segment of changes
	bucketBases    = []byte("bases")    // position -> JSON, once all of it is there
	bucketBaseData = []byte("basedata") // position, number -> segment of changes, compressed
	bucketAgents   = []byte("agents")   // name -> JSON
	bucketTokens   = []byte("tokens")   // name -> JSON
	bucketUsers    = []byte("users")    // name -> JSON
	bucketAPI      = []byte("api")      // name of an API token -> JSON
	bucketPolicies = []byte("policies") // version -> JSON
	bucketAudit    = []byte("audit")    // sequence -> JSON
	bucketSlices   = []byte("slices")   // SHA-256 -> JSON
	bucketFrames   = []byte("frames")   // SHA-256 -> bytes

	bucketDeliveries = []byte("deliveries") // name of a destination -> JSON

	metaFormat = []byte("format")
	metaLast   = []byte("last")  // position of the newest record
	metaFence  = []byte("fence") // highest lease given
	metaState  = []byte("state") // what of bucketState counts
)

// format is the version of the file's layout. A file with another one is
// refused, not guessed at.
const format = 1

// Options for Open; zero values are usable.
type Options struct {
	// LockTimeout is how long to wait for a file that another process holds:
	// half a second if zero.
	LockTimeout time.Duration
	// NoSync skips the write barrier. For tests that do not crash the machine.
	NoSync bool
	// Clock dates records and audit entries; nil is the machine's.
	Clock func() time.Time
}

// Store is a store.Store in a bbolt file.
type Store struct {
	db    *bbolt.DB
	path  string
	clock func() time.Time

	saving sync.Mutex // one Save at a time

	appending sync.Mutex
	cursors   map[string]*store.Cursor // as committed, by cursorKey; guarded by appending
}

var _ store.Store = (*Store)(nil)

// Open opens the file at path, or makes it (mode 0600). ErrLocked when another
// process has it, ErrFormat when it is something else.
func Open(path string, o Options) (*Store, error) {
	if o.LockTimeout == 0 {
		o.LockTimeout = 500 * time.Millisecond
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: o.LockTimeout, NoSync: o.NoSync, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{db: db, path: path, clock: o.Clock, cursors: map[string]*store.Cursor{}}
	if err := s.prepare(); err != nil {
		_ = db.Close() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("store: %s: %w: stop that one, or give this one another data directory", path, store.ErrLocked)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return fmt.Errorf("store: %s: %w (%w): restore a backup, or move the file away to begin anew", path, store.ErrFormat, err)
	default:
		return fmt.Errorf("store: open %s: %w", path, err)
	}
}

// prepare makes what is missing and checks the format.
func (s *Store) prepare() error {
	return s.update(func(tx *bbolt.Tx) error {
		if meta := tx.Bucket(bucketMeta); meta != nil {
			v := meta.Get(metaFormat)
			if len(v) != 8 || binary.BigEndian.Uint64(v) != format {
				return fmt.Errorf("%w: %s has layout %x, this version reads %d", store.ErrFormat, s.path, v, format)
			}
		} else if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("%w: %s belongs to another program (it has a bucket %q)", store.ErrFormat, s.path, name)
		}
		for _, name := range [][]byte{bucketMeta, bucketJournal, bucketCursors, bucketDigests, bucketState, bucketBases, bucketBaseData, bucketAgents, bucketTokens, bucketUsers, bucketAPI, bucketPolicies, bucketAudit, bucketSlices, bucketFrames, bucketDeliveries} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(metaFormat, number(format))
	})
}

// Close implements store.Store.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store: close %s: %w", s.path, err)
	}
	return nil
}

// Backup implements store.Store.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller's choice
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	err = s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path) // half a copy is none
		return fmt.Errorf("store: backup to %s: %w", path, err)
	}
	return nil
}

func (s *Store) update(f func(*bbolt.Tx) error) error { return told(s.db.Update(f)) }
func (s *Store) view(f func(*bbolt.Tx) error) error   { return told(s.db.View(f)) }

func told(err error) error {
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// number is the key and value form of a number: keys ascend with it.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func readNumber(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
