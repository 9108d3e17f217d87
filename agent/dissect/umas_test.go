package dissect

import (
	"bytes"
	"testing"
)

// umasBytes is a PDU of function 90; umasIdentity what Read ID answers.
func umasBytes(function byte, data string) []byte {
	return append([]byte{modbusUMAS, 0x42, function}, data...)
}

const umasIdentity = "\x0c\x00\x03\x02\x01\x06\x01\x0b\x90\x02\x04\x00\x90\x02\x00\x01\x00\x00\x00\x00\x00\x00\x0aRBX P34 20\x01\x01\x00\x00\x00\x00\x10\x00\x00"

// umasSay is one PDU with the tag that Modbus gives it.
func umasSay(t *testing.T, d Dissector, tag uint64, b []byte) string {
	t.Helper()
	var l log
	if used, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: b, Tag: tag}, &l); err != nil || used != len(b) {
		t.Fatalf("% x: used %d, %v", b, used, err)
	}
	return told2text(&l)
}

func TestUMASIdentity(t *testing.T) {
	const model = `server umas.hardware_id="0x06010203"(umas.read_id.hardware_id,content) model="RBX P34 20"(umas.read_id.model,identity)`
	d := &umas{}
	expectTold(t, umasSay(t, d, 0x100, umasBytes(umasReadID, "")), "client diagnose=1")
	expectTold(t, umasSay(t, d, 0x200, umasBytes(0x04, "")), "client diagnose=1")
	expectTold(t, umasSay(t, d, 0x200, umasBytes(umasDone, umasIdentity)), "server") // answers another question
	expectTold(t, umasSay(t, d, 0x100, umasBytes(umasDone, umasIdentity)), model)
	expectTold(t, umasSay(t, d, 0x100, umasBytes(umasDone, umasIdentity)), "server") // answered before

	d = &umas{} // a client that never changes its transaction
	for range 20 {
		umasSay(t, d, 0, umasBytes(0x22, ""))
		umasSay(t, d, 0, umasBytes(umasDone, ""))
	}
	umasSay(t, d, 0, umasBytes(umasReadID, ""))
	expectTold(t, umasSay(t, d, 0, umasBytes(umasDone, umasIdentity)), model)
	umasSay(t, d, 0, umasBytes(umasReadID, ""))
	expectTold(t, umasSay(t, d, 0, umasBytes(umasRefused, umasIdentity)), "server")
	for n := range len(umasIdentity) - 9 {
		umasSay(t, d, 0, umasBytes(umasReadID, ""))
		if got := umasSay(t, d, 0, umasBytes(umasDone, umasIdentity[:n])); got != "server" {
			t.Fatalf("cut at %d: %s", n, got)
		}
	}
}

func TestUMASOperations(t *testing.T) {
	for function, want := range map[byte]string{
		0x01: "diagnose", 0x10: "configure", 0x11: "configure", 0x12: "diagnose", 0x20: "read", 0x22: "read", 0x23: "write", 0x25: "write",
		0x30: "program", 0x31: "program", 0x35: "program", 0x40: "control", 0x41: "control", 0x50: "read", 0x71: "write",
	} {
		expectTold(t, umasSay(t, &umas{}, 0, umasBytes(function, "")), "client "+want+"=1")
	}
	expectTold(t, umasSay(t, &umas{}, 0, umasBytes(0x99, "")), "client")
}

func TestUMASIsNotUMAS(t *testing.T) {
	for name, b := range map[string][]byte{
		"function of Modbus": {3, 0, 2},
		"short":              {modbusUMAS, 0},
		"function 0":         {modbusUMAS, 0, 0},
		"empty":              nil,
	} {
		k := &talk{t: t, d: &umas{}}
		t.Run(name, func(t *testing.T) { k.refused(0, b, ErrNotMine) })
	}
}

// UMAS has frames that are longer than Modbus allows.
func TestUMASLongFrames(t *testing.T) {
	long := adu(7, 0, append(umasBytes(0x31, ""), make([]byte, 1000)...)...)
	k := modbusTalk(t, 502)
	for n := 1; n < len(long); n += 13 {
		k.refused(0, long[:n], ErrShort)
	}
	expectTold(t, k.say(0, long), "payload 1792")
	modbusTalk(t, 502).refused(0, adu(7, 0, append([]byte{3}, make([]byte, 1000)...)...), ErrNotMine)
	if at := (&modbus{}).Resync(append([]byte("xxx"), long...)); at != -1 {
		t.Errorf("found one at %d", at) // a function that the standard leaves open is no evidence
	}
}

func TestUMASAllocatesNothing(t *testing.T) {
	d := &umas{}
	var l log
	ask, answer := &Message{Ends: &[2]Endpoint{}, Data: umasBytes(umasReadID, "")}, &Message{Ends: &[2]Endpoint{}, Data: umasBytes(umasDone, umasIdentity)}
	if n := testing.AllocsPerRun(100, func() {
		l.reset()
		_, _ = d.Dissect(ask, &l)
		_, _ = d.Dissect(answer, &l)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzUMAS(f *testing.F) {
	f.Add(umasBytes(umasReadID, ""), umasBytes(umasDone, umasIdentity))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d := &umas{}
		for _, x := range [][]byte{a, b, a} {
			if used, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: bytes.Clone(x)}, &log{}); err == nil && used != len(x) {
				t.Fatalf("used %d of %d", used, len(x))
			}
		}
	})
}
