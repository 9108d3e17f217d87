package dissect

import (
	"encoding/binary"
	"testing"
)

func FuzzOpenVPN(f *testing.F)    { fuzzDissector(f, "openvpn", false) }
func FuzzOpenVPNTCP(f *testing.F) { fuzzDissector(f, "openvpn", true) }

// openvpnMade is a packet that begins a session: an opcode, what stands around
// it, and the acknowledgements and number.
func openvpnMade(op byte, around []byte, tail string) []byte {
	return append(append(append([]byte{op << 3}, noise(8)...), around...), tail...)
}

func openvpnAround(hmac int, sealed int) []byte {
	b := append(noise(hmac), 0, 0, 0, 1)
	b = binary.BigEndian.AppendUint32(b, 1767225600)
	return append(b, noise(sealed)...)
}

const (
	openvpnClientTail = "\x00\x00\x00\x00\x00"
	openvpnServerTail = "\x01\x00\x00\x00\x00clientid\x00\x00\x00\x00"
)

func TestOpenVPN(t *testing.T) {
	for name, c := range map[string]struct {
		client, server []byte
		want           string
	}{
		"plain":        {openvpnMade(7, nil, openvpnClientTail), openvpnMade(8, nil, openvpnServerTail), "plain"},
		"tls-auth":     {openvpnMade(7, openvpnAround(20, 0), openvpnClientTail), openvpnMade(8, openvpnAround(20, 0), openvpnServerTail), "tls-auth"},
		"with SHA-512": {openvpnMade(7, openvpnAround(64, 0), openvpnClientTail), openvpnMade(8, openvpnAround(64, 0), openvpnServerTail), "tls-auth"},
		"tls-crypt":    {openvpnMade(7, openvpnAround(0, 32), "\x9a\x17\x3f\x88\x01"), openvpnMade(8, openvpnAround(0, 32), "\x9a\x17\x3f\x88\x01567890123456"), "tls-crypt"},
		"tls-crypt-v2": {openvpnMade(10, openvpnAround(0, 32), "\x9a\x17\x3f\x88\x01"+string(noise(300))), openvpnMade(8, openvpnAround(0, 32), "\x9a\x17\x3f\x88\x01567890123456"), "tls-crypt"},
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &openvpn{}, port: 443}
			expectTold(t, k.say(0, c.client), "client authenticate=1")
			expectTold(t, k.say(1, c.server), `server openvpn.control_channel="`+c.want+`"(openvpn.hard_reset,content)`)
			expectTold(t, k.say(1, append([]byte{openvpnAck << 3}, noise(30)...)), "")
			k.refused(1, append([]byte{openvpnData2 << 3}, noise(60)...), ErrDone)
		})
	}
}

func TestOpenVPNFromTheMiddle(t *testing.T) {
	k := &talk{t: t, d: &openvpn{}, port: openvpnPort}
	expectTold(t, k.say(0, append(append([]byte{openvpnControlV1<<3 | 1}, noise(8)...), "\x01\x00\x00\x00\x07remoteid\x00\x00\x00\x08\x17\x03\x03\x00\x10"+string(noise(16))...)), "")
	k.refused(1, append([]byte{openvpnData2 << 3}, noise(60)...), ErrDone)
}

func TestOpenVPNRefuses(t *testing.T) {
	late := openvpnMade(7, openvpnAround(20, 0), openvpnClientTail)
	late[9+20] = 1 // the counter has not just begun
	for name, b := range map[string][]byte{
		"data alone":    append([]byte{openvpnData2 << 3}, noise(60)...),
		"another key":   append([]byte{openvpnClientReset<<3 | 1}, openvpnMade(7, nil, openvpnClientTail)[1:]...),
		"no session":    append([]byte{openvpnClientReset << 3}, make([]byte, 13)...),
		"acknowledges":  openvpnMade(7, nil, openvpnServerTail),
		"nothing to it": openvpnMade(8, nil, openvpnClientTail),
		"too old":       late,
		"longer":        openvpnMade(7, nil, openvpnClientTail+"x"),
		"a soft reset":  append([]byte{openvpnSoftReset << 3}, noise(13)...),
		"opcode":        append([]byte{31 << 3}, noise(13)...),
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &openvpn{}, port: 443}
			k.refused(0, b, ErrNotMine)
			if openvpnMatch(b) {
				t.Error("its signature takes it")
			}
		})
	}
}
