package dissect

import (
	"encoding/binary"
	"testing"
)

// srtpAskFor is a request; with text it is the long form.
func srtpAskFor(service byte, text string) []byte {
	b := make([]byte, srtpHead)
	b[0], b[2], b[4] = srtpAsk, 5, byte(len(text))
	b[30], b[31] = 5, srtpAskShort
	at := 40
	if text != "" {
		b[31], at = srtpAskText, 48
	}
	b[at], b[at+1], b[at+2] = 1, 1, service
	return append(b, text...)
}

func srtpTell(kind byte, status uint16, text string) []byte {
	b := make([]byte, srtpHead)
	b[0], b[2], b[4] = srtpAnswer, 5, byte(len(text))
	b[30], b[31] = 5, kind
	b[40], b[41], b[48], b[49] = 1, 1, 1, 1
	if kind != srtpRefused {
		binary.LittleEndian.PutUint16(b[54:], status)
	}
	return append(b, text...)
}

func srtpReadyMessage() []byte {
	b := make([]byte, srtpHead)
	b[0], b[8] = srtpReady, 0x0f
	return b
}

func srtpTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &srtp{}, port: srtpPort, stream: true}
}

const srtpRuns = `ge-srtp.plc_state="run, I/O enabled"(ge-srtp.piggyback.status,content)`

func TestSRTPSession(t *testing.T) {
	k := srtpTalk(t)
	expectTold(t, k.say(0, make([]byte, srtpHead)), "client")
	expectTold(t, k.say(1, srtpReadyMessage()), "server")
	expectTold(t, k.say(0, srtpAskFor(0x43, "")), "client diagnose=1")
	expectTold(t, k.say(1, srtpTell(srtpDoneText, 0x0500, "some text")), "server "+srtpRuns)
	expectTold(t, k.say(1, srtpTell(srtpDone, 0x2500, "")), `server ge-srtp.plc_state="stop, I/O disabled"(ge-srtp.piggyback.status,content)`)
	expectTold(t, k.say(1, srtpTell(srtpRefused, 0, "")), "server")
	k.refused(0, []byte("GET / HTTP/1.1"), ErrMalformed)
}

func TestSRTPOperations(t *testing.T) {
	for service, want := range map[byte]string{
		0x00: " diagnose=1", 0x04: " read=1", 0x07: " write=1", 0x20: " authenticate=1", 0x23: " control=1",
		0x24: " configure=1", 0x40: " program=1", 0x1d: " transfer=1", 0x52: " firmware=1", 0x15: " subscribe=1", 0x4f: "", 0xee: "",
	} {
		expectTold(t, srtpTalk(t).say(0, srtpAskFor(service, "")), "client"+want)
		expectTold(t, srtpTalk(t).say(0, srtpAskFor(service, "text")), "client"+want)
	}
}

func TestSRTPIsNotSRTP(t *testing.T) {
	ok := srtpAskFor(4, "")
	if !matchSRTP(ok) || !matchSRTP(srtpTell(srtpDone, 0, "")) {
		t.Fatal("the signature does not know SRTP")
	}
	if matchSRTP(make([]byte, 200)) || matchSRTP(srtpReadyMessage()) {
		t.Error("zeros are claimed")
	}
	for n := 1; n < len(ok); n++ {
		srtpTalk(t).refused(0, ok[:n], ErrShort)
		if matchSRTP(ok[:n]) {
			t.Errorf("%d octets are claimed", n)
		}
	}
	for name, change := range map[string]func(b []byte){
		"type":         func(b []byte) { b[0] = 4 },
		"long":         func(b []byte) { b[5] = 0x50 },
		"kind":         func(b []byte) { b[31] = 0xc1 },
		"other way":    func(b []byte) { b[31] = srtpDone },
		"no packet":    func(b []byte) { b[40] = 0 },
		"packet of":    func(b []byte) { b[40] = 2 },
		"text without": func(b []byte) { b[4] = 1 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchSRTP(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		srtpTalk(t).refused(0, b, ErrNotMine)
	}
	k := srtpTalk(t)
	k.port = 5000
	k.refused(0, make([]byte, srtpHead), ErrNotMine) // zeros prove nothing elsewhere
	if at := (&srtp{}).Resync(append([]byte("xx"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&srtp{}).Resync(make([]byte, 100)); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestSRTPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, srtpPort)
	r.open(a, b)
	r.tcp(a, b, make([]byte, srtpHead))
	r.tcp(b, a, srtpReadyMessage())
	for _, x := range [][2][]byte{
		{srtpAskFor(0x00, ""), srtpTell(srtpDone, 0x0500, "")},
		{srtpAskFor(0x43, ""), srtpTell(srtpDoneText, 0x0500, "LINE4\x00\x00\x00\x04\x01")},
		{srtpAskFor(0x04, ""), srtpTell(srtpDone, 0x0500, "")},
		{srtpAskFor(0x07, "\x07\x00\x08\x00\x09\x00\x0a\x00"), srtpTell(srtpDone, 0x0500, "")},
		{srtpAskFor(0x20, "password"), srtpTell(srtpDone, 0x0500, "")},
		{srtpAskFor(0x23, ""), srtpTell(srtpRefused, 0, "")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "ge-srtp", "session", r)
}

func TestSRTPAllocatesNothing(t *testing.T) {
	k := srtpTalk(t)
	ask, answer := k.message(0, srtpAskFor(4, "")), k.message(1, srtpTell(srtpDone, 0x0500, ""))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzSRTP(f *testing.F) { fuzzDissector(f, "ge-srtp", true) }
