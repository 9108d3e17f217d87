package dissect

import (
	"net/netip"
	"strings"
	"testing"
)

const hsrp1 = "\x00\x00\x10\x03\x0a\x78\x05\x00cisco\x00\x00\x00\xc0\x00\x02\xfe"

func hsrp2(state, ip byte, address string) string {
	return "\x01\x28\x02\x00" + string([]byte{state, ip}) + "\x01\x23\x00\x00\x5e\x00\x53\x01\x00\x00\x00\x64\x00\x00\x0b\xb8\x00\x00\x27\x10" + address + strings.Repeat("\x00", 16-len(address))
}

func TestHSRP(t *testing.T) {
	for name, c := range map[string][2]string{
		"version 1": {hsrp1, `virtual_router.id="5"(hsrp.group,content) virtual_router.state="active"(hsrp.state,content) virtual_router.mac="00:00:0c:07:ac:05"(hsrp.group,content) virtual_router.ip="192.0.2.254"(hsrp.virtual_ip,content)`},
		"standby":   {hsrp1[:2] + "\x08" + hsrp1[3:16] + "\x00\x00\x00\x00", `virtual_router.id="5"(hsrp.group,content) virtual_router.state="standby"(hsrp.state,content) virtual_router.mac="00:00:0c:07:ac:05"(hsrp.group,content)`},
		"version 2": {hsrp2(6, 4, "\xc0\x00\x02\xfe"), `virtual_router.id="291"(hsrp.group,content) virtual_router.state="active"(hsrp.state,content) virtual_router.mac="00:00:0c:9f:f1:23"(hsrp.group,content) virtual_router.ip="192.0.2.254"(hsrp.virtual_ip,content)`},
		"IPv6":      {hsrp2(3, 6, "\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x05\x73\xff\xfe\xa0\x01\x23"), `virtual_router.id="291"(hsrp.group,content) virtual_router.state="listening"(hsrp.state,content) virtual_router.mac="00:05:73:a0:01:23"(hsrp.group,content) virtual_router.ip="fe80::5:73ff:fea0:123"(hsrp.virtual_ip,content)`},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, (&talk{t: t, d: &hsrp{}, port: 1985}).say(0, []byte(c[0])), c[1]) })
	}
	for name, b := range map[string]string{
		"state":    hsrp1[:2] + "\x03" + hsrp1[3:],
		"reserved": hsrp1[:7] + "\x01" + hsrp1[8:],
		"short":    hsrp1[:19],
		"opcode":   "\x00\x04" + hsrp1[2:],
		"IP 5":     hsrp2(6, 5, ""),
		"TLV":      "\x02" + hsrp2(6, 4, "")[1:],
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &hsrp{}, port: 1985}).refused(0, []byte(b), ErrNotMine) })
	}
	(&talk{t: t, d: &hsrp{}, port: 5000}).refused(0, []byte(hsrp1), ErrNotMine)
}

func TestHSRPSample(t *testing.T) {
	r := newReel()
	r.udp(madeAddr(1, 1985), netip.MustParseAddrPort("224.0.0.2:1985"), []byte(hsrp1))
	r.udp(madeAddr(2, 1985), netip.MustParseAddrPort("224.0.0.102:1985"), []byte(hsrp2(5, 4, "\xc0\x00\x02\xfd")))
	made(t, "hsrp", "routers", r)
}

func FuzzHSRP(f *testing.F) { fuzzDissector(f, "hsrp", false) }
