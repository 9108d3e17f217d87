package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func hislipSay(kind byte, payload string) []byte {
	b := append([]byte{'H', 'S', kind, 0}, 0, 0, 0, 1)
	return append(binary.BigEndian.AppendUint64(b, uint64(len(payload))), payload...)
}

func TestHiSLIP(t *testing.T) {
	k := &talk{t: t, d: &hislip{}, port: hislipPort, stream: true}
	expectTold(t, k.say(0, hislipSay(0, "hislip0")), "client")
	expectTold(t, k.say(1, hislipSay(1, "")), "server")
	expectTold(t, k.say(0, hislipSay(hislipDataEnd, "*idn?\n")), "diagnose=1")
	expectTold(t, k.say(1, hislipSay(hislipDataEnd, "Example Instruments,DMM-6,0,A.02.17\n")), `vendor="Example Instruments"(hislip.idn,identity) model="DMM-6"(hislip.idn,identity) firmware="A.02.17"(hislip.idn,identity)`)
	expectTold(t, k.say(0, hislipSay(hislipDataEnd, "MEAS:VOLT?")), "read=1")
	expectTold(t, k.say(1, hislipSay(hislipDataEnd, "a,b,c,d")), "")
	expectTold(t, k.say(0, hislipSay(hislipDataEnd, "OUTP ON")), "write=1")
	expectTold(t, k.say(0, hislipSay(hislipTrigger, "")), "client control=1")
	expectTold(t, k.say(1, hislipSay(hislipService, "")), "server alarm=1")
	expectTold(t, k.say(0, hislipSay(hislipStatus, "")), "client diagnose=1")
	k.refused(0, []byte("XS"), ErrMalformed)
	k = &talk{t: t, d: &hislip{}, port: hislipPort, stream: true}
	for name, b := range map[string][]byte{"type": hislipSay(60, ""), "long trigger": hislipSay(hislipTrigger, strings.Repeat("x", 600)), "length": append([]byte("HS\x06\x00\x00\x00\x00\x00"), 0xff, 0, 0, 0, 0, 0, 0, 0)} {
		t.Run(name, func(t *testing.T) { k.refused(0, b, ErrNotMine) })
	}
	b := hislipSay(hislipData, strings.Repeat("x", 70_000))
	if u, err := k.d.Dissect(k.message(0, b[:40]), &k.log); err != nil || u != len(b) {
		t.Errorf("a bulk payload is passed over: used %d, %v", u, err)
	}
	if at := (&hislip{}).Resync(append([]byte("HX"), hislipSay(0, "")...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
}

func TestHiSLIPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, hislipPort)
	r.open(a, b)
	r.tcp(a, b, hislipSay(0, "hislip0"))
	r.tcp(b, a, hislipSay(1, ""))
	r.tcp(a, b, hislipSay(hislipDataEnd, "*IDN?\n"))
	r.tcp(b, a, hislipSay(hislipDataEnd, "Example Instruments,DMM-6,DE4711,A.02.17\n"))
	r.tcp(a, b, hislipSay(hislipDataEnd, "OUTP ON\n"))
	r.tcp(a, b, hislipSay(hislipDataEnd, "MEAS:VOLT?\n"))
	r.tcp(b, a, hislipSay(hislipDataEnd, "5.001\n"))
	made(t, "hislip", "meter", r)
}

func FuzzHiSLIP(f *testing.F) { fuzzDissector(f, "hislip", true) }
