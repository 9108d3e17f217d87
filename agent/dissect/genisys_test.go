package dissect

import (
	"strings"
	"testing"
)

// genisysSay builds a message with a check that starts at crc.
func genisysSay(crc uint16, header byte, content string) []byte {
	crc = genisysStep(crc, header)
	for _, x := range []byte(content) {
		crc = genisysStep(crc, x)
	}
	b := []byte{header}
	for _, x := range []byte(content + string([]byte{byte(crc), byte(crc >> 8)})) {
		if x >= genisysEscape {
			b, x = append(b, genisysEscape), x&0x0f
		}
		b = append(b, x)
	}
	return append(b, genisysEnd)
}

func genisysOnes(header byte, content string) []byte { return genisysSay(0xffff, header, content) }

func TestGenisys(t *testing.T) {
	k := &talk{t: t, d: &genisys{}, port: 10001, stream: true}
	const told = `genisys.station="1"(genisys.station,content)`
	expectTold(t, k.say(0, genisysOnes(genisysPoll, "\x01")), "client receiver"+told+" read=1")
	expectTold(t, k.say(1, []byte("\xf1\x01\xf6")), "server "+told)
	expectTold(t, k.say(0, []byte("\xfb\x01\xf6")), "client receiver"+told+" read=1")
	for header, want := range map[byte]string{
		genisysRecall: "client read=1", genisysAckPoll: "client read=1", genisysExecute: "client control=1",
	} {
		expectTold(t, strings.ReplaceAll(k.say(0, genisysOnes(header, "\x01")), "receiver"+told+" ", ""), want)
	}
	k = &talk{t: t, d: &genisys{}, port: 10001, stream: true}
	expectTold(t, k.say(0, genisysSay(0, genisysControl, "\x01\xe0\xf5")), "client receiver"+told+" control=1")
	expectTold(t, k.say(1, genisysOnes(genisysCheckback, "\x01\xe0\xf5\x02\xff")), "server "+told)
	expectTold(t, k.say(1, genisysOnes(genisysIndication, "\x01\x05\x01")), "server "+told)
}

func TestGenisysIsNotGenisys(t *testing.T) {
	ok := genisysOnes(genisysIndication, "\xf1\x05\xf6")
	for n := 1; n < len(ok); n++ {
		(&talk{t: t, d: &genisys{}, stream: true}).refused(0, ok[:n], ErrShort)
		if matchGenisys(ok[:n]) {
			t.Fatalf("%d octets are claimed", n)
		}
	}
	if !matchGenisys(ok) {
		t.Fatal("the signature does not know Genisys")
	}
	for name, b := range map[string][]byte{
		"acknowledgement alone": []byte("\xf1\x01\xf6"),
		"header":                genisysOnes(0xf5, "\x01"),
		"odd pairs":             genisysOnes(genisysControl, "\x01\x02"),
		"data of a poll":        genisysOnes(genisysPoll, "\x01\x02\x03"),
		"check":                 []byte("\xfb\x01\x83\x41\xf6"),
		"escape":                []byte("\xfb\xf0\x10\x83\x41\xf6"),
		"endless":               append([]byte{genisysIndication}, make([]byte, 700)...),
		"text":                  []byte("HELO"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &genisys{}, stream: true}).refused(0, b, ErrNotMine) })
	}
	if at := (&genisys{}).Resync(append([]byte("\xf6\xf2"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
}

func TestGenisysSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 10001)
	r.open(a, b)
	r.tcp(a, b, genisysOnes(genisysRecall, "\x01"))
	r.tcp(b, a, genisysOnes(genisysIndication, "\x01\x00\x05\x01\x04\x02\xf6\xe0\x01"))
	for range 2 {
		r.tcp(a, b, genisysOnes(genisysPoll, "\x01"))
		r.tcp(b, a, []byte("\xf1\x01\xf6"))
	}
	r.tcp(a, b, genisysOnes(genisysControl, "\x01\x00\x21"))
	r.tcp(b, a, genisysOnes(genisysCheckback, "\x01\x00\x21"))
	r.tcp(a, b, genisysOnes(genisysExecute, "\x01"))
	r.tcp(b, a, genisysOnes(genisysIndication, "\x01\x00\x25"))
	r.tcp(a, b, genisysOnes(genisysAckPoll, "\x01"))
	r.tcp(b, a, []byte("\xf1\x01\xf6"))
	made(t, "genisys", "wayside", r)
}

func FuzzGenisys(f *testing.F) { fuzzDissector(f, "genisys", true) }
