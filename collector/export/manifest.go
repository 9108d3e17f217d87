package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// format is the first word of every manifest: a package of another format is
// refused by name.
const format = "demarc evidence 1"

// Names of the files that a manifest does not list: its own, and its signature.
const (
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
)

// Bounds of a package. Who makes one and who reads one hold to them alike.
const (
	maxFiles    = 20_000
	maxPackage  = 2 << 30  // bytes of the zip file
	maxUnpacked = 32 << 30 // bytes of all files
	maxManifest = 16 << 20
	maxLine     = 1 << 20 // of the audit log
)

// Manifest lists every file of a package, and says what the package is of.
type Manifest struct {
	Format        string    `json:"format"`
	Authorization string    `json:"authorization,omitempty"`
	Boundary      string    `json:"boundary,omitempty"` // that it is narrowed to
	Boundaries    []string  `json:"boundaries"`
	AsOf          time.Time `json:"as_of"`
	PolicyVersion uint64    `json:"policy_version"`
	Position      uint64    `json:"journal_position"`
	Software      string    `json:"collector_version"`
	Key           string    `json:"collector_key"` // fingerprint, as `status` prints it
	Audit         Log       `json:"audit_log"`
	Files         []File    `json:"files"`
}

// Log says what a package holds of the audit log.
type Log struct {
	Entries uint64 `json:"entries"` // from the first on
	Whole   uint64 `json:"whole"`   // the others are there as their hash alone
	Last    string `json:"last_hash,omitempty"`
}

// File is one file of a package. Its link covers the link before it, so that
// no file can be put in, left out or moved without changing every later one.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Link   string `json:"link"`
}

// link hashes every field with its length before it.
func link(previous string, f File) string {
	h := sha256.New()
	h.Write([]byte(format + "\x00"))
	var n [8]byte
	for _, s := range []string{previous, f.Name, f.SHA256} {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	binary.BigEndian.PutUint64(n[:], uint64(f.Size))
	h.Write(n[:])
	return hex.EncodeToString(h.Sum(nil))
}

func (m *Manifest) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", " ")
	return append(text, '\n'), err
}

// decode reads a manifest exactly as encode writes it.
func decode(text []byte) (*Manifest, error) {
	var m Manifest
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&m); err != nil {
		return nil, err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind it")
	}
	if m.Format != format {
		return nil, fmt.Errorf("its format is %q: this program reads %q", cut(m.Format), format)
	}
	return &m, nil
}

// cut keeps a text of a stranger short.
func cut(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}
