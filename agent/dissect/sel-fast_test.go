package dissect

import "testing"

// selSay is a message with a checksum.
func selSay(kind byte, body string) []byte {
	b := append([]byte{selMark, kind, byte(len(body) + 4)}, body...)
	sum := byte(0)
	for _, x := range b {
		sum += x
	}
	return append(b, sum)
}

func selFastSay(function byte) []byte {
	body := "\x00\x00\x00\x00\x00\x00" + string([]byte{function}) + "\xc0\x00\x00\x12\x34"
	return append([]byte{selMark, selMessage, byte(len(body) + 3)}, body...)
}

func selClose(breaker byte) []byte { return selSay(0xe3, string([]byte{breaker, breaker*4 + 1})) }

func TestSEL(t *testing.T) {
	k := &talk{t: t, d: &selFast{}, stream: true, known: true}
	k.refused(0, []byte("\xa5\xc0"), ErrShort) // one request alone
	expectTold(t, k.say(1, selSay(0xc0, "\x02\x01\x00\x05\x06\x07")), "server")
	expectTold(t, k.say(0, []byte("\xa5\xc0")), "client diagnose=1")
	expectTold(t, k.say(0, []byte("\xa5\xd1")), "client read=1")
	expectTold(t, k.say(0, []byte("\xa5\xb9")), "client control=1")
	expectTold(t, k.say(0, selClose(0x11)), "client control=1")
	expectTold(t, k.say(0, selFastSay(0x01)), "client subscribe=1")
	expectTold(t, k.say(1, selFastSay(0x81)), "server")
	expectTold(t, k.say(1, selFastSay(0x18)), "server alarm=1")
	expectTold(t, k.say(0, selFastSay(0x10)), "")
	two := &talk{t: t, d: &selFast{}, stream: true, known: true}
	if used, err := two.d.Dissect(two.message(0, append([]byte("\xa5\xc0"), selClose(0x11)...)), &two.log); used != 2 || err != nil {
		t.Errorf("two messages: used %d, %v", used, err)
	}
}

func TestSELIsNotSEL(t *testing.T) {
	for _, ok := range [][]byte{selClose(0x31), selSay(0xd1, "\x00\x01\x02\x03"), selFastSay(0x18)} {
		if !matchSEL(ok) {
			t.Fatalf("the signature does not know % x", ok)
		}
		for n := 1; n < len(ok); n++ {
			(&talk{t: t, d: &selFast{}, stream: true}).refused(0, ok[:n], ErrShort)
			if n > 2 && matchSEL(ok[:n]) {
				t.Fatalf("%d of % x are claimed", n, ok)
			}
		}
	}
	for name, b := range map[string]string{
		"mark":                  "\xa4\xc0",
		"type":                  "\xa5\x00\x06\x00\x00\xab",
		"checksum":              "\xa5\xd1\x06\x00\x00\x00",
		"operand":               string(selSay(0xe3, "\x11\x44")),
		"length":                "\xa5\xd1\x02\x00\x00",
		"routing":               "\xa5\x46\x0f\x00\x00\x01\x00\x00\x00\x01\xc0\x00\x00\x12\x34",
		"follower":              "\xa5\xc0\xa5\x00",
		"datagram of a request": "",
	} {
		if b == "" {
			(&talk{t: t, d: &selFast{}, known: true}).refused(0, []byte("\xa5\xc0"), ErrNotMine)
			continue
		}
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &selFast{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
	}
	if at := (&selFast{}).Resync(append([]byte("\xa5\xc0\xa5\x00"), selClose(0x11)...)); at != 4 {
		t.Errorf("next message at %d", at)
	}
}

func TestSELSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 2010)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{[]byte("\xa5\xc0"), selSay(0xc0, "\x02\x01\x00\x05\x06\x07")},
		{[]byte("\xa5\xc1"), selSay(0xc1, "\x01\x00\x00\x03\x00\x0eIA\x00IB\x00")},
		{[]byte("\xa5\xd1"), selSay(0xd1, "\x00\x12\x34\x56\x78")},
		{selFastSay(0x01), selFastSay(0x81)},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	r.tcp(a, b, selClose(0x11))
	r.tcp(b, a, selFastSay(0x18))
	made(t, "sel-fast", "relay", r)
}

func FuzzSEL(f *testing.F) { fuzzDissector(f, "sel-fast", true) }
