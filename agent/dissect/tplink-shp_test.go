package dissect

import (
	"encoding/binary"
	"testing"
)

// tplinkHide is a text as it is sent, with its length where it is in a stream.
func tplinkHide(text string, stream bool) []byte {
	var b []byte
	if stream {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	}
	last := byte(tplinkKey)
	for i := range len(text) {
		last ^= text[i]
		b = append(b, last)
	}
	return b
}

const (
	tplinkAsk  = `{"system":{"get_sysinfo":{}}}`
	tplinkInfo = `{"system":{"get_sysinfo":{"err_code":0,"sw_ver":"1.5.6","hw_ver":"2.0","model":"HS110(EU)","deviceId":"8006","alias":"pump 3"}}}`
)

func TestTPLink(t *testing.T) {
	for name, c := range map[string][2]string{
		"search":    {tplinkAsk, "client read=1"},
		"switch":    {`{"system":{"set_relay_state":{"state":1}}}`, "client control=1"},
		"rename":    {`{"system":{"set_dev_alias":{"alias":"x"}}}`, "client configure=1"},
		"firmware":  {`{"system":{"download_firmware":{"url":"http://x"}}}`, "client firmware=1"},
		"identity":  {tplinkInfo, `server name="pump 3"(tplink-shp.get_sysinfo,identity) model="HS110(EU)"(tplink-shp.get_sysinfo,identity) firmware="1.5.6"(tplink-shp.get_sysinfo,identity) hardware="2.0"(tplink-shp.get_sysinfo,identity) serial="8006"(tplink-shp.get_sysinfo,identity)`},
		"no answer": {`{"err_code":-1}`, "server"},
	} {
		for _, stream := range []bool{false, true} {
			b := tplinkHide(c[0], stream)
			expectTold(t, (&talk{t: t, d: &tplink{}, stream: stream}).say(0, b), c[1])
			if !matchTPLink(b) {
				t.Errorf("%s: the signature does not know it", name)
			}
			for n := 1; stream && n < len(b); n++ {
				(&talk{t: t, d: &tplink{}, stream: true}).refused(0, b[:n], ErrShort)
			}
		}
	}
	for name, b := range map[string][]byte{
		"text in clear":  []byte(tplinkAsk),
		"no text":        append(tplinkHide(`{"`, false), 0, 0, 0),
		"too long":       {1, 0, 0, 0, 0xd0},
		"something else": {0, 0, 0, 9, 0xd1, 0xf2},
	} {
		(&talk{t: t, d: &tplink{}, stream: len(b) < 9}).refused(0, b, ErrNotMine)
		if matchTPLink(b) {
			t.Errorf("%s: claimed", name)
		}
	}
}

func TestTPLinkSample(t *testing.T) {
	r := newReel()
	r.udp(madeAddr(1, 50001), madeAddr(255, 9999), tplinkHide(tplinkAsk, false))
	r.udp(madeAddr(2, 9999), madeAddr(1, 50001), tplinkHide(tplinkInfo, false))
	a, b := madeAddr(1, 40001), madeAddr(2, 9999)
	r.open(a, b)
	r.tcp(a, b, tplinkHide(`{"system":{"set_relay_state":{"state":0}}}`, true))
	r.tcp(b, a, tplinkHide(`{"system":{"set_relay_state":{"err_code":0}}}`, true))
	made(t, "tplink-shp", "plug", r)
}

func FuzzTPLink(f *testing.F) { fuzzDissector(f, "tplink-shp", true) }

func FuzzTPLinkDatagram(f *testing.F) { fuzzDissector(f, "tplink-shp", false) }
