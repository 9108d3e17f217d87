package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func proconosSay(way byte, code, number uint16, data string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{proconosMark, way}, code)
	b = binary.BigEndian.AppendUint16(b, number)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint16(b, crcLow(0, b))
}

// proconosTexts are the texts of an answer behind its first eight octets.
func proconosTexts() string {
	b := make([]byte, 100)
	copy(b[proconosRuntimeAt-8:], "ProConOS V4.1.0202 Jan  5 2011")
	copy(b[proconosTypeAt-8:], "Ctl 390 V3.95")
	copy(b[77-8:], "Line4")
	return string(b)
}

const proconosFacts = `product="Ctl 390 V3.95"(proconos.about.plc_type,identity) proconos.runtime="ProConOS V4.1.0202 Jan  5 2011"(proconos.about.runtime,identity)`

func proconosTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &proconos{}, port: proconosPort, stream: true}
}

func TestProConOSCheck(t *testing.T) {
	// The requests that the public tools send.
	for _, s := range []string{
		"\xcc\x01\x00\x0b\x40\x02\x00\x00\x47\xee", "\xcc\x01\x00\x0d\xc0\x01\x00\x00\xd5\x17", "\xcc\x01\x00\x06\x40\x05\x00\x00\x36\x1e",
		"\xcc\x01\x00\x07\x40\x06\x10\x00\x26\x75" + strings.Repeat("\x00", 14) + "\xc6\x82",
	} {
		if !matchProConOS([]byte(s)) {
			t.Errorf("% x is not claimed", s)
		}
	}
}

func TestProConOSIdentity(t *testing.T) {
	k := proconosTalk(t)
	expectTold(t, k.say(0, proconosSay(proconosAsk, 0x000d, 0xc001, "")), "client")
	expectTold(t, k.say(1, proconosSay(0x81, 0x000d, 0xc001, "")), "server")
	expectTold(t, k.say(0, proconosSay(proconosAsk, proconosAbout, 0x4002, "")), "client diagnose=1")
	expectTold(t, k.say(1, proconosSay(0x81, proconosAbout, 0x4002, proconosTexts())), "server "+proconosFacts)
	bare := append([]byte("\xcc\x00000000"), proconosTexts()...)[:proconosPlate] // without a frame
	expectTold(t, k.say(1, bare), "server "+proconosFacts)
	copy(bare[proconosTypeAt:], "V 3.95A.6    ")
	expectTold(t, k.say(1, bare), `server firmware="V 3.95A.6"(proconos.about.plc_type,identity) proconos.runtime="ProConOS V4.1.0202 Jan  5 2011"(proconos.about.runtime,identity)`)
	k.refused(0, []byte("GET / HTTP/1.1"), ErrMalformed)
}

func TestProConOSIsNotProConOS(t *testing.T) {
	for name, whole := range map[string][]byte{
		"ask": proconosSay(proconosAsk, proconosAbout, 0x4002, ""), "bare": append([]byte("\xcc\x00000000"), proconosTexts()...)[:proconosPlate],
	} {
		for n := 1; n < len(whole); n++ {
			proconosTalk(t).refused(0, whole[:n], ErrShort)
			if matchProConOS(whole[:n]) {
				t.Errorf("%s: %d octets are claimed", name, n)
			}
		}
	}
	ok := proconosSay(proconosAsk, proconosAbout, 0x4002, "some data, to be longer than the texts of an answer: "+strings.Repeat("x", 40))
	for i := range ok {
		b := append([]byte{}, ok...)
		b[i] ^= 0x10
		if matchProConOS(b) {
			t.Errorf("octet %d changed: the signature claims it", i)
		}
	}
	wrong := append([]byte{}, ok...)
	wrong[20]++
	proconosTalk(t).refused(0, wrong, ErrNotMine)
	proconosTalk(t).refused(0, []byte("text"), ErrNotMine)
	if at := (&proconos{}).Resync(append([]byte("xx"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&proconos{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestProConOSSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, proconosPort)
	r.open(a, b)
	r.tcp(a, b, proconosSay(proconosAsk, 0x000d, 0xc001, ""))
	r.tcp(b, a, proconosSay(0x81, 0x000d, 0xc001, ""))
	r.tcp(a, b, proconosSay(proconosAsk, proconosAbout, 0x4002, ""))
	r.tcp(b, a, proconosSay(0x81, proconosAbout, 0x4002, proconosTexts()))
	made(t, "proconos", "about", r)
}

func TestProConOSAllocatesNothing(t *testing.T) {
	k := proconosTalk(t)
	ask, answer := k.message(0, proconosSay(proconosAsk, proconosAbout, 0x4002, "")), k.message(1, proconosSay(0x81, proconosAbout, 0x4002, proconosTexts()))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzProConOS(f *testing.F) { fuzzDissector(f, "proconos", true) }
