package uplink

import (
	"bytes"

	"go.etcd.io/bbolt"

	demarcv1 "demarc/proto/demarc/v1"
)

// Feed spools the sightings of one capture file. Reading the same bytes gives
// the same bodies in the same order, so an interrupted feed is resumed by
// reading again and leaving out those that are spooled.
type Feed struct {
	spool *Spool
	key   string
	have  uint64 // spooled before
	seen  uint64
}

// complete marks a capture that was fed to its end.
const complete = 1 << 63

// Feed begins or resumes the capture of this key (its SHA-256, site, segment
// and program version). done: it was fed to its end before.
func (s *Spool) Feed(key string) (f *Feed, done bool, err error) {
	f = &Feed{spool: s, key: key}
	err = s.db.View(func(tx *bbolt.Tx) error {
		f.have = number(tx.Bucket(bucketCaptures).Get([]byte(key)))
		return nil
	})
	return f, f.have == complete, err
}

// Fed reports whether a capture was fed to its end, by whichever version of the
// program: keys begin with capture and a space.
func (s *Spool) Fed(capture string) (fed bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		prefix := []byte(capture + " ")
		c := tx.Bucket(bucketCaptures).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && !fed; k, v = c.Next() {
			fed = number(v) == complete
		}
		return nil
	})
	return fed, err
}

// Resumed is the number of bodies that were spooled before.
func (f *Feed) Resumed() uint64 { return f.have }

// Emit implements sighting.Sink.
func (f *Feed) Emit(b *demarcv1.Body, _ bool) error {
	f.seen++
	if f.seen <= f.have {
		return nil
	}
	return f.spool.emit(b, f.key, f.seen)
}

// End marks the capture as fed, behind its last body.
func (f *Feed) End() error { return f.spool.emit(&demarcv1.Body{}, f.key, complete) }
