package dissect

import (
	"encoding/binary"
	"testing"
)

func fenetSay(way, command byte, data string) []byte {
	b := append([]byte(fenetXGT), 0, 0, 0xa4, way, 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(2+len(data)))
	return append(append(b, 3, 0, command, 0), data...)
}

func fenetTalk(t *testing.T, stream bool) *talk {
	return &talk{t: t, d: &fenet{}, port: 2004, stream: stream}
}

const (
	fenetOne   = "\x02\x00\x00\x00\x01\x00\x06\x00%MW100" // a word by name
	fenetFacts = `server vendor="LS Electric"(ls-fenet.header,content) product="XGI"(ls-fenet.header.cpu,content)`
)

func TestFEnet(t *testing.T) {
	k := fenetTalk(t, true)
	for _, c := range []struct {
		command byte
		want    string
	}{{fenetRead, " read=1"}, {fenetWrite, " write=1"}, {fenetStatus, " diagnose=1"}, {0x62, ""}} {
		expectTold(t, k.say(0, fenetSay(fenetAsk, c.command, fenetOne)), "client"+c.want)
		expectTold(t, k.say(1, fenetSay(fenetTell, c.command+1, "\x02\x00\x00\x00\x00\x00")), fenetFacts)
	}
	expectTold(t, fenetTalk(t, false).say(1, fenetSay(fenetTell, fenetRead+1, "\x02\x00")), "server read=1"+fenetFacts[len("server"):])
	unknown := fenetSay(fenetTell, fenetRead+1, "\x02\x00")
	unknown[12] = 0x77
	expectTold(t, k.say(1, unknown), `server vendor="LS Electric"(ls-fenet.header,content)`)
	glofa := append([]byte(fenetGLOFA), fenetSay(fenetAsk, fenetRead, fenetOne)[len(fenetXGT):]...)
	expectTold(t, k.say(0, glofa), "client read=1")
}

func TestFEnetIsNotFEnet(t *testing.T) {
	ok := fenetSay(fenetAsk, fenetRead, fenetOne)
	if !matchFEnet(ok) {
		t.Fatal("the signature does not know it")
	}
	for n := 1; n < len(ok); n++ {
		fenetTalk(t, true).refused(0, ok[:n], ErrShort)
		fenetTalk(t, false).refused(0, ok[:n], ErrNotMine)
	}
	for name, change := range map[string]func(b []byte){
		"name":          func(b []byte) { b[5] = 'x' },
		"way":           func(b []byte) { b[13] = 0x22 },
		"length":        func(b []byte) { b[17] = 0x10 },
		"no command":    func(b []byte) { b[16], b[17] = 1, 0 },
		"asks a answer": func(b []byte) { b[20] = fenetRead + 1 },
		"command":       func(b []byte) { b[21] = 1 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchFEnet(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		fenetTalk(t, true).refused(0, b, ErrNotMine)
	}
	if at := (&fenet{}).Resync(append([]byte("LS"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&fenet{}).Resync([]byte("LSIS only")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestFEnetSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 2004)
	r.open(a, b)
	for _, command := range []byte{fenetStatus, fenetRead, fenetRead, fenetWrite} {
		r.tcp(a, b, fenetSay(fenetAsk, command, fenetOne))
		r.tcp(b, a, fenetSay(fenetTell, command+1, "\x02\x00\x00\x00\x00\x00\x01\x00\x02\x00\x34\x12"))
	}
	a, b = madeAddr(3, 50002), madeAddr(2, 2005)
	r.udp(a, b, fenetSay(fenetAsk, fenetRead, fenetOne))
	r.udp(b, a, fenetSay(fenetTell, fenetRead+1, "\x02\x00\x00\x00\x00\x00\x01\x00\x02\x00\x34\x12"))
	made(t, "ls-fenet", "session", r)
}

func FuzzFEnet(f *testing.F) { fuzzDissector(f, "ls-fenet", true) }
