package dissect

import (
	"encoding/binary"
	"testing"
)

// tsSay is a message without content.
func tsSay(kind byte) []byte { return []byte{kind, 0, 0, 0, 0x12, 0x34} }

// tsRun is a command or its answer.
func tsRun(direction, command byte, data string) []byte {
	n := uint16(tsCommand + len(data))
	b := binary.LittleEndian.AppendUint16([]byte{tsExecute, 0}, n)
	b = append(b, direction, 1, command, 7, 0, 0, 0x55, 0x01)
	b = binary.LittleEndian.AppendUint16(b, n)
	return append(append(b, data...), 0x12, 0x34)
}

func TestTriStation(t *testing.T) {
	k := &talk{t: t, d: &tristation{}, port: 1502}
	expectTold(t, k.say(0, tsSay(tsConnect)), "client")
	expectTold(t, k.say(1, tsSay(tsConnected)), "server")
	expectTold(t, k.say(0, tsSay(tsPing)), "client")
	for command, want := range map[byte]string{
		0: "program", 19: "diagnose", 20: "control", 27: "write", 7: "configure", 28: "read", 65: "program",
	} {
		expectTold(t, k.say(0, tsRun(0, command, "")), "client "+want+"=1")
	}
	expectTold(t, k.say(1, tsRun(1, 108, "abcd")), "server")
	expectTold(t, k.say(1, tsSay(10)), "server") // access denied
}

func TestTriStationIsNotTriStation(t *testing.T) {
	ok := tsRun(0, 19, "data")
	for n := range ok {
		(&talk{t: t, d: &tristation{}, port: 1502}).refused(0, ok[:n], ErrNotMine)
	}
	(&talk{t: t, d: &tristation{}, port: 1503}).refused(0, ok, ErrNotMine)
	for name, at := range map[string]int{"type": 0, "channel": 1, "length": 2, "direction": 4, "zero": 8, "second length": 12} {
		b := append([]byte(nil), ok...)
		b[at] += 20
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &tristation{}, port: 1502}).refused(0, b, ErrNotMine) })
	}
	(&talk{t: t, d: &tristation{}, port: 1502}).refused(0, []byte("\x01\x00\x01\x00\x00\x12\x34"), ErrNotMine)
}

func TestTriStationSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 1502)
	for _, x := range [][2][]byte{
		{tsSay(tsConnect), tsSay(tsConnected)},
		{tsRun(0, 19, ""), tsRun(1, 108, "status")},
		{tsRun(0, 65, "program"), tsRun(1, 162, "logic")},
		{tsRun(0, 21, ""), tsRun(1, 110, "")},
		{tsSay(tsDisconnect), tsSay(tsDisconnected)},
	} {
		r.udp(a, b, x[0])
		r.udp(b, a, x[1])
	}
	made(t, "tristation", "engineering", r)
}

func FuzzTriStation(f *testing.F) { fuzzDissector(f, "tristation", false) }
