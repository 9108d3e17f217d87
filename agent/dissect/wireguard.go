package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "wireguard",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(51820),
		Match:    func(b []byte) bool { return wireguardKind(b) != wireguardNone },
		New:      func() Dissector { return &wireguard{} },
		Reads:    "who asks for the tunnel, handshakes; what the tunnel carries is encrypted",
		Standard: "WireGuard whitepaper (Donenfeld, 2020) section 5.4",
	})
}

// Message types (section 5.4); three reserved octets of zero follow each.
const (
	wireguardNone       = 0
	wireguardInitiation = 1
	wireguardResponse   = 2
	wireguardCookie     = 3
	wireguardTransport  = 4
)

// Lengths (section 5.4.2 to 5.4.7). A transport message is its header, packets
// padded to 16 octets, and a tag.
const (
	wireguardInitiationLen = 148
	wireguardResponseLen   = 92
	wireguardCookieLen     = 64
	wireguardHeader        = 16
	wireguardTag           = 16
)

// wireguard has no mark but its types and lengths: the fields that are keys or
// ciphertext must look it, and the counter of data must be one that keys live
// to see.
type wireguard struct{ claimed bool }

// wireguardKind is the type of the message that b is, wireguardNone for none.
func wireguardKind(b []byte) uint8 {
	c := wire.New(b)
	kind, reserved := c.U8(), c.U24()
	c.Skip(4) // an index: of the sender, or of the receiver
	if !c.OK() || reserved != 0 {
		return wireguardNone
	}
	switch kind {
	case wireguardInitiation:
		if len(b) == wireguardInitiationLen && looksRandom(c.Bytes(32)) {
			return kind
		}
	case wireguardResponse:
		if c.Skip(4); len(b) == wireguardResponseLen && looksRandom(c.Bytes(32)) {
			return kind
		}
	case wireguardCookie:
		if len(b) == wireguardCookieLen && looksRandom(c.Bytes(24)) && looksRandom(c.Bytes(32)) {
			return kind
		}
	case wireguardTransport:
		const most = 1 << 32 // packets in the three minutes that a key lives (section 6.1)
		if counter := c.U64LE(); len(b) >= wireguardHeader+wireguardTag && len(b)%16 == 0 && counter < most && looksRandom(c.Bytes(wireguardTag)) {
			return kind
		}
	}
	return wireguardNone
}

// looksRandom reports whether as many octets of b differ as do in keys and
// ciphertext: of 16 random octets fewer than 10 values are one case in 10^7.
func looksRandom(b []byte) bool {
	var seen [4]uint64
	n := 0
	for _, x := range b {
		if bit := uint64(1) << (x & 63); seen[x>>6]&bit == 0 {
			seen[x>>6] |= bit
			n++
		}
	}
	return len(b) > 0 && n >= len(b)*5/8
}

// Dissect reads one datagram. Beside its own messages a socket of WireGuard may
// carry those of a program that finds the way for it.
func (d *wireguard) Dissect(m *Message, out Out) (int, error) {
	kind := wireguardKind(m.Data)
	switch {
	case m.Stream:
		return 0, ErrNotMine
	case kind == wireguardNone && d.claimed:
		out.Payload(0, m.Data)
		return len(m.Data), nil
	case kind == wireguardNone:
		return 0, cutShort(m)
	}
	d.claimed = true
	wireguardTell(kind, out)
	return len(m.Data), nil
}

// wireguardTell tells who asks. Either end may have to ask again later: the one
// that asked first stands.
func wireguardTell(kind uint8, out Out) {
	switch kind {
	case wireguardInitiation:
		out.Sender(Client)
		out.Operation(ot.Authenticate, 1)
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
	case wireguardResponse:
		out.Sender(Server)
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
	case wireguardTransport:
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
	}
}
