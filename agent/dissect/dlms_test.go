package dissect

import (
	"encoding/binary"
	"testing"
)

// hdlcSay frames content; client and server are the addresses 16 and 1.
func hdlcSay(client bool, control byte, content string) []byte {
	to, from, llc := byte(0x03), byte(0x21), "\xe6\xe6\x00"
	if !client {
		to, from, llc = from, to, "\xe6\xe7\x00"
	}
	b := []byte{hdlcFormat, 0, to, from, control}
	b[1] = byte(len(b) + 2)
	if content != "" {
		b[1] += byte(len(llc+content)) + 2
		b = binary.LittleEndian.AppendUint16(b, ^crcLow(0xffff, b))
		b = append(append(b, llc...), content...)
	}
	b = binary.LittleEndian.AppendUint16(b, ^crcLow(0xffff, b))
	return append(append([]byte{hdlcFlag}, b...), hdlcFlag)
}

// wrapSay puts an APDU into the wrapper.
func wrapSay(client bool, apdu string) []byte {
	b := []byte{0, 1, 0, 16, 0, 1}
	if !client {
		b = []byte{0, 1, 0, 1, 0, 16}
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(apdu))), apdu...)
}

const (
	dlmsName      = "\x00\x00\x2a\x00\x00\xff"
	dlmsAskName   = "\xc0\x01\xc1\x00\x01" + dlmsName + "\x02\x00"
	dlmsTellName  = "\xc4\x01\xc1\x00\x09\x10LGZ1030123456789"
	dlmsAskSerial = "\xc0\x01\xc2\x00\x01\x00\x00\x60\x01\x00\xff\x02\x00"
	dlmsAskFirm   = "\xc0\x01\xc3\x00\x01\x01\x00\x00\x02\x00\xff\x02\x00"
	dlmsInitiate  = "\xbe\x10\x04\x0e\x01\x00\x00\x00\x06\x5f\x1f\x04\x00\x00\x1e\x1d\xff\xff"
	dlmsLow       = "\xa1\x09\x06\x07\x60\x85\x74\x05\x08\x01\x01"
	dlmsToldName  = `name="LGZ1030123456789"(dlms.logical_device_name,identity) dlms.manufacturer="LGZ"(dlms.logical_device_name,identity) vendor="Landis+Gyr"(dlms.logical_device_name,identity)`
)

func TestDLMSOverHDLC(t *testing.T) {
	k := &talk{t: t, d: &dlms{}, port: 4059, stream: true}
	expectTold(t, k.say(0, hdlcSay(true, 0x93, "")), "client")
	expectTold(t, k.say(1, hdlcSay(false, 0x73, "")), "server")
	expectTold(t, k.say(0, hdlcSay(true, 0x10, der(0x60, dlmsLow+dlmsInitiate))), "client client")
	expectTold(t, k.say(0, hdlcSay(true, 0x32, dlmsAskName)), "client client read=1")
	expectTold(t, k.say(1, hdlcSay(false, 0x52, dlmsTellName)), "server server "+dlmsToldName)
	expectTold(t, k.say(0, hdlcSay(true, 0x51, "")), "")
	shared := hdlcSay(false, 0x54, dlmsTellName)[1:] // behind a shared flag
	expectTold(t, k.say(1, shared), "server server "+dlmsToldName)
	expectTold(t, k.say(0, hdlcSay(true, 0x53, "")), "client")
}

func TestDLMSOverTheWrapper(t *testing.T) {
	k := &talk{t: t, d: &dlms{}, port: 4059}
	expectTold(t, k.say(0, wrapSay(true, der(0x60, dlmsLow+"\xa6\x0a\x04\x08MDM\x00\x00\x00\x00\x01\x8a\x02\x07\x80\x8b\x07\x60\x85\x74\x05\x08\x02\x05"+dlmsInitiate))),
		`client dlms.system_title="4d444d0000000001"(dlms.acse.system_title,identity) authenticate=1`)
	expectTold(t, k.say(1, wrapSay(false, der(0x61, dlmsLow+"\xa2\x03\x02\x01\x00\xa4\x0a\x04\x08KAM\x00\x12\x34\x56\x78"))),
		`server dlms.system_title="4b414d0012345678"(dlms.acse.system_title,identity) dlms.manufacturer="KAM"(dlms.acse.system_title,identity) vendor="Kamstrup"(dlms.acse.system_title,identity)`)
	expectTold(t, k.say(0, wrapSay(true, dlmsAskSerial)), "client read=1")
	expectTold(t, k.say(1, wrapSay(false, "\xc4\x01\xc2\x00\x0a\x0812345678")), `server serial="12345678"(dlms.device_id_1,identity)`)
	expectTold(t, k.say(0, wrapSay(true, dlmsAskFirm)), "client read=1")
	expectTold(t, k.say(1, wrapSay(false, "\xc4\x01\xc3\x00\x09\x05V1.20")), `server firmware="V1.20"(dlms.active_firmware,identity)`)
	expectTold(t, k.say(1, wrapSay(false, "\xc4\x01\xc3\x01\x02")), "server") // no access
	for apdu, want := range map[string]string{
		"\xc1\x01\xc1\x00\x08\x00\x00\x01\x00\x00\xff\x02\x00\x09\x01x": "client configure=1",
		"\xc1\x01\xc1\x00\x03\x01\x00\x01\x08\x00\xff\x02\x00\x06":      "client write=1",
		"\xc3\x01\xc1\x00\x46\x00\x00\x60\x03\x0a\xff\x01\x01":          "client control=1",
		"\xc3\x01\xc1\x00\x12\x00\x00\x2c\x00\x00\xff\x01\x01":          "client firmware=1",
		"\xc3\x01\xc1\x00\x0f\x00\x00\x28\x00\x00\xff\x01\x01":          "client authenticate=1",
		"\xc0\x02\xc1\x00\x00\x00\x02":                                  "client",
		"\xc8\x06\x30\x00\x00\x00\x01\x99":                              "client read=1",
		"\xcc\x06\x10\x00\x00\x00\x01\x99":                              "server",
		"\xc2\x00\x00\x01":                                              "server alarm=1",
		"\x05\x01\x02\xfd\x00":                                          "client read=1",
		"\x0f\x00\x00\x00\x01\x00\x02\x00":                              "server",
	} {
		expectTold(t, k.say(0, wrapSay(true, apdu)), want)
	}
}

func TestDLMSIsNotDLMS(t *testing.T) {
	hdlc, wrapped := hdlcSay(true, 0x32, dlmsAskName), wrapSay(true, dlmsAskName)
	for _, ok := range [][]byte{hdlc, wrapped} {
		if !matchDLMS(ok) {
			t.Fatal("the signature does not know DLMS")
		}
		for n := 1; n < len(ok); n++ {
			(&talk{t: t, d: &dlms{}, stream: true}).refused(0, ok[:n], ErrShort)
			(&talk{t: t, d: &dlms{}}).refused(0, ok[:n], ErrNotMine)
			if matchDLMS(ok[:n]) {
				t.Fatalf("%d octets are claimed", n)
			}
		}
		if at := (&dlms{}).Resync(append([]byte("\x00\x7e\x01"), ok...)); at != 3 {
			t.Errorf("next frame at %d", at)
		}
	}
	bad := append(hdlc[:len(hdlc)-2:len(hdlc)-2], hdlc[len(hdlc)-2]^1, hdlcFlag)
	for name, b := range map[string][]byte{
		"check":       bad,
		"no flag":     append(hdlc[:len(hdlc)-1:len(hdlc)-1], 0),
		"format":      []byte("\x7e\x20\x07\x03\x21\x93\x0f\x01\x7e"),
		"control":     hdlcSay(true, 0xff, ""),
		"version":     []byte("\x00\x02\x00\x10\x00\x01\x00\x03\xc0\x01\x81"),
		"port":        []byte("\x00\x01\x00\x00\x00\x01\x00\x03\xc0\x01\x81"),
		"tag":         wrapSay(true, "\x33\x01\x81"),
		"service":     wrapSay(true, "\xc0\x09\x81\x00"),
		"plain":       wrapSay(true, "\xd8\x01\x01"),
		"association": wrapSay(true, "\x60\x05\xa1"),
		"Modbus":      []byte("\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &dlms{}, stream: true}).refused(0, b, ErrNotMine) })
	}
}

func TestDLMSSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 4059)
	r.open(a, b)
	for _, x := range [][2]string{
		{der(0x60, dlmsLow+"\x8a\x02\x07\x80\x8b\x07\x60\x85\x74\x05\x08\x02\x01\xac\x0a\x80\x0800000000"+dlmsInitiate), der(0x61, dlmsLow+"\xa2\x03\x02\x01\x00\xa4\x0a\x04\x08LGZ\x00\x12\x34\x56\x78")},
		{dlmsAskName, dlmsTellName},
		{dlmsAskSerial, "\xc4\x01\xc2\x00\x09\x0812345678"},
		{"\xc3\x01\xc1\x00\x46\x00\x00\x60\x03\x0a\xff\x01\x01\x0f\x00", "\xc7\x01\xc1\x00\x00"},
	} {
		r.tcp(a, b, wrapSay(true, x[0]))
		r.tcp(b, a, wrapSay(false, x[1]))
	}
	r.udp(b, madeAddr(1, 4059), wrapSay(false, "\x0f\x00\x00\x00\x01\x00\x02\x00"))
	a, b = madeAddr(3, 50001), madeAddr(4, 4059)
	r.open(a, b)
	r.tcp(a, b, hdlcSay(true, 0x93, ""))
	r.tcp(b, a, hdlcSay(false, 0x73, ""))
	r.tcp(a, b, hdlcSay(true, 0x10, der(0x60, dlmsLow+dlmsInitiate)))
	r.tcp(b, a, hdlcSay(false, 0x30, der(0x61, dlmsLow+"\xa2\x03\x02\x01\x00")))
	r.tcp(a, b, hdlcSay(true, 0x32, dlmsAskFirm))
	r.tcp(b, a, hdlcSay(false, 0x52, "\xc4\x01\xc3\x00\x09\x05V1.20"))
	r.tcp(a, b, hdlcSay(true, 0x53, ""))
	r.tcp(b, a, hdlcSay(false, 0x73, ""))
	made(t, "dlms", "meter", r)
}

func FuzzDLMS(f *testing.F) { fuzzDissector(f, "dlms", true) }
