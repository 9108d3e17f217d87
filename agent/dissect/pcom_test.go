package dissect

import (
	"encoding/binary"
	"fmt"
	"testing"
)

func pcomSay(form byte, body string) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0x3a, 0x91, form, 0}, uint16(len(body))), body...)
}

// pcomWords is a message in text without its sum.
func pcomWords(begin, words string) []byte {
	sum := byte(0)
	for _, x := range []byte(words) {
		sum += x
	}
	return pcomSay(pcomText, begin+words+fmt.Sprintf("%02X", sum)+"\r")
}

func pcomBytes(unit, command byte, data string) []byte {
	head := append([]byte(pcomBegin), unit, 0xfe, 1, 1, 0, 0, command, 0, 0, 0, 0, 0, 0, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(data)))
	sum := uint16(0)
	for _, x := range head {
		sum -= uint16(x)
	}
	return pcomSay(pcomBinary, string(binary.LittleEndian.AppendUint16(head, sum))+data+"\x00\x00\\")
}

func pcomTalk(t *testing.T) *talk { return &talk{t: t, d: &pcom{}, port: 20256, stream: true} }

const (
	pcomPlate = "ID35TR22A00400916B00300108P00000000F00000000FT0000001"
	pcomFacts = `vendor="Unitronics"(pcom.id,content) pcom.model_code="35TR22"(pcom.id.model,identity) hardware="A"(pcom.id.hardware,identity) firmware="4.9 build 16"(pcom.id.os_version,identity)`
)

func TestPCOM(t *testing.T) {
	k := pcomTalk(t)
	expectTold(t, k.say(0, pcomWords("/", "00ID")), "client diagnose=1")
	expectTold(t, k.say(1, pcomWords("/A", "00"+pcomPlate)), "server "+pcomFacts)
	expectTold(t, k.say(0, pcomBytes(0, pcomName, "")), "client diagnose=1")
	expectTold(t, k.say(1, pcomBytes(0, pcomName|pcomAnswer, "mixer 3")), `server name="mixer 3"(pcom.plc_name,identity)`)
	expectTold(t, k.say(1, pcomBytes(5, pcomName|pcomAnswer, "tank 5")), `server unit/5 name="tank 5"(pcom.plc_name,identity)`)
	for words, want := range map[string]string{
		"00UG": "diagnose=1", "00RW00000A": "read=1", "00GS000101": "read=1", "00SW0000010010": "write=1", "00CCS": "control=1", "00US05": "configure=1", "00XX": "",
		"0ARB000001": "read=1",
	} {
		if want != "" {
			want = " " + want
		}
		expectTold(t, k.say(0, pcomWords("/", words)), "client"+want)
	}
	for command, want := range map[byte]string{pcomReadTable: " read=1", pcomOperands: " read=1", pcomWriteTable: " write=1", 0x20: ""} {
		expectTold(t, k.say(0, pcomBytes(0, command, "xy")), "client"+want)
	}
	expectTold(t, pcomTalk(t).say(1, pcomWords("/A", "00RW00010002")), "server read=1") // the controller's side alone
	expectTold(t, k.say(1, pcomWords("/A", "00IDshort")), "server")
}

func TestPCOMIsNotPCOM(t *testing.T) {
	for name, ok := range map[string][]byte{"text": pcomWords("/", "00RW00000A"), "binary": pcomBytes(0, pcomName, "")} {
		if !matchPCOM(ok) {
			t.Fatalf("%s: the signature does not know it", name)
		}
		for n := 1; n < len(ok); n++ {
			pcomTalk(t).refused(0, ok[:n], ErrShort)
		}
		for what, at := range map[string]int{"form": 2, "reserved": 3, "begin": 6, "sum": len(ok) - 2, "unit": 7} {
			b := append([]byte{}, ok...)
			if b[at] += 0x60; name == "binary" && what == "sum" {
				b[18]++ // the sum of the data is not read: that of the head is
			}
			if matchPCOM(b) {
				t.Errorf("%s, %s: the signature claims it", name, what)
			}
			pcomTalk(t).refused(0, b, ErrNotMine)
		}
		if at := (&pcom{}).Resync(append([]byte("/e"), ok...)); at != 2 {
			t.Errorf("%s: next message at %d", name, at)
		}
	}
	for name, b := range map[string][]byte{"Modbus": []byte("\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01"), "long": []byte("\x00\x01\x65\x00\xff\xff/00ID"), "no end": pcomSay(pcomText, "/00IDED00")} {
		t.Run(name, func(t *testing.T) { pcomTalk(t).refused(0, b, ErrNotMine) })
	}
	if at := (&pcom{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestPCOMSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 20256)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{pcomWords("/", "00ID"), pcomWords("/A", "00"+pcomPlate)},
		{pcomBytes(0, pcomName, ""), pcomBytes(0, pcomName|pcomAnswer, "mixer 3")},
		{pcomWords("/", "00RW000004"), pcomWords("/A", "00RW0001000200030004")},
		{pcomWords("/", "00SB00040101"), pcomWords("/A", "00SB")},
		{pcomWords("/", "00CCS"), pcomWords("/A", "00CC")},
		{pcomBytes(5, pcomOperands, "\x01\x00\x2b\xff\x00\x00"), pcomBytes(5, pcomOperands|pcomAnswer, "\x01\x00")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "pcom", "session", r)
}

func FuzzPCOM(f *testing.F) { fuzzDissector(f, "pcom", true) }
