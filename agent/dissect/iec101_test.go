package dissect

import "testing"

// ft12Say is a frame with user data.
func ft12Say(control byte, rest string) []byte {
	body := append([]byte{control}, rest...)
	b := append([]byte{ft12Variable, byte(len(body)), byte(len(body)), ft12Variable}, body...)
	return append(b, ft12Sum(body), ft12End)
}

// ft12Short is a frame without, with its link address.
func ft12Short(control byte, link string) []byte {
	b := append([]byte{ft12Fixed, control}, link...)
	return append(b, ft12Sum(b[1:]), ft12End)
}

const (
	ft12Ask  = 0x53 // of the primary station: user data, confirmed
	ft12Tell = 0x08 // of the secondary one
)

// Data units with a link address of 1 octet, a cause of 1, a common address of
// 1 and an object address of 2.
const (
	iec101Interrogate = "\x03\x64\x01\x06\x07\x00\x00\x14"
	iec101TwoPoints   = "\x03\x01\x02\x14\x07\x10\x00\x01\x11\x00\x00"
	iec101Change      = "\x03\x01\x01\x03\x07\x10\x00\x01"
	iec101Switch      = "\x03\x2d\x01\x06\x07\x20\x00\x81"
)

func TestIEC101(t *testing.T) {
	const link, station = ` iec101.link_address="3"(iec101.link_address,content)`, ` iec101.common_address="7"(iec101.asdu.common_address,content)`
	k := &talk{t: t, d: &iec101{}, stream: true}
	k.d.(*iec101).recent.calls = recentTrials
	k.refused(0, ft12Short(0x40, "\x03"), ErrShort) // proves nothing alone
	k.refused(1, []byte{ft12Single}, ErrShort)
	expectTold(t, k.say(0, ft12Say(ft12Ask, iec101Interrogate)), "client read=1")
	expectTold(t, k.say(1, []byte{ft12Single}), "")
	expectTold(t, k.say(0, ft12Short(0x7b, "\x03")), "client")
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x03\x64\x01\x07\x07\x00\x00\x14")), "server"+station+link)
	expectTold(t, k.say(1, ft12Say(ft12Tell, iec101TwoPoints)), "server")
	expectTold(t, k.say(1, ft12Say(ft12Tell, iec101Change)), "server alarm=1")
	expectTold(t, k.say(0, ft12Say(ft12Ask, iec101Switch)), "client control=1")
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x03\x2d\x01\x07\x07\x20\x00\x81")), "server")
	expectTold(t, k.say(1, ft12Say(ft12Tell, "\x03\x88\x01\x07\x07\x20\x00\x81")), "") // a maker's own type
	k.refused(0, ft12Short(0x7b, "\x03\x00"), ErrMalformed)                            // another link address
}

// TestIEC101Sizes: what does not fit all frames is not told.
func TestIEC101Sizes(t *testing.T) {
	const one = ft12Tell
	k := &talk{t: t, d: &iec101{}, stream: true}
	expectTold(t, k.say(1, ft12Say(one, iec101Change)), `server alarm=1`) // of 7 or 0x1007, or a link without addresses
	for name, c := range map[string]struct{ frame, want string }{
		"two octets each, object of three": {
			"\x03\x00\x0d\x02\x03\x00\x07\x01\x10\x00\x00\x00\x00\x80\x3f\x00\x11\x00\x00\x00\x00\x80\x3f\x00",
			`server iec101.common_address="263"(iec101.asdu.common_address,content) iec101.link_address="3"(iec101.link_address,content) read=1`,
		},
		"no link address": {
			"\x01\x03\x14\x07\x01\x00\x00\x02\x00\x01\x03\x00\x01",
			`server iec101.common_address="7"(iec101.asdu.common_address,content)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			expectTold(t, (&talk{t: t, d: &iec101{}, stream: true}).say(1, ft12Say(one, c.frame)), c.want)
		})
	}
}

// TestIEC101Balanced: both stations begin, the direction bit is the controlling
// station's.
func TestIEC101Balanced(t *testing.T) {
	k := &talk{t: t, d: &iec101{}, stream: true}
	k.say(0, ft12Say(0xf3, iec101Switch))
	expectTold(t, k.say(0, ft12Short(0xc9, "\x03")), "client")
	expectTold(t, k.say(1, ft12Short(0x00, "\x03")), "")
	expectTold(t, k.say(1, ft12Say(0x73, iec101Change)), `server iec101.link_address="3"(iec101.link_address,content) alarm=1`)
	expectTold(t, k.say(0, ft12Short(0x80, "\x03")), "client")
}

func TestIEC101IsNotIEC101(t *testing.T) {
	whole := ft12Say(ft12Ask, iec101Interrogate)
	for n := 1; n < len(whole); n++ {
		(&talk{t: t, d: &iec101{}, stream: true}).refused(0, whole[:n], ErrShort)
		(&talk{t: t, d: &iec101{}}).refused(0, whole[:n], ErrNotMine)
	}
	change := func(at int, x byte) []byte {
		b := append([]byte{}, whole...)
		b[at] = x
		return b
	}
	for name, b := range map[string][]byte{
		"start":                   change(0, 0x67),
		"lengths":                 change(2, 0x08),
		"second start":            change(3, 0x67),
		"function":                ft12Say(0x55, iec101Interrogate),
		"sum":                     change(len(whole)-2, 0),
		"end":                     change(len(whole)-1, 0x17),
		"length of 1":             {0x68, 1, 1, 0x68, 0x53, 0x53, 0x16},
		"sum of a fixed frame":    {0x10, 0x49, 0x03, 0x00, 0x16, 0x16},
		"function of a fixed one": ft12Short(0x4c, "\x03"),
		"behind a single one":     append([]byte{ft12Single}, "\r\n"...),
	} {
		if matchFT12(b, provesIEC101) {
			t.Errorf("%s: the signature claims it", name)
		}
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &iec101{}, stream: true}).refused(0, b, ErrNotMine) })
	}
	for name, x := range map[string]string{
		"no such type":           "\x03\x63\x01\x06\x07\x00\x00\x14",
		"no cause of a command":  "\x03\x64\x01\x03\x07\x00\x00\x14",
		"cause of a command":     "\x03\x01\x02\x06\x07\x10\x00\x01\x11\x00\x00",
		"two commands":           "\x03\x2d\x02\x06\x07\x20\x00\x81\x21\x00\x81",
		"size":                   "\x03\x01\x04\x14\x07\x10\x00\x01\x11\x00\x00",
		"an object to all":       "\x03\x64\x01\x06\x07\x01\x01\x14",
		"a sequence of tags":     "\x03\x1e\x81\x03\x07\x10\x00\x01\x00\x00\x00\x00\x00\x00\x00",
		"a test":                 "\x03\x64\x01\x86\x07\x00\x00\x14",
		"no station":             "\x03\x64\x01\x06\x00\x00\x00\x14",
		"few measurands, of 103": "\x03\x03\x82\x02\x03\x80\x90\x10\x00\x20\x00",
	} {
		if f, err := readFT12(ft12Say(ft12Tell, x), -1); err != nil || provesIEC101(f) {
			t.Errorf("%s: %v, or it proves IEC 101", name, err)
		}
	}
	if at := (&iec101{}).Resync(append([]byte("\x68\x68\x16\xe5"), whole...)); at != 4 {
		t.Errorf("next frame at %d", at)
	}
	if at := (&iec101{}).Resync(whole[1:]); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestIEC101Sample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 10001)
	r.open(a, b)
	ask := func(request, answer []byte) {
		r.tcp(a, b, request)
		r.tcp(b, a, answer)
	}
	single := []byte{ft12Single}
	ask(ft12Short(0x49, "\x03"), ft12Short(0x0b, "\x03"))
	ask(ft12Short(0x40, "\x03"), single)
	ask(ft12Say(0x73, iec101Interrogate), single)
	ask(ft12Short(0x5a, "\x03"), ft12Say(0x28, "\x03\x64\x01\x07\x07\x00\x00\x14"))
	ask(ft12Short(0x7a, "\x03"), ft12Say(0x28, iec101TwoPoints))
	ask(ft12Short(0x5a, "\x03"), ft12Say(ft12Tell, "\x03\x64\x01\x0a\x07\x00\x00\x14"))
	ask(ft12Short(0x7b, "\x03"), ft12Say(0x28, iec101Change))
	ask(ft12Say(0x53, iec101Switch), single)
	ask(ft12Short(0x7b, "\x03"), ft12Say(ft12Tell, "\x03\x2d\x01\x07\x07\x20\x00\x81"))
	ask(ft12Short(0x5b, "\x03"), ft12Short(0x09, "\x03"))
	u, v := madeAddr(1, 50002), madeAddr(3, 10001)
	r.udp(u, v, ft12Say(0xd3, "\x03\x00\x67\x01\x06\x00\x08\x00\x00\x00\x00\x00\x00\x00\x0a\x01\x01\x1a"))
	r.udp(v, u, ft12Short(0x00, "\x03\x00"))
	r.udp(v, u, ft12Say(0x53, "\x03\x00\x24\x01\x03\x00\x08\x00\x10\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x00\x0a\x01\x01\x1a"))
	r.udp(u, v, ft12Short(0x80, "\x03\x00"))
	made(t, "iec101", "gateway", r)
}

func FuzzIEC101(f *testing.F) { fuzzDissector(f, "iec101", true) }

func FuzzIEC101Datagram(f *testing.F) { fuzzDissector(f, "iec101", false) }
