package dissect

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
)

// trdpSay is a packet of a type; uris are the names of both ends of a message.
func trdpSay(kind string, data string, uris ...string) []byte {
	b := []byte("\x00\x00\x00\x07\x01\x00" + kind + "\x00\x00\x03\xe8" + strings.Repeat("\x00", 8))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, make([]byte, 12)...)
	if kind[0] == 'M' {
		b = append(b, make([]byte, 12)...)
		for _, u := range uris {
			b = append(append(b, u...), make([]byte, 32-len(u))...)
		}
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(b, data...)
	for len(data)%4 != 0 {
		b, data = append(b, 0), data+" "
	}
	return b
}

func TestTRDP(t *testing.T) {
	uris := ` trdp.uri="doors.car2"(trdp.message.source_uri,content) receivertrdp.uri="hmi"(trdp.message.destination_uri,content)`
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"process data": {trdpSay("Pd", "speed"), ""},
		"asked":        {trdpSay("Pr", ""), "client read=1"},
		"answered":     {trdpSay("Pp", "speed"), "server"},
		"notified":     {trdpSay("Mn", "open", "doors.car2", "hmi"), "client write=1" + uris},
		"replied":      {trdpSay("Mp", "", "doors.car2", "hmi"), "server" + uris},
		"confirmed":    {trdpSay("Mc", "", "", ""), "client"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, stream := range []bool{true, false} {
				expectTold(t, (&talk{t: t, d: &trdp{}, port: 17225, stream: stream}).say(0, c.b), c.want)
			}
			for n := 1; n < min(trdpProcess, len(c.b)); n++ {
				(&talk{t: t, d: &trdp{}, stream: true}).refused(0, c.b[:n], ErrShort)
			}
			bad := []byte(string(c.b))
			bad[10] ^= 1
			(&talk{t: t, d: &trdp{}, stream: true}).refused(0, bad, ErrNotMine)
		})
	}
	(&talk{t: t, d: &trdp{}}).refused(0, trdpSay("Pd", "")[:30], ErrNotMine)
	(&talk{t: t, d: &trdp{}}).refused(0, trdpSay("Px", ""), ErrNotMine)
	if at := (&trdp{}).Resync(append([]byte("xy"), trdpSay("Pd", "speed")...)); at != 2 {
		t.Errorf("next packet at %d", at)
	}
}

func TestTRDPSample(t *testing.T) {
	r := newReel()
	r.udp(madeAddr(1, 17224), netip.MustParseAddrPort("239.192.0.1:17224"), trdpSay("Pd", "speed 080"))
	r.udp(madeAddr(3, 17224), madeAddr(1, 17224), trdpSay("Pr", ""))
	a, b := madeAddr(2, 40001), madeAddr(1, 17225)
	r.open(a, b)
	r.tcp(a, b, trdpSay("Mr", "door state", "hmi", "doors.car2"))
	r.tcp(b, a, trdpSay("Mq", "closed", "doors.car2", "hmi"))
	r.tcp(a, b, trdpSay("Mc", "", "hmi", "doors.car2"))
	made(t, "trdp", "train", r)
}

func FuzzTRDP(f *testing.F) { fuzzDissector(f, "trdp", true) }
