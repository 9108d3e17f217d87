package export

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"demarc/internal/pki"
)

// Report is what came of checking a package.
type Report struct {
	Manifest *Manifest `json:"manifest"`
	Checks   []Check   `json:"checks"`
	Faults   []string  `json:"faults"` // at most maxFaults
}

// Check is one thing that was looked at.
type Check struct {
	What   string `json:"what"`
	Intact bool   `json:"intact"`
	Words  string `json:"words"`
}

const maxFaults = 100

// Verify checks a package of size bytes: its container, the signature, every
// file and their chain, and the audit log in it. Nothing is unpacked to disk.
// The error says why the file is no package; what was altered in one is in the
// report. A pin is the fingerprint of the key that must have signed.
func Verify(r io.ReaderAt, size int64, pin *pki.Fingerprint) (*Report, error) {
	a, err := open(r, size)
	if err != nil {
		return nil, err
	}
	text, err := a.read(manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errNone, manifestName, err)
	}
	v := &verifier{archive: a, report: Report{Manifest: m}}
	v.check("signature", func() (string, error) { return v.signature(text, pin) })
	v.check("list of files", v.list)
	v.check("files", v.contents)
	v.check("audit log", v.audit)
	v.check("recorded frames", v.slices)
	v.check("zip file", func() (string, error) {
		return fmt.Sprintf("%d bytes: the files and nothing else", size), a.whole(r, size, m)
	})
	return &v.report, nil
}

type verifier struct {
	*archive
	report Report
}

// check notes what came of one; its error may be several.
func (v *verifier) check(what string, look func() (string, error)) {
	words, err := look()
	c := Check{What: what, Intact: err == nil, Words: words}
	if err != nil {
		c.Words = "see below"
		v.report.Faults = append(v.report.Faults, faults(err)...)
		v.report.Faults = v.report.Faults[:min(len(v.report.Faults), maxFaults)]
	}
	v.report.Checks = append(v.report.Checks, c)
}

func faults(err error) (all []string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			all = append(all, faults(e)...)
		}
		return all
	}
	return []string{err.Error()}
}

// certificateName is the certificate of the key that signed.
const certificateName = "authority.crt"

const maxCertificate = 64 << 10

func (v *verifier) signature(text []byte, pin *pki.Fingerprint) (string, error) {
	authority, err := v.certificate(certificateName)
	if err != nil {
		return "", err
	}
	signature, err := v.read(signatureName, maxCertificate)
	if err != nil {
		return "", err
	}
	key := pki.FingerprintOf(authority)
	if err := pki.VerifyText(authority, text, signature); err != nil {
		return "", errors.New(manifestName + " is not what the collector signed")
	}
	switch {
	case key.String() != v.report.Manifest.Key:
		return "", fmt.Errorf("%s names the key %s, and %s signed it", manifestName, cut(v.report.Manifest.Key), key)
	case pin != nil && key != *pin:
		return "", fmt.Errorf("the key %s signed it, not that of --pin: another collector made it, or somebody who changed it", key)
	case pin == nil:
		return "by the key " + key.String() + "; whose that is was not checked: compare it, or give --pin", nil
	}
	return "by the key of --pin", nil
}

// list holds the names in the container against those of the manifest.
func (v *verifier) list() (string, error) {
	var all []error
	m := v.report.Manifest
	listed := map[string]bool{manifestName: true, signatureName: true}
	previous := ""
	for i, f := range m.Files {
		if listed[f.Name] {
			all = append(all, fmt.Errorf("%s lists %s twice", manifestName, cut(f.Name)))
		}
		listed[f.Name] = true
		if f.Link != link(previous, f) {
			all = append(all, fmt.Errorf("%s: the chain is broken at file %d, %s", manifestName, i+1, cut(f.Name)))
		}
		if previous = f.Link; v.files[f.Name] == nil {
			all = append(all, fmt.Errorf("%s is missing", cut(f.Name)))
		}
	}
	for _, f := range v.order {
		if !listed[f.Name] {
			all = append(all, fmt.Errorf("%s is there and was not written by the collector", f.Name))
		}
	}
	return fmt.Sprintf("%d, none missing, none put in, each linked to the one before", len(m.Files)), errors.Join(all...)
}

// contents holds every file against what the manifest says of it.
func (v *verifier) contents() (string, error) {
	var all []error
	total := int64(0)
	for _, want := range v.report.Manifest.Files {
		f := v.files[want.Name]
		if f == nil || want.Size < 0 || want.Size > maxUnpacked-total {
			if f != nil {
				all = append(all, fmt.Errorf("%s: more than %d bytes are not read", want.Name, int64(maxUnpacked)))
			}
			continue
		}
		total += want.Size
		if err := held(f, want); err != nil {
			all = append(all, fmt.Errorf("%s: %w", want.Name, err))
		}
	}
	return fmt.Sprintf("%d bytes, each file as long as listed and with the SHA-256 listed", total), errors.Join(all...)
}

func held(f *zip.File, want File) error {
	sum := sha256.New()
	n, err := unpack(f, sum, want.Size)
	if err != nil {
		return err
	}
	if n != want.Size {
		return fmt.Errorf("%d bytes, and %d were written", n, want.Size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.SHA256 {
		return fmt.Errorf("changed: its SHA-256 is %s, and %s was written", got, cut(want.SHA256))
	}
	return nil
}

// auditName is the audit log in a package.
const auditName = "audit.jsonl"

// audit works through the log, and holds it against the manifest.
func (v *verifier) audit() (string, error) {
	m := v.report.Manifest
	at := slices.IndexFunc(m.Files, func(f File) bool { return f.Name == auditName })
	f := v.files[auditName]
	if at < 0 || f == nil {
		return "", errors.New(auditName + " is missing")
	}
	most := min(max(m.Files[at].Size, 0), maxUnpacked)
	in, out := io.Pipe()
	go func() {
		_, err := unpack(f, out, most)
		_ = out.CloseWithError(err) // never fails
	}()
	got, err := readAudit(in)
	_ = in.CloseWithError(errors.New("read no further")) // never fails
	if err != nil {
		return "", fmt.Errorf("%s: %w", auditName, err)
	}
	if got != m.Audit {
		return "", fmt.Errorf("%s: %d entries, %d of them whole, the last with hash %s; %s says %d, %d, %s", auditName, got.Entries, got.Whole, got.Last, manifestName, m.Audit.Entries, m.Audit.Whole, cut(m.Audit.Last))
	}
	words := fmt.Sprintf("%d entries, the chain from the first to the last holds", got.Entries)
	if n := got.Entries - got.Whole; n > 0 {
		words += fmt.Sprintf("; %d of them are withheld, there as their hash: before those it rests on the signature", n)
	}
	return words, nil
}
