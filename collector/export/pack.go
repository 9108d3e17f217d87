package export

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// packer writes a package file by file, and hashes what goes in.
type packer struct {
	zip      *zip.Writer
	out      *counter
	unpacked int64
	manifest Manifest
}

func newPacker(w io.Writer, m Manifest) *packer {
	out := &counter{w: w, most: maxPackage}
	return &packer{zip: zip.NewWriter(out), out: out, manifest: m}
}

// counter refuses what would make the file too large.
type counter struct {
	w       io.Writer
	n, most int64
}

func (c *counter) Write(b []byte) (int, error) {
	if c.n += int64(len(b)); c.n > c.most {
		return 0, fmt.Errorf("the package would be larger than %d MiB: narrow it to a boundary", c.most>>20)
	}
	return c.w.Write(b)
}

// header is that of every file of a package: nothing in it differs but name,
// sizes and sum.
func header(name string, at time.Time) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at.UTC()}
}

// file adds a file and lists it.
func (p *packer) file(name string, write func(io.Writer) error) error {
	if len(p.manifest.Files) == maxFiles {
		return fmt.Errorf("the package would hold more than %d files: narrow it to a boundary", maxFiles)
	}
	w, err := p.zip.CreateHeader(header(name, p.manifest.AsOf))
	if err != nil {
		return err
	}
	sum := sha256.New()
	size := &counter{w: io.MultiWriter(w, sum), most: maxUnpacked - p.unpacked}
	buffered := bufio.NewWriter(size)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	p.unpacked += size.n
	previous := ""
	if n := len(p.manifest.Files); n > 0 {
		previous = p.manifest.Files[n-1].Link
	}
	f := File{Name: name, Size: size.n, SHA256: hex.EncodeToString(sum.Sum(nil))}
	f.Link = link(previous, f)
	p.manifest.Files = append(p.manifest.Files, f)
	return nil
}

// seal ends the package with its manifest and the signature on it. Before they
// are written, done is told the SHA-256 of the manifest.
func (p *packer) seal(sign func([]byte) ([]byte, error), done func(sum string) error) error {
	text, err := p.manifest.encode()
	if err != nil {
		return err
	}
	signature, err := sign(text)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	if err := done(hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{manifestName, text}, {signatureName, signature}} {
		w, err := p.zip.CreateHeader(header(f.name, p.manifest.AsOf))
		if err != nil {
			return err
		}
		if _, err := w.Write(f.text); err != nil {
			return err
		}
	}
	return p.zip.Close()
}
