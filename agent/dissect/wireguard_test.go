package dissect

import (
	"encoding/binary"
	"testing"
)

func FuzzWireGuard(f *testing.F) { fuzzDissector(f, "wireguard", false) }

// noise is n octets that look like ciphertext, the same each time.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x >> 11)
	}
	return b
}

func wireguardMade(kind byte, n int) []byte {
	b := noise(n)
	binary.LittleEndian.PutUint32(b, uint32(kind))
	return b
}

func wireguardData(counter uint64, n int) []byte {
	b := wireguardMade(wireguardTransport, n)
	binary.LittleEndian.PutUint64(b[8:], counter)
	return b
}

func TestWireGuard(t *testing.T) {
	k := &talk{t: t, d: &wireguard{}, port: 4000}
	got := k.say(0, wireguardMade(wireguardInitiation, wireguardInitiationLen))
	if want := "client authenticate=1"; len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("a handshake tells %q", got)
	}
	for _, b := range [][]byte{wireguardMade(wireguardResponse, wireguardResponseLen), wireguardMade(wireguardCookie, wireguardCookieLen), wireguardData(0, 32), wireguardData(900, 128)} {
		if kind := wireguardKind(b); kind != b[0] {
			t.Errorf("type %d of %d octets is read as %d", b[0], len(b), kind)
		}
	}
}

func TestWireGuardRefuses(t *testing.T) {
	plain := make([]byte, wireguardInitiationLen)
	plain[0] = wireguardInitiation
	reserved := wireguardMade(wireguardInitiation, wireguardInitiationLen)
	reserved[2] = 1
	for name, b := range map[string][]byte{
		"a length of its own":    wireguardMade(wireguardInitiation, 147),
		"no key":                 plain,
		"reserved":               reserved,
		"an answer, too long":    wireguardMade(wireguardResponse, 93),
		"data not padded":        wireguardData(1, 60),
		"a counter out of reach": wireguardData(1<<40, 64),
		"another type":           wireguardMade(5, 64),
		"too short":              {4, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &wireguard{}, port: 51820}
			k.refused(0, b, ErrNotMine)
		})
	}
}
