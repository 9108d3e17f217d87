package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// altName is a subject's alternative names: an e-mail address, two user
// principal names, and another name of another kind.
const altName = "3043810761407869782e78" +
	"a014060a2b060104018237140203a0060c0461406d31" +
	"a014060a2b060104018237140203a0060c0462406d32" +
	"a00c06032a0304a0050c03616263"

func TestPrincipalNames(t *testing.T) {
	raw, err := hex.DecodeString(altName)
	if err != nil {
		t.Fatal(err)
	}
	names := principalNames(&x509.Certificate{Extensions: []pkix.Extension{{Id: subjectAltName, Value: raw}}})
	if !slices.Equal(names, []string{"a@m1", "b@m2"}) {
		t.Errorf("%q", names)
	}
	for n := range raw {
		principalNames(&x509.Certificate{Extensions: []pkix.Extension{{Id: subjectAltName, Value: raw[:n]}}})
	}
}

func FuzzPrincipalNames(f *testing.F) {
	raw, err := hex.DecodeString(altName)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, name := range principalNames(&x509.Certificate{Extensions: []pkix.Extension{{Id: subjectAltName, Value: value}}}) {
			if len(name) > len(value) {
				t.Errorf("%d bytes gave a name of %d", len(value), len(name))
			}
		}
	})
}

// hostile is a certificate that its own key signed: a long subject with marks
// that nobody sees, and many user principal names.
func hostile(t testing.TB, long, names int) *x509.Certificate {
	t.Helper()
	type other struct {
		ID    asn1.ObjectIdentifier
		Value string `asn1:"utf8,explicit,tag:0"`
	}
	upn, err := asn1.MarshalWithParams(other{principalName, "ana\u202e@mil"}, "tag:0")
	if err != nil {
		t.Fatal(err)
	}
	san, err := asn1.Marshal(slices.Repeat([]asn1.RawValue{{FullBytes: upn}}, names))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: strings.Repeat("\u202e<script>", long)}, NotAfter: time.Unix(4e9, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, ExtraExtensions: []pkix.Extension{{Id: subjectAltName, Value: san}},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// harmless fails when what a certificate is answered with, or names an account
// by, is long, or holds what nobody sees.
func harmless(t *testing.T, name string, err error) {
	t.Helper()
	text := name
	if err != nil {
		text = err.Error()
	}
	if len(text) > 4096 || printable(text) != text {
		t.Errorf("%d bytes: %.300q", len(text), text)
	}
}

func TestHostileCertificatesAreBounded(t *testing.T) {
	for _, names := range []int{1, 5000} {
		own := hostile(t, 5000, names)
		for _, field := range []string{"subject", "upn", "email"} {
			for _, trusted := range []*x509.Certificate{own, hostile(t, 1, 0)} {
				c := &Certificates{Authorities: []*x509.Certificate{trusted}, Account: field}
				name, err := c.Name(slices.Repeat([]*x509.Certificate{own}, 50))
				if err == nil {
					t.Errorf("%s of %d names: taken as %.100q", field, names, name)
				}
				harmless(t, name, err)
			}
		}
	}
}

// FuzzCertificate: whatever certificate a browser shows, the answer is short,
// and a name that it gives is one that an account can have.
func FuzzCertificate(f *testing.F) {
	f.Add(hostile(f, 1, 1).Raw)
	f.Add(hostile(f, 10, 3).Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		own, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		for _, field := range []string{"subject", "upn", "email"} {
			c := &Certificates{Authorities: []*x509.Certificate{own}, Account: field}
			name, err := c.Name([]*x509.Certificate{own, own})
			harmless(t, name, err)
			name, err = c.account(own, "x")
			harmless(t, name, err)
		}
	})
}
