package dissect

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// onWire is a frame as on a serial line: unit, PDU, CRC.
func onWire(unit byte, pdu ...byte) []byte {
	b := append([]byte{unit}, pdu...)
	return binary.LittleEndian.AppendUint16(b, serialCRC(b))
}

func TestSerialCRC(t *testing.T) {
	// Serial Line V1.02, 6.2.2: the frame 02 07 has the CRC 41 12.
	if got := onWire(2, 7); !bytes.Equal(got, []byte{2, 7, 0x41, 0x12}) {
		t.Errorf("% x", got)
	}
}

// Each request and each response is found by its size.
func TestSerialSizes(t *testing.T) {
	identity := append([]byte{0x2b, 0x0e, 1, 1, 0, 0, 2}, "\x00\x04ACME\x01\x04PX-7"...)
	for _, pdu := range [][]byte{
		{1, 0, 0, 0, 8},
		{1, 1, 0xff},
		{3, 0, 0, 0, 2},
		{3, 4, 0, 1, 0, 2},
		{5, 0, 1, 0xff, 0},
		{6, 0, 1, 0, 3},
		{7},
		{7, 0x6d},
		{8, 0, 0, 1, 2},
		{11},
		{11, 0xff, 0xff, 1, 8},
		{12},
		{12, 8, 0, 0, 1, 8, 1, 0x21, 0x20, 0},
		{17},
		{17, 5, 'A', 'C', 'M', 'E', 0xff},
		{15, 0, 0x13, 0, 0x0a, 2, 0xcd, 1},
		{15, 0, 0x13, 0, 0x0a},
		{16, 0, 0, 0, 1, 2, 0, 9},
		{16, 0, 0, 0, 1},
		{20, 7, 6, 0, 4, 0, 1, 0, 2},
		{20, 6, 5, 6, 0x0d, 0xfe, 0, 0x20},
		{21, 9, 6, 0, 4, 0, 7, 0, 1, 6, 0xaf},
		{22, 0, 4, 0, 0xf2, 0, 0x25},
		{23, 0, 3, 0, 6, 0, 14, 0, 1, 2, 0, 255},
		{23, 2, 0, 1},
		{24, 4, 0xde},
		{24, 0, 6, 0, 2, 1, 0xb8, 0x12, 0x84},
		{0x2b, 0x0e, 1, 0},
		identity,
		{0x83, 2},
	} {
		b := onWire(17, pdu...)
		f, _, ok := readSerial(b)
		if !ok || f.unit != 17 || !bytes.Equal(f.pdu, pdu) {
			t.Errorf("% x: %v, % x", pdu, ok, f.pdu)
		}
		for n := range b {
			if _, short, ok := readSerial(b[:n]); ok || !short {
				t.Errorf("% x, cut at %d: ok %v, short %v", b, n, ok, short)
			}
		}
		b[len(b)-1] ^= 1
		if _, _, ok := readSerial(b); ok {
			t.Errorf("% x: the CRC is wrong", b)
		}
	}
}

func TestSerialOverTCP(t *testing.T) {
	k := modbusTalk(t, 4001)
	expectTold(t, k.say(0, onWire(1, 3, 0, 16, 0, 2)), "client read=1")
	expectTold(t, k.say(1, onWire(1, 3, 4, 0, 1, 0, 2)), "server")
	expectTold(t, k.say(0, onWire(17, 0x2b, 0x0e, 1, 0)), "client diagnose=1")
	id := append([]byte{0x2b, 0x0e, 1, 1, 0, 0, 1}, "\x00\x04ACME"...)
	expectTold(t, k.say(1, onWire(17, id...)), `server unit/17 vendor="ACME"(modbus.device_id.vendor_name,identity)`)
	k.refused(0, adu(1, 1, 3, 0, 0, 0, 1), ErrMalformed) // framing does not change

	// Two at once, where MBAP would read one header over both.
	two := append(onWire(1, 3, 0, 0, 0, 10), onWire(1, 4, 0, 0, 0, 10)...)
	k = modbusTalk(t, 502)
	if used, err := k.d.Dissect(k.message(0, two), &k.log); used != 8 || err != nil {
		t.Fatalf("used %d, %v", used, err)
	}
	for n := range 8 {
		modbusTalk(t, 502).refused(0, two[:n], ErrShort)
	}
	k = modbusTalk(t, 502) // a session of MBAP stays one
	k.say(0, adu(1, 1, 3, 0, 0, 0, 1))
	k.refused(0, onWire(1, 3, 0x20, 0, 0, 2), ErrMalformed)

	k = modbusTalk(t, 4001)
	k.stream = false
	expectTold(t, k.say(0, onWire(1, 3, 0, 16, 0, 2)), "client read=1")
	k.refused(0, append(onWire(1, 3, 0, 16, 0, 2), 0), ErrMalformed)

	b := append([]byte("rubbish\x00\x00"), onWire(1, 3, 0, 0, 0, 1)...)
	d := &modbus{line: true}
	if at := d.Resync(b); at != 9 {
		t.Errorf("next frame at %d", at)
	}
}

func TestSerialIsNotSerial(t *testing.T) {
	good := onWire(1, 3, 0x20, 0, 0, 10)
	for name, b := range map[string][]byte{
		"unit":              onWire(250, 3, 0x20, 0, 0, 10),
		"function":          onWire(1, 100, 0),
		"quantity":          onWire(1, 3, 0x21, 0, 0x20, 0),
		"another follows":   append(append([]byte{}, good...), "HTTP/1.1"...),
		"exception of none": onWire(1, 0xe4, 1),
		"TLS":               []byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
	} {
		if matchModbus(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		modbusTalk(t, 4001).refused(0, b, ErrNotMine)
	}
}

func TestSerialAllocatesNothing(t *testing.T) {
	k := modbusTalk(t, 4001)
	ask, answer := k.message(0, onWire(1, 3, 0, 0, 0, 1)), k.message(1, onWire(1, 3, 2, 0, 1))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
		matchModbus(answer.Data)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// TestSerialOrROC: a request of ROC Plus without data, to a station of group 2, is
// a sound read of 1792 bits, too (D301180X012 section 1.2, opcode 7). Neither is
// proved by it; the answer says which it was.
func TestSerialOrROC(t *testing.T) {
	ask := onWire(1, 2, 5, 4, 7, 0)
	k := &talk{t: t, d: &modbus{unit: -1}, port: modbusPort, stream: true}
	k.refused(0, ask, ErrNotMine)
	k.refused(1, onWire(5, 4, 1, 2, 7, 9, 0, 0, 0, 1, 1, 26, 20, 1, 1), ErrNotMine)
	expectTold(t, k.say(1, onWire(1, append([]byte{2, 224}, make([]byte, 224)...)...)), "server read=1")
}
