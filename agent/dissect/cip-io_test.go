package dissect

import (
	"encoding/binary"
	"testing"
)

func TestCIPIOIsNotCIPIO(t *testing.T) {
	if matchIO(unhex("0200 0280 0800 01000000 01000000 b100 0400 0102")) {
		t.Error("cip-io claims less data than it promises")
	}
}

func TestCIPIODirection(t *testing.T) {
	k := &talk{t: t, d: &cipIO{}, port: ioPort}
	io := func(id uint32, data ...byte) []byte {
		address := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, id), 77)
		return items(cpfSequencedAddress, address, cpfConnectedData, data)
	}
	expectTold(t, k.say(1, io(0x1234, 1, 0, 5)), "")
	tagged := func(side int, b []byte) string {
		m := k.message(side, b)
		m.Tag = ioTag(0x4321, 0x1234)
		k.log.reset()
		if n, err := k.d.Dissect(m, &k.log); err != nil || n != len(b) {
			t.Fatal(n, err)
		}
		return told2text(&k.log)
	}
	expectTold(t, tagged(0, io(0x9999, 1, 0, 5)), "")
	expectTold(t, tagged(1, io(0x1234, 1, 0, 5)), "server")
	expectTold(t, tagged(0, io(0x4321, 1, 0, 1, 0, 0, 0)), "client")
	expectTold(t, tagged(0, io(0x4321, 1, 0, 1, 0, 0, 0, 0xff)), "client write=1")
	expectTold(t, tagged(0, io(0x9999, 1, 0, 1, 0, 0, 0, 0xff)), "client write=1") // another connection of the same two
}

func FuzzCIPIO(f *testing.F) { fuzzDissector(f, "cip-io", false) }
