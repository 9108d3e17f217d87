package dissect

import "testing"

func egdData(exchange byte) []byte {
	return []byte("\x0d\x01\x01\x00\xc0\x00\x02\x01" + string(rune(exchange)) + "\x00\x00\x00\x00\x00\x57\x69\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x12\x34")
}

func TestEGD(t *testing.T) {
	k := &talk{t: t, d: &egd{}, port: 18246}
	expectTold(t, k.say(0, egdData(7)), `egd.producer_id="192.0.2.1"(egd.producer_id,content) egd.exchange_id="7"(egd.exchange_id,content) subscribe=1 client`)
	expectTold(t, k.say(1, egdData(7)), `egd.producer_id="192.0.2.1"(egd.producer_id,content) egd.exchange_id="7"(egd.exchange_id,content) subscribe=1`) // the other end produces, too
	for name, change := range map[string]func(b []byte){
		"type":     func(b []byte) { b[0] = 12 },
		"version":  func(b []byte) { b[1] = 2 },
		"reserved": func(b []byte) { b[28] = 1 },
		"producer": func(b []byte) { copy(b[4:], "\x00\x00\x00\x00") },
	} {
		t.Run(name, func(t *testing.T) {
			b := egdData(7)
			change(b)
			(&talk{t: t, d: &egd{}, port: 18246}).refused(0, b, ErrNotMine)
			k.refused(0, b, ErrMalformed)
		})
	}
	k.refused(0, egdData(7)[:31], ErrMalformed)
}

func TestEGDSample(t *testing.T) {
	r := newReel()
	for range 3 {
		r.udp(madeAddr(1, 18246), madeAddr(2, 18246), egdData(7))
		r.udp(madeAddr(1, 18246), madeAddr(2, 18246), egdData(8))
	}
	made(t, "egd", "exchange", r)
}

func FuzzEGD(f *testing.F) { fuzzDissector(f, "egd", false) }
