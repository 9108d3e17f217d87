package dissect

import "testing"

// mbusHeat is an answer of a heat meter, mbusWater one of a water meter with
// the high octet first, without its address.
const (
	mbusHeat  = "\x72\x78\x56\x34\x12\x2d\x2c\x30\x04\x2a\x00\x00\x00" + "\x0c\x06\x15\x00\x00\x00" + "\x04\x93\x3c\x10\x27\x00\x00" + "\x0d\x78\x03abc" + "\x2f\x0f\x01\x02"
	mbusWater = "\x76\x00\x45\x67\x89\x6a\x49\x11\x07\x01\x00\x00\x00" + "\x0c\x13\x27\x04\x85\x02"
	mbusOld   = "\x73\x78\x56\x34\x12\x0a\x00\xe9\x7e\x01\x00\x00\x00\x35\x01\x00\x00"
)

const (
	mbusFacts = `meter/12345678 serial="12345678"(mbus.header.identification,identity) meter/12345678 mbus.manufacturer="KAM"(mbus.header.manufacturer,identity) ` +
		`meter/12345678 vendor="Kamstrup"(mbus.header.manufacturer,identity) meter/12345678 mbus.version="48"(mbus.header.version,identity) ` +
		`meter/12345678 device_type="heat meter"(mbus.header.device_type,identity) meter/12345678 mbus.primary_address="5"(mbus.address,content)`
	mbusWaterFacts = `meter/456789 serial="00456789"(mbus.header.identification,identity) meter/456789 mbus.manufacturer="ZRI"(mbus.header.manufacturer,identity) ` +
		`meter/456789 vendor="Zenner"(mbus.header.manufacturer,identity) meter/456789 mbus.version="17"(mbus.header.version,identity) ` +
		`meter/456789 device_type="water meter"(mbus.header.device_type,identity)`
)

func TestMBus(t *testing.T) {
	k := &talk{t: t, d: &mbus{}, stream: true}
	k.d.(*mbus).recent.calls = recentTrials
	k.refused(0, ft12Short(0x40, "\x05"), ErrShort) // proves nothing alone
	k.refused(1, []byte{ft12Single}, ErrShort)
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x05"+mbusHeat)), "server "+mbusFacts) // its request may yet come
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x05"+mbusHeat)), "server read=1")
	expectTold(t, k.say(0, ft12Short(0x40, "\x05")), "client")
	expectTold(t, k.say(1, []byte{ft12Single}), "server")
	expectTold(t, k.say(0, ft12Short(0x7b, "\x05")), "client read=1")
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x05"+mbusHeat)), "server")
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x00"+mbusWater)), "server "+mbusWaterFacts)
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x05"+mbusOld)), "server")
	for unit, want := range map[string]string{
		"\xfd\x52\x78\x56\x34\x12\xff\xff\xff\xff": "diagnose",
		"\x05\x50":             "control",
		"\x05\xb8":             "configure",
		"\x05\x51\x01\x7a\x06": "write",
	} {
		expectTold(t, k.say(0, ft12Say(ft12Ask, unit)), "client "+want+"=1")
	}
	k.refused(0, ft12Short(0x7b, "\x05\x00"), ErrMalformed)
	// Nobody was seen to ask for what a datagram answers.
	k = &talk{t: t, d: &mbus{}}
	k.refused(0, ft12Short(0x7b, "\x05"), ErrNotMine)
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x05"+mbusHeat)), "server read=1 "+mbusFacts)
}

func TestMBusIsNotMBus(t *testing.T) {
	for name, c := range map[string]struct {
		control byte
		unit    string
	}{
		"identification":        {0x08, "\x05\x72\x7a\x56\x34\x12\x2d\x2c\x30\x04\x2a\x00\x00\x00"},
		"maker":                 {0x08, "\x05\x72\x78\x56\x34\x12\x00\x2c\x30\x04\x2a\x00\x00\x00"},
		"maker's highest bit":   {0x08, "\x05\x72\x78\x56\x34\x12\x2d\xac\x30\x04\x2a\x00\x00\x00"},
		"records":               {0x08, "\x05\x72\x78\x56\x34\x12\x2d\x2c\x30\x04\x2a\x00\x00\x00\x0c\x06\x15\x00"},
		"special record":        {0x08, "\x05\x72\x78\x56\x34\x12\x2d\x2c\x30\x04\x2a\x00\x00\x00\x3f\x06\x15\x00"},
		"extended without end":  {0x08, "\x05\x72\x78\x56\x34\x12\x2d\x2c\x30\x04\x2a\x00\x00\x00\x84\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"},
		"header of the master":  {0x53, "\x05" + mbusHeat},
		"select of the meter":   {0x08, "\xfd\x52\x78\x56\x34\x12\xff\xff\xff\xff"},
		"select another":        {0x53, "\x05\x52\x78\x56\x34\x12\xff\xff\xff\xff"},
		"size of old":           {0x08, "\x05" + mbusOld + "\x00"},
		"interrogation of 101":  {0x53, iec101Interrogate},
		"identification of 103": {0x28, iec103Says},
	} {
		if f, err := readFT12(ft12Say(c.control, c.unit), 1); err != nil || provesMBus(f) {
			t.Errorf("%s: %v, or it proves M-Bus", name, err)
		}
	}
	for _, unit := range []string{"\x05" + mbusHeat, "\x00" + mbusWater, "\x05" + mbusOld} {
		f, err := readFT12(ft12Say(0x08, unit), -1)
		if err != nil || !provesMBus(f) || provesIEC101(f) || provesIEC103(f) {
			t.Errorf("% x: %v, or it is not M-Bus alone", unit, err)
		}
	}
	if at := (&mbus{}).Resync(append([]byte("\x68\x68\x16\xe5"), ft12Say(0x08, "\x05"+mbusHeat)...)); at != 4 {
		t.Errorf("next frame at %d", at)
	}
}

func TestMBusRecords(t *testing.T) {
	for _, c := range []struct {
		records string
		want    bool
	}{
		{"\x01\x13\x07", true},
		{"\x01\x13", false},
		{"\x0d\x78\xc4\x01\x02\x03\x04", true}, // decimal digits
		{"\x0d\x78\xe2\x01\x02", true},         // binary
		{"\x0d\x78\xf0" + "0123456789abcdef", true},
		{"\x0d\x78\xf0", false},
		{"\x02\xfc\x03hV%\x21\x07\x00", true}, // a unit in text, extended
		{"\x1f\x01\x02\x03", true},            // a maker's own
		{"\x7f", false},
	} {
		f, _ := readFT12(ft12Say(0x08, "\x05\x72\x78\x56\x34\x12\x2d\x2c\x30\x04\x2a\x00\x00\x00"+c.records), 1)
		x, _ := readMBus(&f)
		if _, ok := x.meter(); ok != c.want {
			t.Errorf("% x: %t", c.records, ok)
		}
	}
}

func TestMBusSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 10001)
	r.open(a, b)
	ask := func(request, answer []byte) {
		r.tcp(a, b, request)
		r.tcp(b, a, answer)
	}
	single := []byte{ft12Single}
	ask(ft12Short(0x40, "\x05"), single)
	ask(ft12Short(0x7b, "\x05"), ft12Say(ft12Tell, "\x05"+mbusHeat))
	ask(ft12Say(ft12Ask, "\xfd\x52\x89\x67\x45\x00\xff\xff\xff\xff"), single)
	ask(ft12Short(0x5b, "\xfd"), ft12Say(ft12Tell, "\x00"+mbusWater))
	ask(ft12Say(ft12Ask, "\x05\x51\x01\x7a\x06"), single)
	ask(ft12Short(0x7b, "\x06"), ft12Say(ft12Tell, "\x06"+mbusOld))
	u, v := madeAddr(1, 50002), madeAddr(3, 10001)
	r.udp(u, v, ft12Short(0x7b, "\x05"))
	r.udp(v, u, ft12Say(ft12Tell, "\x05"+mbusHeat))
	r.udp(u, v, ft12Short(0x5b, "\x05"))
	r.udp(v, u, ft12Say(ft12Tell, "\x05"+mbusHeat))
	made(t, "mbus", "gateway", r)
}

func FuzzMBus(f *testing.F) { fuzzDissector(f, "mbus", true) }

func FuzzMBusDatagram(f *testing.F) { fuzzDissector(f, "mbus", false) }
