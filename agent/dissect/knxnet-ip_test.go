package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func knxSay(service uint16, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{6, 0x10}, service)
	return append(binary.BigEndian.AppendUint16(b, uint16(6+len(body))), body...)
}

const knxEnd = "\x08\x01\xc0\x00\x02\x01\xc3\x50"

var knxDevice = "\x36\x01\x02\x00\x10\x87\x00\x00\x00\x01\x0a\x0b\x0c\x0d\xe0\x00\x17\x0c\x00\x00\x5e\x00\x53\x02Router hall 2" + strings.Repeat("\x00", 17) + "\x04\x02\x02\x01"

// knxData is a cEMI frame with an application service.
func knxData(code byte, service uint16) string {
	return string(binary.BigEndian.AppendUint16(append([]byte{}, string([]byte{code, 0, 0xbc, 0xe0, 0x11, 1, 8, 1, 1})...), service))
}

func knxTalk(t *testing.T, stream bool) *talk {
	return &talk{t: t, d: &knx{}, port: 3671, stream: stream}
}

const knxFacts = `knx.individual_address="1.0.135"(knxnet-ip.device_information.individual_address,identity) ` +
	`serial="00010a0b0c0d"(knxnet-ip.device_information.serial_number,identity) knx.mac="00:00:5e:00:53:02"(knxnet-ip.device_information.mac_address,identity) ` +
	`name="Router hall 2"(knxnet-ip.device_information.friendly_name,identity)`

func TestKNX(t *testing.T) {
	for name, c := range map[string]struct {
		service uint16
		body    string
		want    string
	}{
		"search":           {knxSearch, knxEnd, "client diagnose=1"},
		"found":            {knxSearched, knxEnd + knxDevice, "server " + knxFacts},
		"described":        {knxDescribed, knxDevice, "server " + knxFacts},
		"connect":          {knxConnect, knxEnd + knxEnd + "\x04\x04\x02\x00", "client"},
		"feature":          {knxFeatureIs, "\x04\x01\x02\x00\x06\x00\x10\x87", "server"},
		"feature set":      {knxFeatureSet, "\x04\x01\x02\x00\x08\x00\x01", "client configure=1"},
		"group read":       {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0), "client read=1"},
		"group written":    {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0x81), "client write=1"},
		"address written":  {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0xc0), "client configure=1"},
		"memory written":   {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0x283), "client program=1"},
		"restart":          {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0x380), "client control=1"},
		"property written": {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0x3d7), "client configure=1"},
		"key":              {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataRequest, 0x3d1), "client authenticate=1"},
		"from the bus":     {knxTunnel, "\x04\x01\x00\x00" + knxData(cemiDataIndication, 0x81), "server"},
		"routed":           {knxRouting, knxData(cemiDataIndication, 0x81), "write=1"},
		"own property":     {knxConfigure, "\x04\x01\x00\x00\xfc\x00\x0b\x01\x34\x10\x01", "client diagnose=1"},
		"reset":            {knxConfigure, "\x04\x01\x00\x00\xf1", "client control=1"},
		"log-on":           {knxSessionRequest, knxEnd + strings.Repeat("k", 32), "client authenticate=1"},
		"secure":           {knxSecure, strings.Repeat("x", 32), ""},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, knxTalk(t, false).say(0, knxSay(c.service, c.body)), c.want) })
	}
}

func TestKNXIsNotKNX(t *testing.T) {
	ok := knxSay(knxSearch, knxEnd)
	if !matchKNX(ok) {
		t.Fatal("the signature does not know KNXnet/IP")
	}
	for n := 1; n < len(ok); n++ {
		knxTalk(t, true).refused(0, ok[:n], ErrShort)
		knxTalk(t, false).refused(0, ok[:n], ErrNotMine)
	}
	for name, b := range map[string][]byte{
		"version":          append([]byte{6, 0x11}, ok[2:]...),
		"header":           append([]byte{7, 0x10}, ok[2:]...),
		"unknown service":  knxSay(0x0217, ""),
		"no core service":  knxSay(0x0200, ""),
		"no such function": knxSay(0x0427, ""),
		"too short":        {6, 0x10, 2, 1, 0, 5},
	} {
		t.Run(name, func(t *testing.T) { knxTalk(t, true).refused(0, b, ErrNotMine) })
	}
	if at := (&knx{}).Resync(append([]byte("\x06\x10"), ok...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
	if at := (&knx{}).Resync([]byte("nothing")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestKNXSample(t *testing.T) {
	r := newReel()
	a, b, all := madeAddr(1, 50000), madeAddr(2, 3671), madeAddr(1, 3671)
	r.udp(a, b, knxSay(knxDescribe, knxEnd))
	r.udp(b, a, knxSay(knxDescribed, knxDevice))
	r.udp(a, b, knxSay(knxConnect, knxEnd+knxEnd+"\x04\x04\x02\x00"))
	r.udp(b, a, knxSay(knxConnected, "\x01\x00"+knxEnd+"\x04\x04\x10\x88"))
	r.udp(a, b, knxSay(knxTunnel, "\x04\x01\x00\x00"+knxData(cemiDataRequest, 0x81)))
	r.udp(b, a, knxSay(knxTunnel, "\x04\x01\x00\x00"+knxData(cemiDataIndication, 0x41)))
	r.udp(madeAddr(3, 3671), all, knxSay(knxRouting, knxData(cemiDataIndication, 0)))
	a = madeAddr(4, 50001)
	r.open(a, b)
	r.tcp(a, b, knxSay(knxFeatureGet, "\x04\x01\x02\x00\x06\x00"))
	r.tcp(b, a, append(knxSay(knxFeatureIs, "\x04\x01\x02\x00\x06\x00\x10\x87"), knxSay(knxFeatureInfo, "\x04\x01\x03\x00\x06\x00\x10\x87")...))
	a = madeAddr(5, 50002)
	r.open(a, b)
	r.tcp(a, b, knxSay(knxSessionRequest, knxEnd+strings.Repeat("k", 32)))
	r.tcp(b, a, knxSay(knxSessionAnswer, "\x00\x01"+strings.Repeat("s", 48)))
	r.tcp(a, b, knxSay(knxSecure, strings.Repeat("x", 40)))
	made(t, "knxnet-ip", "tunnel", r)
}

func FuzzKNX(f *testing.F) { fuzzDissector(f, "knxnet-ip", true) }
