package dissect

import (
	"strings"
	"testing"
)

func FuzzDHCPv6(f *testing.F) { fuzzDissector(f, "dhcpv6", false) }

func TestDHCPv6(t *testing.T) {
	option := func(code byte, v string) string { return string([]byte{0, code, 0, byte(len(v))}) + v }
	address := option(dhcp6IAAddr, "\x20\x01\x0d\xb8"+strings.Repeat("\x00", 11)+"\x07"+"\x00\x00\x00\x3c\x00\x00\x00\x78")
	k := &talk{t: t, d: &dhcpv6{}, port: 547}
	expectTold(t, k.say(0, []byte("\x03xid"+option(dhcp6ClientID, "\x00\x03\x00\x01")+option(dhcp6FQDN, "\x01\x04plc7\x05plant\x00"))),
		`client read=1 dhcp.duid="00030001"(dhcpv6.client_id,identity) dhcp.fqdn="plc7.plant"(dhcpv6.client_fqdn,identity)`)
	expectTold(t, k.say(1, []byte("\x07xid"+option(dhcp6IANA, strings.Repeat("\x00", 12)+address))), `server receiverdhcp.address="2001:db8::7"(dhcpv6.reply.address,content)`)
	expectTold(t, k.say(1, []byte("\x02xid"+option(dhcp6IANA, strings.Repeat("\x00", 12)+address))), "server") // an offer settles nothing
	for name, s := range map[string]string{
		"no options": "\x01xid", "unknown type": "\x63xid" + option(1, "x"), "option cut": "\x01xid" + option(1, "abc")[:5],
		"unknown option": "\x01xid\xff\x01\x00\x00", "bytes behind": "\x01xid" + option(1, "x") + "\x00",
	} {
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, []byte(s), ErrNotMine) })
	}
	k = &talk{t: t, d: &dhcpv6{}, port: 5470}
	k.refused(0, []byte("\x01xid"+option(1, "x")), ErrNotMine)
}
