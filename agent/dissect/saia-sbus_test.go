package dissect

import (
	"encoding/binary"
	"testing"
)

// sbusSay is a telegram.
func sbusSay(sequence uint16, attribute byte, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(sbusLeast+len(data)))
	b = append(b, 1, 0)
	b = append(binary.BigEndian.AppendUint16(b, sequence), attribute)
	b = append(b, data...)
	return binary.BigEndian.AppendUint16(b, crcHigh(b))
}

func TestSBus(t *testing.T) {
	k := &talk{t: t, d: &saiaSBus{}, port: 5050}
	const station = `receiversaia-sbus.station="10"(saia-sbus.destination,content)`
	expectTold(t, k.say(0, sbusSay(1, sbusRequest, "\x0a\x20")), "client "+station+" diagnose=1")
	expectTold(t, k.say(1, sbusSay(1, sbusAnswer, "D2M48020\x00")),
		`server vendor="Saia-Burgess Controls"(saia-sbus.firmware,content) model="D2M48"(saia-sbus.firmware.pcd_type,identity) firmware="020"(saia-sbus.firmware.version,identity)`)
	expectTold(t, k.say(1, sbusSay(1, sbusAnswer, "D2M48020\x00")), "server") // nobody asked for it
	for command, want := range map[string]string{"\x06": " read=1", "\x0e": " write=1", "\x43": " control=1", "\x1f": " program=1", "\xae": " firmware=1", "\x0c": " configure=1", "\xf0": ""} {
		k := &talk{t: t, d: &saiaSBus{claimed: true}, port: 5050}
		expectTold(t, k.say(0, sbusSay(2, sbusRequest, "\x0a"+command)), "client "+station+want)
	}
	expectTold(t, k.say(1, sbusSay(2, sbusAck, "\x00\x00")), "server")
	for i, r := range sbusCommands {
		if r.first > r.last || i > 0 && r.first <= sbusCommands[i-1].last {
			t.Errorf("commands %#x to %#x are not behind those before", r.first, r.last)
		}
	}
}

func TestSBusIsNotSBus(t *testing.T) {
	ok := sbusSay(1, sbusRequest, "\x0a\x20")
	if !matchSBus(ok) {
		t.Fatal("the signature does not know S-Bus")
	}
	for n := range ok {
		if matchSBus(ok[:n]) {
			t.Fatalf("%d octets are claimed", n)
		}
	}
	for at, name := range map[int]string{3: "length", 4: "version", 5: "type", 8: "attribute", 12: "check"} {
		b := append([]byte(nil), ok...)
		b[at] += 3
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &saiaSBus{}, port: 5050}).refused(0, b, ErrNotMine) })
	}
}

func TestSBusSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 5050)
	for i, x := range [][2]string{
		{"\x0a\x20", "D2M48020\x00"},
		{"\x0a\x06\x03\x00\x00", "\x00\x00\x00\x01\x00\x00\x00\x02"},
		{"\x0a\x1b", "R"},
	} {
		r.udp(a, b, sbusSay(uint16(i), sbusRequest, x[0]))
		r.udp(b, a, sbusSay(uint16(i), sbusAnswer, x[1]))
	}
	r.udp(a, b, sbusSay(3, sbusRequest, "\x0a\x0e\x05\x00\x00\x00\x00\x00\x07"))
	r.udp(b, a, sbusSay(3, sbusAck, "\x00\x00"))
	made(t, "saia-sbus", "pcd", r)
}

func FuzzSBus(f *testing.F) { fuzzDissector(f, "saia-sbus", false) }
