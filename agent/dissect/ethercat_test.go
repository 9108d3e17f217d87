package dissect

import (
	"encoding/binary"
	"testing"
)

// ecatAccess is one datagram, not yet marked as followed by another.
func ecatAccess(command byte, slave, offset uint16, counter byte, data string) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16([]byte{command, 9}, slave), offset)
	b = append(le.AppendUint16(b, uint16(len(data))), 0, 0)
	return append(append(b, data...), counter, 0)
}

func ecatFrame(datagrams ...[]byte) []byte {
	var all []byte
	for i, g := range datagrams {
		if i < len(datagrams)-1 {
			g[7] |= 0x80
		}
		all = append(all, g...)
	}
	return append(binary.LittleEndian.AppendUint16(nil, uint16(len(all))|ecatDatagrams<<12), all...)
}

func ecatTalk(t *testing.T) *talk { return &talk{t: t, d: &ethercat{}} }

const ecatIs = `ethercat.role="master"(ethercat.datagram,behaviour)`

func ecatAskWord(word byte) []byte {
	return ecatAccess(ecatFPWR, 1001, ecatEEControl, 0, "\x00\x01"+string(rune(word))+"\x00\x00\x00")
}

func TestEtherCAT(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"state":       {ecatFrame(ecatAccess(ecatFPWR, 1001, ecatControl, 0, "\x08\x00")), "control=1 client " + ecatIs},
		"mapping":     {ecatFrame(ecatAccess(ecatFPWR, 1001, ecatFMMU, 0, "0123456789abcdef")), "configure=1 client " + ecatIs},
		"EEPROM":      {ecatFrame(ecatAccess(ecatFPWR, 1001, ecatEEControl, 0, "\x01\x02\x04\x00\x00\x00")), "configure=1 client " + ecatIs},
		"cyclic":      {ecatFrame(ecatAccess(12, 0, 1, 0, "12345678")), "client " + ecatIs},
		"comes back":  {ecatFrame(ecatAccess(12, 0, 1, 3, "12345678")), ""},
		"two of them": {ecatFrame(ecatAccess(ecatBWR, 0, ecatControl, 0, "\x01\x00"), ecatAccess(7, 0, 0x130, 0, "\x00\x00")), "control=1 client " + ecatIs},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, ecatTalk(t).say(0, c.b), c.want) })
	}
	variables := append([]byte{20, 0x40}, "\x05\x0d\x01\x02\x01\x01\x01\x00\x00\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00\x00"...)
	expectTold(t, ecatTalk(t).say(0, variables), `ethercat.publisher_id="5.13.1.2.1.1"(ethercat.network_variables,content)`)
}

func TestEtherCATIdentity(t *testing.T) {
	k := ecatTalk(t)
	expectTold(t, k.say(0, ecatFrame(ecatAskWord(ecatWordVendor))), "diagnose=1 client "+ecatIs)
	expectTold(t, k.say(0, ecatFrame(ecatAccess(ecatFPRD, 1001, ecatEEData, 1, "\x02\x00\x00\x00\x52\x30\x52\x07"))),
		`slave/1001 ethercat.vendor_id="2"(ethercat.eeprom.vendor_id,identity) slave/1001 ethercat.product_code="122826834"(ethercat.eeprom.product_code,identity)`)
	expectTold(t, k.say(0, ecatFrame(ecatAccess(ecatFPRD, 1001, ecatEEControl, 1, "\x40\x00\x0c\x00\x00\x00\x00\x00\x11\x00\x39\x30\x00\x00"))),
		`slave/1001 ethercat.revision="1114112"(ethercat.eeprom.revision,identity) slave/1001 serial="12345"(ethercat.eeprom.serial,identity)`)
	for name, b := range map[string][]byte{
		"busy":          ecatAccess(ecatFPRD, 1001, ecatEEControl, 1, "\x40\x80\x0c\x00\x00\x00\x00\x00\x11\x00"),
		"another slave": ecatAccess(ecatFPRD, 1002, ecatEEData, 1, "\x02\x00\x00\x00"),
		"of many":       ecatAccess(ecatFPRD, 1001, ecatEEData, 2, "\x02\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, k.say(0, ecatFrame(b)), "") })
	}
}

func TestEtherCATIsNotEtherCAT(t *testing.T) {
	ok := ecatFrame(ecatAccess(7, 0, 0x130, 0, "\x00\x00"))
	for name, change := range map[string]func(b []byte){
		"type":          func(b []byte) { b[1] = 0x20 },
		"reserved":      func(b []byte) { b[1] |= 8 },
		"longer":        func(b []byte) { b[0]++ },
		"command":       func(b []byte) { b[2] = 15 },
		"reserved bits": func(b []byte) { b[9] |= 0x08 },
		"more to come":  func(b []byte) { b[9] |= 0x80 },
	} {
		t.Run(name, func(t *testing.T) {
			b := append([]byte{}, ok...)
			change(b)
			ecatTalk(t).refused(0, b, ErrNotMine)
		})
	}
	ecatTalk(t).refused(0, ok[:1], ErrNotMine)
}

func TestEtherCATSample(t *testing.T) {
	everyone := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	r := newReel()
	back := func(b []byte) { // with the local bit set in the source
		r.frame(append(append(append([]byte{}, everyone...), 2, 0, 0x5e, 0, 0x53, 1, 0x88, 0xa4), b...))
	}
	go1 := func(b []byte) { r.ether(1, everyone, 0x88a4, b) }
	go1(ecatFrame(ecatAccess(7, 0, 0x130, 0, "\x00\x00")))
	back(ecatFrame(ecatAccess(7, 2, 0x130, 2, "\x01\x00")))
	for _, word := range []byte{ecatWordVendor, ecatWordRevision} {
		go1(ecatFrame(ecatAskWord(word)))
		go1(ecatFrame(ecatAccess(ecatFPRD, 1001, ecatEEControl, 0, string(make([]byte, 14)))))
		back(ecatFrame(ecatAccess(ecatFPRD, 1001, ecatEEControl, 1, "\x40\x00"+string(rune(word))+"\x00\x00\x00\x02\x00\x00\x00\x39\x30\x00\x00")))
	}
	go1(ecatFrame(ecatAccess(ecatFPWR, 1001, ecatControl, 0, "\x08\x00")))
	back(ecatFrame(ecatAccess(ecatFPWR, 1001, ecatControl, 1, "\x08\x00")))
	go1(ecatFrame(ecatAccess(12, 0, 1, 0, "\x00\x00"), ecatAccess(7, 0, 0x130, 0, "\x00\x00")))
	back(ecatFrame(ecatAccess(12, 0, 1, 3, "\x07\x00"), ecatAccess(7, 2, 0x130, 2, "\x08\x00")))
	made(t, "ethercat", "start", r)
}

func FuzzEtherCAT(f *testing.F) { fuzzDissector(f, "ethercat", false) }
