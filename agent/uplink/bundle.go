package uplink

import (
	"errors"

	"go.etcd.io/bbolt"

	"demarc/internal/bundle"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

var keyExported = []byte("exported") // highest sequence that a bundle was kept of

// ErrNothing is returned by Bundle when the spool holds nothing after a sequence.
var ErrNothing = errors.New("uplink: nothing to export")

// Exported is the highest sequence that is in a bundle which was kept.
func (s *Spool) Exported() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exported
}

// Bundle is the oldest of what the spool holds after a sequence, as a sealed
// file of that many bytes at most that a bundle may have; through is its last
// sequence. hello says who is asking; its numbers are filled in. beat is how the
// agent is; nil where none runs.
func (s *Spool) Bundle(after uint64, hello *demarcv1.Hello, beat *demarcv1.Heartbeat, c *pki.Credentials) (name string, data []byte, through uint64, err error) {
	epoch, first, _ := s.state()
	from := max(first, after+1)
	records, err := s.read(from, bundle.MaxRecords, demarcv1.BundleRoom)
	if err != nil {
		return "", nil, 0, err
	}
	if len(records) == 0 {
		return "", nil, 0, ErrNothing
	}
	// What was shed meanwhile stands as a Lost that may begin before.
	first, _ = bundle.Sequences(records[0])
	through = last(records[len(records)-1])
	hello.Epoch, hello.First, hello.Last = epoch[:], first, through
	data, err = bundle.Write(&demarcv1.BundleHead{Hello: hello, Certificate: c.Certificate.Raw, Heartbeat: beat}, records, c.Seal)
	return bundle.Name(c.Identity().Agent, first, through), data, through, err
}

// Kept notes that bundles to through are in safe hands: when room is needed,
// these records go first, and nothing is lost with them.
func (s *Spool) Kept(through uint64) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if through <= s.exported || through >= s.next {
		return nil
	}
	s.exported = through
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyExported, encode(through)) })
}
