package dissect

import (
	"encoding/binary"
	"testing"
)

func bjnpSay(kind, code byte, data string) []byte {
	b := append([]byte("BJNP"), kind, code, 0, 0, 0, 1, 0, 0)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
}

func bjnpWho() []byte {
	const id = "MFG:Canon;CMD:BJL,BJRaster3;CLS:PRINTER;DES:Canon MG5200 series;MDL:MG5200 series;VER:1.050;"
	return bjnpSay(0x81, bjnpID, "\x00"+string(rune(len(id)+2))+id)
}

func TestBJNP(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"search":   {bjnpSay(2, bjnpDiscover, ""), "client read=1"},
		"identity": {bjnpWho(), `server vendor="Canon"(bjnp.identity.mfg,identity) model="MG5200 series"(bjnp.identity.mdl,identity) firmware="1.050"(bjnp.identity.ver,identity)`},
		"print":    {bjnpSay(1, bjnpPrint, "raster"), "client transfer=1"},
		"close":    {bjnpSay(1, bjnpClose, ""), "client"},
	} {
		for _, stream := range []bool{false, true} {
			expectTold(t, (&talk{t: t, d: &bjnp{}, stream: stream}).say(0, c.b), c.want)
		}
		if !matchBJNP(c.b) {
			t.Errorf("%s: the signature does not know it", name)
		}
		for n := 1; n < bjnpHead; n++ {
			(&talk{t: t, d: &bjnp{}, stream: true}).refused(0, c.b[:n], ErrShort)
		}
	}
	for name, b := range map[string][]byte{
		"magic":  []byte("BJNQ\x01\x01\x00\x00"),
		"kind":   []byte("BJNP\x03\x01\x00\x00"),
		"length": []byte("BJNP\x01\x01\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &bjnp{}, stream: true}).refused(0, b, ErrNotMine) })
	}
	(&talk{t: t, d: &bjnp{}}).refused(0, bjnpSay(1, bjnpStatus, "abc")[:17], ErrNotMine)
}

func TestBJNPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 8611)
	r.udp(a, b, bjnpSay(1, bjnpDiscover, ""))
	r.udp(b, a, bjnpSay(0x81, bjnpDiscover, "\x00\x01\x08\x00\x06\x04\x00\x00\x5e\x00\x53\x02\xc0\x00\x02\x02"))
	r.udp(a, b, bjnpSay(1, bjnpID, ""))
	r.udp(b, a, bjnpWho())
	made(t, "bjnp", "printer", r)
}

func FuzzBJNP(f *testing.F) { fuzzDissector(f, "bjnp", true) }

func FuzzBJNPDatagram(f *testing.F) { fuzzDissector(f, "bjnp", false) }
