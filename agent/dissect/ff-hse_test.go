package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func hseSay(protocol, kind, service byte, body string) []byte {
	b := []byte{1, 0, protocol<<2 | kind, service, 0, 0, 0, 5}
	return append(binary.BigEndian.AppendUint32(b, uint32(hseHead+len(body))), body...)
}

func hseName(s string) string { return s + strings.Repeat(" ", 32-len(s)) }

var hseWho = "\x03\x20\x00\x00\x00\x01\x00\x08" + strings.Repeat("\x00", 16) + hseName("0003090001-LD-7") + hseName("LINK-7") + strings.Repeat("\x00", 24)

const hseTold = `ff-hse.device_id="0003090001-LD-7"(ff-hse.sm.device_id,identity) serial="0003090001-LD-7"(ff-hse.sm.device_id,identity) name="LINK-7"(ff-hse.sm.pd_tag,identity)`

func TestHSE(t *testing.T) {
	k := &talk{t: t, d: &ffHSE{}, port: 1090, stream: true}
	expectTold(t, k.say(0, hseSay(hseManagement, hseAsks, hseIdentify, "")), "client diagnose=1")
	expectTold(t, k.say(1, hseSay(hseManagement, hseAnswers, hseIdentify, hseWho)), "server "+hseTold)
	expectTold(t, k.say(1, hseSay(hseManagement, hseAsks, hseAnnounces, hseWho)), hseTold)
	expectTold(t, k.say(1, hseSay(hseManagement, hseAnswers, hseIdentify, "short")), "server")
	for service, want := range map[byte]string{
		0x82: "client read=1", 0x83: "client write=1", 0x93: "client control=1", 0x8a: "client program=1",
		0x84: "client diagnose=1", 0x87: "client configure=1", 0x99: "client alarm=1", 0xe0: "client", 2: "alarm=1", 0: "",
	} {
		expectTold(t, k.say(0, hseSay(hseFMS, hseAsks, service, "xx")), want)
	}
	expectTold(t, k.say(0, hseSay(hseSession, hseAsks, 0x81, "xx")), "client")
	expectTold(t, k.say(0, hseSay(hseManagement, hseAsks, 0x8c, "xx")), "client configure=1")
	expectTold(t, k.say(0, hseSay(hseManagement, hseAsks, hseFindTag, "xx")), "diagnose=1")
	expectTold(t, k.say(0, hseSay(hseRedundancy, hseAsks, 0x82, "xx")), "client configure=1")
	expectTold(t, k.say(0, hseSay(hseRedundancy, hseAsks, 0x81, "xx")), "client diagnose=1")
}

func TestHSEIsNotHSE(t *testing.T) {
	ok := hseSay(hseFMS, hseAsks, 0x82, "xx")
	if !matchHSE(ok) {
		t.Fatal("the signature does not know HSE")
	}
	for n := 1; n < len(ok); n++ {
		(&talk{t: t, d: &ffHSE{}, stream: true}).refused(0, ok[:n], ErrShort)
		(&talk{t: t, d: &ffHSE{}}).refused(0, ok[:n], ErrNotMine)
		if matchHSE(ok[:n]) {
			t.Fatalf("%d octets are claimed", n)
		}
	}
	for name, b := range map[string][]byte{
		"version":     append([]byte{2}, ok[1:]...),
		"protocol":    hseSay(9, hseAsks, 0x82, ""),
		"message":     hseSay(hseFMS, 3, 0x82, ""),
		"unconfirmed": hseSay(hseFMS, hseAnswers, 2, ""),
		"service":     hseSay(hseSession, hseAsks, 0x85, ""),
		"length":      []byte("\x01\x00\x0c\x82\x00\x00\x00\x05\x00\x00\x00\x04"),
		"huge":        []byte("\x01\x00\x0c\x82\x00\x00\x00\x05\x7f\x00\x00\x04"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &ffHSE{}, stream: true}).refused(0, b, ErrNotMine) })
	}
	if at := (&ffHSE{}).Resync(append([]byte("\x00\x01"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
}

func TestHSESample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 1090)
	r.udp(madeAddr(2, 1089), madeAddr(9, 1089), hseSay(hseManagement, hseAsks, hseAnnounces, hseWho))
	r.open(a, b)
	for _, x := range [][4]byte{{hseSession, 0x81}, {hseManagement, hseIdentify}, {hseFMS, 0x84}, {hseFMS, 0x82}, {hseFMS, 0x83}, {hseFMS, 0x93}} {
		answer := "done"
		if x[1] == hseIdentify && x[0] == hseManagement {
			answer = hseWho
		}
		r.tcp(a, b, hseSay(x[0], hseAsks, x[1], "what"))
		r.tcp(b, a, hseSay(x[0], hseAnswers, x[1], answer))
	}
	made(t, "ff-hse", "link", r)
}

func FuzzHSE(f *testing.F) { fuzzDissector(f, "ff-hse", true) }
