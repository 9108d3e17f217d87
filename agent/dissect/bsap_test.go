package dissect

import (
	"encoding/binary"
	"slices"
	"testing"
)

// bsapSerialSay frames content for a serial line.
func bsapSerialSay(content string) []byte {
	b := []byte{bsapDLE, bsapSTX}
	for _, x := range []byte(content) {
		if b = append(b, x); x == bsapDLE {
			b = append(b, x)
		}
	}
	crc := crcLow(0xffff, append([]byte(content), bsapETX))
	return binary.LittleEndian.AppendUint16(append(b, bsapDLE, bsapETX), crc)
}

// bsapIPSay is a datagram of BSAP over IP.
func bsapIPSay(function, sequence byte, messages ...string) []byte {
	b := []byte{bsapShort, 0, byte(len(messages)), 0, function, 0, sequence, 1, 0, 0, sequence - 1, 1, 0, 0}
	for _, m := range messages {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(m))+9)
		b = append(append(b, bsapMessage, sequence, 1, 0, 0), m...)
	}
	return b
}

const bsapRead = "\xa0\x00\x04\x03\xd0\x01\x0f\x02@PUMP.RUN.\x00@TANK.LEVEL.\x00"

func TestBSAPOverIP(t *testing.T) {
	k := &talk{t: t, d: &bsap{}, port: 1234}
	expectTold(t, k.say(0, bsapIPSay(bsapRequest, 2, bsapRead)), "client read=1")
	expectTold(t, k.say(1, bsapIPSay(bsapResponse, 3, "\x00\x02\x00\x12\x00\x24\x77")), "server")
	expectTold(t, k.say(0, bsapIPSay(bsapPoll, 4)), "")
	expectTold(t, k.say(0, bsapIPSay(bsapRequest, 5, bsapRead, "\xa0\x00\x84")), "client read=1 write=1")
	for message, want := range map[string]string{
		"\x48\x00": "diagnose=1", "\x68\x00": "firmware=1", "\x78\x00": "program=1", "\x6a\x00": "configure=1",
		"\xa2\x00": "subscribe=1", "\xa8\x00": "alarm=1", "\xa1\x00\x01\x01": "control=1", "\xa1\x00\x00\x04": "configure=1",
		"\xa1\x00\x01\x02": "read=1", "\xa1\x00\x81\x02": "configure=1", "\xa1\x00\x02\x01": "diagnose=1",
	} {
		expectTold(t, k.say(0, bsapIPSay(bsapRequest, 5, message)), "client "+want)
	}
	expectTold(t, k.say(0, bsapIPSay(bsapRequest, 5, "\xa0\x00\x40")), "client")
	expectTold(t, k.say(0, bsapIPSay(bsapRequest, 5, "\xa0\x00")), "client")
}

func TestBSAPSerial(t *testing.T) {
	k := &talk{t: t, d: &bsap{}, port: 1235}
	ask := bsapSerialSay("\x02\x07\xa0\x10\x00\x03\x00\x04\x01\x40\x01\x0f\x01@PUMP.RUN.\x00")
	expectTold(t, k.say(0, ask), `client receiverbsap.node_address="2"(bsap.serial.address,content) read=1`)
	expectTold(t, k.say(1, bsapSerialSay("\x00\x07\x03\x10\x00\xa0\x00\x00\x01\x20\x00")), "server")
	expectTold(t, k.say(0, bsapSerialSay("\x82\x08\x05\x01\x00\x00\x00\xa0\x11\x00\x03\x00\x84\x00")), `client receiverbsap.node_address="261"(bsap.serial.address,content) write=1`)
	expectTold(t, k.say(0, bsapSerialSay("\x02\x09\x85\x00")), "") // a poll
	s := &talk{t: t, d: &bsap{}, port: 1235, stream: true}
	for n := 1; n < len(ask); n++ {
		s.refused(0, ask[:n], ErrShort)
	}
	if at := (&bsap{}).Resync(append([]byte("\x10\x10x"), ask...)); at != 3 {
		t.Errorf("next frame at %d", at)
	}
}

func TestBSAPIsNotBSAP(t *testing.T) {
	ip, serial := bsapIPSay(bsapRequest, 2, bsapRead), bsapSerialSay("\x02\x07\xa0\x10\x00\x03\x00\x04")
	if !matchBSAP(ip) || !matchBSAP(serial) {
		t.Fatal("the signature does not know BSAP")
	}
	if matchBSAP(bsapIPSay(bsapPoll, 2)) || matchBSAP(bsapSerialSay("\x02\x09\x85\x00")) {
		t.Error("an empty frame alone is claimed")
	}
	for _, b := range [][]byte{ip, serial} {
		for n := range b {
			if matchBSAP(b[:n]) {
				t.Errorf("%d of %d octets are claimed", n, len(b))
			}
			(&talk{t: t, d: &bsap{}, port: 1234}).refused(0, b[:n], ErrNotMine)
		}
	}
	for name, b := range map[string][]byte{
		"header size":     append([]byte{15}, ip[1:]...),
		"function":        bsapIPSay(7, 2, bsapRead),
		"length":          append(slices.Clip(ip), 0),
		"check":           append(serial[:len(serial)-1:len(serial)-1], serial[len(serial)-1]^1),
		"no message":      bsapSerialSay("\x02\x07\x01\x10\x00\x03\x00\x04"),
		"lone DLE":        []byte("\x10\x02\x02\x10\x05\x00\x00\x00"),
		"endless":         append([]byte{bsapDLE, bsapSTX}, make([]byte, 400)...),
		"poll, with more": append(bsapIPSay(bsapPoll, 2), 1),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &bsap{}, port: 1234}).refused(0, b, ErrNotMine) })
	}
}

func TestBSAPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 1234), madeAddr(2, 1234)
	for i := range byte(3) {
		r.udp(a, b, bsapIPSay(bsapRequest, 3*i+1, bsapRead))
		r.udp(b, a, bsapIPSay(bsapResponse, 3*i+2, "\x00\x02\x00\x12\x00\x24\x77\x00\x11\x00\x24\x77"))
		r.udp(a, b, bsapIPSay(bsapPoll, 3*i+3))
	}
	r.udp(a, b, bsapIPSay(bsapRequest, 20, "\xa0\x00\x84\x03\xd0\x01\x01@PUMP.RUN.\x00\x01"))
	a, b = madeAddr(3, 1235), madeAddr(4, 1235)
	r.udp(a, b, bsapSerialSay("\x02\x07\xa0\x10\x00\x03\x00\x04\x01\x40\x01\x0f\x01@PUMP.RUN.\x00"))
	r.udp(b, a, bsapSerialSay("\x00\x07\x03\x10\x00\xa0\x00\x00\x01\x20\x00"))
	made(t, "bsap", "rtu", r)
}

func FuzzBSAP(f *testing.F) { fuzzDissector(f, "bsap", false) }
