package dissect

import (
	"testing"

	"demarc/internal/ot"
)

func FuzzSNMP(f *testing.F) { fuzzDissector(f, "snmp", false) }

// snmpV2 builds a message with one variable.
func snmpV2(pdu byte, oid, value string) string {
	binding := der(berSequence, der(berOID, oid), value)
	return der(berSequence, der(berInteger, "\x01"), der(berOctetString, "public"),
		der(pdu, der(berInteger, "\x01"), der(berInteger, "\x00"), der(berInteger, "\x00"), der(berSequence, binding)))
}

func TestSNMPOperations(t *testing.T) {
	const name = "\x2b\x06\x01\x02\x01\x01\x05\x00"
	for pdu, want := range map[byte]string{
		snmpGet: "client read=1", snmpGetBulk: "client read=1", snmpSet: "client write=1", snmpTrap: "client alarm=1", snmpInform: "client alarm=1",
		snmpResponse: `server name="gw"(snmp.sysName,identity)`,
	} {
		k := &talk{t: t, d: &snmp{}, port: 161}
		expectTold(t, k.say(0, []byte(snmpV2(pdu, name, der(berOctetString, "gw")))), want)
	}
}

func TestSNMPParts(t *testing.T) {
	k := &talk{t: t, d: &snmp{}, port: 161}
	entity := string(snmpEntity)
	expectTold(t, k.say(1, []byte(snmpV2(snmpResponse, entity+"\x0b\x88\x01", der(berOctetString, "SN-1")))), `server entity/1025 serial="SN-1"(snmp.entPhysicalTable,identity)`)
	expectTold(t, k.say(1, []byte(snmpV2(snmpResponse, entity+"\x0d\x01", der(berOctetString, "LS-8 ")))), `server entity/1 model="LS-8"(snmp.entPhysicalTable,identity)`)
}

func TestSNMPv3(t *testing.T) {
	message := func(flags string, data string) []byte {
		return []byte(der(berSequence, der(berInteger, "\x03"), der(berSequence, der(berInteger, "\x01"), der(berInteger, "\x05\xdc"), der(berOctetString, flags), der(berInteger, "\x03")),
			der(berOctetString, "x"), data))
	}
	k := &talk{t: t, d: &snmp{}, port: 161}
	expectTold(t, k.say(0, message("\x07", der(berOctetString, "ciphertext"))), "client")
	if s := k.log.all()[0].security; s.Mode != ot.SignAndEncrypt {
		t.Errorf("security %+v", s)
	}
	clear := der(berSequence, der(berOctetString, "engine"), der(berOctetString, ""), der(snmpSet, der(berInteger, "\x01")))
	expectTold(t, k.say(0, message("\x05", clear)), "client write=1")
}

func TestSNMPRefuses(t *testing.T) {
	good := snmpV2(snmpGet, "\x2b\x06", der(berNull))
	for name, s := range map[string]string{
		"a byte more": good + "\x00", "a byte less": good[:len(good)-1], "LDAP": der(berSequence, der(berInteger, "\x01"), der(ldapUnbind)),
		"version 2": der(berSequence, der(berInteger, "\x02"), der(berOctetString, "x"), der(snmpGet)), "no PDU": der(berSequence, der(berInteger, "\x01"), der(berOctetString, "x"), der(0xb0)),
	} {
		if _, ok := readSNMP([]byte(s)); ok {
			t.Errorf("%s: read", name)
		}
	}
}
