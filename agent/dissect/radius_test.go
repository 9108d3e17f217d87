package dissect

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

func FuzzRADIUS(f *testing.F) { fuzzDissector(f, "radius", false) }

func radiusMade(code byte, attributes string) []byte {
	b := append([]byte{code, 7, 0, 0}, "0123456789abcdef"+attributes...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func TestRADIUS(t *testing.T) {
	k := &talk{t: t, d: &radius{}, port: 1812}
	expectTold(t, k.say(0, radiusMade(1, "\x20\x05sw1\x04\x06\x0a\x00\x00\x01")), `client authenticate=1 radius.nas_address="10.0.0.1"(radius.nas_ip_address,content) radius.nas_identifier="sw1"(radius.nas_identifier,content) name="sw1"(radius.nas_identifier,content)`)
	expectTold(t, k.say(1, radiusMade(2, "")), "server")
	expectTold(t, k.say(1, radiusMade(11, "\x18\x03x")), "server")
	expectTold(t, k.say(0, radiusMade(4, "\x28\x06\x00\x00\x00\x01")), "client write=1")
	expectTold(t, k.say(0, radiusMade(12, "")), "client diagnose=1")
	expectTold(t, k.say(0, radiusMade(40, "")), "client control=1")
	expectTold(t, k.say(0, radiusMade(43, "")), "client control=1")
	k.refused(0, []byte("no radius at all, and longer than one"), ErrMalformed)
}

func TestRADIUSBehindAProxy(t *testing.T) {
	k := &talk{t: t, d: &radius{}, port: 1812}
	k.say(0, radiusMade(1, "\x20\x05sw1\x04\x06\x0a\x00\x00\x63"))
	want, told := Addr(netip.MustParseAddr("10.0.0.99")), 0
	for _, e := range k.log.all() {
		if e.kind != toldFact {
			continue
		}
		if told++; e.subject != want {
			t.Errorf("%s is told of %v, not of who lets others in", e.attribute, e.subject)
		}
	}
	if told != 3 {
		t.Errorf("%d facts, want 3", told)
	}
}

func TestRADIUSRefuses(t *testing.T) {
	long := radiusMade(1, "\x01\x05bob")
	long[3]++
	for name, b := range map[string][]byte{
		"another code":        radiusMade(99, "\x01\x05bob"),
		"length":              long,
		"attribute too long":  radiusMade(1, "\x01\x09bob"),
		"attribute of length": radiusMade(1, "\x01\x01"),
		"short":               []byte("\x01\x02\x00\x14"),
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &radius{}, port: 1812}
			k.refused(0, b, ErrNotMine)
		})
	}
	k := &talk{t: t, d: &radius{}, port: 4812}
	k.refused(1, radiusMade(2, ""), ErrNotMine) // on any other port an empty answer is none
}
