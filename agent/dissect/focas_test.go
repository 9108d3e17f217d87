package dissect

import (
	"encoding/binary"
	"testing"
)

func focasSay(version, kind uint16, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte(focasMagic), version)
	b = binary.BigEndian.AppendUint16(b, kind)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// focasBody is calls with their lengths.
func focasBody(calls ...string) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(calls)))
	for _, c := range calls {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(c)+2)), c...)
	}
	return string(b)
}

// focasCall asks for a function with five numbers.
func focasCall(unit, function byte) string {
	return string([]byte{0, unit, 0, 1, 0, function}) + string(make([]byte, 20))
}

const (
	focasSysinfoAnswer = "\x00\x01\x00\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00\x12" + "\x02\x02\x00\x2031 MG421" + "81.2" + "03"
	focasFailed        = "\x00\x01\x00\x01\x00\x18\x00\x01\x00\x00\x00\x00\x00\x00"
)

func TestFOCAS(t *testing.T) {
	k := &talk{t: t, d: &focas{}, port: 8193, stream: true}
	expectTold(t, k.say(0, focasSay(1, 0x0101, "\x00\x02")), "client")
	expectTold(t, k.say(1, focasSay(2, 0x0102, "\x00\x02")), "server")
	expectTold(t, k.say(0, focasSay(1, 0x2101, focasBody(focasCall(1, 0x18)))), "client diagnose=1")
	expectTold(t, k.say(1, focasSay(2, 0x2102, focasBody(focasFailed, focasSysinfoAnswer))), `server vendor="FANUC"(focas.sysinfo,identity)`+
		` product="Series 31i"(focas.sysinfo.cnc_type,identity) focas.machine_type="M"(focas.sysinfo.mt_type,identity) firmware="G421 81.2"(focas.sysinfo.series,identity)`)
	expectTold(t, k.say(0, focasSay(1, 0x2101, focasBody(focasCall(1, 0x26), focasCall(1, 0x24)))), "client read=1 read=1")
	expectTold(t, k.say(0, focasSay(1, 0x2101, focasBody(focasCall(2, 1), focasCall(1, 0xff)))), "client") // what they do is not public
	expectTold(t, k.say(0, focasSay(1, 0x2101, focasBody(focasCall(1, 0x16)))), "client write=1")
	expectTold(t, k.say(0, focasSay(1, 0x2101, focasBody(focasCall(1, 0x46)))), "client configure=1")
	expectTold(t, k.say(0, focasSay(1, 0x2101, focasBody(focasCall(1, 0x1f)))), "client control=1")
	expectTold(t, k.say(1, focasSay(2, 0x2103, "\x00\x00")), "server")
	expectTold(t, k.say(0, focasSay(1, 0x1501, "\x00\x00\x00\x01O0100-O0100")), "client program=1")
	expectTold(t, k.say(1, focasSay(2, 0x1604, "%\nO0100\n")), "server")
	expectTold(t, k.say(1, focasSay(2, 0x1701, "")), "server")
	expectTold(t, k.say(0, focasSay(1, 0x1702, "")), "client")
	expectTold(t, k.say(0, focasSay(1, 0x2101, "\x00\x09\x00\x01")), "client")
	k.refused(0, []byte("\xa0\xa0\xa0\xa1"), ErrMalformed)
}

func TestFOCASIsNotFOCAS(t *testing.T) {
	for name, b := range map[string]string{
		"magic": "\xa0\xa0\xa0\x00\x00\x01\x01\x01\x00\x00", "version": "\xa0\xa0\xa0\xa0\x00\x00\x01\x01\x00\x00", "step": "\xa0\xa0\xa0\xa0\x00\x01\x01\x00\x00\x00", "later version": "\xa0\xa0\xa0\xa0\x01\x01\x01",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &focas{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
	}
	if at := (&focas{}).Resync(append([]byte("x\xa0"), focasSay(1, 0x0101, "")...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
}

func TestFOCASSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 8193)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{focasSay(1, 0x0101, "\x00\x02"), focasSay(2, 0x0102, "\x00\x02")},
		{focasSay(1, 0x2101, focasBody(focasCall(1, 0x18))), focasSay(2, 0x2102, focasBody(focasSysinfoAnswer))},
		{focasSay(1, 0x2101, focasBody(focasCall(1, 0x24), focasCall(1, 0x25))), focasSay(2, 0x2102, focasBody(focasFailed, focasFailed))},
		{focasSay(1, 0x2101, focasBody(focasCall(1, 0x16))), focasSay(2, 0x2102, focasBody(focasFailed))},
		{focasSay(1, 0x0201, ""), focasSay(2, 0x0202, "")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "focas", "control", r)
}

func FuzzFOCAS(f *testing.F) { fuzzDissector(f, "focas", true) }
