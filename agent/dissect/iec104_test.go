package dissect

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// iFormat is an APDU with an ASDU: type, number of objects, cause, common
// address 7, originator 0 and what follows.
func iFormat(kind, number, cause byte, objects ...byte) []byte {
	b := []byte{iec104Start, byte(4 + iec104Head + len(objects)), 2, 0, 4, 0, kind, number, cause, 0, 7, 0}
	return append(b, objects...)
}

func uFormat(control byte) []byte { return []byte{iec104Start, 4, control, 0, 0, 0} }

// oneObject is an information object with an element of n octets.
func oneObject(n int) []byte { return make([]byte, 3+n) }

func iec104Talk(t *testing.T, port uint16) *talk {
	k := &talk{t: t, d: &iec104{}, port: port, stream: true}
	k.d.(*iec104).recent.calls = recentTrials
	return k
}

func TestIEC104Signature(t *testing.T) {
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"start", []byte{0x68}, true},
		{"STARTDT act", uFormat(startdtAct), true},
		{"S format", []byte{0x68, 4, 1, 0, 0x66, 0}, true},
		{"measured value", iFormat(13, 1, 3, oneObject(5)...), true},
		{"two in a sequence", iFormat(1, 0x82, 20, oneObject(2)...), true},
		{"interrogation", iFormat(100, 1, 6, oneObject(1)...), true},
		{"read", iFormat(102, 1, 5, oneObject(0)...), true},
		{"segment of a file", iFormat(125, 1, 13, oneObject(30)...), true},
		{"without start", append([]byte{0x69}, uFormat(startdtAct)[1:]...), false},
		{"length", []byte{0x68, 3, 1, 0, 0, 0}, false},
		{"too long", []byte{0x68, 254, 0, 0, 0, 0}, false},
		{"two functions at once", uFormat(startdtAct | stopdtAct), false},
		{"no function", uFormat(3), false},
		{"U format that goes on", []byte{0x68, 4, startdtAct, 1, 0, 0}, false},
		{"S format with a length", []byte{0x68, 6, 1, 0, 0, 0}, false},
		{"odd receive sequence", append([]byte{0x68, 14, 2, 0, 5}, make([]byte, 11)...), false},
		{"no such type", iFormat(99, 1, 6, oneObject(1)...), false},
		{"maker's own type", iFormat(200, 1, 3, oneObject(1)...), false},
		{"no such cause", iFormat(13, 1, 60, oneObject(5)...), false},
		{"no cause", iFormat(13, 1, 0, oneObject(5)...), false},
		{"size", iFormat(13, 1, 3, oneObject(6)...), false},
		{"no object", iFormat(13, 0, 3), false},
		{"text", []byte("hello, this is text"), false},
		{"FT 1.2 over TCP", []byte{0x68, 9, 9, 0x68, 0x53, 1, 100, 1, 6, 1, 0, 0, 20, 0x9b, 0x16}, false},
	} {
		if got := matchIEC104(c.b); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		if !c.want {
			iec104Talk(t, 2404).refused(0, c.b, ErrNotMine)
		}
	}
}

func TestIEC104Roles(t *testing.T) {
	k := iec104Talk(t, 5000)
	expectTold(t, k.say(0, uFormat(startdtAct)), "client subscribe=1")
	expectTold(t, k.say(1, uFormat(startdtCon)), "server")
	expectTold(t, k.say(1, uFormat(testfrAct)), "")
	expectTold(t, k.say(1, []byte{0x68, 4, 1, 0, 2, 0}), "")
	address := `iec104.common_address="7"(iec104.asdu.common_address,content)`
	expectTold(t, k.say(0, iFormat(100, 1, 6, oneObject(1)...)), "client read=1")
	expectTold(t, k.say(1, iFormat(100, 1, 7, oneObject(1)...)), "server "+address)
	expectTold(t, k.say(1, iFormat(13, 1, 20, oneObject(5)...)), "server")
	expectTold(t, k.say(1, iFormat(100, 1, 10, oneObject(1)...)), "server")
	expectTold(t, k.say(1, iFormat(13, 1, 3, oneObject(5)...)), "server read=1")
	expectTold(t, k.say(1, iFormat(30, 1, 3, oneObject(8)...)), "server alarm=1")
	expectTold(t, k.say(1, iFormat(200, 1, 3, 1, 2, 3)), "") // a maker's own
	expectTold(t, k.say(0, uFormat(stopdtAct)), "client")
	originated := iFormat(45, 1, 6, oneObject(1)...)
	originated[9] = 3
	expectTold(t, k.say(0, originated), `client iec104.originator_address="3"(iec104.asdu.originator_address,content) control=1`)
}

func TestIEC104AnswersAlone(t *testing.T) {
	k := iec104Talk(t, 5000)
	k.say(1, iFormat(1, 1, 3, oneObject(1)...))
	expectTold(t, k.say(1, iFormat(13, 1, 20, oneObject(5)...)), "server") // the end of the interrogation counts
	expectTold(t, k.say(1, iFormat(100, 1, 10, oneObject(1)...)), "server read=1")
	expectTold(t, k.say(1, iFormat(45, 1, 7, oneObject(1)...)), "server control=1")
	expectTold(t, k.say(1, iFormat(13, 1, 20, oneObject(5)...)), "server") // asked for and confirmed
	expectTold(t, k.say(1, iFormat(100, 1, 0x40|46, oneObject(1)...)), "server read=1")
	expectTold(t, k.say(0, iFormat(45, 1, 6, oneObject(1)...)), "client control=1")
	expectTold(t, k.say(1, iFormat(45, 1, 7, oneObject(1)...)), "server")
}

func TestIEC104Operations(t *testing.T) {
	for _, c := range []struct {
		kind, cause byte
		size        int
		want        string
	}{
		{1, 1, 1, "server read=1"},
		{1, 2, 1, "server read=1"},
		{1, 3, 1, "server alarm=1"},
		{3, 11, 1, "server alarm=1"},
		{31, 12, 8, "server alarm=1"},
		{9, 3, 3, "server read=1"},
		{17, 3, 6, "server alarm=1"},
		{40, 3, 11, "server alarm=1"},
		{15, 3, 5, "server read=1"},
		{70, 4, 1, "server alarm=1"},
		{45, 6, 1, "client control=1"},
		{46, 6, 1, "client control=1"},
		{47, 8, 1, "client control=1"},
		{50, 6, 5, "client control=1"},
		{51, 6, 4, "client control=1"},
		{58, 6, 8, "client control=1"},
		{64, 6, 11, "client control=1"},
		{101, 6, 1, "client read=1"},
		{102, 5, 0, "client read=1"},
		{103, 6, 7, "client configure=1"},
		{103, 3, 7, "server configure=1"},
		{104, 6, 2, "client diagnose=1"},
		{105, 6, 1, "client control=1"},
		{106, 6, 2, "client diagnose=1"},
		{107, 6, 9, "client diagnose=1"},
		{110, 6, 3, "client configure=1"},
		{112, 6, 5, "client configure=1"},
		{113, 6, 1, "client configure=1"},
		{120, 13, 6, "transfer=1"},
		{122, 13, 4, "transfer=1"},
		{125, 13, 20, "transfer=1"},
		{126, 5, 13, "server transfer=1"},
		{127, 5, 16, "transfer=1"},
		{81, 14, 20, "authenticate=1"},
		{45, 44, 1, "server control=1"},
		{105, 45, 1, "server control=1"},
	} {
		k := iec104Talk(t, 5000)
		k.say(1, iFormat(1, 1, 3, oneObject(1)...))
		if got := k.say(0, iFormat(c.kind, 1, c.cause, oneObject(c.size)...)); strings.TrimPrefix(got, "server ") != strings.TrimPrefix(c.want, "server ") || strings.HasPrefix(c.want, "server") != strings.HasPrefix(got, "server") {
			t.Errorf("type %d, cause %d: %q, not %q", c.kind, c.cause, got, c.want)
		}
	}
}

func TestIEC104Addresses(t *testing.T) {
	k := iec104Talk(t, 2404)
	from := func(address byte, cause byte) string {
		b := iFormat(1, 1, cause, oneObject(1)...)
		b[10] = address
		return k.say(1, b)
	}
	for _, n := range []byte{1, 2} {
		if got := from(n, 3); !strings.Contains(got, "iec104.common_address") {
			t.Errorf("address %d: %s", n, got)
		}
	}
	expectTold(t, from(1, 3), "server alarm=1")
	expectTold(t, from(0, 3), "server alarm=1")
	unknown := iFormat(45, 1, 0x40|46, oneObject(1)...) // negative: unknown common address
	unknown[10] = 99
	expectTold(t, k.say(1, unknown), "server control=1")
}

func TestIEC104StreamAndCut(t *testing.T) {
	two := append(iFormat(13, 1, 3, oneObject(5)...), uFormat(testfrAct)...)
	first := len(two) - 6
	k := iec104Talk(t, 2404)
	for n := range first {
		k.refused(0, two[:n], ErrShort)
	}
	if used, err := k.d.Dissect(k.message(0, two), &k.log); used != first || err != nil {
		t.Fatalf("two in one segment: %d, %v", used, err)
	}
	k.refused(0, []byte("GET / HTTP/1.1\r\n"), ErrMalformed)
	m := k.message(0, iFormat(45, 1, 6, oneObject(1)...)[:13])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) {
		t.Fatal(err)
	}
	if got := told2text(&k.log); !strings.Contains(got, "control=1") {
		t.Errorf("cut by the capture: told %s", got)
	}
}

func TestIEC104Resync(t *testing.T) {
	b := append([]byte("\x68\x04hh\x68\x68"), iFormat(13, 1, 3, oneObject(5)...)...)
	if at := (&iec104{}).Resync(b); at != 6 {
		t.Errorf("found one at %d", at)
	}
	if at := (&iec104{}).Resync(bytes.Repeat([]byte{0x68}, 50)); at != -1 {
		t.Errorf("found one at %d in noise", at)
	}
}

func BenchmarkIEC104(b *testing.B) {
	k := &talk{d: &iec104{}, port: 2404, stream: true}
	report, ask := k.message(1, iFormat(13, 1, 3, oneObject(5)...)), k.message(0, iFormat(45, 1, 6, oneObject(1)...))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(report, &k.log)
		_, _ = k.d.Dissect(ask, &k.log)
	}
}

func FuzzIEC104(f *testing.F) { fuzzDissector(f, "iec104", true) }
