package dissect

import (
	"encoding/binary"
	"slices"
	"testing"
)

// lonSay is a packet of CEA-852.
func lonSay(kind byte, content string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(lonHead+len(content)))
	b = append(b, 1, kind, 0, 0, 0, 0, 0x6b, 0x8b, 0x45, 0x67, 0, 0, 0, 1, 0, 0, 0, 0)
	return append(b, content...)
}

const (
	lonNode  = "\x01\x09\x01\xaa\x01\xa9\x01" // acknowledged, subnet and node, domain 01
	lonPress = "\x01\x31\x00\x80\x00\x01\x7f\x04\x00\x12\x34\x56\x78\x90\x00\x01\x04\x60\x00\x0a\x04"
	lonTold  = `neuron/040012345678 lontalk.neuron_id="040012345678"(lontalk.service_pin,identity) neuron/040012345678 serial="040012345678"(lontalk.service_pin,identity) neuron/040012345678 lontalk.program_id="90:00:01:04:60:00:0a:04"(lontalk.service_pin,identity)`
)

func TestLon(t *testing.T) {
	k := &talk{t: t, d: &lontalk{}, port: 1628}
	expectTold(t, k.say(0, lonSay(lonData, lonNode+"\x03\x81\x0d\x00\xca")), "write=1")
	expectTold(t, k.say(1, lonSay(lonData, "\x00\x09\x01\xa9\x01\xaa\x01\x23")), "")
	expectTold(t, k.say(1, lonSay(lonData, lonPress)), lonTold)
	for pdu, want := range map[string]string{
		"\x01\x19\x01\xaa\x01\xa9\x01\x05\x80\x0d":             "read=1",
		"\x01\x19\x01\xaa\x01\xa9\x01\x25\x80\x0d\x00":         "",
		lonNode + "\x03\x6c\x01":                               "control=1",
		lonNode + "\x03\x6e\x01":                               "program=1",
		lonNode + "\x03\x66\x01":                               "configure=1",
		lonNode + "\x03\x51":                                   "diagnose=1",
		lonNode + "\x03\x6d":                                   "read=1",
		lonNode + "\x03\x00":                                   "",
		"\x01\x0c\x01\xaa\x01\x04\x00\x12\x34\x56\x78\x03\x62": "diagnose=1",
	} {
		expectTold(t, k.say(0, lonSay(lonData, pdu)), want)
	}
	expectTold(t, k.say(0, lonSay(lonFirstAsk, "\x00")), "client diagnose=1")
	expectTold(t, k.say(0, lonSay(lonDevice, "\x00")), "configure=1")
}

func TestLonIsNotLon(t *testing.T) {
	ok := lonSay(lonData, lonNode+"\x03\x81\x0d\x00\xca")
	if !matchLon(ok) || !matchLon(lonSay(lonStatistics, "\x00\x00")) {
		t.Fatal("the signature does not know LonTalk")
	}
	for n := range ok {
		if matchLon(ok[:n]) {
			t.Fatalf("%d octets are claimed", n)
		}
	}
	if matchLon(lonSay(lonAck, "\x00")) {
		t.Error("an acknowledgement alone is claimed")
	}
	for name, b := range map[string][]byte{
		"type":       lonSay(2, "\x00"),
		"version":    lonSay(lonData, "\x01\x49\x01\xaa\x01\xa9\x01\x03\x81"),
		"addressing": lonSay(lonData, "\x01\x01\x01\x2a\x01\x01\x03\x81"),
		"length":     append(slices.Clip(ok), 0),
		"transport":  lonSay(lonData, lonNode+"\x33\x81"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &lontalk{}, port: 1628}).refused(0, b, ErrNotMine) })
	}
}

func TestLonSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 1628), madeAddr(2, 1628)
	for range 2 {
		r.udp(a, b, lonSay(lonData, lonNode+"\x03\x81\x0d\x00\xca"))
		r.udp(b, a, lonSay(lonData, "\x00\x09\x01\xa9\x01\xaa\x01\x23"))
	}
	r.udp(b, a, lonSay(lonData, lonPress))
	r.udp(madeAddr(3, 1629), b, lonSay(lonFirstAsk, "\x00"))
	r.udp(b, madeAddr(3, 1629), lonSay(lonStatistics, "\x00\x00\x00\x00"))
	made(t, "lontalk", "channel", r)
}

func FuzzLon(f *testing.F) { fuzzDissector(f, "lontalk", false) }
