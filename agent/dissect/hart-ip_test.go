package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

// hartSay is a message; hartPass a token-passing PDU in one, to or from the
// device with a number.
func hartSay(kind, id byte, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{1, kind, id, 0, 0, 7}, uint16(8+len(body)))
	return append(b, body...)
}

func hartPass(kind, device, command byte, data string) []byte {
	delimiter := byte(0x80 | hartSTX)
	if kind != hartAsk {
		delimiter = 0x80 | hartACK
	}
	b := append([]byte{delimiter, 0xa6, 0x2d, 0, 0, device, command, byte(len(data))}, data...)
	check := byte(0)
	for _, x := range b {
		check ^= x
	}
	return hartSay(kind, hartToken, string(append(b, check)))
}

func hartAbout(device byte) string {
	return "\x00\x00\xfe\x26\x2d\x05\x07\x03\x11\x29\x00\x00\x00" + string(rune(device)) + "\x05\x04\x00\x01\x00\x00\x26\x00\x26\x01"
}

func hartTalk(t *testing.T, stream bool) *talk {
	return &talk{t: t, d: &hart{}, port: 5094, stream: stream}
}

func hartFacts(of, serial string) string {
	return of + `hart.universal_revision="7"(hart-ip.universal_revision,identity) ` + of + `hart.device_revision="3"(hart-ip.device_revision,identity) ` +
		of + `firmware="17"(hart-ip.software_revision,identity) ` + of + `hardware="5"(hart-ip.hardware_revision,identity) ` +
		of + `serial="` + serial + `"(hart-ip.device_id,identity) ` + of + `product="SENTRY"(hart-ip.device_type,identity) ` + of + `hart.device_type="0x262d"(hart-ip.expanded_device_type,identity) ` +
		of + `hart.manufacturer_id="38"(hart-ip.manufacturer_id,identity) ` + of + `vendor="Rosemount"(hart-ip.manufacturer_id,identity) ` +
		of + `hart.device_profile="process automation device"(hart-ip.device_profile,identity)`
}

// FT-101 and PUMP 4 INLET in packed ASCII.
const (
	hartPackedTag  = "\x19\x4b\x71\xc3\x18\x20"
	hartPackedDesc = "\x41\x53\x50\x83\x48\x09\x38\xc1\x54\x82\x08\x20"
)

func TestHARTIdentity(t *testing.T) {
	k := hartTalk(t, true)
	expectTold(t, k.say(0, hartSay(hartAsk, hartInitiate, "\x01\x00\x00\x75\x30")), "client")
	expectTold(t, k.say(0, hartPass(hartAsk, 9, 0, "")), "client diagnose=1")
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 0, hartAbout(9))), "server "+hartFacts("", "9"))
	expectTold(t, k.say(1, hartPass(hartAnswer, 8, 0, hartAbout(8))), "server "+hartFacts("device/262d000008 ", "8"))
	k.say(0, hartPass(hartAsk, 9, 13, ""))
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 13, "\x00\x00"+hartPackedTag+hartPackedDesc+"\x01\x01\x7e")),
		`server hart.tag="FT-101"(hart-ip.tag,identity) hart.descriptor="PUMP 4 INLET"(hart-ip.descriptor,identity)`)
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 20, "\x00\x00Flow at pump 4\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
		`server name="Flow at pump 4"(hart-ip.long_tag,identity)`)
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 0, "\x40\x00")), "server")
	for command, want := range map[byte]string{14: `hart.transducer_serial="6636321"(hart-ip.transducer_serial_number,identity)`, 16: `hart.final_assembly_number="6636321"(hart-ip.final_assembly_number,identity)`} {
		expectTold(t, k.say(1, hartPass(hartAnswer, 9, command, "\x00\x00\x65\x43\x21")), "server "+want)
		expectTold(t, k.say(1, hartPass(hartAnswer, 9, command, "\x00\x00\x00\x00\x00")), "server")
		expectTold(t, k.say(1, hartPass(hartAnswer, 9, command, "\x00\x00\x65")), "server")
	}
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 54, "\x00\x00\x02\x65\x43\x21")), `server hart.transducer_serial="6636321"(hart-ip.transducer_serial_number,identity)`)
	label := []byte(hartAbout(9))
	label[len(label)-2], label[len(label)-1] = 0x17, 0xff
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 0, string(label))), "server "+
		strings.Replace(hartFacts("", "9"), `hart.device_profile="process automation device"(hart-ip.device_profile,identity)`, `hart.private_label_distributor_id="23"(hart-ip.private_label_distributor,identity)`, 1))
	old := []byte(hartAbout(9)[:14])
	old[6] = 5
	k = hartTalk(t, true)
	expectTold(t, k.say(1, hartPass(hartAnswer, 9, 0, string(old))), `server diagnose=1 hart.universal_revision="5"(hart-ip.universal_revision,identity)`+
		` hart.device_revision="3"(hart-ip.device_revision,identity) firmware="17"(hart-ip.software_revision,identity) hardware="5"(hart-ip.hardware_revision,identity)`+
		` serial="9"(hart-ip.device_id,identity) product="SENTRY"(hart-ip.device_type,identity) hart.manufacturer_id="38"(hart-ip.manufacturer_id,identity) vendor="Rosemount"(hart-ip.manufacturer_id,identity) hart.device_type="0x2d"(hart-ip.device_type,identity)`)
}

func TestHARTOperations(t *testing.T) {
	for command, want := range map[byte]string{3: "read", 6: "configure", 35: "configure", 42: "control", 48: "diagnose", 79: "write", 109: "subscribe"} {
		expectTold(t, hartTalk(t, false).say(0, hartPass(hartAsk, 9, command, "")), "client "+want+"=1")
	}
	expectTold(t, hartTalk(t, false).say(0, hartPass(hartAsk, 9, 130, "")), "client")
	expectTold(t, hartTalk(t, false).say(0, hartPass(hartAsk, 9, 31, "\x00\x2a")), "client control=1")
	expectTold(t, hartTalk(t, false).say(0, hartSay(hartAsk, hartDirect, "\x00\x00\x00\x03\x00\x00\x2a\x00")), "client read=1 control=1")
	expectTold(t, hartTalk(t, false).say(1, hartPass(hartPublish, 9, 3, "\x00\x00")), "server")
}

func TestHARTIsNotHART(t *testing.T) {
	ok := hartPass(hartAsk, 9, 3, "")
	if !matchHART(ok) {
		t.Fatal("the signature does not know HART-IP")
	}
	for n := 1; n < len(ok); n++ {
		hartTalk(t, true).refused(0, ok[:n], ErrShort)
		hartTalk(t, false).refused(0, ok[:n], ErrNotMine)
	}
	for name, change := range map[string]func(b []byte){
		"version": func(b []byte) { b[0] = 3 },
		"type":    func(b []byte) { b[1] = 4 },
		"id":      func(b []byte) { b[2] = 9 },
		"length":  func(b []byte) { b[7] = 9 },
		"close":   func(b []byte) { b[2] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			b := append([]byte{}, ok...)
			change(b)
			hartTalk(t, false).refused(0, b, ErrNotMine)
		})
	}
	wrong := append([]byte{}, ok...)
	wrong[len(wrong)-1]++
	if matchHART(wrong) {
		t.Error("a wrong check byte was claimed")
	}
	if at := (&hart{}).Resync(append([]byte("\x01\x00"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&hart{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestHARTSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 5094)
	r.open(a, b)
	r.tcp(a, b, hartSay(hartAsk, hartInitiate, "\x01\x00\x00\x75\x30"))
	r.tcp(b, a, hartSay(hartAnswer, hartInitiate, "\x01\x00\x00\x75\x30"))
	for _, x := range []struct {
		device, command byte
		ask, answer     string
	}{
		{9, 0, "", hartAbout(9)},
		{9, 13, "", "\x00\x00" + hartPackedTag + hartPackedDesc + "\x01\x01\x7e"},
		{8, 0, "", hartAbout(8)},
		{9, 1, "", "\x00\x00\x20\x41\x20\x00\x00"},
		{9, 35, "\x20\x42\xc8\x00\x00\x00\x00\x00\x00", "\x00\x00"},
		{9, 42, "", "\x00\x00"},
	} {
		r.tcp(a, b, hartPass(hartAsk, x.device, x.command, x.ask))
		r.tcp(b, a, hartPass(hartAnswer, x.device, x.command, x.answer))
	}
	r.tcp(a, b, hartSay(hartAsk, 1, ""))
	r.tcp(b, a, hartSay(hartAnswer, 1, ""))
	a = madeAddr(3, 50002)
	r.udp(a, b, hartPass(hartAsk, 9, 3, ""))
	r.udp(b, a, hartPass(hartPublish, 9, 3, "\x00\x00"))
	made(t, "hart-ip", "gateway", r)
}

func FuzzHART(f *testing.F) { fuzzDissector(f, "hart-ip", true) }
