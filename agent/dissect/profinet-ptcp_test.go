package dissect

import (
	"encoding/binary"
	"testing"
)

func ptcpFrame(frame uint16, blocks string) []byte {
	b := binary.BigEndian.AppendUint16(nil, frame)
	return append(append(b, make([]byte, 20)...), blocks...)
}

const (
	ptcpDelay  = "\x0c\x06\x00\x00\x5e\x00\x53\x07\x00\x00"
	ptcpDomain = "\x02\x16\x00\x00\x5e\x00\x53\x01\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
)

func TestPTCP(t *testing.T) {
	k := &talk{t: t, d: &profinetPTCP{}}
	expectTold(t, k.say(0, ptcpFrame(0xff40, ptcpDelay+"\x00\x00\x00\x00")), "")
	expectTold(t, k.say(0, ptcpFrame(0x0020, ptcpDomain+"\x00\x00")), `profinet.ptcp_master="00:00:5e:00:53:01"(profinet-ptcp.subdomain,content)`)
	k.refused(0, ptcpFrame(0x0020, ptcpDomain), ErrMalformed)
	for name, b := range map[string][]byte{
		"no blocks":       ptcpFrame(0xff40, "\x00\x00"),
		"unknown block":   ptcpFrame(0xff40, "\x20\x02\x00\x00\x00\x00"),
		"without an end":  ptcpFrame(0xff40, ptcpDelay[:8]),
		"another frame":   ptcpFrame(0x8000, ptcpDelay+"\x00\x00"),
		"shorter than it": ptcpFrame(0xff40, "")[:10],
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &profinetPTCP{}}).refused(0, b, ErrNotMine) })
	}
}

func TestPTCPSample(t *testing.T) {
	r := newReel()
	r.ether(1, []byte{1, 0x0e, 0xcf, 0, 4, 0x20}, profinetType, ptcpFrame(0x0020, ptcpDomain+"\x04\x02\x00\x00\x00\x00"))
	r.ether(7, []byte{1, 0x80, 0xc2, 0, 0, 0x0e}, profinetType, ptcpFrame(0xff40, ptcpDelay))
	r.ether(1, []byte{1, 0x80, 0xc2, 0, 0, 0x0e}, profinetType, ptcpFrame(0xff43, ptcpDelay))
	made(t, "profinet-ptcp", "clock", r)
}

func FuzzPTCP(f *testing.F) { fuzzDissector(f, "profinet-ptcp", false) }
