package dissect

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
)

const ptpID = "\x00\x00\x5e\xff\xfe\x00\x53\x01"

func ptpSay(kind, domain byte, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{kind, 2}, uint16(ptpHeader+len(body)))
	b = append(append(b, domain), make([]byte, 15)...)
	return append(append(append(b, ptpID...), 0, 1, 0, 9, 5, 0), body...)
}

const ptpGM = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x25\x00\x80\x06\x21\x59\xe0\x80" + ptpID + "\x00\x00\x20"

func ptpManage(action byte, id uint16, data string) []byte {
	v := string(binary.BigEndian.AppendUint16(nil, id)) + data
	return ptpSay(ptpManagement, 0, strings.Repeat("\xff", 10)+"\x01\x01"+string([]byte{action, 0})+"\x00\x01"+string(binary.BigEndian.AppendUint16(nil, uint16(len(v))))+v)
}

func ptpString(s string) string { return string([]byte{byte(len(s))}) + s }

var ptpDescribed = "\x80\x00" + ptpString("IEEE 802.3") + "\x00\x06\x00\x00\x5e\x00\x53\x01\x00\x01\x00\x04\xc0\x00\x02\x01\x00\x1b\xc5\x00" + ptpString("Example Clocks;GM-200;4711") + ptpString("B;2.4.1;") + ptpString("clock-1;substation 3") + "\x1c\x12\x9d\x00\x00\x00"

const ptpIs = `ptp.clock="00005efffe005301"(ptp.header.clock_identity,content) ptp.domain="0"(ptp.header.domain,content)`

func TestPTP(t *testing.T) {
	master := ` ptp.grandmaster="00005efffe005301"(ptp.announce.grandmaster_identity,content) ptp.clock_class="6"(ptp.announce.clock_class,content) ptp.time_source="GNSS"(ptp.announce.time_source,content)`
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"sync":       {ptpSay(ptpSync, 0, strings.Repeat("\x00", 10)), ptpIs},
		"delay":      {ptpSay(ptpDelayAsk, 0, strings.Repeat("\x00", 10)), ptpIs + " client"},
		"delay says": {ptpSay(ptpDelaySays, 0, strings.Repeat("\x00", 20)), ptpIs + " server"},
		"peer":       {ptpSay(0x10|ptpPeerAsk, 0, strings.Repeat("\x00", 20)), ptpIs + ` ptp.profile="IEEE 802.1AS"(ptp.header.major_sdo_id,content)`},
		"announce":   {ptpSay(ptpAnnounce, 0, ptpGM), ptpIs + master},
		"power":      {ptpSay(ptpAnnounce, 0, ptpGM+"\x00\x03\x00\x06\x1c\x12\x9d\x00\x00\x02"), ptpIs + master + ` ptp.profile="IEEE C37.238"(ptp.announce.c37.238,content)`},
		"get":        {ptpManage(ptpGet, ptpDescription, ""), ptpIs + " client diagnose=1"},
		"set":        {ptpManage(ptpSet, ptpUserText, ptpString("x")), ptpIs + " client configure=1"},
		"command":    {ptpManage(ptpCommand, 5, ""), ptpIs + " client control=1"},
		"user":       {ptpManage(ptpAnswered, ptpUserText, ptpString("clock-1")), ptpIs + ` server name="clock-1"(ptp.user_description,identity)`},
		"described": {ptpManage(ptpAnswered, ptpDescription, ptpDescribed), ptpIs + ` server ptp.manufacturer_id="00-1b-c5"(ptp.clock_description.manufacturer_identity,identity) ` +
			`vendor="Example Clocks"(ptp.clock_description.product_description,identity) model="GM-200"(ptp.clock_description.product_description,identity) serial="4711"(ptp.clock_description.product_description,identity) ` +
			`hardware="B"(ptp.clock_description.revision_data,identity) firmware="2.4.1"(ptp.clock_description.revision_data,identity) name="clock-1"(ptp.user_description,identity) ` +
			`ptp.user_description="substation 3"(ptp.user_description,identity) ptp.profile="IEEE C37.238"(ptp.clock_description.profile_identity,identity)`},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, (&talk{t: t, d: &ptp{}, port: 319}).say(0, c.b), c.want) })
	}
}

func TestPTPIsNotPTP(t *testing.T) {
	ok := ptpSay(ptpAnnounce, 0, ptpGM)
	for n := range ok {
		(&talk{t: t, d: &ptp{}, port: 320}).refused(0, ok[:n], ErrNotMine)
	}
	for name, b := range map[string][]byte{
		"version 1": append([]byte{0, 1}, ok[2:]...),
		"type 4":    append([]byte{4}, ok[1:]...),
		"too short": ptpSay(ptpAnnounce, 0, ptpGM[:20]),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &ptp{}, port: 320}).refused(0, b, ErrNotMine) })
	}
}

func TestPTPSample(t *testing.T) {
	r := newReel()
	group, peer := []byte{1, 0x1b, 0x19, 0, 0, 0}, []byte{1, 0x80, 0xc2, 0, 0, 0x0e}
	r.ether(1, group, 0x88f7, ptpSay(ptpAnnounce, 0, ptpGM+"\x00\x03\x00\x06\x1c\x12\x9d\x00\x00\x02"))
	r.ether(1, group, 0x88f7, ptpSay(ptpSync, 0, strings.Repeat("\x00", 10)))
	r.ether(1, peer, 0x88f7, ptpSay(ptpPeerAsk, 0, strings.Repeat("\x00", 20)))
	a, b := madeAddr(2, 320), madeAddr(1, 320)
	r.udp(a, b, ptpManage(ptpGet, ptpDescription, ""))
	r.udp(b, a, ptpManage(ptpAnswered, ptpDescription, ptpDescribed))
	r.udp(madeAddr(3, 319), netip.MustParseAddrPort("224.0.1.129:319"), ptpSay(ptpDelayAsk, 0, strings.Repeat("\x00", 10)))
	made(t, "ptp", "clocks", r)
}

func FuzzPTP(f *testing.F) { fuzzDissector(f, "ptp", false) }
