package dissect

import (
	"strings"
	"testing"
)

const (
	c1222Meter = "\x06\x0f\x2b\x06\x01\x04\x01\x82\x85\x63\x8e\x7f\x85\xf1\xc2\x4e\x05"
	c1222Host  = "\x80\x02\x84\x01"
	c1222Two   = `c12.22.ap_title="1.3.6.1.4.1.33507.1919.12345678.5"(c12.22.calling_ap_title,content)`
	c1222One   = `c12.22.ap_title=".513"(c12.22.calling_ap_title,content)`
)

// c1222Say is a message with one EPSEM.
func c1222Say(calling, epsem string) []byte {
	return []byte(der(c1222Message, der(0xa2, c1222Meter)+der(c1222Calling, calling)+der(0xa8, "\x02\x01\x07")+
		der(c1222Information, der(c1222External, der(c1222Octets, epsem)))))
}

func c1222Ask(services ...string) []byte {
	epsem := "\x80"
	for _, s := range services {
		epsem += string(rune(len(s))) + s
	}
	return c1222Say(c1222Host, epsem)
}

func c1222Tell(service string) []byte {
	return c1222Say(c1222Meter, "\x80"+string(rune(len(service)))+service)
}

func c1222Talk(t *testing.T) *talk { return &talk{t: t, d: &c1222{}, port: 1153, stream: true} }

const c1222Answer = "\x00\x03\x01\x00\x04\x06\x04\x2b\x06\x01\x04\x00"

func TestC1222(t *testing.T) {
	k := c1222Talk(t)
	expectTold(t, k.say(0, c1222Ask("\x20")), c1222One+" client diagnose=1")
	expectTold(t, k.say(1, c1222Tell(c1222Answer)), c1222Two+` server c12.22.device_class="1.3.6.1.4"(c12.22.identify.device_class,identity)`)
	for service, want := range map[string]string{
		"\x27":             "configure=1",
		"\x26":             "diagnose=1",
		"\x50\x00\x01user": "authenticate=1",
		"\x30\x00\x01":     "read=1",
		"\x40\x00\x42":     "write=1",
		"\x40\x00\x07":     "control=1",
	} {
		expectTold(t, k.say(0, c1222Ask(service)), c1222One+" client "+want)
	}
	expectTold(t, k.say(0, c1222Ask("\x52")), c1222One+" client")
	expectTold(t, k.say(0, c1222Ask("\x30\x00\x01", "\x30\x00\x02")), c1222One+" client read=1 client read=1")
	expectTold(t, k.say(0, c1222Say(c1222Host, "\x90METR\x03\x30\x00\x01")), c1222One+" client read=1")
	// One service and its code; encrypted, nothing shows.
	expectTold(t, k.say(0, c1222Say(c1222Host, "\x84\x03\x30\x00\x01\x01\x40\x33\x44")), c1222One+" client read=1")
	expectTold(t, k.say(0, c1222Say(c1222Host, "\x88\x03\x30\x00\x01")), c1222One)
}

// c1222Register is a request to register: types, class, title, serial number,
// native address, period.
const c1222RegisterMe = "\x27\x20\x00\x01\x82\x85\x63" + c1222Meter + "\x06\x06\x2b\x06\x01\x04\x01\x07"

func TestC1222Register(t *testing.T) {
	const (
		class  = ` c12.22.device_class=".1.33507"(c12.22.register.device_class,identity)`
		title  = ` c12.22.ap_title="1.3.6.1.4.1.33507.1919.12345678.5"(c12.22.register.ap_title,identity)`
		serial = ` serial="1.3.6.1.4.1.7"(c12.22.register.electronic_serial_number,identity)`
	)
	for request, want := range map[string]string{
		"":                                 class + title + serial,
		"\x04edge\x00\x0e\x10":             class + title + serial + ` c12.22.native_address="edge"(c12.22.register.native_address,identity)`,
		"\x04\x0a\x00\x00\x07\x00\x0e\x10": class + title + serial + ` c12.22.native_address="0x0a000007"(c12.22.register.native_address,identity)`,
		"\xffedge":                         class + title + serial, // longer than the request
	} {
		expectTold(t, c1222Talk(t).say(0, c1222Ask(c1222RegisterMe+request)), c1222One+" client configure=1"+want)
	}
	for n := range len(c1222RegisterMe) - 8 { // no serial number is made of a part
		if got := c1222Talk(t).say(0, c1222Ask(c1222RegisterMe[:n+1])); strings.Contains(got, "serial") {
			t.Fatalf("%d octets: %s", n+1, got)
		}
	}
}

func TestC1222IsNotC1222(t *testing.T) {
	ok := c1222Ask("\x30\x00\x01")
	if !matchC1222(ok) {
		t.Fatal("the signature does not know C12.22")
	}
	for n := 1; n < len(ok); n++ {
		c1222Talk(t).refused(0, ok[:n], ErrShort)
		if matchC1222(ok[:n]) {
			t.Fatalf("%d octets were claimed", n)
		}
	}
	for name, b := range map[string]string{
		"ACSE of MMS":        der(0x60, der(0xa1, "\x06\x05\x28\xca\x22\x02\x03")+der(0xbe, der(0x28, der(0xa0, "\x80\x00")))),
		"DLMS":               der(0x60, der(0xa1, "\x06\x05\x28\xca\x22\x02\x03")+der(0xbe, der(0x04, "\x01\x00\x00"))),
		"Kerberos":           der(0x60, der(0x06, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")+"\x01\x00"),
		"without content":    der(0x60, der(0xa2, c1222Meter)),
		"flags":              string(c1222Say(c1222Host, "\x00\x01\x20")),
		"too many elements":  der(0x60, strings.Repeat(der(0xa2, "\x80\x00"), 20)),
		"indefinite length":  "\x60\x80\xa2\x00\x00\x00\x00\x00",
		"of another message": "\x30\x10",
	} {
		t.Run(name, func(t *testing.T) { c1222Talk(t).refused(0, []byte(b), ErrNotMine) })
	}
	if at := (&c1222{}).Resync(append([]byte("`x`"), ok...)); at != 3 {
		t.Errorf("next message at %d", at)
	}
	if at := (&c1222{}).Resync([]byte("nothing")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestC1222Sample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 1153)
	r.open(a, b)
	for _, x := range [][2]string{
		{"\x20", c1222Answer},
		{"\x50\x00\x01user      ", "\x00\x00\x3c"},
		{"\x51" + strings.Repeat("x", 20), "\x00"},
		{"\x30\x00\x01", "\x00\x00\x04\x01\x02\x03\x04\xf6"},
		{"\x40\x00\x42\x00\x01\x07\xf9", "\x00"},
		{"\x40\x00\x07\x00\x03\x0a\x00\x01\xf5", "\x00"},
		{"\x52", "\x00"},
	} {
		r.tcp(a, b, c1222Ask(x[0]))
		r.tcp(b, a, c1222Tell(x[1]))
	}
	a, b = madeAddr(3, 1153), madeAddr(2, 1153)
	r.udp(a, b, c1222Ask("\x27\x01\x00"))
	r.udp(b, a, c1222Tell("\x00"))
	made(t, "c12.22", "session", r)
}

func TestC1222RegisterSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(3, 50002), madeAddr(2, 1153)
	r.open(a, b)
	r.tcp(a, b, c1222Ask(c1222RegisterMe+"\x08mesh-017\x00\x0e\x10"))
	r.tcp(b, a, c1222Tell("\x00"+c1222Meter+"\x00\x00\x00\x0e\x10\x00"))
	made(t, "c12.22", "register", r)
}

func FuzzC1222(f *testing.F) { fuzzDissector(f, "c12.22", true) }
