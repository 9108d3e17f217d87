package pki

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

func fingerprint(spki []byte) Fingerprint { return sha256.Sum256(spki) }

// NewRequest makes a PKCS #10 request (DER) that asks for a certificate on
// key. The name is a comment: the collector gives its own.
func NewRequest(key *ecdsa.PrivateKey, name string) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name},
	}, key)
	if err != nil {
		return nil, fmt.Errorf("pki: make a signing request: %w", err)
	}
	return der, nil
}

// EnrolConfig is the TLS setting of an agent that enrols: it trusts only a
// collector whose authority has the token's fingerprint, whatever the address.
// Any other is ErrForeignToken (see Cause), before the token is sent.
func EnrolConfig(t Token) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: ServerName,
		// The authority is not known yet, only its key's hash: VerifyConnection
		// does the whole check.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(s tls.ConnectionState) error {
			return verifyPinned(s.PeerCertificates, t.Authority, time.Now())
		},
	}
}

// verifyPinned checks a server's chain against the one authority whose key has
// the fingerprint.
func verifyPinned(chain []*x509.Certificate, pin Fingerprint, now time.Time) error {
	pool := x509.NewCertPool()
	found := false
	for _, c := range chain {
		if c.IsCA && FingerprintOf(c) == pin {
			pool.AddCert(c)
			found = true
		}
	}
	if !found {
		return ErrForeignToken
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: pool, DNSName: ServerName, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return wrongServer(err, now)
}

// wrongServer says what to do about a server certificate that does not verify.
func wrongServer(err error, now time.Time) error {
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the collector's certificate is not good at %s: check this machine's clock: %w", now.Format(time.RFC3339), err)
	default:
		return fmt.Errorf("%w (%w)", ErrForeignPeer, err)
	}
}

// Credentials are an enrolled agent's key, certificate and the one authority
// that it trusts.
type Credentials struct {
	Key         *ecdsa.PrivateKey
	Certificate *x509.Certificate
	Authority   *x509.Certificate
}

// Accept checks what Enroll answered (DER both): the authority must be the
// token's, the certificate must be signed by it and be for key.
func Accept(t Token, key *ecdsa.PrivateKey, certificate, authority []byte) (*Credentials, error) {
	ca, err := x509.ParseCertificate(authority)
	if err != nil {
		return nil, fmt.Errorf("pki: read the authority's certificate: %w", err)
	}
	if FingerprintOf(ca) != t.Authority {
		return nil, ErrForeignToken
	}
	return accept(key, certificate, ca)
}

// Renewed checks what Renew answered and returns the next credentials.
func (c *Credentials) Renewed(key *ecdsa.PrivateKey, certificate []byte) (*Credentials, error) {
	return accept(key, certificate, c.Authority)
}

func accept(key *ecdsa.PrivateKey, certificate []byte, ca *x509.Certificate) (*Credentials, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("pki: read the agent's certificate: %w", err)
	}
	if err := cert.CheckSignatureFrom(ca); err != nil {
		return nil, fmt.Errorf("pki: the agent's certificate: %w", err)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("pki: the agent's certificate is for another key")
	}
	if _, err := IdentityOf(cert); err != nil {
		return nil, err
	}
	return &Credentials{Key: key, Certificate: cert, Authority: ca}, nil
}

// LoadCredentials reads the file that Save wrote; ErrNoIdentity when there is
// none.
func LoadCredentials(path string) (*Credentials, error) {
	var b bundle
	err := b.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s is not there)", ErrNoIdentity, path)
	}
	if err != nil {
		return nil, err
	}
	if len(b.chain) != 2 {
		return nil, fmt.Errorf("pki: %s holds %d certificates, the agent's and its collector's are needed: enrol again", path, len(b.chain))
	}
	return accept(b.key, b.chain[0].Raw, b.chain[1])
}

// Save keeps the credentials in one file with mode 0600, replaced in one step.
func (c *Credentials) Save(path string) error {
	b := bundle{key: c.Key, chain: []*x509.Certificate{c.Certificate, c.Authority}}
	return b.write(path)
}

// Identity is what the certificate says; Accept and LoadCredentials checked
// that it says one.
func (c *Credentials) Identity() Identity {
	id, _ := IdentityOf(c.Certificate) // checked when the credentials were made
	return id
}

// Config is the TLS setting of an enrolled agent: its own certificate, its
// collector's authority alone, TLS 1.3. The collector may be dialled by any
// address.
func (c *Credentials) Config() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.Authority)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: ServerName,
		RootCAs:    pool,
		Certificates: []tls.Certificate{{
			Certificate: [][]byte{c.Certificate.Raw}, PrivateKey: c.Key, Leaf: c.Certificate,
		}},
	}
}
