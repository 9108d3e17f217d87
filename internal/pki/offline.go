package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const pemRequest = "CERTIFICATE REQUEST"

// Request makes a key, keeps it in keyFile (mode 0600), and returns a signing
// request on it as PEM, for an agent that enrols by files. A key that is there
// is used again, so that an answer on its way still fits.
func Request(keyFile, name string) ([]byte, error) {
	key, err := readKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newKeyFile(keyFile)
	}
	if err != nil {
		return nil, err
	}
	der, err := NewRequest(key, name)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemRequest, Bytes: der}), nil
}

func newKeyFile(path string) (*ecdsa.PrivateKey, error) {
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("pki: write the private key: %w", err)
	}
	return key, replace(path, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), 0o600)
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(path) //nolint:gosec // in the state directory
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemKey {
		return nil, fmt.Errorf("pki: %s holds no private key", path)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := k.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("pki: %s holds no ECDSA key", path)
	}
	return key, nil
}

// ParseRequest reads what Request returned: the request (DER), and the name
// that the agent's machine gave itself.
func ParseRequest(text []byte) (csr []byte, name string, err error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemRequest {
		return nil, "", errors.New("pki: not a signing request: take the file that `demarc-agent enroll --request FILE` wrote")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("pki: read the signing request: %w", err)
	}
	return block.Bytes, r.Subject.CommonName, nil
}

// Answer is what is carried back to the agent: its certificate and its
// collector's (DER both), as PEM.
func Answer(certificate, authority []byte) []byte {
	return append(pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: authority})...)
}

// AcceptAnswer makes credentials of an Answer and the key in keyFile. With a
// pin, the authority's key must have this fingerprint.
func AcceptAnswer(keyFile string, answer []byte, pin *Fingerprint) (*Credentials, error) {
	key, err := readKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("this agent asked for no certificate: begin with `demarc-agent enroll --request FILE`")
	}
	if err != nil {
		return nil, err
	}
	certificate, rest := pem.Decode(answer)
	authority, _ := pem.Decode(rest)
	if certificate == nil || authority == nil {
		return nil, errors.New("pki: not an answer: take the file that `demarc-collector agent admit` wrote")
	}
	ca, err := x509.ParseCertificate(authority.Bytes)
	if err != nil {
		return nil, fmt.Errorf("pki: read the authority's certificate: %w", err)
	}
	if pin != nil && FingerprintOf(ca) != *pin {
		return nil, fmt.Errorf("the answer is of a collector whose key is %s, not of the one with --pin", FingerprintOf(ca))
	}
	return accept(key, certificate.Bytes, ca)
}

// sealLabel keeps what seals a bundle from passing for anything else that the
// key signs.
const sealLabel = "demarc bundle\x00"

func sealed(content []byte) []byte {
	h := sha256.New()
	h.Write([]byte(sealLabel))
	h.Write(content)
	return h.Sum(nil)
}

// Seal signs the content of a bundle.
func (c *Credentials) Seal(content []byte) ([]byte, error) {
	return c.Key.Sign(rand.Reader, sealed(content), crypto.SHA256)
}

// VerifySeal checks what Seal made, and that the certificate (DER) is one of
// this authority's for an agent, good at the time when the bundle was written.
func (a *Authority) VerifySeal(content, signature, certificate []byte, written time.Time) (Identity, error) {
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return Identity{}, fmt.Errorf("pki: read the agent's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	_, err = c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: written, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Identity{}, fmt.Errorf("the agent's certificate was good from %s to %s, and the bundle says that it was written %s: enrol the agent again, or set its clock",
			c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), written.UTC().Format(time.RFC3339))
	case err != nil:
		return Identity{}, errors.New("the bundle is of an agent of another collector, or was altered")
	}
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || !ecdsa.VerifyASN1(key, sealed(content), signature) {
		return Identity{}, errors.New("the bundle is not what the agent wrote: its seal does not fit")
	}
	return IdentityOf(c)
}
