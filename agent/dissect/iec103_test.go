package dissect

import "testing"

// Data units of a relay with address 5, of distance protection (function 128).
const (
	iec103Says     = "\x05\x05\x81\x05\x05\x80\x04\x02RELAY-9A\x01\x02\x03\x04"
	iec103Trip     = "\x05\x01\x81\x01\x05\x80\x54\x02\x10\x20\x0a\x0c\x00"
	iec103Current  = "\x05\x09\x84\x02\x05\x80\x94\x10\x01\x20\x01\x30\x01\x40\x01"
	iec103Set      = "\x05\x06\x81\x08\xff\xff\x00\x00\x00\x00\x0a\x01\x01\x1a"
	iec103AskAll   = "\x05\x07\x81\x09\x05\xff\x00\x11"
	iec103AllTold  = "\x05\x08\x81\x0a\x05\xff\x00\x11"
	iec103Block    = "\x05\x14\x81\x14\x05\x80\x10\x01\x42"
	iec103Blocked  = "\x05\x01\x81\x14\x05\x80\x10\x01\x10\x20\x0a\x0c\x42"
	iec103GetFault = "\x05\x18\x81\x1f\x05\x80\x00\x01\x01\x07\x00\x00"
)

func TestIEC103(t *testing.T) {
	const address = ` iec103.common_address="5"(iec103.asdu.common_address,content)`
	k := &talk{t: t, d: &iec103{}, stream: true}
	k.d.(*iec103).recent.calls = recentTrials
	k.refused(0, ft12Short(0x40, "\x05"), ErrShort) // proves nothing alone
	expectTold(t, k.say(1, ft12Say(0x28, iec103Says)), "server"+address+` product="RELAY-9A"(iec103.identification.ascii,identity)`)
	expectTold(t, k.say(1, ft12Say(ft12Tell, iec103Blocked)), "server control=1") // of a request not seen
	expectTold(t, k.say(1, ft12Say(ft12Tell, iec103AllTold)), "server read=1")
	for _, c := range []struct {
		side    int
		control byte
		unit    string
		want    string
	}{
		{0, 0x73, iec103Set, "client configure=1"},
		{0, 0x53, iec103AskAll, "client read=1"},
		{1, 0x08, iec103AllTold, "server"},
		{1, 0x28, iec103Trip, "server alarm=1"},
		{1, 0x08, iec103Current, "server read=1"},
		{0, 0x73, iec103Block, "client control=1"},
		{1, 0x08, iec103Blocked, "server"},
		{0, 0x53, iec103GetFault, "client transfer=1"},
		{0, 0x53, "\x05\x15\x81\x2a\x05\xfe\xf1\x01\x00", "client read=1"},
		{0, 0x53, "\x05\x0a\x81\x28\x05\xfe\xf9\x01\x01\x02\x03\x01\x01\x01\x07", "client configure=1"},
		{1, 0x08, "\x05\xc8\x81\x01\x05\x80\x04\x02", "server"}, // a maker's own type
	} {
		expectTold(t, k.say(c.side, ft12Say(c.control, c.unit)), c.want)
	}
	expectTold(t, k.say(1, []byte{ft12Single}), "server")
	expectTold(t, k.say(0, ft12Short(0x7a, "\x05")), "client")
	k.refused(0, ft12Short(0x7a, "\x05\x00"), ErrMalformed)
}

func TestIEC103IsNotIEC103(t *testing.T) {
	for name, c := range map[string]struct {
		control byte
		unit    string
	}{
		"identification by the control system": {0x53, iec103Says},
		"command of a relay":                   {0x08, iec103Block},
		"function of a clock":                  {0x53, "\x05\x06\x81\x08\x05\x80\x00\x00\x00\x00\x0a\x01\x01\x1a"},
		"cause":                                {0x08, "\x05\x01\x81\x06\x05\x80\x54\x02\x10\x20\x0a\x0c\x00"},
		"size":                                 {0x08, "\x05\x01\x81\x01\x05\x80\x54\x02\x10\x20\x0a\x0c"},
		"number":                               {0x08, "\x05\x01\x82\x01\x05\x80\x54\x02\x10\x20\x0a\x0c\x00"},
		"information of a start":               {0x28, "\x05\x05\x81\x05\x05\x80\x44\x02RELAY-9A\x01\x02\x03\x04"},
		"few measurands":                       {0x08, "\x03\x03\x82\x02\x03\x80\x90\x10\x00\x20\x00"},
		"IEC 101":                              {0x08, iec101TwoPoints},
		"interrogation of IEC 101":             {0x53, iec101Interrogate},
		"no type":                              {0x08, "\x05"},
	} {
		if f, err := readFT12(ft12Say(c.control, c.unit), 1); err == nil && provesIEC103(f) {
			t.Errorf("%s: it proves IEC 103", name)
		}
	}
	whole := ft12Say(0x28, iec103Trip)
	for n := 1; n < len(whole); n++ {
		(&talk{t: t, d: &iec103{}, stream: true}).refused(0, whole[:n], ErrShort)
	}
	if f, _ := readFT12(whole, -1); provesIEC101(f) || provesMBus(f) {
		t.Error("a trip is one of another protocol")
	}
	if at := (&iec103{}).Resync(append([]byte("\x68\x68\x16\xe5"), whole...)); at != 4 {
		t.Errorf("next frame at %d", at)
	}
}

func TestIEC103Sample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 10001)
	r.open(a, b)
	ask := func(request, answer []byte) {
		r.tcp(a, b, request)
		r.tcp(b, a, answer)
	}
	ask(ft12Short(0x40, "\x05"), ft12Short(0x20, "\x05"))
	ask(ft12Short(0x5a, "\x05"), ft12Say(0x28, iec103Says))
	r.tcp(a, b, ft12Say(0x44, iec103Set))
	ask(ft12Short(0x7a, "\x05"), ft12Say(0x08, iec103Set))
	ask(ft12Say(0x53, iec103AskAll), []byte{ft12Single})
	ask(ft12Short(0x7a, "\x05"), ft12Say(0x28, "\x05\x01\x81\x09\x05\x80\x24\x02\x10\x20\x0a\x0c\x11"))
	ask(ft12Short(0x5a, "\x05"), ft12Say(0x08, iec103AllTold))
	ask(ft12Short(0x7b, "\x05"), ft12Say(0x08, iec103Current))
	ask(ft12Short(0x5b, "\x05"), ft12Say(0x28, iec103Trip))
	ask(ft12Say(0x73, iec103Block), ft12Short(0x20, "\x05"))
	ask(ft12Short(0x5a, "\x05"), ft12Say(0x08, iec103Blocked))
	ask(ft12Short(0x7b, "\x05"), ft12Short(0x09, "\x05"))
	made(t, "iec103", "relay", r)
}

func FuzzIEC103(f *testing.F) { fuzzDissector(f, "iec103", true) }

func FuzzIEC103Datagram(f *testing.F) { fuzzDissector(f, "iec103", false) }
