package dissect

import (
	"strings"
	"testing"
)

const mrpCommonTLV = "\x01\x12\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

func mrpTestTLV(state byte) string {
	return "\x02\x14\x80\x00\x00\x00\x5e\x00\x53\x01\x00\x00\x00" + string(rune(state)) + "\x00\x00\x00\x00\x12\x34\x00\x00"
}

func TestMRP(t *testing.T) {
	domain := `profinet.mrp_domain="` + strings.Repeat("ff", 16) + `"(profinet-mrp.common,content)`
	k := &talk{t: t, d: &profinetMRP{}}
	expectTold(t, k.say(0, []byte("\x00\x01"+mrpTestTLV(1)+mrpCommonTLV+"\x00\x00")), `profinet.mrp_ring="closed"(profinet-mrp.test,content) profinet.mrp_role="manager"(profinet-mrp.test,content) `+domain)
	expectTold(t, k.say(0, []byte("\x00\x01\x04\x0c\x00\x00\x5e\x00\x53\x02\x00\x00\x00\x64\x00\x01"+mrpCommonTLV+"\x00\x00")), `profinet.mrp_role="client"(profinet-mrp.link_change,content) alarm=1 `+domain)
	expectTold(t, k.say(0, []byte("\x00\x01\x03\x0a\x80\x00\x00\x00\x5e\x00\x53\x01\x00\x64\x00\x00")), `profinet.mrp_role="manager"(profinet-mrp.topology_change,content) alarm=1`)
	k.refused(0, []byte("\x00\x02"+mrpCommonTLV+"\x00\x00"), ErrMalformed)
	for name, b := range map[string]string{
		"version":        "\x00\x02" + mrpCommonTLV + "\x00\x00",
		"nothing in it":  "\x00\x01\x00\x00",
		"unknown type":   "\x00\x01\x40\x02\x00\x00\x00\x00",
		"without an end": "\x00\x01" + mrpCommonTLV,
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &profinetMRP{}}).refused(0, []byte(b), ErrNotMine) })
	}
}

func TestMRPSample(t *testing.T) {
	ring := []byte{1, 0x15, 0x4e, 0, 0, 1}
	control := []byte{1, 0x15, 0x4e, 0, 0, 2}
	r := newReel()
	r.ether(1, ring, 0x88e3, []byte("\x00\x01"+mrpTestTLV(1)+mrpCommonTLV+"\x00\x00"))
	r.ether(2, control, 0x88e3, []byte("\x00\x01\x04\x0c\x00\x00\x5e\x00\x53\x02\x00\x00\x00\x64\x00\x01"+mrpCommonTLV+"\x00\x00"))
	r.ether(1, control, 0x88e3, []byte("\x00\x01\x03\x0a\x80\x00\x00\x00\x5e\x00\x53\x01\x00\x64\x00\x00"+mrpCommonTLV+"\x00\x00"))
	r.ether(1, ring, 0x88e3, []byte("\x00\x01"+mrpTestTLV(0)+mrpCommonTLV+"\x00\x00"))
	made(t, "profinet-mrp", "ring-opens", r)
}

func FuzzMRP(f *testing.F) { fuzzDissector(f, "profinet-mrp", false) }
