package dissect

import (
	"encoding/binary"
	"testing"
)

// slSay is a data message.
func slSay(kind uint16, body string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(3+len(body)))
	b = binary.LittleEndian.AppendUint16(b, kind)
	return append(append(b, body...), slEnd)
}

func slBegin(magic []byte, rest string) []byte {
	b := append([]byte{byte(len(magic) + len(rest))}, magic...)
	return append(b, rest...)
}

// slCounted is a text with its number of characters.
func slCounted(s string) string {
	w := cdsWide(s)
	return string([]byte{byte(len(s))}) + w[:len(w)-2]
}

func slAskQuery() []byte {
	return slBegin(slQuery, "0123456789abcdef\x01\x00\x00\x00"+cdsWide("DASABCIP")+cdsWide("HMI-4")+cdsWide("operator"))
}

func slConnectBody() string {
	return slCounted("DASABCIP") + slCounted("line4") + "\x00\x00\x00" + slCounted("VIEW") + slCounted("HMI-4") + slCounted("operator") + slCounted("IO-4") +
		string(make([]byte, 20))
}

func slTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &suiteLink{}, port: 5413, stream: true}
}

func TestSuiteLinkSession(t *testing.T) {
	k := slTalk(t)
	expectTold(t, k.say(0, slAskQuery()), `client receiversuitelink.application="DASABCIP"(suitelink.handshake.application,content)`+
		` name="HMI-4"(suitelink.handshake.source_node,content) suitelink.user="operator"(suitelink.handshake.source_user,content)`)
	expectTold(t, k.say(1, slSay(slReady, "\x00\x01")), "server")
	expectTold(t, k.say(0, slSay(slConnect, slConnectBody())), `client receiversuitelink.application="DASABCIP"(suitelink.connect.application,content)`+
		` receiversuitelink.topic="line4"(suitelink.connect.topic,content) suitelink.client="VIEW"(suitelink.connect.client,content)`+
		` name="HMI-4"(suitelink.connect.client_node,content) suitelink.user="operator"(suitelink.connect.user,content)`)
	expectTold(t, k.say(0, slSay(slAdvise, "\x01\x00\x00\x00"+slCounted("N7:0"))), "client subscribe=1")
	expectTold(t, k.say(1, slSay(slAdvised, "\x01\x00\x00\x00\x00")), "server")
	expectTold(t, k.say(1, slSay(slUpdate, "\x01\x00\x00\x00\x00\x00\xc0\x00\x02\x07\x00\x00\x00")), "server")
	expectTold(t, k.say(0, slSay(slPoke, "\x01\x00\x00\x00\x02\x07\x00\x00\x00")), "client write=1")
	expectTold(t, k.say(1, slSay(slPoked, "\x00")), "server")
	expectTold(t, k.say(0, slSay(0x4024, "")), "")
	expectTold(t, k.say(0, slSay(slUnadvise, "\x01\x00\x00\x00")), "client")
	k.refused(0, []byte("GET / HTTP/1.1"), ErrMalformed)
	expectTold(t, slTalk(t).say(1, slSay(slAdvised, "\x01\x00\x00\x00\x00")), "server subscribe=1")
}

func TestSuiteLinkOtherHandshakes(t *testing.T) {
	old := append(append([]byte{}, slOldQuery...), make([]byte, 32)...)
	copy(old[slMagicLen:], "VIEW")
	expectTold(t, slTalk(t).say(0, old), `client receiversuitelink.application="VIEW"(suitelink.handshake.application,content)`)
	k := slTalk(t)
	expectTold(t, k.say(0, slBegin(slRegister, "more")), "client")
	expectTold(t, k.say(1, slBegin(slAlarmReady, "\x01\x00\x00\x00")), "server")
	expectTold(t, k.say(0, []byte("\x05alarm")), "")
	expectTold(t, k.say(1, []byte("\x00\x05\x00alarm")), "")
	expectTold(t, k.say(1, []byte("\x00\x00\x00\x05\x00\x00\x00alarm")), "")
	k.refused(1, []byte("\x00\x00\x00\x05"), ErrShort)
	k.refused(1, make([]byte, 7), ErrMalformed)
}

func TestSuiteLinkIsNotSuiteLink(t *testing.T) {
	for name, whole := range map[string][]byte{"query": slAskQuery(), "connect": slSay(slConnect, slConnectBody()), "ping": slSay(0x4023, "")} {
		if !matchSuiteLink(whole) {
			t.Errorf("%s: the signature does not know it", name)
		}
		for n := 1; n < len(whole); n++ {
			slTalk(t).refused(0, whole[:n], ErrShort)
			if matchSuiteLink(whole[:n]) {
				t.Errorf("%s: %d octets are claimed", name, n)
			}
		}
	}
	ok := slSay(slAdvise, "\x01\x00\x00\x00"+slCounted("N7:0"))
	for name, change := range map[string]func(b []byte){
		"type":  func(b []byte) { b[2] = 0x77 },
		"short": func(b []byte) { b[0] = 2 },
		"end":   func(b []byte) { b[len(b)-1] = 0 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchSuiteLink(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		slTalk(t).refused(0, b, ErrNotMine)
	}
	if at := (&suiteLink{}).Resync(append([]byte("xx"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&suiteLink{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestSuiteLinkSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 5413)
	r.open(a, b)
	r.tcp(a, b, slAskQuery())
	r.tcp(b, a, slSay(slReady, "\x00\x01"))
	r.tcp(a, b, slSay(slConnect, slConnectBody()))
	r.tcp(a, b, slSay(slAdvise, "\x01\x00\x00\x00"+slCounted("N7:0")))
	r.tcp(b, a, slSay(slAdvised, "\x01\x00\x00\x00\x00"))
	r.tcp(b, a, slSay(slUpdate, "\x01\x00\x00\x00\x00\x00\xc0\x00\x02\x07\x00\x00\x00"))
	r.tcp(a, b, slSay(slPoke, "\x01\x00\x00\x00\x02\x07\x00\x00\x00"))
	r.tcp(b, a, slSay(slPoked, "\x00"))
	r.tcp(a, b, slSay(0x4024, ""))
	r.tcp(b, a, slSay(0x4023, ""))
	made(t, "suitelink", "session", r)
}

func TestSuiteLinkAllocatesNothing(t *testing.T) {
	k := slTalk(t)
	ask, answer := k.message(0, slSay(slConnect, slConnectBody())), k.message(1, slSay(slUpdate, "\x01\x00\x00\x00\x00\x00\xc0\x00\x02\x07\x00\x00\x00"))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzSuiteLink(f *testing.F) { fuzzDissector(f, "suitelink", true) }
