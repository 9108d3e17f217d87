package export

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strings"
)

// errNone is wrapped by what is said of a file that is no package at all.
var errNone = errors.New("no inspection package")

// Parts of a zip file (PKWARE APPNOTE 4.3).
const (
	endSize      = 22
	endSignature = 0x06054b50
	maxDirectory = 8 << 20 // bytes: enough for maxFiles
)

// fileName is what files of a package are called: nothing that leads out of the
// folder where somebody unpacks it.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,120}(/[A-Za-z0-9][A-Za-z0-9._-]{0,120})?$`)

// archive is a package whose container was looked through.
type archive struct {
	files map[string]*zip.File
	order []*zip.File
}

// open reads the directory of a zip file of the form that packer writes, within
// bounds.
func open(r io.ReaderAt, size int64) (*archive, error) {
	if err := checkEnd(r, size); err != nil {
		return nil, fmt.Errorf("%w: %w", errNone, err)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNone, err)
	}
	if len(z.File) > maxFiles+2 {
		return nil, fmt.Errorf("%w: it holds %d files, at most %d are read", errNone, len(z.File), maxFiles)
	}
	a := &archive{files: map[string]*zip.File{}, order: z.File}
	seen := map[string]bool{} // without case, as some systems unpack it
	for _, f := range z.File {
		folded := strings.ToLower(f.Name)
		switch {
		case !fileName.MatchString(f.Name) || strings.Contains(f.Name, ".."):
			return nil, fmt.Errorf("%w: a file in it is called %q", errNone, cut(f.Name))
		case seen[folded]:
			return nil, fmt.Errorf("%w: %s is there twice", errNone, f.Name)
		case f.Method != zip.Deflate || f.Flags != dataDescriptor:
			return nil, fmt.Errorf("%w: %s is packed otherwise than in a package", errNone, f.Name)
		}
		seen[folded] = true
		a.files[f.Name] = f
	}
	return a, nil
}

// dataDescriptor says that sizes stand behind a file's bytes, as packer has it
// that does not know them before.
const dataDescriptor = 0x8

// checkEnd looks at the end of the file before anything is read by what it
// says: how many files, and how much there is to read of them.
func checkEnd(r io.ReaderAt, size int64) error {
	if size > maxPackage {
		return fmt.Errorf("it has %d bytes, at most %d are read", size, int64(maxPackage))
	}
	if size < endSize {
		return errors.New("it is too short for a zip file")
	}
	var end [endSize]byte
	if _, err := r.ReadAt(end[:], size-endSize); err != nil {
		return err
	}
	files, length, at := int(binary.LittleEndian.Uint16(end[10:])), int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	switch {
	case binary.LittleEndian.Uint32(end[:]) != endSignature:
		return errors.New("a zip file ends otherwise: it was cut off, or something was put behind it")
	case files > maxFiles+2 || length > maxDirectory:
		return fmt.Errorf("it lists %d files in %d bytes, at most %d in %d are read", files, length, maxFiles, maxDirectory)
	case at+length+endSize != size:
		return errors.New("its directory is not where it says")
	}
	return nil
}

// unpack writes a file of at most most bytes to w. What stands behind the end
// of the packed bytes, where no program would see it, is an error as well.
func unpack(f *zip.File, w io.Writer, most int64) (int64, error) {
	raw, err := f.OpenRaw()
	if err != nil {
		return 0, err
	}
	packed := bufio.NewReader(raw)
	sum := crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(flate.NewReader(packed), most+1))
	switch {
	case n > most:
		return n, fmt.Errorf("it is larger than %d bytes", most)
	case err != nil:
		return n, fmt.Errorf("it cannot be unpacked: %w", err)
	case sum.Sum32() != f.CRC32:
		return n, errors.New("its checksum is another")
	}
	if _, err := packed.ReadByte(); !errors.Is(err, io.EOF) {
		return n, errors.New("something stands behind its packed bytes")
	}
	return n, nil
}

// read is unpack for a file that is held in memory.
func (a *archive) read(name string, most int64) ([]byte, error) {
	f := a.files[name]
	if f == nil {
		return nil, fmt.Errorf("%w: it holds no %s", errNone, name)
	}
	var b bytes.Buffer
	if _, err := unpack(f, &b, most); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b.Bytes(), nil
}

// whole puts the container together again out of its packed files: nothing else
// stands between, before or behind them.
func (a *archive) whole(r io.ReaderAt, size int64, m *Manifest) error {
	same := &comparer{with: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10)}
	again := zip.NewWriter(same)
	want := header("any", m.AsOf)
	if _, err := zip.NewWriter(io.Discard).CreateHeader(want); err != nil { // which fills it in
		return err
	}
	for _, f := range a.order {
		if f.Comment != "" || !bytes.Equal(f.Extra, want.Extra) || f.ModifiedDate != want.ModifiedDate || f.ModifiedTime != want.ModifiedTime || f.CreatorVersion != want.CreatorVersion || f.ReaderVersion != want.ReaderVersion || f.ExternalAttrs != 0 { //nolint:staticcheck // the fields as they are written
			return fmt.Errorf("what the zip file says beside the name of %s was changed", f.Name)
		}
		if err := again.Copy(f); err != nil {
			return err
		}
	}
	if err := again.Close(); err != nil {
		return err
	}
	if same.n != size {
		return fmt.Errorf("%d bytes stand where a package has none", size-same.n)
	}
	return nil
}

// comparer is written what the bytes should be.
type comparer struct {
	with *bufio.Reader
	n    int64
	buf  []byte
}

func (c *comparer) Write(b []byte) (int, error) {
	if cap(c.buf) < len(b) {
		c.buf = make([]byte, len(b))
	}
	there := c.buf[:len(b)]
	if _, err := io.ReadFull(c.with, there); err != nil || !bytes.Equal(there, b) {
		return 0, fmt.Errorf("the zip file was changed within %d bytes from byte %d on", len(b), c.n)
	}
	c.n += int64(len(b))
	return len(b), nil
}
