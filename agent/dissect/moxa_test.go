package dissect

import (
	"encoding/binary"
	"testing"
)

func moxaSay(kind byte, rest string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{kind, 0}, uint16(moxaShort+len(rest)))
	return append(append(b, 0, 0, 0, 0), rest...)
}

const moxa5110 = "\x10\x51\x00\x80\x10\x51\x00\x90\xe8\x00\x53\x02"

func TestMoxa(t *testing.T) {
	k := &talk{t: t, d: &moxa{}, port: 4800}
	expectTold(t, k.say(0, moxaSay(moxaSearch, "")), "client diagnose=1")
	expectTold(t, k.say(1, moxaSay(moxaSearch|moxaAnswer, moxa5110+"\xc0\x00\x02\x02")), `server vendor="Moxa"(moxa.search,behaviour)`+
		` moxa.model_number="105100801051"(moxa.search.model,identity) model="NPort 5110"(moxa.search.model,identity)`)
	expectTold(t, k.say(0, moxaSay(moxaName, moxa5110)), "client diagnose=1")
	expectTold(t, k.say(1, moxaSay(moxaName|moxaAnswer, moxa5110+"SCALE-3\x00\x00\x00")), `server name="SCALE-3"(moxa.name,identity)`)
	expectTold(t, k.say(1, moxaSay(moxaAuth|moxaAnswer, moxa5110+"123456789012\x01")), `server moxa.password="yes"(moxa.authentication,identity)`)
	expectTold(t, k.say(1, moxaSay(moxaAuth|moxaAnswer, moxa5110+"123456789012\x00")), `server moxa.password="no"(moxa.authentication,identity)`)
	expectTold(t, k.say(1, moxaSay(moxaAuth|moxaAnswer, moxa5110)), "server")
	expectTold(t, k.say(0, moxaSay(0x29, moxa5110)), "client")
	failed := moxaSay(moxaName|moxaAnswer, moxa5110+"SCALE-3\x00")
	failed[1] = 4
	expectTold(t, k.say(1, failed), "server")
	k.refused(0, []byte("\x01\x00\x00\x09\x00\x00\x00\x00"), ErrMalformed)
}

func TestMoxaIsNotMoxa(t *testing.T) {
	if matchMoxa(moxaSay(moxaSearch, "")) {
		t.Error("a search alone is claimed on any port")
	}
	k := &talk{t: t, d: &moxa{}, port: 4801}
	k.refused(0, moxaSay(moxaSearch, ""), ErrNotMine)
	for name, b := range map[string][]byte{
		"short": moxaSay(moxaSearch, "")[:7], "length": append(moxaSay(moxaName, moxa5110), 0), "type": moxaSay(moxaAnswer, moxa5110), "short answer": moxaSay(moxaSearch|moxaAnswer, ""),
		"MAC": moxaSay(moxaName, "\x10\x51\x00\x80\x10\x51\x00\x91\xe8\x00\x53\x02"), "half a MAC": moxaSay(moxaName, moxa5110[:9]),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &moxa{}, port: 4800}).refused(0, b, ErrNotMine) })
	}
}

func TestMoxaSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 4800)
	r.udp(a, madeAddr(255, 4800), moxaSay(moxaSearch, ""))
	r.udp(b, a, moxaSay(moxaSearch|moxaAnswer, moxa5110+"\xc0\x00\x02\x02"))
	r.udp(a, b, moxaSay(moxaName, moxa5110))
	r.udp(b, a, moxaSay(moxaName|moxaAnswer, moxa5110+"SCALE-3"+string(make([]byte, 33))))
	r.udp(a, b, moxaSay(moxaAuth, moxa5110))
	r.udp(b, a, moxaSay(moxaAuth|moxaAnswer, moxa5110+string(make([]byte, 12))+"\x00"))
	made(t, "moxa", "server", r)
}

func FuzzMoxa(f *testing.F) { fuzzDissector(f, "moxa", false) }
