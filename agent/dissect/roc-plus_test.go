package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

// rocSay is a message; the host is unit 3 of group 1, the device 1 of group 10.
func rocSay(host bool, opcode byte, data string) []byte {
	b := []byte{3, 1, 1, 10, opcode, byte(len(data))}
	if host {
		b = []byte{1, 10, 3, 1, opcode, byte(len(data))}
	}
	b = append(b, data...)
	return binary.LittleEndian.AppendUint16(b, serialCRC(b))
}

func rocPad(s string) string { return s + strings.Repeat(" ", 20-len(s)) }

const rocSystemAnswer = "\x01\x00\x02\x00\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x01\x02"

func TestROCPlus(t *testing.T) {
	k := &talk{t: t, d: &rocPlus{}, port: 4000, stream: true}
	const me = ` roc-plus.address="1.10"(roc-plus.source,content)`
	expectTold(t, k.say(0, rocSay(true, 17, "LOI\x04\xd2\x05")), "client authenticate=1")
	expectTold(t, k.say(1, rocSay(false, 17, "")), "server"+me)
	expectTold(t, k.say(0, rocSay(true, 6, "")), "client diagnose=1")
	expectTold(t, k.say(1, rocSay(false, 6, rocSystemAnswer)), "server"+me+
		` vendor="Emerson"(roc-plus.system_configuration.type,content) product="ROC800"(roc-plus.system_configuration.type,identity)`)
	expectTold(t, k.say(0, rocSay(true, 167, "\x5b\x00\x06\x02")), "client read=1")
	expectTold(t, k.say(1, rocSay(false, 167, "\x5b\x00\x06\x02"+rocPad("Well 7")+rocPad("W68188 Ver 3.61")+rocPad("Jan 01 2020")+rocPad("Emerson")+rocPad("ROC827")+"\x15\xcd\x5b\x07")), "server"+me+
		` name="Well 7"(roc-plus.system_variables.station_name,identity) firmware="W68188 Ver 3.61"(roc-plus.system_variables.part_number_and_version,identity)`+
		` vendor="Emerson"(roc-plus.system_variables.manufacturer,identity) product="ROC827"(roc-plus.system_variables.product_description,identity) serial="123456789"(roc-plus.system_variables.serial_number,identity)`)
	expectTold(t, k.say(0, rocSay(true, 180, "\x02\x5b\x00\x02\x5b\x00\x30")), "client read=1")
	expectTold(t, k.say(1, rocSay(false, 180, "\x02\x5b\x00\x02"+rocPad("Well 7")+"\x5b\x00\x30\x01")), "server"+me+` name="Well 7"(roc-plus.system_variables.station_name,identity)`)
	for _, c := range []struct {
		host   bool
		opcode byte
		data   string
		want   string
	}{
		{true, 8, "\x1e\x2d\x0c\x0f\x03\x07\xe8", "client configure=1"},
		{true, 108, "\x01\x02\x05\x06", "client read=1"},
		{true, 166, "\x5b\x00\x01\x02x", "client write=1"},
		{true, 203, "\x05\x01\x02\x03\x04", "transfer=1"},
		{true, 205, "\x01", ""},
		{false, 224, "\x01", "server alarm=1"},
		{false, 255, "\x01\x06\x00", "server"},
		{false, 108, "\x01\x01\x04\xd2HISTORY005\x00", "server"},
		{false, 167, "\x58\x00\x01\x02abcde", "server"},
		{false, 167, "\x5b\x00\x02\x02short", "server"},
		{false, 6, "\x01", "server"},
	} {
		side := 0
		if !c.host {
			side = 1
		}
		expectTold(t, strings.ReplaceAll(k.say(side, rocSay(c.host, c.opcode, c.data)), me, ""), c.want)
	}
}

func TestROCPlusIsNotROCPlus(t *testing.T) {
	ok := rocSay(true, 166, "\x5b\x00\x01\x02x")
	if !matchROC(ok) {
		t.Fatal("the signature does not know ROC Plus")
	}
	if matchROC(rocSay(true, 6, "")) {
		t.Error("a message that may be of Modbus is claimed")
	}
	for n := 1; n < len(ok); n++ {
		(&talk{t: t, d: &rocPlus{}, stream: true}).refused(0, ok[:n], ErrShort)
		(&talk{t: t, d: &rocPlus{}}).refused(0, ok[:n], ErrNotMine)
		if matchROC(ok[:n]) {
			t.Fatalf("%d octets are claimed", n)
		}
	}
	for name, b := range map[string][]byte{
		"opcode": rocSay(true, 5, ""),
		"check":  append(ok[:len(ok)-1:len(ok)-1], ok[len(ok)-1]^1),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &rocPlus{}, stream: true}).refused(0, b, ErrNotMine) })
	}
	if at := (&rocPlus{}).Resync(append([]byte("zz"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
}

func TestROCPlusSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 4000)
	r.open(a, b)
	variables := "\x5b\x00\x06\x02"
	for _, x := range []struct {
		opcode      byte
		ask, answer string
	}{
		{17, "LOI\x04\xd2\x05", ""},
		{6, "", rocSystemAnswer},
		{167, variables, variables + rocPad("Well 7") + rocPad("W68188 Ver 3.61") + rocPad("Jan 01 2020") + rocPad("Emerson") + rocPad("ROC827") + "\x15\xcd\x5b\x07"},
		{180, "\x01\x3c\x00\x02", "\x01\x3c\x00\x02\x00\x00\x20\x41"},
		{181, "\x01\x3c\x00\x02\x00\x00\x20\x41", ""},
		{8, "\x1e\x2d\x0c\x0f\x03\x07\xe8", ""},
	} {
		r.tcp(a, b, rocSay(true, x.opcode, x.ask))
		r.tcp(b, a, rocSay(false, x.opcode, x.answer))
	}
	r.udp(b, madeAddr(1, 4000), rocSay(false, 224, "\x01"))
	made(t, "roc-plus", "rtu", r)
}

func FuzzROCPlus(f *testing.F) { fuzzDissector(f, "roc-plus", true) }
