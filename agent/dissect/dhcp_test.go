package dissect

import (
	"strings"
	"testing"

	"demarc/agent/decode"
)

func FuzzDHCP(f *testing.F) { fuzzDissector(f, "dhcp", false) }

// dhcpBytes builds a message of 00:00:5e:00:53:07 with the given operation,
// client address, your address, server name field and options.
func dhcpBytes(op byte, ciaddr, yiaddr, sname, options string) []byte {
	fill := func(s string, n int) string { return s + strings.Repeat("\x00", n-len(s)) }
	return []byte(string([]byte{op, 1, 6, 0}) + fill("", 8) + fill(ciaddr, 4) + fill(yiaddr, 4) + fill("", 8) +
		fill("\x00\x00\x5e\x00\x53\x07", 16) + fill(sname, 64) + fill("", 128) + "\x63\x82\x53\x63" + options)
}

func TestDHCPClient(t *testing.T) {
	k := &talk{t: t, d: &dhcp{}, port: 67}
	options := "\x35\x01\x03" + "\x0c\x04plc7" + "\x3c\x08SIMATIC " + "\x51\x10\x05\x00\x00\x04plc7\x05plant\x00\x00" + "\x3d\x03\x00id" + "\x37\x03\x01\x03\x06" + "\xff"
	got := k.say(0, dhcpBytes(1, "", "", "", options))
	expectTold(t, got, `client read=1 name="plc7"(dhcp.option.host_name,identity) dhcp.fqdn="plc7.plant"(dhcp.option.client_fqdn,identity) `+
		`dhcp.vendor_class="SIMATIC"(dhcp.option.vendor_class,identity) dhcp.client_id="id"(dhcp.option.client_id,identity) dhcp.parameters="1,3,6"(dhcp.option.parameter_list,behaviour)`)
	if of := k.log.all()[2].subject; of != MACOf(decode.MAC{0, 0, 0x5e, 0, 0x53, 7}) {
		t.Errorf("the name is of %+v", of)
	}
	renewal := k.say(0, dhcpBytes(1, "\x0a\x00\x00\x07", "", "", "\x35\x01\x03\x0c\x04plc7\xff"))
	expectTold(t, renewal, `client read=1 name="plc7"(dhcp.option.host_name,identity) name="plc7"(dhcp.option.host_name,identity)`)
}

func TestDHCPOptionsInTheServerName(t *testing.T) {
	k := &talk{t: t, d: &dhcp{}, port: 67}
	expectTold(t, k.say(0, dhcpBytes(1, "", "", "\x0c\x04plc7\xff", "\x35\x01\x03\x34\x01\x02\xff")), `client read=1 name="plc7"(dhcp.option.host_name,identity)`)
}

func TestDHCPServer(t *testing.T) {
	k := &talk{t: t, d: &dhcp{}, port: 67}
	expectTold(t, k.say(1, dhcpBytes(2, "", "\x0a\x00\x00\x07", "", "\x35\x01\x02\xff")), "server") // an offer settles nothing
	expectTold(t, k.say(1, dhcpBytes(2, "", "\x0a\x00\x00\x07", "", "\x35\x01\x05\xff")), `server dhcp.address="10.0.0.7"(dhcp.ack.your_address,content)`)
}

func TestDHCPRefuses(t *testing.T) {
	good := dhcpBytes(1, "", "", "", "\x35\x01\x01\xff")
	for name, change := range map[string]func([]byte) []byte{
		"operation":  func(b []byte) []byte { b[0] = 3; return b },
		"cookie":     func(b []byte) []byte { b[236] = 0; return b },
		"hops":       func(b []byte) []byte { b[3] = 99; return b },
		"option cut": func(b []byte) []byte { return b[:len(b)-2] },
		"too short":  func(b []byte) []byte { return b[:200] },
	} {
		k := &talk{t: t, d: &dhcp{}, port: 67}
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, change(append([]byte{}, good...)), ErrNotMine) })
	}
}
