package dissect

import "testing"

func FuzzLLMNR(f *testing.F) { fuzzDissector(f, "llmnr", false) }

func TestLLMNRStream(t *testing.T) {
	const question, answer = "\x04test\x00\x00\x01\x00\x01", "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc0\x00\x02\x0a"
	msg := func(flags uint16, an byte, rest string) []byte {
		b := dnsBytes(flags, 1, an, rest)
		return append([]byte{0, byte(len(b))}, b...)
	}
	ask, told := msg(0, 0, question), msg(0x8000, 1, question+answer)
	k := &talk{t: t, d: &llmnr{}, stream: true, port: portLLMNR}
	expectTold(t, k.say(0, ask), "client read=1")
	expectTold(t, k.say(1, told), `server name="test"(llmnr.answer,identity)`)
	for n := 1; n < len(told); n++ {
		(&talk{t: t, d: &llmnr{}, stream: true, port: portLLMNR}).refused(1, told[:n], ErrShort)
	}
	(&talk{t: t, d: &llmnr{}, stream: true, port: portLLMNR}).refused(0, []byte{0, 4, 1, 2, 3, 4}, ErrNotMine)
	(&talk{t: t, d: &llmnr{}, stream: true, port: 53}).refused(0, ask, ErrNotMine)
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, portLLMNR)
	r.open(a, b)
	r.tcp(a, b, ask)
	r.tcp(b, a, told[:9])
	r.tcp(b, a, told[9:])
	made(t, "llmnr", "stream", r)
}

func FuzzLLMNRStream(f *testing.F) { fuzzDissector(f, "llmnr", true) }
