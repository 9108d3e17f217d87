package dissect

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
)

func someipSay(id uint32, kind, result byte, payload string) []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, id), uint32(8+len(payload)))
	return append(append(b, 0, 1, 0, 9, 1, 1, kind, result), payload...)
}

func someipSD(entries ...string) []byte {
	all := strings.Join(entries, "")
	return someipSay(someipDiscovery, someipNotify, 0, "\xc0\x00\x00\x00"+string(binary.BigEndian.AppendUint32(nil, uint32(len(all))))+all+"\x00\x00\x00\x00")
}

func someipEntry(kind byte, lives string) string {
	return string([]byte{kind}) + "\x00\x00\x00\x12\x34\x00\x01\x01" + lives + "\x00\x00\x00\x00"
}

func TestSomeIP(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"call":        {someipSay(0x12340001, someipRequest, 0, "args"), "client"},
		"command":     {someipSay(0x12340001, someipCommand, 0, "args"), "client write=1"},
		"segment":     {someipSay(0x12340001, someipCommand|0x20, 0, "args"), "client write=1"},
		"event":       {someipSay(0x12348001, someipNotify, 0, "args"), "server"},
		"answer":      {someipSay(0x12340001, someipAnswer, 0, ""), "server"},
		"error":       {someipSay(0x12340001, someipError, 3, ""), "server"},
		"find":        {someipSD(someipEntry(someipFind, "\x00\x00\x03")), "client diagnose=1"},
		"offer":       {someipSD(someipEntry(someipOffer, "\x00\x00\x03")), `someip.service="0x1234"(someip.sd.offer_service,content)`},
		"offer ends":  {someipSD(someipEntry(someipOffer, "\x00\x00\x00")), ""},
		"subscribe":   {someipSD(someipEntry(someipSubscribe, "\x00\x00\x03")), "client subscribe=1"},
		"unsubscribe": {someipSD(someipEntry(someipSubscribe, "\x00\x00\x00")), "client"},
		"accepted":    {someipSD(someipEntry(someipAccepted, "\x00\x00\x03")), "server"},
	} {
		t.Run(name, func(t *testing.T) {
			expectTold(t, (&talk{t: t, d: &someip{}, port: 30490}).say(0, c.b), c.want)
			for n := 1; n < len(c.b); n++ {
				(&talk{t: t, d: &someip{}, stream: true}).refused(0, c.b[:n], ErrShort)
			}
			if !matchSomeIP(c.b) || matchSomeIP(c.b[:len(c.b)-1]) {
				t.Error("the signature is wrong about it")
			}
		})
	}
	for name, b := range map[string][]byte{
		"version":       append(someipSay(0x12340001, 0, 0, "args")[:12], 2, 1, 0, 0, 'a', 'r', 'g', 's'),
		"type":          someipSay(0x12340001, 3, 0, ""),
		"result":        someipSay(0x12340001, 0, 1, ""),
		"no service":    someipSay(0x00000001, 0, 0, ""),
		"length":        append(someipSay(0x12340001, 0, 0, ""), 'x'),
		"SD that calls": someipSay(someipDiscovery, someipRequest, 0, strings.Repeat("\x00", 12)),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &someip{}}).refused(0, b, ErrNotMine) })
	}
	if at := (&someip{}).Resync(append([]byte("xy"), someipSD(someipEntry(someipFind, "\x00\x00\x03"))...)); at != 2 {
		t.Errorf("next message at %d", at)
	}
}

func TestSomeIPSample(t *testing.T) {
	r := newReel()
	group := netip.MustParseAddrPort("224.224.224.245:30490")
	r.udp(madeAddr(1, 30490), group, someipSD(someipEntry(someipOffer, "\x00\x00\x03")))
	r.udp(madeAddr(2, 30490), group, someipSD(someipEntry(someipFind, "\x00\x00\x03")))
	r.udp(madeAddr(2, 30490), madeAddr(1, 30490), someipSD(someipEntry(someipSubscribe, "\x00\x00\x03")))
	a, b := madeAddr(2, 40001), madeAddr(1, 30509)
	r.udp(a, b, someipSay(0x12340001, someipRequest, 0, "args"))
	r.udp(b, a, someipSay(0x12340001, someipAnswer, 0, "done"))
	a = madeAddr(3, 40002)
	r.open(a, b)
	r.tcp(a, b, someipSay(0x12340002, someipCommand, 0, "open the door"))
	r.tcp(b, a, someipSay(0x12348001, someipNotify, 0, "it is open"))
	r.tcp(a, b, someipSay(0x12340002, someipCommand, 0, "close it"))
	made(t, "someip", "services", r)
}

func FuzzSomeIP(f *testing.F) { fuzzDissector(f, "someip", true) }
