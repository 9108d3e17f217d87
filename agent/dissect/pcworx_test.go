package dissect

import (
	"encoding/binary"
	"testing"
)

func pcworxSay(way, kind byte, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{way, kind}, uint16(4+len(body)))
	return append(b, body...)
}

func pcworxOpening() []byte {
	return pcworxSay(pcworxAsk, pcworxOpen, "\x00\x00\x00\x00x\x80\x00\x03\x00\x0c"+pcworxHello+"\x00")
}

// pcworxPlate is the answer that says what a controller is.
func pcworxPlate() []byte {
	body := make([]byte, 170)
	for at, s := range map[int]string{pcworxType: "ILC 150 ETH", pcworxFirmware: "3.95T", pcworxDate: "Mar  2 2012", pcworxTime: "09:39:02", pcworxOrder: "2985330"} {
		copy(body[at-4:], s)
	}
	return pcworxSay(pcworxTell, pcworxAbout, string(body))
}

const pcworxFacts = `vendor="Phoenix Contact"(pcworx.about,behaviour) product="ILC 150 ETH"(pcworx.about.type,identity) model="2985330"(pcworx.about.order_number,identity)` +
	` firmware="3.95T"(pcworx.about.firmware,identity) pcworx.firmware_built="Mar  2 2012 09:39:02"(pcworx.about.firmware_date,identity)`

func pcworxTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &pcworx{}, port: pcworxPort, stream: true}
}

func TestPCWorxIdentity(t *testing.T) {
	k := pcworxTalk(t)
	expectTold(t, k.say(0, pcworxOpening()), "client")
	expectTold(t, k.say(1, pcworxSay(pcworxTell, 1, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00")), "server")
	expectTold(t, k.say(0, pcworxSay(pcworxAsk, 5, "\x00\x01\x00\x00x\x80\x00\x07\x00\x00\x00\x06\x00\x04\x02\x95\x00\x00")), "client")
	expectTold(t, k.say(1, pcworxSay(pcworxTell, 5, "\x00\x01\x00\x00")), "server")
	expectTold(t, k.say(0, pcworxSay(pcworxAsk, pcworxAbout, "\x00\x02\x00\x00\x00\x00\x00\x07\x04\x00")), "client diagnose=1")
	expectTold(t, k.say(1, pcworxPlate()), "server "+pcworxFacts)
}

func TestPCWorxIsNotPCWorx(t *testing.T) {
	for name, whole := range map[string][]byte{"opening": pcworxOpening(), "plate": pcworxPlate()} {
		if !matchPCWorx(whole) {
			t.Errorf("%s: the signature does not know it", name)
		}
		for n := 1; n < len(whole); n++ {
			pcworxTalk(t).refused(0, whole[:n], ErrShort)
			if matchPCWorx(whole[:n]) {
				t.Errorf("%s: %d octets are claimed", name, n)
			}
		}
	}
	for name, b := range map[string][]byte{
		"way": append([]byte{2}, pcworxOpening()[1:]...), "kind": pcworxSay(pcworxAsk, 0x30, "\x00\x00\x00"), "length": {1, 1, 0, 5, 0, 0}, "long": {1, 1, 0xff, 0, 0, 0},
	} {
		if matchPCWorx(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		pcworxTalk(t).refused(0, b, ErrNotMine)
	}
	k := pcworxTalk(t)
	k.port = 5000
	k.refused(0, pcworxSay(pcworxAsk, 5, "\x00\x01\x00\x00"), ErrNotMine) // too little elsewhere
	if at := (&pcworx{}).Resync(append([]byte("xx"), pcworxOpening()...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&pcworx{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestPCWorxSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, pcworxPort)
	r.open(a, b)
	r.tcp(a, b, pcworxOpening())
	r.tcp(b, a, pcworxSay(pcworxTell, 1, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00"))
	r.tcp(a, b, pcworxSay(pcworxAsk, 5, "\x00\x01\x00\x00x\x80\x00\x07\x00\x00\x00\x06\x00\x04\x02\x95\x00\x00"))
	r.tcp(b, a, pcworxSay(pcworxTell, 5, "\x00\x01\x00\x00"))
	r.tcp(a, b, pcworxSay(pcworxAsk, pcworxAbout, "\x00\x02\x00\x00\x00\x00\x00\x07\x04\x00"))
	r.tcp(b, a, pcworxPlate())
	made(t, "pcworx", "about", r)
}

func TestPCWorxAllocatesNothing(t *testing.T) {
	k := pcworxTalk(t)
	ask, answer := k.message(0, pcworxSay(pcworxAsk, pcworxAbout, "\x00\x02\x00\x00")), k.message(1, pcworxPlate())
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzPCWorx(f *testing.F) { fuzzDissector(f, "pcworx", true) }
