package dissect

import (
	"net/netip"
	"strings"
	"testing"
)

func FuzzDNS(f *testing.F) { fuzzDissector(f, "dns", false) }

func FuzzDNSStream(f *testing.F) { fuzzDissector(f, "dns", true) }

// dnsBytes builds a message: flags, counts and the rest.
func dnsBytes(flags uint16, qd, an byte, rest string) []byte {
	return append([]byte{0x12, 0x34, byte(flags >> 8), byte(flags), 0, qd, 0, an, 0, 0, 0, 0}, rest...)
}

const dnsQuestion = "\x03plc\x05plant\x04test\x00\x00\x01\x00\x01"

func TestDNSNames(t *testing.T) {
	at := func(s string) []byte { return append(make([]byte, dnsHeaderLen), s...) }
	for name, c := range map[string]struct {
		msg  []byte
		at   int
		want string
	}{
		"plain":                  {at("\x03plc\x05plant\x00"), 12, "plc.plant"},
		"pointer":                {at("\x05plant\x00\x03plc\xc0\x0c"), 19, "plc.plant"},
		"dot inside a label":     {at("\x03a.b\x01c\x00"), 12, `a\.b.c`},
		"pointer to itself":      {at("\xc0\x0c"), 12, ""},
		"two pointers in a ring": {at("\x01a\xc0\x10\x01b\xc0\x0c"), 16, ""},
		"pointer forward":        {at("\xc0\x10\x00\x00\x01a\x00"), 12, ""},
		"label too long":         {at("\x40abc"), 12, ""},
		"cut":                    {at("\x05pla"), 12, ""},
	} {
		var s scratch
		if got := string(s.dnsName(c.msg, c.at)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDNSRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"a reserved bit":           dnsBytes(0x0140, 1, 0, dnsQuestion),
		"a query with an answer":   dnsBytes(0x0100, 1, 1, dnsQuestion+dnsQuestion),
		"two questions":            dnsBytes(0x0100, 2, 0, dnsQuestion+dnsQuestion),
		"bytes behind the message": append(dnsBytes(0x0100, 1, 0, dnsQuestion), 0),
		"an unknown class":         dnsBytes(0x0100, 1, 0, strings.TrimSuffix(dnsQuestion, "\x01")+"\x09"),
		"a broken name":            dnsBytes(0x0100, 1, 0, "\x50abc"),
		"nothing":                  dnsBytes(0x8000, 0, 0, ""),
		"status":                   dnsBytes(0x1000, 1, 0, dnsQuestion),
	} {
		k := &talk{t: t, d: &dns{}, port: 53}
		k.log.reset()
		if used, err := k.d.Dissect(k.message(0, b), &k.log); err == nil {
			t.Errorf("%s: read %d bytes", name, used)
		}
	}
	for _, port := range []uint16{portMDNS, portLLMNR, portNBNS} {
		k := &talk{t: t, d: &dns{}, port: port}
		k.refused(0, dnsBytes(0x0100, 1, 0, dnsQuestion), ErrNotMine)
	}
}

func TestDNSAnswer(t *testing.T) {
	k := &talk{t: t, d: &dns{}, port: 1053}
	expectTold(t, k.say(0, dnsBytes(0x0100, 1, 0, dnsQuestion)), "client read=1")
	record := "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x07"
	expectTold(t, k.say(1, dnsBytes(0x8580, 1, 1, dnsQuestion+record)), `server name="plc.plant.test"(dns.answer,content)`)
	if a := k.log.all()[1].subject; a != Addr(netip.MustParseAddr("10.0.0.7")) {
		t.Errorf("the fact is about %+v", a)
	}
}

func TestDNSClasses(t *testing.T) {
	k := &talk{t: t, d: &dns{}, port: 53}
	expectTold(t, k.say(0, dnsBytes(0x2800, 1, 0, dnsQuestion)), "client write=1") // update
	expectTold(t, k.say(0, dnsBytes(0x0000, 1, 0, strings.Replace(dnsQuestion, "\x00\x00\x01", "\x00\x00\xfc", 1))), "client transfer=1")
}

func TestReverseAddr(t *testing.T) {
	for name, want := range map[string]string{
		"41.0.77.10.in-addr.arpa": "10.77.0.41", "41.0.77.10.IN-ADDR.ARPA": "10.77.0.41", "256.0.0.10.in-addr.arpa": "",
		"0.77.10.in-addr.arpa": "", "1.2.3.4.5.in-addr.arpa": "", "a.2.3.4.in-addr.arpa": "", "1..3.4.in-addr.arpa": "", "plc.plant.test": "",
	} {
		a, ok := reverseAddr([]byte(name))
		if got := a.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %v, want %q", name, got, ok, want)
		}
	}
}

func TestMDNSOfAnotherHost(t *testing.T) {
	k := &talk{t: t, d: &mdns{}, port: portMDNS}
	record := "\x03hmi\x05local\x00\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\x0a\x00\x00"
	expectTold(t, k.say(1, dnsBytes(0x8400, 0, 1, record+"\x02")), `server name="hmi.local"(mdns.address,identity)`)
	expectTold(t, k.say(1, dnsBytes(0x8400, 0, 1, record+"\x09")), `server name="hmi.local"(mdns.address,content)`) // a reflector
}
