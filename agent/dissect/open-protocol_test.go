package dissect

import (
	"fmt"
	"testing"
)

func openProtocolSay(mid, revision int, data string) []byte {
	return fmt.Appendf(nil, "%04d%04d%03d         %s\x00", openProtocolHeader+len(data), mid, revision, data)
}

const (
	openProtocolStart1 = "010007020103Station 7 PF6000         "
	openProtocolStart4 = openProtocolStart1 + "04ACT" + "052.8                " + "063.4.1              " + "070.0.9              " + "08                        " + "09C0011223  "
	openProtocolTool41 = "01T4711         " + "020000012345" + "032026-01-01:12:00:00" + "04C0011223  "
)

func TestOpenProtocol(t *testing.T) {
	k := &talk{t: t, d: &openProtocol{}, port: 4545, stream: true}
	expectTold(t, k.say(0, openProtocolSay(1, 4, "")), "client")
	expectTold(t, k.say(1, openProtocolSay(2, 1, openProtocolStart1)), `server open-protocol.cell="0007"(open-protocol.0002.cell_id,identity)`+
		` open-protocol.channel="01"(open-protocol.0002.channel_id,identity) name="Station 7 PF6000"(open-protocol.0002.controller_name,identity)`)
	expectTold(t, k.say(1, openProtocolSay(2, 4, openProtocolStart4)), `server open-protocol.cell="0007"(open-protocol.0002.cell_id,identity)`+
		` open-protocol.channel="01"(open-protocol.0002.channel_id,identity) name="Station 7 PF6000"(open-protocol.0002.controller_name,identity)`+
		` open-protocol.supplier="ACT"(open-protocol.0002.supplier_code,identity) vendor="Atlas Copco"(open-protocol.0002.supplier_code,identity)`+
		` open-protocol.version="2.8"(open-protocol.0002.open_protocol_version,identity) firmware="3.4.1"(open-protocol.0002.controller_software_version,identity)`+
		` open-protocol.tool_software="0.0.9"(open-protocol.0002.tool_software_version,identity) serial="C0011223"(open-protocol.0002.controller_serial_number,identity)`)
	expectTold(t, k.say(0, openProtocolSay(40, 1, "")), "client diagnose=1")
	expectTold(t, k.say(1, openProtocolSay(41, 1, openProtocolTool41)), `server tool serial="T4711"(open-protocol.0041.tool_serial_number,identity) serial="C0011223"(open-protocol.0041.controller_serial_number,identity)`)
	expectTold(t, k.say(0, openProtocolSay(60, 1, "")), "client subscribe=1")
	expectTold(t, k.say(1, openProtocolSay(61, 1, "010001")), "server")
	expectTold(t, k.say(0, openProtocolSay(62, 1, "")), "client")
	expectTold(t, k.say(0, openProtocolSay(18, 1, "002")), "client control=1")
	expectTold(t, k.say(1, openProtocolSay(71, 1, "E404")), "server alarm=1")
	expectTold(t, k.say(0, []byte("00200012            \x00")), "client read=1")
	expectTold(t, k.say(0, openProtocolSay(9999, 1, "")), "")
	expectTold(t, k.say(1, openProtocolSay(2, 1, "040007")), "server")
	k.refused(0, []byte("0019000100100000000"), ErrMalformed)
}

func TestOpenProtocolIsNotOpenProtocol(t *testing.T) {
	for name, b := range map[string]string{
		"length": "00190001001         \x00", "letter": "00200001001   A     \x00", "space in the MID": "0020 001001         \x00", "MID": "00200000001         \x00",
		"no end": "00200001001         X", "short length": "0019", "text": "GET /",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &openProtocol{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
		if matchOpenProtocol([]byte(b)) {
			t.Errorf("%s is claimed", name)
		}
	}
	if matchOpenProtocol([]byte("00200001001         ")) {
		t.Error("a message without its end is claimed")
	}
	if at := (&openProtocol{}).Resync(append([]byte("12\x00"), openProtocolSay(5, 1, "0018")...)); at != 3 {
		t.Errorf("next message at %d", at)
	}
}

// No MID is of both ends.
func TestOpenProtocolEnds(t *testing.T) {
	for mid := range 10000 {
		if _, asks := openProtocolRequest(mid); asks && openProtocolAnswer(mid) {
			t.Errorf("MID %04d", mid)
		}
	}
}

func TestOpenProtocolSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 4545)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{openProtocolSay(1, 4, ""), openProtocolSay(2, 4, openProtocolStart4)},
		{openProtocolSay(40, 1, ""), openProtocolSay(41, 1, openProtocolTool41)},
		{openProtocolSay(60, 1, ""), openProtocolSay(5, 1, "0060")},
		{openProtocolSay(18, 1, "002"), openProtocolSay(5, 1, "0018")},
		{openProtocolSay(9999, 1, ""), openProtocolSay(9999, 1, "")},
		{openProtocolSay(3, 1, ""), openProtocolSay(5, 1, "0003")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "open-protocol", "controller", r)
}

func FuzzOpenProtocol(f *testing.F) { fuzzDissector(f, "open-protocol", true) }
