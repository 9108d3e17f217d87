package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tailscale",
		Over:     []string{"udp", "wireguard"},
		Tier:     2,
		Ports:    UDP(41641),
		Match:    func(b []byte) bool { return discoKey(b) != nil },
		New:      func() Dissector { return &tailscale{} },
		Reads:    "DISCO: who finds a way to whom, the discovery key of each end; what the tunnel carries is encrypted",
		Standard: "Tailscale's package disco (public source, BSD-3-Clause); from the text alone",
	})
}

// discoKeyAttr is the discovery key of an end, new at each start of the program.
const discoKeyAttr ot.Attribute = "tailscale.disco_key"

// discoMagic begins a DISCO message: "TS" and a speech balloon in UTF-8.
const discoMagic = "TS\xf0\x9f\x92\xac"

// discoKey reads magic, the sender's key (32 octets), a nonce (24) and a sealed
// message (16 octets of proof, type, version); nil when b is none.
func discoKey(b []byte) []byte {
	c := wire.New(b)
	if string(c.Bytes(len(discoMagic))) != discoMagic {
		return nil
	}
	key, nonce := c.Bytes(32), c.Bytes(24)
	if c.Len() < 16+2 || !looksRandom(key) || !looksRandom(nonce) {
		return nil
	}
	return key
}

// tailscale reads DISCO, and passes over WireGuard on the same socket.
type tailscale struct {
	claimed bool
	text    scratch
}

// Dissect reads one datagram.
func (d *tailscale) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	key := discoKey(m.Data)
	switch {
	case m.Stream:
		return 0, ErrNotMine
	case key != nil:
		d.claimed = true
		out.Fact(Sender, discoKeyAttr, d.text.hex(key, 0), "tailscale.disco", ot.Content)
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
		return len(m.Data), nil
	case !d.claimed:
		return 0, cutShort(m)
	}
	kind := wireguardKind(m.Data)
	if kind == wireguardNone {
		return 0, ErrMalformed
	}
	wireguardTell(kind, out)
	return len(m.Data), nil
}
