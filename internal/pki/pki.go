// Package pki holds both halves of the trust between agents and their
// collector: the collector's own authority (Open) with its server certificate,
// agent certificates and one-time enrolment tokens, and the agent's side of
// enrolling (ParseToken, EnrolConfig, Accept) and of reporting (Credentials).
// TLS 1.3 only, ECDSA P-256 only.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// ServerName stands in every collector's server certificate, and agents ask
// for it whatever address they dial: only the collector's own authority can
// have signed it, so an agent may use an address that no certificate names.
const ServerName = "demarc-collector"

// Lifetimes of what the authority makes.
const (
	AuthorityLife = 20 * 365 * 24 * time.Hour
	ServerLife    = 365 * 24 * time.Hour
	AgentLife     = 365 * 24 * time.Hour
)

// backdate lets a peer whose clock is somewhat behind take a new certificate.
const backdate = 24 * time.Hour

// Fingerprint is the SHA-256 of a key's SubjectPublicKeyInfo.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of the key that c certifies.
func FingerprintOf(c *x509.Certificate) Fingerprint {
	return sha256.Sum256(c.RawSubjectPublicKeyInfo)
}

// String is lower-case hexadecimal.
func (f Fingerprint) String() string { return fmt.Sprintf("%x", f[:]) }

// ParseFingerprint reads what String wrote; colons between are taken.
func ParseFingerprint(s string) (Fingerprint, error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil || len(raw) != len(Fingerprint{}) {
		return Fingerprint{}, fmt.Errorf("%q is no fingerprint: 64 hexadecimal digits", s)
	}
	return Fingerprint(raw), nil
}

// RenewAt is when the holder of c should ask for the next certificate: after
// two thirds of its life.
func RenewAt(c *x509.Certificate) time.Time {
	life := c.NotAfter.Sub(c.NotBefore)
	return c.NotBefore.Add(life / 3 * 2)
}

// SerialOf writes a certificate's serial number the way it is stored, listed
// and revoked: lower-case hexadecimal.
func SerialOf(c *x509.Certificate) string { return c.SerialNumber.Text(16) }

// NewKey makes a private key: ECDSA P-256.
func NewKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("pki: make a key: %w", err)
	}
	return key, nil
}

// newSerial draws 126 random bits: positive, never zero, at most 20 octets
// (RFC 5280, 4.1.2.2).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("pki: draw a serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}
