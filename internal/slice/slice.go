// Package slice is the form of the frames that an agent hands over as evidence:
// a pcapng file, and a manifest that names who recorded it and its SHA-256,
// signed by the agent's key. The agent makes one with Write and Seal; whoever
// doubts it uses Verify, or sha256sum and openssl.
package slice

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Format is that of manifests.
const Format = "demarc-slice/1"

// What of a frame is kept.
const (
	Headers = "headers" // to the end of the transport header
	All     = "all"
)

// Manifest says what a slice is. Its text is what the agent signs.
type Manifest struct {
	Format     string     `json:"format"`
	Agent      string     `json:"agent"`
	Site       string     `json:"site"`
	Interface  string     `json:"interface"`
	Segment    string     `json:"segment"`
	Connection Connection `json:"connection"`
	Payload    string     `json:"payload"`
	Frames     int        `json:"frames"`
	LeftOff    int        `json:"left_off"` // frames that were kept and had no room
	First      time.Time  `json:"first"`
	Last       time.Time  `json:"last"`
	Sealed     time.Time  `json:"sealed"`   // by the agent's clock
	Number     uint64     `json:"number"`   // 1, 2, 3 of this agent's slices
	Previous   string     `json:"previous"` // SHA-256 of the manifest before
	Size       int        `json:"size"`
	SHA256     string     `json:"sha256"` // of the pcapng file
}

// Connection names one as the agent saw it.
type Connection struct {
	Client    string `json:"client"`
	Server    string `json:"server"`
	Transport string `json:"transport"`
	Port      uint32 `json:"port"`
}

// Seal completes m for data and signs it.
func Seal(m Manifest, data []byte, with *pki.Credentials) (text, signature []byte, err error) {
	id := with.Identity()
	m.Format, m.Agent, m.Site = Format, id.Agent, id.Site
	m.Size, m.SHA256 = len(data), Sum(data)
	if text, err = json.MarshalIndent(&m, "", " "); err != nil {
		return nil, nil, err
	}
	signature, err = with.SignText(text)
	return text, signature, err
}

// Sum is a SHA-256 in hexadecimal.
func Sum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Verify checks a slice: the manifest was signed by the key of certificate, that
// by authority for the agent that the manifest names, and data is what was
// sealed. The certificate need only have been good when the slice was sealed.
func Verify(text, signature, data []byte, certificate, authority *x509.Certificate) (*Manifest, error) {
	m, err := Read(text)
	if err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	if err := certificate.CheckSignatureFrom(authority); err != nil {
		return nil, fmt.Errorf("its certificate is not of this collector's authority: %w", err)
	}
	id, err := pki.IdentityOf(certificate)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its certificate: %w", err)
	case pki.VerifyText(certificate, text, signature) != nil:
		return nil, errors.New("the signature is not of this manifest and the agent's key")
	case m.Agent != id.Agent || m.Site != id.Site:
		return nil, fmt.Errorf("it says agent %s of site %s, and its certificate agent %s of site %s", m.Agent, m.Site, id.Agent, id.Site)
	case m.Sealed.Before(certificate.NotBefore) || m.Sealed.After(certificate.NotAfter):
		return nil, fmt.Errorf("it was sealed at %s, when its certificate was not good", m.Sealed.UTC().Format(time.RFC3339))
	case len(data) != m.Size || Sum(data) != m.SHA256:
		return nil, fmt.Errorf("its %d bytes have the SHA-256 %s, and %d bytes with %s were sealed", len(data), Sum(data), m.Size, m.SHA256)
	}
	frames, err := Count(data)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its frames: %w", err)
	case frames != m.Frames:
		return nil, fmt.Errorf("it holds %d frames, and its manifest says %d", frames, m.Frames)
	}
	return m, nil
}

// Read reads a manifest of a stranger. Only Verify tells whether it is true.
func Read(text []byte) (*Manifest, error) {
	if len(text) > demarcv1.MaxManifest {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(text), demarcv1.MaxManifest)
	}
	m := &Manifest{}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(m); err != nil {
		return nil, err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind it")
	}
	if m.Format != Format {
		return nil, fmt.Errorf("its format is %.40q: %q is read", m.Format, Format)
	}
	if m.Payload != Headers && m.Payload != All {
		return nil, fmt.Errorf("its payload is %.40q: it is %s or %s", m.Payload, Headers, All)
	}
	for _, s := range []string{m.Agent, m.Site, m.Interface, m.Segment, m.Connection.Client, m.Connection.Server, m.Connection.Transport, m.Previous} {
		if len(s) > maxName || !printable(s) {
			return nil, fmt.Errorf("a name in it is longer than %d bytes, or not of printable characters", maxName)
		}
	}
	if m.LeftOff < 0 || m.Number == 0 {
		return nil, errors.New("a number in it is none")
	}
	return m, nil
}

// maxName is how long a name in a manifest may be.
const maxName = 128

func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
