package dissect

import (
	"strings"
	"testing"
)

func FuzzLLDP(f *testing.F) { fuzzDissector(f, "lldp", false) }

// tlv builds one TLV of LLDP.
func tlv(kind byte, v string) string {
	return string([]byte{kind<<1 | byte(len(v)>>8), byte(len(v))}) + v
}

func TestLLDPOfAController(t *testing.T) {
	k := &talk{t: t, d: &lldp{}}
	frame := tlv(1, "\x07S7-1200   V4.2") + tlv(2, "\x07port-001.plc_1") + tlv(3, "\x00\x14") + tlv(4, "Ethernet Port, X1 P1") +
		tlv(6, "Siemens, SIMATIC\r\nS7") + tlv(8, "\x05\x01\x0a\x00\x00\x07\x02\x00\x00\x00\x01\x00") + tlv(127, "\x00\x80\xc2\x01\x00\x69") +
		tlv(127, "\x00\x80\xc2\x03\x00\x69\x05line4") + tlv(127, "\x00\x0e\xcf\x05\x00\x1b\x1b\x34\x34\xcb") + tlv(0, "")
	expectTold(t, k.say(0, []byte(frame+"\x00\x00\x00")), `lldp.chassis_id="S7-1200   V4.2"(lldp.chassis_id,identity) `+
		`lldp.chassis_id.octets="53372d3132303020202056342e32"(lldp.chassis_id,identity) `+
		`lldp.port_id="port-001.plc_1"(lldp.port_id,identity) lldp.port_description="Ethernet Port, X1 P1"(lldp.port_description,identity) `+
		`lldp.system_description="Siemens, SIMATIC\\r\\nS7"(lldp.system_description,identity) lldp.management_address="10.0.0.7"(lldp.management_address,identity) `+
		`lldp.port_vlan="105"(lldp.port_vlan,identity) lldp.vlan_name="line4"(lldp.vlan_name,identity) lldp.profinet_chassis_mac="00:1b:1b:34:34:cb"(lldp.profinet.chassis_mac,identity)`)
}

func TestLLDPRefuses(t *testing.T) {
	chassis, port, ttl := tlv(1, "\x04\x00\x00\x5e\x00\x53\x01"), tlv(2, "\x05eth0"), tlv(3, "\x00\x78")
	for name, frame := range map[string]string{
		"out of order":     port + chassis + ttl,
		"no time to live":  chassis + port + tlv(5, "x"),
		"no port":          chassis + ttl,
		"short MAC":        tlv(1, "\x04\x00\x00") + port + ttl,
		"empty chassis":    tlv(1, "\x04") + port + ttl,
		"unknown subtype":  tlv(1, "\x09abc") + port + ttl,
		"cut in mandatory": chassis + port[:3],
	} {
		k := &talk{t: t, d: &lldp{}}
		if _, err := k.d.Dissect(k.message(0, []byte(frame)), &k.log); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	k := &talk{t: t, d: &lldp{}} // the end may be missing
	if got := k.say(0, []byte(chassis+port+ttl)); !strings.Contains(got, `lldp.chassis_id="00:00:5e:00:53:01"`) {
		t.Errorf("told %s", got)
	}
}
