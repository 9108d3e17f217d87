package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
)

// errNotText is a text that could be taken for a certificate.
var errNotText = errors.New("pki: a text that is signed begins with a brace")

// SignText signs a JSON object with the authority's key, the same text always
// alike (RFC 6979). It begins with a brace, and what is signed for a
// certificate begins with the tag of a sequence (X.690, 8.1.2): neither
// signature can pass for the other.
func (a *Authority) SignText(text []byte) ([]byte, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, errNotText
	}
	sum := sha256.Sum256(text)
	return a.key.Sign(nil, sum[:], crypto.SHA256)
}

// SignText signs a JSON object with the agent's key, as Authority.SignText does
// with its own. What TLS 1.3 has signed begins with spaces (RFC 8446, 4.4.3).
func (c *Credentials) SignText(text []byte) ([]byte, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, errNotText
	}
	sum := sha256.Sum256(text)
	return c.Key.Sign(nil, sum[:], crypto.SHA256)
}

// VerifyText checks what SignText made, by the certificate of the key.
func VerifyText(signer *x509.Certificate, text, signature []byte) error {
	key, ok := signer.PublicKey.(*ecdsa.PublicKey)
	if !ok || len(text) == 0 || text[0] != '{' {
		return errNotText
	}
	if sum := sha256.Sum256(text); !ecdsa.VerifyASN1(key, sum[:], signature) {
		return errors.New("pki: the signature is not of this text and key")
	}
	return nil
}
