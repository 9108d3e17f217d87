package dissect

import (
	"encoding/binary"
	"testing"
)

func FuzzIPsec(f *testing.F) { fuzzDissector(f, "ipsec", false) }

// ikeMade is a message with one payload.
func ikeMade(version, exchange, flags, kind byte, answered bool, body string) []byte {
	b := append([]byte("initiate"), make([]byte, 8)...)
	if answered {
		copy(b[8:], "responds")
	}
	b = append(b, kind, version, exchange, flags, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(ikeHeader+4+len(body)))
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(body)))
	return append(b, body...)
}

func espMade(spi, n uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, spi)
	return append(binary.BigEndian.AppendUint32(b, n), noise(64)...)
}

// TestIPsecSample builds ESP over IP (RFC 4303 section 2): kernels without it
// cannot record it.
func TestIPsecSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 0).Addr(), madeAddr(2, 0).Addr()
	for n := range uint32(3) {
		r.ip(a, b, 50, espMade(0xc96dc055, n+1))
		r.ip(b, a, 50, espMade(0xcc757710, n+1))
	}
	made(t, "ipsec", "esp", r)
}

func TestIKE(t *testing.T) {
	k := &talk{t: t, d: &ipsec{}, port: 4000}
	forti := string(unhex("8299031757a36082c6a621de00000000"))
	expectTold(t, k.say(0, ikeMade(0x20, ikeSAInit, ikeInitiator, 43, false, forti)), `client vendor="Fortinet"(ike.vendor_id,identity) product="FortiGate"(ike.vendor_id,identity)`)
	expectTold(t, k.say(1, ikeMade(0x20, ikeSAInit, ikeResponse, 43, true, "OE-Libreswan-4.9")), `server ipsec.vendor_id="OE-Libreswan-4.9"(ike.vendor_id,content)`)
	expectTold(t, k.say(0, append(make([]byte, 4), ikeMade(0x20, ikeAuth, ikeInitiator, 46, true, "sealed")...)), "client authenticate=1")
	expectTold(t, k.say(0, []byte{0xff}), "")
	k = &talk{t: t, d: &ipsec{}, port: ikePort}
	expectTold(t, k.say(0, ikeMade(0x10, ikeAggressive, 0, 5, false, "\x02\x00\x00\x00gw.example")), `authenticate=1 client ipsec.identity="gw.example"(ike.identification,content) name="gw.example"(ike.identification,content)`)
	expectTold(t, k.say(1, ikeMade(0x10, ikeAggressive, 0, 5, true, "\x03\x00\x00\x00me@example")), `server ipsec.identity="me@example"(ike.identification,content)`)
}

func TestESP(t *testing.T) {
	k := &talk{t: t, d: &ipsec{}, port: ikeNATPort}
	expectTold(t, k.say(0, espMade(0xc96dc055, 9)), "")
	k.refused(0, []byte("too short"), ErrMalformed)
	k = &talk{t: t, d: &ipsec{}, port: 4501}
	k.refused(0, espMade(0xc96dc055, 9), ErrNotMine) // a port of its own proves nothing here
	if isESP(espMade(7, 9)) || isESP(espMade(0x1000, 0)) || isESPOverUDP(espMade(0x1000, 1<<25)) {
		t.Error("a reserved index, no counter, or one that is far on, is taken")
	}
}

func TestIKERefuses(t *testing.T) {
	long := ikeMade(0x20, ikeSAInit, ikeInitiator, 43, false, "vendor")
	long[27]++
	inner := ikeMade(0x20, ikeSAInit, ikeInitiator, 43, false, "vendor")
	inner[31]--
	for name, b := range map[string][]byte{
		"version":          ikeMade(0x30, ikeSAInit, ikeInitiator, 43, false, "vendor"),
		"exchange":         ikeMade(0x20, 7, ikeInitiator, 43, false, "vendor"),
		"flags":            ikeMade(0x20, ikeSAInit, 0x41, 43, false, "vendor"),
		"length":           long,
		"payload":          inner,
		"sealed to no one": ikeMade(0x20, ikeAuth, ikeInitiator, 46, false, "sealed"),
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &ipsec{}, port: ikePort}
			k.refused(0, b, ErrNotMine)
		})
	}
}

func TestIPsecVendors(t *testing.T) {
	for _, bad := range []string{"0102030405060708\tx\n", "zz\tv\tp\n", "0102\tv\tp\n"} {
		if _, err := readIPsecVendors(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
