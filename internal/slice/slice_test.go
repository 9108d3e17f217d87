package slice

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/internal/pki"
)

// sealed is a slice of two frames, with the agent's credentials.
func sealed(t *testing.T) (text, signature, data []byte, c *pki.Credentials) {
	t.Helper()
	c = enrolled(t, "agent-1", "houston")
	data = Header{Program: "demarc", Comment: "agent agent-1", Interface: "span", Link: 1}.Append(nil)
	now := time.Now()
	for i := range 2 {
		data = Frame{Time: now.UnixNano() + int64(i), Length: 60, Data: bytes.Repeat([]byte{byte(i)}, 14+i)}.Append(data)
	}
	text, signature, err := Seal(Manifest{
		Interface: "span", Segment: "line4", Connection: Connection{"10.0.0.1", "10.0.0.2", "tcp", 502}, Payload: Headers,
		Frames: 2, First: now, Last: now, Sealed: now, Number: 1,
	}, data, c)
	if err != nil {
		t.Fatal(err)
	}
	return text, signature, data, c
}

func enrolled(t *testing.T, agent, site string) *pki.Credentials {
	t.Helper()
	authority, err := pki.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewRequest(key, agent)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.IssueAgent(csr, site, agent)
	if err != nil {
		t.Fatal(err)
	}
	return &pki.Credentials{Key: key, Certificate: certificate, Authority: authority.Certificate()}
}

func TestSealedIsVerified(t *testing.T) {
	text, signature, data, c := sealed(t)
	m, err := Verify(text, signature, data, c.Certificate, c.Authority)
	if err != nil {
		t.Fatal(err)
	}
	if m.Agent != "agent-1" || m.Site != "houston" || m.Frames != 2 || m.SHA256 != Sum(data) {
		t.Errorf("%+v", m)
	}
}

func TestAlteredIsRefused(t *testing.T) {
	text, signature, data, c := sealed(t)
	stranger := enrolled(t, "agent-1", "houston")
	changed := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	again := func(change func(*Manifest)) ([]byte, []byte) {
		m := &Manifest{}
		if err := json.Unmarshal(text, m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.SignText(b)
		if err != nil {
			t.Fatal(err)
		}
		return b, s
	}
	other, otherSigned := again(func(m *Manifest) { m.Agent = "agent-2" })
	early, earlySigned := again(func(m *Manifest) { m.Sealed = m.Sealed.AddDate(-3, 0, 0) })
	more, moreSigned := again(func(m *Manifest) { m.Frames = 3 })
	for _, x := range []struct {
		name, why             string
		text, signature, data []byte
		certificate           *x509.Certificate
	}{
		{"a byte of a frame", "SHA-256", text, signature, changed(data, len(data)-8), c.Certificate},
		{"the manifest", "signature", bytes.Replace(text, []byte("line4"), []byte("line5"), 1), signature, data, c.Certificate},
		{"the signature", "signature", text, changed(signature, 10), data, c.Certificate},
		{"another authority's agent", "authority", text, signature, data, stranger.Certificate},
		{"another agent's name", "agent-2", other, otherSigned, data, c.Certificate},
		{"before the certificate", "not good", early, earlySigned, data, c.Certificate},
		{"another number of frames", "3", more, moreSigned, data, c.Certificate},
	} {
		if _, err := Verify(x.text, x.signature, x.data, x.certificate, c.Authority); err == nil || !strings.Contains(err.Error(), x.why) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// TestOthersReadIt: our own reader, sha256sum and openssl.
func TestOthersReadIt(t *testing.T) {
	text, signature, data, c := sealed(t)
	dir := t.TempDir()
	for name, b := range map[string][]byte{"s.pcapng": data, "s.json": text, "s.sig": signature, "s.der": c.Certificate.Raw} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := capture.Open(filepath.Join(dir, "s.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	var f capture.Frame
	if err := src.Next(&f); err != nil || len(f.Data) != 14 || f.Length != 60 || f.Link != 1 || src.Interfaces()[0].Name != "span" {
		t.Errorf("%+v %v", f, err)
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("DEMARC_TEST") == "all" {
			t.Fatal(err)
		}
		t.Skip("openssl is not installed")
	}
	out, err := exec.Command("sh", "-c", "cd "+dir+" && openssl x509 -inform der -in s.der -pubkey -noout > s.pub && openssl dgst -sha256 -verify s.pub -signature s.sig s.json && sha256sum s.pcapng").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Verified OK")) || !bytes.Contains(out, []byte(Sum(data))) {
		t.Errorf("%v: %s", err, out)
	}
}

func FuzzCount(f *testing.F) {
	data := Header{Program: "demarc", Interface: "span", Link: 1}.Append(nil)
	f.Add(data)
	data = Frame{Time: 1, Length: 60, Data: make([]byte, 15)}.Append(data)
	f.Add(data)
	f.Add(data[:len(data)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Count(b)
		if err != nil && n != 0 || n > len(b)/32 {
			t.Errorf("%d frames in %d bytes, %v", n, len(b), err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	text, err := json.Marshal(&Manifest{Format: Format, Payload: All, Number: 1, Sealed: time.Unix(1, 0)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"demarc-slice/1"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Read(b); err == nil && (m.Format != Format || m.Number == 0 || !printable(m.Agent)) {
			t.Errorf("%+v", m)
		}
	})
}
