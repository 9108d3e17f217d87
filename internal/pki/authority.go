package pki

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"sync"
	"time"
)

// Authority is a collector's own certificate authority. It signs the
// collector's server certificate, its agents', and texts (SignText). Safe for
// concurrent use.
type Authority struct {
	dir   string
	clock func() time.Time
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate

	mu     sync.Mutex
	server *tls.Certificate // made by serverCertificate
}

// Open loads the authority kept in dir, or makes it at the first start:
// authority.pem with the key (mode 0600) and authority.crt for people to copy.
// clock is for tests; nil is the machine's.
func Open(dir string, clock func() time.Time) (*Authority, error) {
	if clock == nil {
		clock = time.Now
	}
	a := &Authority{dir: dir, clock: clock}
	var b bundle
	err := b.read(filepath.Join(dir, "authority.pem"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a, a.create()
	case err != nil:
		return nil, err
	}
	a.key, a.cert = b.key, b.chain[0]
	if !a.cert.IsCA {
		return nil, fmt.Errorf("pki: %s holds the certificate of no authority", filepath.Join(dir, "authority.pem"))
	}
	if now := clock(); now.After(a.cert.NotAfter) {
		return nil, fmt.Errorf("pki: the authority in %s ended on %s: move the folder away and enrol the agents again", dir, a.cert.NotAfter.Format(time.DateOnly))
	}
	return a, nil
}

func (a *Authority) create() error {
	key, err := NewKey()
	if err != nil {
		return err
	}
	a.key = key
	now := a.clock()
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Demarc collector authority"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(AuthorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	if a.cert, err = a.sign(t, t, &key.PublicKey); err != nil {
		return err
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: a.cert.Raw})
	b := bundle{key: key, chain: []*x509.Certificate{a.cert}}
	if err := b.write(filepath.Join(a.dir, "authority.pem")); err != nil {
		return err
	}
	return replace(filepath.Join(a.dir, "authority.crt"), crt, 0o644)
}

// sign makes and reads back one certificate.
func (a *Authority) sign(t, parent *x509.Certificate, key *ecdsa.PublicKey) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("pki: sign a certificate: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("pki: read back a certificate: %w", err)
	}
	return c, nil
}

// Certificate is the authority's own, what agents trust alone.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Fingerprint is that of the authority's key, what tokens carry.
func (a *Authority) Fingerprint() Fingerprint { return FingerprintOf(a.cert) }

// Now is the clock that certificates and tokens are dated by.
func (a *Authority) Now() time.Time { return a.clock() }

// NewToken draws a token for this authority.
func (a *Authority) NewToken() (Token, error) { return NewToken(a.Fingerprint()) }

// IssueAgent signs the key of a PKCS #10 request (DER) for the agent of a site.
// Of the request only the key counts: names come from the collector.
func (a *Authority) IssueAgent(csr []byte, site, agent string) (*x509.Certificate, error) {
	for _, name := range []string{site, agent} {
		if err := CheckName(name); err != nil {
			return nil, fmt.Errorf("pki: %w", err)
		}
	}
	key, err := requestKey(csr)
	if err != nil {
		return nil, err
	}
	now := a.clock()
	return a.sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: agent},
		URIs:                  []*url.URL{Identity{Site: site, Agent: agent}.uri()},
		NotBefore:             now.Add(-backdate),
		NotAfter:              earlier(now.Add(AgentLife), a.cert.NotAfter),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}, a.cert, key)
}

// maxRequest bounds a signing request; one with a P-256 key has some 300 bytes.
const maxRequest = 4096

// requestKey returns the key of a signing request that proves its possession.
func requestKey(der []byte) (*ecdsa.PublicKey, error) {
	if len(der) > maxRequest {
		return nil, fmt.Errorf("pki: signing request of %d bytes, at most %d are read", len(der), maxRequest)
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("pki: read the signing request: %w", err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("pki: the signing request is not signed by its own key: %w", err)
	}
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve.Params().BitSize != 256 {
		return nil, errors.New("pki: the signing request has another key than ECDSA P-256")
	}
	return key, nil
}

// RequestFingerprint is that of the key in a signing request (DER): the same
// agent that asks twice has the same.
func RequestFingerprint(csr []byte) (Fingerprint, error) {
	key, err := requestKey(csr)
	if err != nil {
		return Fingerprint{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("pki: %w", err)
	}
	return fingerprint(der), nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
