package api

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Certificates checks client certificates and says which account one names.
// Safe for concurrent use.
type Certificates struct {
	// Authorities are trusted, each by itself.
	Authorities []*x509.Certificate
	// Account is what of a certificate names the account: subject, upn or email.
	Account string
	// Lists are files of revoked certificates (RFC 5280 5, PEM or DER). Without
	// one, nothing is known of what was revoked.
	Lists []string
	Clock func() time.Time

	mu   sync.Mutex
	read map[string]readList
}

// readList is a file of revoked certificates, as it was when it was read.
type readList struct {
	changed time.Time
	size    int64
	lists   []*x509.RevocationList
}

// maxList is how long a file of revoked certificates may be, in bytes.
const maxList = 256 << 20

// ReadCertificates reads the certificates of a PEM file; there must be one.
func ReadCertificates(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the settings name
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", path, len(all)+1, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path)
	}
	return all, nil
}

// Pool is of all, for TLS.
func Pool(all []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range all {
		p.AddCert(c)
	}
	return p
}

// Check reads the lists once, and says what is wrong with a file.
func (c *Certificates) Check() error {
	for _, path := range c.Lists {
		if _, err := c.lists(path); err != nil {
			return err
		}
	}
	return nil
}

// Name is what names the account of who showed sent, the own certificate first:
// TLS proved that they hold its key. Errors are for that person.
func (c *Certificates) Name(sent []*x509.Certificate) (string, error) {
	if len(sent) == 0 {
		return "", refused("Your browser sent no certificate. Put the card into its reader, close every window of the browser, and begin again.")
	}
	own, now := sent[0], c.now()
	called := cut(printable(own.Subject.String()), maxClaim)
	chains, err := own.Verify(x509.VerifyOptions{
		Roots: Pool(c.Authorities), Intermediates: Pool(sent[1:]), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return "", refused("The certificate of %s is not taken: %s", called, c.why(own, now, err))
	}
	for _, chain := range chains {
		if err = c.unrevoked(chain, now); err == nil {
			return c.account(own, called)
		}
	}
	return "", refused("The certificate of %s is not taken: %s", called, err)
}

func refused(format string, a ...any) error {
	return status.Errorf(codes.Unauthenticated, format, a...)
}

func (c *Certificates) now() time.Time {
	if c.Clock == nil {
		return time.Now()
	}
	return c.Clock()
}

// why words an error of x509.
func (c *Certificates) why(own *x509.Certificate, now time.Time, err error) string {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return "none of the authorities that this collector trusts signed it (it names " + cut(printable(own.Issuer.String()), maxClaim) + ")"
	}
	switch {
	case now.After(own.NotAfter):
		return "it ended on " + own.NotAfter.UTC().Format(time.DateOnly)
	case now.Before(own.NotBefore):
		return "it begins on " + own.NotBefore.UTC().Format(time.DateOnly)
	}
	return cut(printable(err.Error()), maxComplaints)
}

// unrevoked holds every certificate of a chain to its issuer's lists. Where
// lists are asked for and none can tell, the answer is no.
func (c *Certificates) unrevoked(chain []*x509.Certificate, now time.Time) error {
	if len(c.Lists) == 0 {
		return nil
	}
	for i := range len(chain) - 1 {
		if err := c.onLists(chain[i], chain[i+1], now); err != nil {
			return err
		}
	}
	return nil
}

func (c *Certificates) onLists(x, issuer *x509.Certificate, now time.Time) error {
	told, old := false, time.Time{}
	for _, path := range c.Lists {
		all, err := c.lists(path)
		if err != nil {
			return fmt.Errorf("what was revoked cannot be read: %w", err)
		}
		for _, l := range all {
			if string(l.RawIssuer) != string(issuer.RawSubject) || l.CheckSignatureFrom(issuer) != nil {
				continue
			}
			if slices.ContainsFunc(l.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(x.SerialNumber) == 0 }) {
				return errors.New("it was revoked")
			}
			if now.Before(l.NextUpdate) && !now.Before(l.ThisUpdate) {
				told = true
			} else if l.NextUpdate.After(old) {
				old = l.NextUpdate
			}
		}
	}
	name := cut(printable(issuer.Subject.String()), maxClaim)
	switch {
	case told:
		return nil
	case !old.IsZero():
		return fmt.Errorf("the list of what %s revoked is only good until %s: whoever runs the collector gets a new one", name, old.UTC().Format(time.DateTime))
	}
	return fmt.Errorf("this collector has no list of what %s revoked", name)
}

// lists reads a file, again when it changed.
func (c *Certificates) lists(path string) ([]*x509.RevocationList, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if r, ok := c.read[path]; ok && r.changed.Equal(info.ModTime()) && r.size == info.Size() {
		return r.lists, nil
	}
	all, err := readLists(path)
	if err != nil {
		return nil, err
	}
	if c.read == nil {
		c.read = map[string]readList{}
	}
	c.read[path] = readList{info.ModTime(), info.Size(), all}
	return all, nil
}

func readLists(path string) (all []*x509.RevocationList, err error) {
	f, err := os.Open(path) //nolint:gosec // the file that the settings name
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(f, maxList+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxList:
		return nil, fmt.Errorf("%s is longer than %d MiB", path, maxList>>20)
	}
	ders := [][]byte{text}
	if strings.Contains(string(text[:min(len(text), 4096)]), "-----BEGIN X509 CRL-----") {
		ders = nil
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			ders = append(ders, block.Bytes)
		}
	}
	for _, der := range ders {
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("%s holds no list of revoked certificates in PEM or DER: %w", path, err)
		}
		for _, x := range l.Extensions {
			if x.Critical { // a delta, or one of a part of the certificates
				return nil, fmt.Errorf("%s is no full list: it has the critical extension %s, which is not understood", path, x.Id)
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// account is what of a certificate names its account.
func (c *Certificates) account(own *x509.Certificate, called string) (string, error) {
	var names []string
	switch c.Account {
	case "subject":
		names = []string{own.Subject.String()}
	case "email":
		names = own.EmailAddresses
	case "upn":
		names = principalNames(own)
	}
	switch {
	case len(names) != 1:
		return "", refused("The certificate of %s has %d %s, and accounts here are known by one.", called, len(names), map[string]string{"email": "e-mail addresses", "upn": "user principal names"}[c.Account])
	case names[0] == "" || len(names[0]) > maxMark || printable(names[0]) != names[0]:
		return "", refused("The %s in the certificate of %s is none that an account here could name.", c.Account, called)
	}
	return names[0], nil
}

var (
	subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	principalName  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3} // otherName of PIV and CAC cards, as in FIPS 201
)

// principalNames reads the user principal names among the alternative names of
// a certificate (RFC 5280 4.2.1.6, otherName).
func principalNames(own *x509.Certificate) (names []string) {
	for _, x := range own.Extensions {
		var all asn1.RawValue
		if !x.Id.Equal(subjectAltName) {
			continue
		}
		if rest, err := asn1.Unmarshal(x.Value, &all); err != nil || len(rest) > 0 {
			return nil
		}
		for rest := all.Bytes; len(rest) > 0; {
			var name asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &name); err != nil {
				return nil
			}
			var other struct {
				ID    asn1.ObjectIdentifier
				Value asn1.RawValue // [0] EXPLICIT
			}
			if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
				continue
			}
			if _, err := asn1.UnmarshalWithParams(name.FullBytes, &other, "tag:0"); err != nil || !other.ID.Equal(principalName) {
				continue
			}
			var text string
			if _, err := asn1.UnmarshalWithParams(other.Value.Bytes, &text, "utf8"); err == nil {
				names = append(names, text)
			}
		}
	}
	return names
}
