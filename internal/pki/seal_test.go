package pki

import (
	"bytes"
	"testing"
)

// TestTextsAreSigned: the same text alike, and nothing that could be taken for
// a certificate.
func TestTextsAreSigned(t *testing.T) {
	a, err := Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"a":1}`)
	one, err := a.SignText(text)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := a.SignText(text); err != nil || !bytes.Equal(one, two) {
		t.Errorf("%x and %x, %v", one, two, err)
	}
	if err := VerifyText(a.Certificate(), text, one); err != nil {
		t.Error(err)
	}
	if VerifyText(other.Certificate(), text, one) == nil || VerifyText(a.Certificate(), []byte(`{"a":2}`), one) == nil || VerifyText(a.Certificate(), text, one[:20]) == nil {
		t.Error("another key, another text or half a signature passes")
	}
	for _, no := range [][]byte{nil, a.Certificate().RawTBSCertificate} {
		if _, err := a.SignText(no); err == nil {
			t.Errorf("%.10x is signed", no)
		}
	}
}
