package dissect

import (
	"encoding/binary"
	"testing"
)

func crimsonSay(register, kind uint16, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(4+len(data)))
	b = binary.BigEndian.AppendUint16(b, register)
	b = binary.BigEndian.AppendUint16(b, kind)
	return append(b, data...)
}

func crimsonTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &crimson{}, port: crimsonPort, stream: true}
}

func TestCrimsonSession(t *testing.T) {
	k := crimsonTalk(t)
	k.refused(0, crimsonSay(0x0200, crimsonValue, "value"), ErrNotMine) // the frame alone is no signature
	expectTold(t, k.say(0, []byte("\x00\x04\x01\x2b\x1b\x00")), "client diagnose=1")
	expectTold(t, k.say(1, crimsonSay(crimsonVendor, 0x1b00, "Red Lion Controls\x00")), `server vendor="Red Lion Controls"(crimson.manufacturer,identity)`)
	expectTold(t, k.say(0, []byte("\x00\x04\x01\x2a\x1a\x00")), "client diagnose=1")
	expectTold(t, k.say(1, crimsonSay(crimsonModel, 0x1a00, "G310C2\x00")), `server model="G310C2"(crimson.model,identity)`)
	expectTold(t, k.say(0, crimsonSay(0x0200, crimsonValue, "value")), "client write=1")
	expectTold(t, k.say(0, crimsonSay(0x0200, crimsonChunk, "chunk")), "client program=1")
	expectTold(t, k.say(1, crimsonSay(0x0200, crimsonChunk, "")), "")
	expectTold(t, k.say(1, []byte("\x00\x02\x02\x00")), "")
	k.refused(0, []byte("GET / HTTP/1.1"), ErrMalformed)
}

func TestCrimsonIsNotCrimson(t *testing.T) {
	for name, whole := range map[string][]byte{"ask": []byte("\x00\x04\x01\x2b\x1b\x00"), "answer": crimsonSay(crimsonModel, 0x1a00, "G310C2\x00")} {
		if !matchCrimson(whole) {
			t.Errorf("%s: the signature does not know it", name)
		}
		for n := 1; n < len(whole); n++ {
			crimsonTalk(t).refused(0, whole[:n], ErrShort)
			if matchCrimson(whole[:n]) {
				t.Errorf("%s: %d octets are claimed", name, n)
			}
		}
	}
	for name, b := range map[string][]byte{
		"length": []byte("\x00\x05\x01\x2b\x1b\x00\x00"), "register": []byte("\x00\x04\x11\x2b\x1b\x00"), "kind": []byte("\x00\x04\x01\x2b\x1a\x00"),
		"no text": crimsonSay(crimsonModel, 0x1a00, "\x01\x02\x00"), "no end": crimsonSay(crimsonModel, 0x1a00, "G310C2"), "two ends": crimsonSay(crimsonModel, 0x1a00, "G3\x00\x00"),
	} {
		if matchCrimson(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		crimsonTalk(t).refused(0, b, ErrNotMine)
	}
	if at := (&crimson{}).Resync([]byte("xx\x00\x04\x01\x2b\x1b\x00")); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&crimson{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestCrimsonSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, crimsonPort)
	r.open(a, b)
	r.tcp(a, b, []byte("\x00\x04\x01\x2b\x1b\x00"))
	r.tcp(b, a, crimsonSay(crimsonVendor, 0x1b00, "Red Lion Controls\x00"))
	r.tcp(a, b, []byte("\x00\x04\x01\x2a\x1a\x00"))
	r.tcp(b, a, crimsonSay(crimsonModel, 0x1a00, "G310C2\x00"))
	made(t, "crimson", "about", r)
}

func TestCrimsonAllocatesNothing(t *testing.T) {
	k := crimsonTalk(t)
	ask, answer := k.message(0, []byte("\x00\x04\x01\x2a\x1a\x00")), k.message(1, crimsonSay(crimsonModel, 0x1a00, "G310C2\x00"))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzCrimson(f *testing.F) { fuzzDissector(f, "crimson", true) }
