package dissect

import (
	"encoding/binary"
	"testing"
)

func koyoSay(number uint16, data string) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("HAP"), number)
	b = binary.LittleEndian.AppendUint16(b, crcHigh([]byte(data)))
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(data))), data...)
}

const (
	koyoDL205     = "\x02\x01\x01\x00\x00\xe0\x62\x00\x53\x02\x40\x00\x00\x02\x00\x00"
	koyoUnlock    = "\x1a\x00\x0d\x00\x01\x51\x01\x19\x02\x04\x00\xa1\x23\x45\x67\x17\xaf"
	koyoAddressee = "\x15\x00\xe0\x62\x00\x53\x02"
)

func TestKoyo(t *testing.T) {
	k := &talk{t: t, d: &koyo{}, port: 28784}
	expectTold(t, k.say(0, koyoSay(1, "\x05")), "diagnose=1")
	expectTold(t, k.say(1, koyoSay(1, "\x55\xaa\x00\xe0\x62\x00\x53\x02\x00\x01\xc0\x00\x02\x02\x00")), "server")
	expectTold(t, k.say(0, koyoSay(2, "\x04")), "diagnose=1")
	expectTold(t, k.say(1, koyoSay(2, koyoDL205)), `product="DirectLOGIC 205 ECOM"(koyo.device_info,identity)`)
	expectTold(t, k.say(1, koyoSay(2, koyoDL205)), "")
	expectTold(t, k.say(0, koyoSay(3, "\x0b\x00\x16\x00")), "diagnose=1")
	expectTold(t, k.say(1, koyoSay(4, "\x00\x00PUMP-2\x00\x00")), "")
	expectTold(t, k.say(1, koyoSay(3, "\x00\x00PUMP-2\x00\x00")), `name="PUMP-2"(koyo.setup.node_name,identity)`)
	expectTold(t, k.say(0, koyoSay(4, koyoAddressee+"\x0b\x00\x26\x00")), "client diagnose=1")
	expectTold(t, k.say(1, koyoSay(4, "\x00\x00hall 4\x00\x00")), `koyo.description="hall 4"(koyo.setup.description,identity)`)
	expectTold(t, k.say(0, koyoSay(5, "\x0b\x00\x20\x00")), "diagnose=1")
	expectTold(t, k.say(1, koyoSay(5, "\x00\x00\x07\x00\x00\x00")), `koyo.node_number="7"(koyo.setup.node_number,identity)`)
	expectTold(t, k.say(0, koyoSay(6, "\x19\x00\x01\x1e\x04\x01\x00\x31")), "read=1")
	expectTold(t, k.say(0, koyoSay(6, "\x19\x00\x01\x20\x02\x01\x00\x31\x00\x00")), "write=1")
	expectTold(t, k.say(0, koyoSay(7, koyoUnlock)), "authenticate=1")
	expectTold(t, k.say(0, koyoSay(7, "\x1a\x00\x09\x00\x01\x51\x01\x02\x00\x01\x00\x17\x52")), "write=1")
	expectTold(t, k.say(1, koyoSay(7, "\x32\x1a")), "server")
	expectTold(t, k.say(0, koyoSay(8, "\x0c\x00\x16\x00X")), "configure=1")
	k.refused(0, []byte("HAP\x01\x00\x00\x00\x02\x00\x05"), ErrMalformed)
}

// The request that koyo_login.rb sends, with its own check.
func TestKoyoCheck(t *testing.T) {
	k := &talk{t: t, d: &koyo{}, port: 28784}
	expectTold(t, k.say(0, []byte("HAP\xe6\x01\x6e\x68\x0d\x00\x1a\x00\x09\x00\x01\x50\x01\x02\x00\x01\x00\x17\x52")), "read=1")
}

func TestKoyoIsNotKoyo(t *testing.T) {
	for name, b := range map[string]string{
		"short": "HAP\x01\x00\x00\x00\x01\x00", "name": "HAQ\x01\x00\x00\x00\x01\x00\x05", "length": "HAP\x01\x00\x00\x00\x02\x00\x05", "check": "HAP\x01\x00\x01\x00\x01\x00\x05", "nothing": "HAP\x01\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &koyo{}, port: 28784}).refused(0, []byte(b), ErrNotMine) })
	}
	if !matchKoyo([]byte("HAP\x01\x00\x00\x00\x01\x00\x05")) {
		t.Error("without a check it is not known")
	}
}

func TestKoyoSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 28784)
	r.udp(a, madeAddr(255, 28784), koyoSay(1, "\x05"))
	for _, x := range [][2][]byte{
		{koyoSay(2, "\x04"), koyoSay(2, koyoDL205)},
		{koyoSay(3, "\x0b\x00\x16\x00"), koyoSay(3, "\x00\x00PUMP-2"+string(make([]byte, 250)))},
		{koyoSay(4, "\x0b\x00\x26\x00"), koyoSay(4, "\x00\x00hall 4"+string(make([]byte, 250)))},
		{koyoSay(5, koyoUnlock), koyoSay(5, "\x32\x1a")},
		{koyoSay(6, "\x19\x00\x01\x1e\x04\x01\x00\x31"), koyoSay(6, "\x00\x00\x11\x22\x33\x44")},
	} {
		r.udp(a, b, x[0])
		r.udp(b, a, x[1])
	}
	made(t, "koyo", "plc", r)
}

func FuzzKoyo(f *testing.F) { fuzzDissector(f, "koyo", false) }
