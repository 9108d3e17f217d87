package dissect

import "testing"

const (
	esioSent = "ESIO\x00\x01\x00\x01\x00\x18\x00\x07" + "\x00\x00\x00\x01\x00\x00\x00\x05\x01\x00" + "\x00\x00\x00\x02\x00\x00\x00\x09\x00\x02\xaa\x55"
	esioTold = "ESIO\x00\x02\x00\x01\x00\x0c\x00\x08" + "\x00\x01\x00\x08\x00\x00\x00\x09\x00\x00\x00\x00"
)

func TestESIO(t *testing.T) {
	k := &talk{t: t, d: &etherSIO{}, port: 6060}
	expectTold(t, k.say(0, []byte(esioSent)), `ether-sio.station="5"(ether-sio.source,content)`)
	expectTold(t, k.say(1, []byte(esioTold)), `ether-sio.station="9"(ether-sio.source,content) diagnose=1`)
	for _, ok := range []string{esioSent, esioTold} {
		if !matchESIO([]byte(ok)) {
			t.Error("the signature does not know Ether-S-I/O")
		}
		for n := range ok {
			(&talk{t: t, d: &etherSIO{}}).refused(0, []byte(ok[:n]), ErrNotMine)
		}
	}
	for name, b := range map[string]string{
		"mark":      "ESIX" + esioSent[4:],
		"type":      "ESIO\x00\x03" + esioSent[6:],
		"version":   "ESIO\x00\x01\x01" + esioSent[7:],
		"transfers": esioSent[:20] + "\x02" + esioSent[21:],
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &etherSIO{}}).refused(0, []byte(b), ErrNotMine) })
	}
}

func TestESIOSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 6060), madeAddr(2, 6060)
	for range 3 {
		r.udp(a, b, []byte(esioSent))
		r.udp(b, a, []byte(esioTold))
	}
	made(t, "ether-sio", "cyclic", r)
}

func FuzzESIO(f *testing.F) { fuzzDissector(f, "ether-sio", false) }
