package capture

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open opens a capture file, pcap or pcapng, plain or packed with gzip; "-" is
// standard input. The format is told by the first bytes, never by the name.
// The source is also a Positioner.
func Open(path string) (Source, error) {
	if path == "-" {
		return openStream(os.Stdin, "standard input")
	}
	f, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, explain(path, err)
	}
	s, err := openStream(f, path)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

// explain says what to do about a file that does not open.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such file: check the path: %w", path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: no permission to read it: %w", path, fs.ErrPermission)
	}
	return fmt.Errorf("%s: does not open: %w", path, err)
}

func openStream(f *os.File, path string) (Source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, explain(path, err)
	}
	total := int64(0)
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, fmt.Errorf("%s: is a directory: name the capture files in it", path)
	case mode.IsRegular():
		total = info.Size()
	case f == os.Stdin && mode&fs.ModeCharDevice != 0:
		return nil, fmt.Errorf("%s: is a terminal: pipe a capture into it, or name a file", path)
	}
	return open(f, f, path, total)
}

// open tells the format of a stream by its first bytes.
func open(r io.Reader, c io.Closer, path string, total int64) (Source, error) {
	raw := &counter{r: r}
	base := file{path: path, raw: raw, total: total, closer: c, in: newBuffer(raw)}
	head, err := base.in.ahead(2)
	if err == nil && head[0] == 0x1f && head[1] == 0x8b {
		packed := base.in
		z, err := gzip.NewReader(&drain{&packed})
		if err != nil {
			return nil, fmt.Errorf("%s: starts like a gzip file and is none: %w", path, err)
		}
		base.in = newBuffer(z)
	}
	return recognise(base)
}

// drain reads what a buffer holds and then what it reads.
type drain struct{ b *buffer }

func (d *drain) Read(p []byte) (int, error) {
	if d.b.hi == d.b.lo {
		return d.b.r.Read(p)
	}
	n := copy(p, d.b.b[d.b.lo:d.b.hi])
	d.b.lo += n
	return n, nil
}

func recognise(base file) (Source, error) {
	head, err := base.in.ahead(12)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%s: does not read: %w", base.path, err)
	case len(head) == 0:
		return nil, fmt.Errorf("%s: is empty: give a pcap or pcapng file with packets", base.path)
	case isPcapng(head):
		return newPcapng(base), nil
	}
	if swap, ok := isPcap(head); ok {
		return newPcap(base, swap)
	}
	more, _ := base.in.ahead(512) // what there is
	return nil, fmt.Errorf("%s: is not a capture: it %s; give a pcap or pcapng file", base.path, lookOf(more))
}
