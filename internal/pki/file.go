package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// bundle is a private key with its certificate chain, the leaf first: one PEM
// file, so that key and certificate are replaced together or not at all.
type bundle struct {
	key   *ecdsa.PrivateKey
	chain []*x509.Certificate
}

const (
	pemKey  = "PRIVATE KEY"
	pemCert = "CERTIFICATE"
)

// read loads a bundle. Its error wraps fs.ErrNotExist when there is none.
func (b *bundle) read(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("pki: %s holds a private key and others may read it (mode %04o): chmod 600 it, and replace it if somebody did", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path) //nolint:gosec // the path is the owner's setting
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if err := b.parse(text); err != nil {
		return fmt.Errorf("pki: %s: %w", path, err)
	}
	return nil
}

func (b *bundle) parse(text []byte) error {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		switch block.Type {
		case pemKey:
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return fmt.Errorf("read the private key: %w", err)
			}
			key, ok := k.(*ecdsa.PrivateKey)
			if !ok {
				return fmt.Errorf("the private key is a %T, an ECDSA key is needed", k)
			}
			b.key = key
		case pemCert:
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return fmt.Errorf("read a certificate: %w", err)
			}
			b.chain = append(b.chain, c)
		}
	}
	if b.key == nil || len(b.chain) == 0 {
		return errors.New("a private key and its certificate are needed, the file holds not both")
	}
	if !b.key.PublicKey.Equal(b.chain[0].PublicKey) {
		return errors.New("the certificate is of another key")
	}
	return nil
}

// write stores a bundle with mode 0600 in one step.
func (b *bundle) write(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(b.key)
	if err != nil {
		return fmt.Errorf("pki: write the private key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der})
	for _, c := range b.chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: c.Raw})...)
	}
	return replace(path, text, 0o600)
}

// replace writes a file through a temporary one, synced before it takes the
// name, so that a crash leaves the old file or the new one.
func replace(path string, content []byte, mode os.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what is left of a failed write
		}
	}()
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("pki: write %s: %w", path, err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the path is the owner's setting
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("pki: sync %s: %w", dir, err)
	}
	return nil
}
