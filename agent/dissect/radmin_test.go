package dissect

import (
	"encoding/binary"
	"testing"
)

func FuzzRadmin(f *testing.F) { fuzzDissector(f, "radmin", true) }

func radminSay(data ...byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{1}, uint32(len(data)))
	return append(binary.BigEndian.AppendUint32(b, radminSum(data)), data...)
}

func TestRadmin(t *testing.T) {
	greeting := radminSay(8)
	if string(greeting) != "\x01\x00\x00\x00\x01\x00\x00\x00\x08\x08" {
		t.Fatalf("the greeting is % x", greeting)
	}
	k := &talk{t: t, d: &radmin{}, port: 4899, stream: true}
	expectTold(t, k.say(0, greeting), "client")
	expectTold(t, k.say(1, radminSay(8, 2, 0, 0, 10, 0)), "")
	k.refused(0, []byte("ciphertext that has no frame"), ErrDone)
	for n := 1; n < len(greeting); n++ {
		(&talk{t: t, d: &radmin{}, stream: true}).refused(0, greeting[:n], ErrShort)
	}
	wrong := radminSay(8, 2, 0, 0)
	wrong[8]++
	for name, b := range map[string][]byte{"sum": wrong, "empty": make([]byte, 12), "kind": append([]byte{2}, greeting[1:]...)} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &radmin{}, stream: true}).refused(0, b, ErrNotMine) })
	}
}

// TestRadminSample builds two sessions: one in the clear, one from the middle
// of the greetings.
func TestRadminSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 4899)
	r.open(a, b)
	r.tcp(a, b, radminSay(8))
	r.tcp(b, a, radminSay(append([]byte{8, 2, 0, 0, 10}, make([]byte, 32)...)...))
	r.tcp(a, b, radminSay(0x27, 2, 0, 0, 0))
	r.tcp(b, a, radminSay(0x27, 0, 0, 0, 0))
	a, b = madeAddr(3, 50002), madeAddr(2, 4899)
	r.tcp(a, b, radminSay(0x27, 2, 0, 0, 0))
	r.tcp(b, a, radminSay(0x27, 0, 0, 0, 0))
	made(t, "radmin", "control", r)
}
