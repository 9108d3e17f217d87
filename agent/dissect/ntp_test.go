package dissect

import (
	"strings"
	"testing"
)

func FuzzNTP(f *testing.F) { fuzzDissector(f, "ntp", false) }

func TestNTP(t *testing.T) {
	packet := func(first, stratum byte) []byte {
		return append([]byte{first, stratum, 6, 0xec}, strings.Repeat("\x00", 44)...)
	}
	k := &talk{t: t, d: &ntp{}, port: 123}
	expectTold(t, k.say(0, packet(0x23, 0)), "client read=1")
	expectTold(t, k.say(1, packet(0x24, 2)), `server ntp.stratum="2"(ntp.server,content)`)
	expectTold(t, k.say(0, []byte("\x16\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")), "client diagnose=1")
	for _, b := range [][]byte{packet(0x3b, 0), packet(0x24, 99), packet(0x24, 2)[:40], []byte("\x17\x00\x03")} {
		k.refused(0, b, ErrNotMine)
	}
	k = &talk{t: t, d: &ntp{}, port: 1123}
	k.refused(0, packet(0x23, 0), ErrNotMine) // nothing in it but its port tells
}
