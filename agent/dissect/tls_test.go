package dissect

import (
	"errors"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func FuzzTLS(f *testing.F) { fuzzDissector(f, "tls", true) }

// firstPayloads are the first TCP payloads of a sample.
func firstPayloads(t *testing.T, file string) (all [][]byte) {
	t.Helper()
	for _, p := range load(t, file) {
		if len(p.Payload) > 0 {
			all = append(all, p.Payload)
		}
	}
	return all
}

// inRecords cuts one handshake record into records of n bytes.
func inRecords(record []byte, n int) (b []byte) {
	for body := record[tlsRecordHeader:]; len(body) > 0; {
		k := min(n, len(body))
		b = append(b, record[0], record[1], record[2], byte(k>>8), byte(k))
		b, body = append(b, body[:k]...), body[k:]
	}
	return b
}

func TestTLSHelloOverManyRecords(t *testing.T) {
	hello := firstPayloads(t, "../../testdata/tls/tls12.pcap")[0]
	whole := &talk{t: t, d: &tls{}, port: 8443, stream: true}
	want := whole.say(0, hello)
	if !strings.Contains(want, `tls.server_name="hmi-l4.example.test"`) {
		t.Fatalf("told %s", want)
	}
	for _, n := range []int{100, 16, 5} {
		k := &talk{t: t, d: &tls{}, port: 8443, stream: true}
		cut := inRecords(hello, n)
		k.refused(0, cut[:len(cut)-1], ErrShort)
		expectTold(t, k.say(0, cut), want)
	}
}

func TestTLSCutHelloTellsWhatCame(t *testing.T) {
	hello := firstPayloads(t, "../../testdata/tls/tls12.pcap")[0]
	k := &talk{t: t, d: &tls{}, port: 443, stream: true}
	m := k.message(0, hello[:len(hello)-4])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) {
		t.Fatalf("%v, want more bytes", err)
	}
	if got := told2text(&k.log); !strings.Contains(got, `tls.server_name="hmi-l4.example.test"`) || strings.Contains(got, "ja4") {
		t.Errorf("told %s: want the server name, and no fingerprint of half a hello", got)
	}
}

func TestTLSFromTheMiddle(t *testing.T) {
	record := func(kind, minor byte, n int) []byte {
		return append([]byte{kind, 3, minor, byte(n >> 8), byte(n)}, make([]byte, n)...)
	}
	data := record(tlsApplicationData, 3, 40)
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"one record":             {data, ErrDone},
		"two records":            {append(append([]byte{}, data...), record(tlsApplicationData, 3, 9)...), ErrDone},
		"record and noise":       {append(append([]byte{}, data...), 1, 2, 3, 4, 5), ErrNotMine},
		"half a record":          {data[:20], ErrShort},
		"alert alone":            {record(tlsAlert, 3, 2), ErrNotMine},
		"no such version":        {record(tlsApplicationData, 9, 4), ErrNotMine},
		"handshake, not a hello": {append([]byte{22, 3, 3, 0, 4}, 20, 0, 0, 0), ErrNotMine},
		"longer than a record":   {[]byte{23, 3, 3, 0xff, 0xff}, ErrNotMine},
	} {
		var out log
		d := &tls{}
		k := &talk{t: t, d: d, port: 443, stream: true}
		if _, err := d.Dissect(k.message(0, c.b), &out); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The example of the JA4 specification, a Chrome hello.
func TestJA4Hashes(t *testing.T) {
	suites := []uint16{0x002f, 0x0035, 0x009c, 0x009d, 0x1301, 0x1302, 0x1303, 0xc013, 0xc014, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9}
	extensions := []uint16{0x0005, 0x000a, 0x000b, 0x000d, 0x0012, 0x0015, 0x0017, 0x001b, 0x0023, 0x002b, 0x002d, 0x0033, 0x4469, 0xff01}
	signatures := []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}
	var s scratch
	s.ja4Hash(suites, nil)
	s.adds("_")
	s.ja4Hash(extensions, signatures)
	if got, want := string(s.since(0)), "8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("JA4 hashes %s, want %s", got, want)
	}
}

func TestJA4ALPN(t *testing.T) {
	for alpn, want := range map[string]string{"": "00", "h2": "h2", "http/1.1": "h1", "\x0a\x0b": "0b", "x": "xx"} {
		var s scratch
		s.ja4ALPN([]byte(alpn))
		if got := string(s.since(0)); got != want {
			t.Errorf("%q gives %s, want %s", alpn, got, want)
		}
	}
}

// der builds one value.
func der(tag byte, parts ...string) string {
	v := strings.Join(parts, "")
	if len(v) > 127 {
		return string([]byte{tag, 0x82, byte(len(v) >> 8), byte(len(v))}) + v
	}
	return string([]byte{tag, byte(len(v))}) + v
}

func TestDistinguishedName(t *testing.T) {
	attribute := func(oid string, tag byte, v string) string { return der(berSequence, der(berOID, oid), der(tag, v)) }
	name := der(berSet, attribute("\x55\x04\x06", 0x13, "DE")) +
		der(berSet, attribute("\x55\x04\x0a", berUTF8, ` Müller, "Söhne"`)) +
		der(berSet, attribute(oidCommonName, berBMP, "\x00p\x00l\x00c"), attribute("\x55\x04\x05", 0x13, "#4")) +
		der(berSet, attribute("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 0x16, "a@b"))
	var s scratch
	got := string(s.distinguishedName([]byte(name)))
	want := `1.2.840.113549.1.9.1=a@b,CN=plc+2.5.4.5=\#4,O=\ Müller\, \"Söhne\",C=DE`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if cn := string(s.nameOf([]byte(name), oidCommonName)); cn != "plc" {
		t.Errorf("common name %q", cn)
	}
	if got := s.distinguishedName([]byte(name)[:len(name)-3]); len(got) != 0 {
		t.Errorf("a broken name gives %q", got)
	}
}

func TestNullCipherIsNoEncryption(t *testing.T) {
	k := &talk{t: t, d: &tls{}, port: 443, stream: true}
	body := "\x03\x03" + strings.Repeat("r", 32) + "\x00" + "\x00\x3b" + "\x00"
	hello := "\x02\x00\x00" + string(rune(len(body))) + body
	k.say(1, []byte("\x16\x03\x03\x00"+string(rune(len(hello)))+hello))
	k.log.reset()
	if _, err := k.d.Dissect(k.message(0, []byte("\x17\x03\x03\x00\x01x")), &k.log); !errors.Is(err, ErrDone) {
		t.Fatal(err)
	}
	if got := k.log.all()[0].security; got.Mode != ot.Sign || got.TLS != "1.2" {
		t.Errorf("security %+v, want signed TLS 1.2", got)
	}
}
