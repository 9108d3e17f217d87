package probe

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"demarc/internal/reading"
)

// applicationURI names this application, in its certificate and in sessions.
const applicationURI = "urn:demarc:agent:probe"

// ownCertificate is this application's certificate and key, made when they are
// needed first. The certificate alone lies beside, for a person to have servers
// trust it.
func ownCertificate(state string, now time.Time) (certificate, key []byte, err error) {
	path := filepath.Join(state, "probe-opcua.pem")
	raw, err := os.ReadFile(path) //nolint:gosec // in the directory that the user named
	if errors.Is(err, fs.ErrNotExist) {
		if raw, err = makeCertificate(now); err == nil {
			err = os.WriteFile(path, raw, 0o600)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("probe: %w", err)
	}
	if certificate, key, err = readPEM(raw); err != nil {
		return nil, nil, fmt.Errorf("probe: %s: %w: remove it and a new one is made", path, err)
	}
	if err := os.WriteFile(certificateFile(state), certificate, 0o644); err != nil { //nolint:gosec // nothing of it is secret
		return nil, nil, fmt.Errorf("probe: %w", err)
	}
	return certificate, key, nil
}

// certificateFile is the file of the application's certificate, DER, as
// servers want it.
func certificateFile(state string) string { return filepath.Join(state, "probe-opcua.der") }

// ownPrint is the thumbprint of that certificate.
func ownPrint(state string) string {
	der, err := os.ReadFile(certificateFile(state))
	if err != nil {
		return "unknown"
	}
	return printOf(der)
}

// printOf is the SHA-256 thumbprint of a certificate.
func printOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func makeCertificate(now time.Time) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // a name for people
	uri, err := url.Parse(applicationURI)
	if err != nil {
		return nil, err
	}
	// As OPC 10000-6 6.2.2 wants it of an application.
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "demarc-agent probe", Organization: []string{host}}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, URIs: []*url.URL{uri}, DNSNames: []string{host}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...), nil
}

// readPEM takes the first certificate and key of a text.
func readPEM(raw []byte) (certificate, key []byte, err error) {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE" && certificate == nil:
			certificate = block.Bytes
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && key == nil:
			var parsed any
			if parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
				parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
			}
			if err == nil {
				key, err = x509.MarshalPKCS8PrivateKey(parsed)
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return certificate, key, nil
}

// userOf reads what a session's user is known by.
func userOf(o *reading.OPCUA, job *uaJob) error {
	switch o.Session {
	case "user":
		secret, err := os.ReadFile(o.Password)
		if err != nil {
			return fmt.Errorf("probe: passwordFile: %w", err)
		}
		job.User, job.Password = o.User, strings.TrimRight(string(secret), "\r\n")
	case "certificate":
		for _, f := range []string{o.Certificate, o.Key} {
			raw, err := os.ReadFile(f) //nolint:gosec // the file that the settings name
			if err != nil {
				return fmt.Errorf("probe: %w", err)
			}
			c, k, err := readPEM(raw)
			if err != nil {
				return fmt.Errorf("probe: %s: %w", f, err)
			}
			if c != nil {
				job.UserCertificate = c
			}
			if k != nil {
				job.UserKey = k
			}
		}
		if job.UserCertificate == nil || job.UserKey == nil {
			return fmt.Errorf("probe: %s and %s hold no certificate with its key in PEM", o.Certificate, o.Key)
		}
	}
	return nil
}
