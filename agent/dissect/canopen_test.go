package dissect

import (
	"encoding/binary"
	"testing"
)

// canFrame is one frame of CAN-ETH.
func canFrame(id uint32, data ...byte) []byte {
	b := append(binary.LittleEndian.AppendUint32(nil, id), byte(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, 15-len(b))...)
}

func canSay(frames ...[]byte) []byte {
	b := append([]byte(canMagic), 1, byte(len(frames)))
	for _, f := range frames {
		b = append(b, f...)
	}
	return append(b, 0, 0, 0, 0, 0)
}

func TestCAN(t *testing.T) {
	b := canSay(canFrame(0x705, 5), canFrame(0x185, 1, 2))
	k := &talk{t: t, d: &can{}}
	k.say(0, b)
	if len(k.log.all()) != 3 || k.log.all()[1].tag != 0x705 || string(k.log.all()[2].value) != "\x01\x02" {
		t.Errorf("%+v", k.log.all())
	}
	for name, b := range map[string][]byte{
		"magic":      append([]byte("ISO11899"), b[8:]...),
		"no frame":   canSay(),
		"cut":        b[:30],
		"a version":  append([]byte("ISO11898\x02"), b[9:]...),
		"many more":  append([]byte("ISO11898\x01\xff"), b[10:]...),
		"only magic": []byte(canMagic),
	} {
		if matchCAN(b) {
			t.Errorf("%s: claimed", name)
		}
		(&talk{t: t, d: &can{}}).refused(0, b, ErrNotMine)
	}
}

func TestCANopen(t *testing.T) {
	d := &canopen{}
	say := func(tag uint64, b ...byte) string { return (&talk{t: t, d: d, tag: tag}).say(0, b) }
	expectTold(t, say(0x705, 5), `node/5 canopen.node="5"(canopen.identifier,behaviour)`)
	expectTold(t, say(0, 1, 5), "control=1")
	if !d.Surmises() {
		t.Error("a heartbeat proves nothing")
	}
	expectTold(t, say(0x605, 0x40, 0x18, 0x10, 4, 0, 0, 0, 0), "read=1 client")
	if d.Surmises() {
		t.Error("a transfer proves it")
	}
	expectTold(t, say(0x585, 0x43, 0x18, 0x10, 4, 7, 0, 0, 0), `server node/5 canopen.node="5"(canopen.identifier,behaviour) node/5 serial="7"(canopen.1018.serial_number,identity)`)
	expectTold(t, say(0x585, 0x43, 0x18, 0x10, 1, 0x9a, 0, 0, 0), `server node/5 canopen.node="5"(canopen.identifier,behaviour) node/5 canopen.vendor_id="0x0000009a"(canopen.1018.vendor_id,identity)`)
	expectTold(t, say(0x605, 0x2b, 0x17, 0x10, 0, 0xe8, 3, 0, 0), "configure=1 client")
	expectTold(t, say(0x605, 0x2f, 0, 0x62, 1, 1, 0, 0, 0), "write=1 client")
	for name, c := range map[string]struct {
		tag uint64
		b   []byte
	}{
		"process data": {0x185, []byte{1, 2}},
		"a state":      {0x705, []byte{9}},
		"node 0":       {0x700, []byte{5}},
		"a command":    {0, []byte{7, 5}},
		"an object":    {0x605, []byte{0x40, 0, 0, 4, 0, 0, 0, 0}},
		"short":        {0x605, []byte{0x40, 0x18, 0x10}},
		"extended":     {0x605 | canExtended, []byte{0x40, 0x18, 0x10, 4, 0, 0, 0, 0}},
		"no answer":    {0x585, []byte{0x20, 0x18, 0x10, 4, 0, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &canopen{}, tag: c.tag}).refused(0, c.b, ErrNotMine) })
	}
}

func TestCANopenSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 11898), madeAddr(255, 11898)
	gateway := madeAddr(2, 11898)
	r.udp(gateway, b, canSay(canFrame(0x705, 127), canFrame(0x706, 5)))
	r.udp(a, gateway, canSay(canFrame(0x605, 0x40, 0x18, 0x10, 1, 0, 0, 0, 0)))
	r.udp(gateway, a, canSay(canFrame(0x585, 0x43, 0x18, 0x10, 1, 0x9a, 0, 0, 0)))
	r.udp(a, gateway, canSay(canFrame(0x605, 0x40, 0x18, 0x10, 4, 0, 0, 0, 0)))
	r.udp(gateway, a, canSay(canFrame(0x585, 0x43, 0x18, 0x10, 4, 0x39, 0x30, 0, 0)))
	r.udp(a, gateway, canSay(canFrame(0, 1, 5)))
	r.udp(gateway, b, canSay(canFrame(0x185, 1, 0), canFrame(0x705, 5)))
	made(t, "canopen", "gateway", r)
}

func TestCANSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(2, 11898), madeAddr(255, 11898)
	r.udp(a, b, canSay(canFrame(0x18ff50e5, 1, 2, 3, 4, 5, 6, 7, 8), canFrame(0x123, 1)))
	r.udp(a, b, canSay(canFrame(0x123, 2)))
	made(t, "can", "bus", r)
}

func FuzzCAN(f *testing.F) { fuzzDissector(f, "can", false) }

func FuzzCANopen(f *testing.F) { fuzzDissector(f, "canopen", false) }
