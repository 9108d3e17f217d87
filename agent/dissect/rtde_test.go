package dissect

import (
	"encoding/binary"
	"testing"
)

func rtdeSay(kind byte, body string) []byte {
	return append(append(binary.BigEndian.AppendUint16(nil, uint16(rtdeHeader+len(body))), kind), body...)
}

const (
	rtdeHertz = "\x40\x5f\x40\x00\x00\x00\x00\x00" // 125
	rtde511   = "\x00\x00\x00\x05\x00\x00\x00\x0b\x00\x00\x00\x01\x00\x01\xa7\x1e"
)

func TestRTDE(t *testing.T) {
	k := &talk{t: t, d: &rtde{}, port: rtdePort, stream: true}
	expectTold(t, k.say(0, rtdeSay(rtdeProtocol, "\x00\x02")), "client")
	expectTold(t, k.say(1, rtdeSay(rtdeProtocol, "\x01")), "server")
	expectTold(t, k.say(0, rtdeSay(rtdeVersion, "")), "client diagnose=1")
	expectTold(t, k.say(1, rtdeSay(rtdeVersion, rtde511)), `server vendor="Universal Robots"(rtde.urcontrol_version,behaviour) firmware="5.11.1.108318"(rtde.urcontrol_version,identity)`)
	expectTold(t, k.say(0, rtdeSay(rtdeOutputs, rtdeHertz+"timestamp,actual_q")), "client subscribe=1")
	expectTold(t, k.say(1, rtdeSay(rtdeOutputs, "\x01DOUBLE,VECTOR6D")), "server")
	expectTold(t, k.say(0, rtdeSay(rtdeInputs, "input_int_register_0")), "client")
	expectTold(t, k.say(1, rtdeSay(rtdeInputs, "\x02INT32")), "server")
	expectTold(t, k.say(0, rtdeSay(rtdeStart, "")), "client")
	expectTold(t, k.say(1, rtdeSay(rtdeStart, "\x01")), "server")
	expectTold(t, k.say(1, rtdeSay(rtdeData, "\x01\x40\x00")), "")
	expectTold(t, k.say(0, rtdeSay(rtdeData, "\x02\x00\x00\x00\x07")), "write=1")
	expectTold(t, k.say(1, rtdeSay(rtdeText, "\x05hello\x02UR\x00")), "")
	expectTold(t, k.say(0, rtdeSay(rtdePause, "")), "client")
	k.refused(0, []byte("\x00\x02V"), ErrMalformed)
}

// Data alone is a guess, on its port alone.
func TestRTDEFromItsMiddle(t *testing.T) {
	k := &talk{t: t, d: &rtde{}, port: rtdePort, stream: true}
	expectTold(t, k.say(0, rtdeSay(rtdeData, "\x02\x00\x00\x00\x07")), "write=1")
	if d, ok := k.d.(*rtde); !ok || !d.Surmises() {
		t.Error("data alone proves")
	}
	expectTold(t, k.say(1, rtdeSay(rtdePause, "\x01")), "server")
	if d, ok := k.d.(*rtde); !ok || d.Surmises() {
		t.Error("an answer proves nothing")
	}
	(&talk{t: t, d: &rtde{}, port: 4000, stream: true}).refused(0, rtdeSay(rtdeData, "\x02\x00\x00\x00\x07"), ErrNotMine)
}

func TestRTDEIsNotRTDE(t *testing.T) {
	for name, b := range map[string][]byte{
		"size": []byte("\x00\x02V"), "large": []byte("\xff\xffU"), "type": rtdeSay('X', ""), "protocol": rtdeSay(rtdeProtocol, "\x00\x02\x00"), "protocol 256": rtdeSay(rtdeProtocol, "\x01\x00"),
		"version": rtdeSay(rtdeVersion, "\x05"), "names": rtdeSay(rtdeOutputs, rtdeHertz+"Time stamp"), "no names": rtdeSay(rtdeInputs, "\x01"), "start alone": rtdeSay(rtdeStart, ""), "pause": rtdeSay(rtdePause, "\x01\x01"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &rtde{}, port: rtdePort, stream: true}).refused(0, b, ErrNotMine) })
		if matchRTDE(b) {
			t.Errorf("%s is claimed", name)
		}
	}
	for _, b := range [][]byte{rtdeSay(rtdeProtocol, "\x00\x02"), rtdeSay(rtdeVersion, ""), rtdeSay(rtdeData, "\x02\x00"), rtdeSay(rtdeVersion, string(make([]byte, 16)))} {
		if matchRTDE(b) {
			t.Errorf("% x is a signature", b)
		}
	}
	if at := (&rtde{}).Resync(append([]byte("\x00\x03S"), rtdeSay(rtdeInputs, "input_int_register_0")...)); at != 3 {
		t.Errorf("next package at %d", at)
	}
}

func TestRTDESample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, rtdePort)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{rtdeSay(rtdeProtocol, "\x00\x02"), rtdeSay(rtdeProtocol, "\x01")},
		{rtdeSay(rtdeVersion, ""), rtdeSay(rtdeVersion, rtde511)},
		{rtdeSay(rtdeOutputs, rtdeHertz+"timestamp,robot_mode"), rtdeSay(rtdeOutputs, "\x01DOUBLE,INT32")},
		{rtdeSay(rtdeInputs, "input_int_register_0"), rtdeSay(rtdeInputs, "\x02INT32")},
		{rtdeSay(rtdeStart, ""), rtdeSay(rtdeStart, "\x01")},
		{rtdeSay(rtdeData, "\x02\x00\x00\x00\x07"), rtdeSay(rtdeData, "\x01\x40\x5f\x40\x00\x00\x00\x00\x00\x00\x00\x00\x07")},
		{rtdeSay(rtdeData, "\x02\x00\x00\x00\x08"), rtdeSay(rtdeData, "\x01\x40\x5f\x40\x00\x00\x00\x00\x01\x00\x00\x00\x07")},
		{rtdeSay(rtdePause, ""), rtdeSay(rtdePause, "\x01")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "rtde", "robot", r)
}

func FuzzRTDE(f *testing.F) { fuzzDissector(f, "rtde", true) }
