package api

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"slices"
	"testing"
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
