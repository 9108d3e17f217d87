package capture

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Positioner is what sources from files can do besides: tell how far they are.
// It may be called while another goroutine reads.
type Positioner interface {
	// Position is the bytes of the file read so far, of total; total is 0
	// when nobody knows, as on a pipe.
	Position() (done, total int64)
}

// file is what the readers of both formats share.
type file struct {
	path   string
	in     buffer
	raw    *counter
	total  int64
	closer io.Closer
	ifaces []Interface
	stats  Stats
	err    error // how it ended, sticky
}

// counter counts the bytes read from the file itself.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// Interfaces lists the interfaces that the file has described so far.
func (s *file) Interfaces() []Interface { return s.ifaces }

// Stats counts the packets read so far. Drops are those that the file itself
// tells of.
func (s *file) Stats() Stats { return s.stats }

// Position tells how many bytes of the file have been read.
func (s *file) Position() (done, total int64) { return s.raw.n.Load(), s.total }

// Close closes the file.
func (s *file) Close() error { return s.closer.Close() }

// corrupt ends the file at the record that stands next.
func (s *file) corrupt(format string, args ...any) error {
	s.err = &CorruptError{Path: s.path, Offset: s.in.offset(), Packet: s.stats.Packets + 1, Reason: fmt.Sprintf(format, args...)}
	return s.err
}

// end is what the reader ran into when it wanted a record of want bytes.
func (s *file) end(err error, want, have int) error {
	return s.endAt(err, s.in.offset(), int64(want), int64(have))
}

func (s *file) endAt(err error, at, want, have int64) error {
	var deflate flate.CorruptInputError
	switch {
	case errors.Is(err, io.EOF) && have == 0:
		s.err = io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		s.err = &TruncatedError{Path: s.path, Offset: at, Packet: s.stats.Packets + 1, Want: want, Have: have}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &deflate):
		s.err = &CorruptError{Path: s.path, Offset: at, Packet: s.stats.Packets + 1, Reason: "the compressed data is damaged"}
	default:
		s.err = fmt.Errorf("%s: reading at byte %d: %w", s.path, at, err)
	}
	return s.err
}
