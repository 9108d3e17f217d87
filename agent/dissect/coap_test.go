package dissect

import (
	"net/netip"
	"testing"
)

const (
	coapGet      = "\x44\x01\x00\x01tokn"
	coapTemp     = "\xb7sensors\x04temp"
	coapRegister = "\x42\x02\x00\x07ab\xb2rd\x47ep=pump\x05ver=1"
)

func TestCoAP(t *testing.T) {
	for name, c := range map[string]struct {
		b    string
		port uint16
		want string
	}{
		"read":          {coapGet + coapTemp, 6000, "client read=1"},
		"host":          {coapGet + "\x39pump.test\x87sensors\x04temp", 6000, `client read=1 receivercoap.host="pump.test"(coap.uri_host,content)`},
		"observe":       {coapGet + "\x60\x57sensors\x04temp", 6000, "client subscribe=1"},
		"observe ends":  {coapGet + "\x61\x01\x57sensors\x04temp", 6000, "client read=1"},
		"write":         {"\x44\x03\x00\x01tokn" + coapTemp + "\xff71", 6000, "client write=1"},
		"discovery":     {coapGet + "\xbb.well-known\x04core", 6000, "client diagnose=1"},
		"register":      {coapRegister, 6000, `client write=1 coap.endpoint="pump"(coap.register.ep,identity) name="pump"(coap.register.ep,content)`},
		"through proxy": {"\x40\x01\x00\x01\xdd\x16\x08coap://example.test/a", 6000, "client read=1"},
		"protected":     {"\x40\x02\x00\x01\x93abc\xffxyz", coapPort, "client"},
		"answer":        {"\x64\x45\x00\x01tokn\xc0\xff21.5", coapPort, "server"},
		"empty":         {"\x60\x00\x00\x01", coapPort, ""},
		"own option":    {coapGet + "\xb1a\xe2\x10\x00xy", 6000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &coap{}, port: c.port}
			if name == "own option" {
				k.refused(0, []byte(c.b), ErrNotMine)
				k.say(0, []byte(coapGet+coapTemp))
				expectTold(t, k.say(0, []byte(c.b)), "client read=1")
				return
			}
			expectTold(t, k.say(0, []byte(c.b)), c.want)
			if got := matchCoAP([]byte(c.b)); got != (c.port != coapPort) {
				t.Errorf("claimed elsewhere: %v", got)
			}
		})
	}
}

func TestCoAPIsNotCoAP(t *testing.T) {
	for name, b := range map[string]string{
		"version 2":        "\x84\x01\x00\x01tokn" + coapTemp,
		"token of 9":       "\x49\x01\x00\x01123456789" + coapTemp,
		"method 8":         "\x44\x08\x00\x01tokn" + coapTemp,
		"class 1":          "\x44\x21\x00\x01tokn" + coapTemp,
		"asked in an ACK":  "\x64\x01\x00\x01tokn" + coapTemp,
		"nibble 15":        coapGet + "\xf1a",
		"longer than it":   coapGet + "\xb9abc",
		"empty payload":    coapGet + coapTemp + "\xff",
		"empty with more":  "\x60\x00\x00\x01\x00",
		"control in path":  coapGet + "\xb2\x01\x02",
		"If-None-Match 1":  coapGet + "\x51a" + coapTemp,
		"a ping that asks": "\x50\x00\x00\x01",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &coap{}, port: coapPort}).refused(0, []byte(b), ErrNotMine) })
	}
	k := &talk{t: t, d: &coap{}, port: 6000}
	k.refused(1, []byte("\x64\x45\x00\x01tokn\xc0\xff21.5"), ErrNotMine) // an answer could be much else
	k.refused(0, []byte("\x40\x00\x00\x01"), ErrNotMine)
}

func TestCoAPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, coapPort)
	r.udp(a, netip.MustParseAddrPort("224.0.1.187:5683"), []byte("\x50\x01\x00\x09\xbb.well-known\x04core"))
	r.udp(a, b, []byte(coapGet+"\x39pump.test\x30\x57sensors\x04temp"))
	r.udp(b, a, []byte("\x64\x45\x00\x01tokn\x61\x0c\x60\xff21.5"))
	r.udp(b, a, []byte("\x44\x45\x70\x01tokn\x61\x0d\x60\xff21.6"))
	r.udp(a, b, []byte("\x60\x00\x70\x01"))
	r.udp(a, b, []byte("\x44\x03\x00\x02tokn\xb8setpoint\xff18"))
	r.udp(b, a, []byte("\x64\x44\x00\x02tokn"))
	r.udp(madeAddr(2, 40002), madeAddr(3, 6100), []byte(coapRegister))
	r.udp(madeAddr(3, 6100), madeAddr(2, 40002), []byte("\x62\x41\x00\x07ab\x82rd\x041234"))
	made(t, "coap", "sensor", r)
}

func FuzzCoAP(f *testing.F) { fuzzDissector(f, "coap", false) }
