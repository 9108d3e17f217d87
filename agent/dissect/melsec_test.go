package dissect

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// slmpAsk is a binary 3E request to the own station.
func slmpAsk(command uint16, data string) []byte {
	b := []byte{slmpAsk3, 0, 0, 0xff, 0xff, 3, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(6+len(data)))
	b = binary.LittleEndian.AppendUint16(append(b, 4, 0), command)
	return append(append(b, 0, 0), data...)
}

func slmpTell(end uint16, data string) []byte {
	b := []byte{slmpTell3, 0, 0, 0xff, 0xff, 3, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(2+len(data)))
	return append(binary.LittleEndian.AppendUint16(b, end), data...)
}

// slmpNumbered makes a 4E frame of a 3E one.
func slmpNumbered(b []byte) []byte {
	return append([]byte{b[0] | 4, 0, 7, 0, 0, 0}, b[2:]...)
}

// slmpTextAsk and slmpTextTell are 3E frames in ASCII.
func slmpTextAsk(command uint16, data string) []byte {
	return fmt.Appendf(nil, "500000FF03FF00%04X0010%04X0000%s", 12+len(data), command, data)
}

func slmpTextTell(end uint16, data string) []byte {
	return fmt.Appendf(nil, "D00000FF03FF00%04X%04X%s", 4+len(data), end, data)
}

// melsoftSay is a message of a tool or its answer.
func melsoftSay(kind byte, command uint16, data string) []byte {
	b := []byte{kind, 1, 0, 0, 0, 0x11, 0x11, 7, 0, 0, 0xff, 0xff, 3, 0, 0, 0xfe, 3, 0, 0}
	first, head := byte(melsoftFirstAsk), 10
	if kind == melsoftTell {
		first, head = first|0x80, 12
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(2+head+2+1+len(data)))
	b = append(b, first, 8, byte(head), 8)
	b = append(b, make([]byte, head-2)...)
	return append(append(binary.BigEndian.AppendUint16(b, command), 1), data...)
}

// e1Ask is a request of frame 1E for D100.
func e1Ask(sub, points byte, data string) []byte {
	return append([]byte{sub, 0xff, 10, 0, 100, 0, 0, 0, 0x20, 'D', points, 0}, data...)
}

const (
	melsecName  = "R04CPU          "
	melsecFacts = `vendor="Mitsubishi Electric"(melsec.type_name,behaviour) model="R04CPU"(melsec.type_name.model,identity)`
)

func melsecTalk(t testing.TB, stream bool) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &melsec{}, port: 5007, stream: stream}
}

func TestMELSECModel(t *testing.T) {
	k := melsecTalk(t, true)
	expectTold(t, k.say(0, slmpAsk(slmpTypeName, "")), "client diagnose=1")
	expectTold(t, k.say(1, slmpTell(0, melsecName+"\x00\x48")), "server "+melsecFacts)
	k = melsecTalk(t, false)
	expectTold(t, k.say(0, slmpNumbered(slmpAsk(slmpTypeName, ""))), "client diagnose=1")
	expectTold(t, k.say(1, slmpNumbered(slmpTell(0, melsecName+"\x00\x48"))), "server "+melsecFacts)
	k = melsecTalk(t, true)
	expectTold(t, k.say(0, slmpTextAsk(slmpTypeName, "")), "client diagnose=1")
	expectTold(t, k.say(1, slmpTextTell(0, melsecName+"4800")), "server "+melsecFacts)
	k = melsecTalk(t, true)
	expectTold(t, k.say(0, melsoftSay(melsoftAsk, slmpTypeName, "\x00\x00\x00\x00\x01")), "client diagnose=1")
	expectTold(t, k.say(1, melsoftSay(melsoftTell, slmpTypeName, "\x00\x00\x00"+melsecName+"\x00\x48")), "server "+melsecFacts)
	// The answer alone, from its shape; other data of the same length is none.
	expectTold(t, melsecTalk(t, true).say(1, slmpTell(0, melsecName+"\x00\x48")), "server "+melsecFacts)
	expectTold(t, melsecTalk(t, true).say(1, slmpTell(0, strings.Repeat("\x00\x01", 9))), "server")
	k = melsecTalk(t, true)
	expectTold(t, k.say(0, slmpAsk(0x0401, "\x64\x00\x00\xa8\x09\x00")), "client read=1")
	expectTold(t, k.say(1, slmpTell(0, melsecName+"\x00\x48")), "server")
	expectTold(t, k.say(1, slmpTell(0xc051, "\x00\xff\xff\x03\x00\x01\x04\x00\x00")), "server")
}

func TestMELSECOperations(t *testing.T) {
	for command, want := range map[uint16]string{
		0x0403: "read", 0x1401: "write", 0x1001: "control", 0x1002: "control", 0x1006: "control",
		0x1630: "authenticate", 0x0e31: "configure", 0x1828: "transfer",
	} {
		expectTold(t, melsecTalk(t, true).say(0, slmpAsk(command, "")), "client "+want+"=1")
		expectTold(t, melsecTalk(t, false).say(0, slmpTextAsk(command, "")), "client "+want+"=1")
	}
	expectTold(t, melsecTalk(t, true).say(1, slmpAsk(slmpOnDemand, "\x01\x00")), "server alarm=1")
	for command, want := range map[uint16]string{
		0x0121: " diagnose=1", 0x0410: " read=1", 0x1001: " control=1", 0x1402: " write=1", 0x1603: " authenticate=1", 0x1868: " transfer=1", 0x0b2a: "",
	} {
		expectTold(t, melsecTalk(t, false).say(0, melsoftSay(melsoftAsk, command, "\x00\x00")), "client"+want)
	}
}

func TestMELSEC1E(t *testing.T) {
	k := melsecTalk(t, true)
	expectTold(t, k.say(0, e1Ask(e1ReadWords, 2, "")), "client read=1")
	expectTold(t, k.say(1, []byte("\x81\x00\x01\x02\x03\x04")), "server")
	expectTold(t, k.say(0, e1Ask(e1WriteBits, 3, "\x10\x10")), "client write=1")
	expectTold(t, k.say(1, []byte("\x82\x00")), "server")
	expectTold(t, k.say(0, []byte{e1Stop, 0xff, 10, 0}), "client control=1")
	expectTold(t, k.say(1, []byte{e1Stop | 0x80, e1Abnormal, 0x18}), "server")
	expectTold(t, k.say(0, []byte{e1TypeName, 0xff, 10, 0}), "client diagnose=1")
	k.refused(1, []byte("\x81\x00\x01"), ErrMalformed)
	k.refused(1, []byte("\x95\x00\xa1"), ErrShort)
	expectTold(t, k.say(1, []byte("\x95\x00\xa1\x00")), "server")
	k.refused(0, []byte("\x33\xff\x0a\x00"), ErrMalformed)
	melsecTalk(t, true).refused(1, []byte("\x81\x00\x01\x02"), ErrNotMine)
	melsecTalk(t, true).refused(0, []byte{e1Stop, 0xff, 10, 0}, ErrNotMine)
}

func TestMELSECSearch(t *testing.T) {
	k := melsecTalk(t, false)
	k.port = melsoftSearchPort
	expectTold(t, k.say(0, []byte("\x5a\x00\x00\xff")), "client diagnose=1")
	expectTold(t, k.say(1, []byte("\xda\x00\x00\xff\x29\x4a\x0c\x00")), "server")
	melsecTalk(t, false).refused(0, []byte("\x5a\x00\x00\xff"), ErrNotMine) // another port
}

func TestMELSECIsNotMELSEC(t *testing.T) {
	for name, whole := range map[string][]byte{
		"3E": slmpAsk(0x0401, "\x64\x00\x00\xa8\x09\x00"), "4E": slmpNumbered(slmpTell(0, "\x01\x02")), "ASCII": slmpTextAsk(0x0401, "D*0001000009"),
		"tool": melsoftSay(melsoftAsk, slmpTypeName, "\x00\x00"), "1E": e1Ask(e1ReadWords, 2, ""),
	} {
		if !matchMELSEC(whole) {
			t.Errorf("%s: the signature does not know it", name)
		}
		for n := 1; n < len(whole); n++ {
			if matchMELSEC(whole[:n]) {
				t.Errorf("%s: %d octets are claimed", name, n)
			}
			if name != "1E" {
				melsecTalk(t, true).refused(0, whole[:n], ErrShort)
			}
		}
		melsecTalk(t, false).refused(0, append(whole, 0), ErrNotMine)
	}
	ok := slmpAsk(0x0401, "\x64\x00\x00\xa8\x09\x00")
	for name, change := range map[string]func(b []byte){
		"subheader": func(b []byte) { b[0] = 0x51 },
		"fixed":     func(b []byte) { b[1] = 1 },
		"module":    func(b []byte) { b[5] = 9 },
		"multidrop": func(b []byte) { b[6] = 0x40 },
		"length":    func(b []byte) { b[8] = 0x70 },
		"command":   func(b []byte) { b[11] = 0x77 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchMELSEC(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		melsecTalk(t, true).refused(0, b, ErrNotMine)
	}
	for _, text := range []string{"500 No such command\r\n", "DATA\r\n", "5000 items in the list", "D000FF"} {
		if matchMELSEC([]byte(text)) {
			t.Errorf("%q is claimed", text)
		}
	}
	if at := (&melsec{}).Resync(append([]byte("\x50\x00xx"), ok...)); at != 4 {
		t.Errorf("next message at %d", at)
	}
	if at := (&melsec{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestMELSECSamples(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 5007)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{slmpAsk(slmpTypeName, ""), slmpTell(0, melsecName+"\x00\x48")},
		{slmpAsk(0x0401, "\x64\x00\x00\xa8\x02\x00"), slmpTell(0, "\x01\x00\x02\x00")},
		{slmpAsk(0x1401, "\x64\x00\x00\xa8\x01\x00\x07\x00"), slmpTell(0, "")},
		{slmpAsk(0x1002, "\x01\x00"), slmpTell(0, "")},
		{slmpAsk(0x1001, "\x01\x00\x00\x00"), slmpTell(0, "")},
		{slmpAsk(0x1828, "\x00\x00"), slmpTell(0xc051, "\x00\xff\xff\x03\x00\x28\x18\x00\x00")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "melsec", "slmp", r)

	r = newReel()
	r.open(a, b)
	r.tcp(a, b, slmpTextAsk(0x0401, "D*0001000002"))
	r.tcp(b, a, slmpTextTell(0, "00010002"))
	r.tcp(a, b, slmpTextAsk(0x1401, "D*00010000010007"))
	r.tcp(b, a, slmpTextTell(0, ""))
	old := madeAddr(1, 50002)
	r.open(old, madeAddr(3, 5007))
	r.tcp(old, madeAddr(3, 5007), e1Ask(e1ReadWords, 2, ""))
	r.tcp(madeAddr(3, 5007), old, []byte("\x81\x00\x01\x02\x03\x04"))
	r.tcp(old, madeAddr(3, 5007), []byte{e1Stop, 0xff, 10, 0})
	u, v := madeAddr(1, 50003), madeAddr(4, 5006)
	r.udp(u, v, slmpNumbered(slmpAsk(slmpTypeName, "")))
	r.udp(v, u, slmpNumbered(slmpTell(0, "FX5U-32MT/ES    \x29\x4a")))
	made(t, "melsec", "forms", r)

	r = newReel()
	u, v = madeAddr(1, 50004), madeAddr(2, melsoftSearchPort)
	r.udp(u, v, []byte("\x5a\x00\x00\xff"))
	r.udp(v, u, []byte("\xda\x00\x00\xff\x00\x48\x0c\x00\x00\x00\x00\x00"))
	r.udp(u, v, melsoftSay(melsoftAsk, melsoftNameR, "\x00\x00\x00\x00\x01"))
	r.udp(v, u, melsoftSay(melsoftTell, melsoftNameR, "\x00\x00\x00"+melsecName+"\x00\x48"))
	r.udp(u, v, melsoftSay(melsoftAsk, 0x1868, "\x00\x00\x00\x00\x01"))
	r.udp(v, u, melsoftSay(melsoftTell, 0x1868, "\x00\x00\x00block"))
	made(t, "melsec", "tool", r)
}

func TestMELSECAllocatesNothing(t *testing.T) {
	k := melsecTalk(t, true)
	ask, answer := k.message(0, slmpAsk(slmpTypeName, "")), k.message(1, slmpTell(0, melsecName+"\x00\x48"))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzMELSEC(f *testing.F) { fuzzDissector(f, "melsec", true) }

func FuzzMELSECDatagram(f *testing.F) { fuzzDissector(f, "melsec", false) }
