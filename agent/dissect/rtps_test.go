package dissect

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"demarc/internal/ot"
)

const rtpsPrefix = "\x01\x0f\x45\x6b\x77\x00\x00\x00\x00\x00\x00\x00"

func rtpsMessage(parts ...string) []byte {
	return []byte("RTPS\x02\x03\x01\x0f" + rtpsPrefix + strings.Join(parts, ""))
}

func rtpsSub(kind, flags byte, body string) string {
	n := binary.LittleEndian.AppendUint16([]byte{kind, flags | 1}, uint16(len(body)))
	return string(n) + body
}

const rtpsTime = "\x09\x01\x08\x00\x00\x01\x02\x03\x04\x05\x06\x07"

// rtpsWritten is a DATA submessage of a writer with a list of parameters.
func rtpsWritten(writer string, list string) string {
	return rtpsSub(rtpsData, 4, "\x00\x00\x10\x00\x00\x00\x00\x00"+writer+"\x00\x00\x00\x00\x01\x00\x00\x00\x00\x03\x00\x00"+list+"\x01\x00\x00\x00")
}

func rtpsCDR(s string) string {
	b := append(binary.LittleEndian.AppendUint32(nil, uint32(len(s)+1)), s+"\x00"...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return string(b)
}

func rtpsParam(id uint16, v string) string {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, id), uint16(len(v)))
	return string(b) + v
}

const (
	rtpsSPDP = "\x00\x01\x00\xc2"
	rtpsPubs = "\x00\x00\x03\xc2"
	rtpsSubs = "\x00\x00\x04\xc2"
)

var rtpsProperty = "\x02\x00\x00\x00" + rtpsCDR("PARTICIPANT_TYPE") + rtpsCDR("SIMPLE") + rtpsCDR("fastdds.physical_data.host") + rtpsCDR("cell-4:4a5b:1")

const rtpsIs = `rtps.vendor_id="0x010f"(rtps.header.vendor_id,content) product="eProsima Fast DDS"(rtps.header.vendor_id,content)`

func TestRTPS(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"participant": {
			rtpsMessage(rtpsTime, rtpsWritten(rtpsSPDP, rtpsParam(rtpsDomainID, "\x07\x00\x00\x00")+rtpsParam(rtpsEntityName, rtpsCDR("robot"))+rtpsParam(rtpsProperties, rtpsProperty))),
			rtpsIs + ` rtps.domain="7"(rtps.participant.domain_id,content) rtps.participant="robot"(rtps.participant.entity_name,content) name="cell-4"(rtps.participant.property.host,identity)`,
		},
		"product version": {rtpsMessage(rtpsWritten(rtpsSPDP, rtpsParam(rtpsProduct, "\x06\x01\x01\x00"))), rtpsIs + ` rtps.version="6.1.1.0"(rtps.participant.product_version,identity)`},
		"publication":     {rtpsMessage(rtpsWritten(rtpsPubs, rtpsParam(rtpsTopic, rtpsCDR("joint_states")))), rtpsIs + ` rtps.publishes="joint_states"(rtps.publication.topic_name,content)`},
		"subscription":    {rtpsMessage(rtpsWritten(rtpsSubs, rtpsParam(rtpsTopic, rtpsCDR("joint_states")))), rtpsIs + ` subscribe=1 rtps.subscribes="joint_states"(rtps.subscription.topic_name,content)`},
		"user data":       {rtpsMessage(rtpsWritten("\x00\x00\x01\x03", "")), rtpsIs},
		"to the end":      {rtpsMessage("\x15\x05\x00\x00" + rtpsWritten(rtpsSPDP, "")[4:]), rtpsIs},
		"ping":            {[]byte("RTPS\x02\x03\x01\x01NDDSPING"), `rtps.vendor_id="0x0101"(rtps.header.vendor_id,content) product="RTI Connext DDS"(rtps.header.vendor_id,content)`},
	} {
		t.Run(name, func(t *testing.T) {
			expectTold(t, (&talk{t: t, d: &rtps{}, port: 7400}).say(0, c.b), c.want)
			if !matchRTPS(c.b) {
				t.Error("the signature does not know it")
			}
		})
	}
}

func TestRTPSProtection(t *testing.T) {
	for kind, want := range map[string]ot.SecurityMode{"\x00\x00\x00\x01": ot.Sign, "\x00\x00\x00\x04": ot.SignAndEncrypt} {
		d := &rtps{}
		(&talk{t: t, d: d}).say(0, rtpsMessage(rtpsSub(rtpsSecureAll, 0, kind+strings.Repeat("x", 16))))
		if d.mode != want {
			t.Errorf("%x: %v", kind, d.mode)
		}
	}
}

func TestRTPSIsNotRTPS(t *testing.T) {
	ok := rtpsMessage(rtpsTime, rtpsWritten(rtpsSPDP, ""))
	for n := range ok {
		if n != len(rtpsMessage(rtpsTime)) && matchRTPS(ok[:n]) {
			t.Errorf("claims %d octets", n)
		}
	}
	k := &talk{t: t, d: &rtps{}}
	k.refused(0, rtpsMessage("\x02\x01\x00\x00"), ErrNotMine)
	k.refused(0, []byte("RTPS\x07\x03\x01\x0f"+rtpsPrefix+rtpsTime), ErrNotMine)
	k.say(0, ok)
	k.refused(0, ok[:40], ErrMalformed)
	many := rtpsMessage(strings.Repeat(rtpsTime, maxRTPSParts+1))
	k.refused(0, many, ErrMalformed)
}

func TestRTPSSample(t *testing.T) {
	r := newReel()
	a, group, b := madeAddr(1, 45001), netip.MustParseAddrPort("239.255.0.1:7400"), madeAddr(2, 7410)
	r.udp(madeAddr(3, 45003), group, []byte("RTPS\x02\x03\x01\x01NDDSPING"))
	r.udp(a, group, rtpsMessage(rtpsTime, rtpsWritten(rtpsSPDP, rtpsParam(rtpsDomainID, "\x00\x00\x00\x00")+rtpsParam(rtpsEntityName, rtpsCDR("arm controller"))+rtpsParam(rtpsProperties, rtpsProperty))))
	r.udp(a, b, rtpsMessage(rtpsTime, rtpsWritten(rtpsPubs, rtpsParam(rtpsTopic, rtpsCDR("joint_states")))))
	r.udp(a, b, rtpsMessage(rtpsTime, rtpsWritten(rtpsSubs, rtpsParam(rtpsTopic, rtpsCDR("trajectory")))))
	r.udp(a, madeAddr(2, 7411), rtpsMessage(rtpsSub(rtpsSecureAll, 0, "\x00\x00\x00\x02"+strings.Repeat("x", 16)), rtpsSub(rtpsSecureBody, 0, strings.Repeat("y", 24)), rtpsSub(0x34, 0, strings.Repeat("z", 20))))
	made(t, "rtps", "discovery", r)
}

func FuzzRTPS(f *testing.F) { fuzzDissector(f, "rtps", false) }
