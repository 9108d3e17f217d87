package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ipsec",
		Over:     []string{"ip", "udp"},
		Tier:     1,
		Ports:    append(UDP(ikePort, ikeNATPort), Port{"ip", 50}),
		Match:    func(b []byte) bool { _, ok := readIKE(ikeMarked(b)); return ok },
		New:      func() Dissector { return &ipsec{} },
		Reads:    "who asks for the tunnel, products and names that the ends tell, log-ons, ESP over IP and over UDP",
		Standard: "RFC 7296 section 3, RFC 2408 section 3, RFC 2407 section 4.6.2, RFC 3948 section 2, RFC 4303 section 2",
	})
}

// Ports of IKE, and of IKE and ESP through address translation.
const (
	ikePort    = 500
	ikeNATPort = 4500
)

// Attributes of IKE.
const (
	ipsecVendorID ot.Attribute = "ipsec.vendor_id"
	ipsecName     ot.Attribute = "ipsec.identity"
)

// Exchange types (RFC 2408 section 3.1, RFC 2409, RFC 7296 section 3.1).
const (
	ikeMain       = 2
	ikeAggressive = 4
	ikeInfo1      = 5
	ikeQuick      = 32
	ikeNewGroup   = 33
	ikeSAInit     = 34
	ikeAuth       = 35
	ikeLast       = 44 // RFC 9370: IKE_FOLLOWUP_KE
)

// Flags: version 1 knows encryption, version 2 who asked first and what is an
// answer.
const (
	ikeEncrypted = 0x01
	ikeInitiator = 0x08
	ikeResponse  = 0x20
)

const ikeHeader = 28

// ikeMessage is the header of a message, and its payloads.
type ikeMessage struct {
	answered bool // the responder's part of the session's name is there
	v2       bool
	first    uint8 // type of the first payload
	exchange uint8
	flags    uint8
	payloads []byte // in clear, or nil
}

// ikeMarked passes over the marker of zeros that stands before IKE where ESP
// shares the port (RFC 3948 section 2.2).
func ikeMarked(b []byte) []byte {
	c := wire.New(b)
	if c.U32() == 0 && c.OK() {
		return c.Rest()
	}
	return b
}

// readIKE reads a message: fields that agree, and payloads in clear that fill
// it exactly.
func readIKE(b []byte) (h ikeMessage, ok bool) {
	c := wire.New(b)
	initiator := c.U64()
	h.answered = c.U64() != 0
	h.first = c.U8()
	version := c.U8()
	h.exchange, h.flags = c.U8(), c.U8()
	c.Skip(4)
	n := c.U32()
	if !c.OK() || initiator == 0 || int64(n) != int64(len(b)) {
		return h, false
	}
	h.v2 = version == 0x20
	h.payloads = c.Rest()
	sealed := h.sealed()
	switch {
	case h.v2:
		ok = h.flags&^(ikeInitiator|ikeResponse|0x10) == 0 && h.exchange >= ikeSAInit && h.exchange <= ikeLast
	case version == 0x10:
		ok = h.flags&^7 == 0 && (h.exchange >= 1 && h.exchange <= 6 || h.exchange == ikeQuick || h.exchange == ikeNewGroup)
	}
	switch {
	case !ok:
		return h, false
	case sealed:
		h.payloads = nil
		return h, len(b) > ikeHeader && h.answered
	}
	return h, h.whole()
}

// sealed reports a message whose payloads are encrypted: in version 2 all but
// the first exchange.
func (h *ikeMessage) sealed() bool {
	if h.v2 {
		return h.exchange != ikeSAInit
	}
	return h.flags&ikeEncrypted != 0
}

// maxIKEPayloads bounds the payloads of one message.
const maxIKEPayloads = 48

// whole reports whether the payloads fill the message exactly (RFC 7296 section
// 3.2).
func (h *ikeMessage) whole() bool {
	c := wire.New(h.payloads)
	kind := h.first
	for n := 0; kind != 0; n++ {
		next := c.U8()
		c.Skip(1)
		c.Skip(int(c.U16()) - 4)
		if !c.OK() || n == maxIKEPayloads {
			return false
		}
		kind = next
	}
	return c.Len() == 0 && len(h.payloads) > 0
}

type ipsec struct {
	claimed bool
	text    scratch
	sides   sides
	asked   side // sent the first message of version 1
}

// Dissect reads one datagram: IKE, ESP, or a keep-alive of one octet that holds
// a translation open.
func (d *ipsec) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	h, ok := readIKE(ikeMarked(m.Data))
	switch {
	case m.Stream:
		return 0, ErrNotMine
	case ok:
		d.claimed = true
		d.ike(m, &h, out)
	case m.Src().Port == 0 && m.Dst().Port == 0:
		if !isESP(m.Data) {
			return 0, cutShort(m)
		}
	case onPort(m, ikeNATPort) && isESPOverUDP(m.Data):
		d.claimed = true
	case d.claimed && len(m.Data) == 1:
	default:
		if m.Cut {
			return 0, ErrShort
		}
		return 0, notMine(d.claimed)
	}
	return len(m.Data), nil
}

// isESP reads what shows of ESP, behind its own IP protocol number: an index
// that is not reserved, and a counter that begins at 1 (RFC 4303 section 2.1,
// 2.2, 3.3.3).
func isESP(b []byte) bool {
	c := wire.New(b)
	index, n := c.U32(), c.U32()
	return c.OK() && index > 255 && n > 0 && c.Len() >= 4
}

// isESPOverUDP is stricter, for a port proves less: four octets aligned, a
// counter that has not gone far, and ciphertext.
func isESPOverUDP(b []byte) bool {
	c := wire.New(b)
	c.Skip(4)
	n := c.U32()
	return isESP(b) && n < 1<<24 && len(b)%4 == 0 && looksRandom(c.Bytes(16)) && wireguardKind(b) == wireguardNone
}

// ike tells what a message says in clear.
func (d *ipsec) ike(m *Message, h *ikeMessage, out Out) {
	d.direction(m, h, out)
	c := wire.New(h.payloads)
	for kind := h.first; kind != 0 && h.payloads != nil; {
		next := c.U8()
		c.Skip(1)
		body := c.Bytes(int(c.U16()) - 4)
		if !c.OK() {
			return
		}
		d.payload(h.v2, kind, body, out)
		kind = next
	}
}

// direction tells who asked for the session: version 2 has a flag for it,
// version 1 a first message without the responder's part of its name.
func (d *ipsec) direction(m *Message, h *ikeMessage, out Out) {
	from := d.sides.of(m)
	switch {
	case h.v2:
		out.Sender(roleOf(h.flags&ikeInitiator != 0))
		if h.exchange == ikeAuth && h.flags&ikeResponse == 0 {
			out.Operation(ot.Authenticate, 1)
		}
		return
	case !h.answered && (h.exchange == ikeMain || h.exchange == ikeAggressive):
		d.asked = from
		out.Operation(ot.Authenticate, 1)
	}
	if d.asked != sideNone {
		out.Sender(roleOf(from == d.asked))
	}
}

// payload tells vendor IDs, and in version 1 the name that an end gives itself.
func (d *ipsec) payload(v2 bool, kind uint8, b []byte, out Out) {
	const identity1, vendor1, vendor2 = 5, 13, 43
	switch {
	case v2 && kind == vendor2, !v2 && kind == vendor1:
		d.vendor(b, out)
	case !v2 && kind == identity1:
		d.identity(b, out)
	}
}

func (d *ipsec) vendor(b []byte, out Out) {
	v := ipsecVendorOf(b)
	switch {
	case v != nil:
		if len(v.vendor) > 0 {
			out.Fact(Sender, ot.Vendor, v.vendor, "ike.vendor_id", ot.Identity)
		}
		out.Fact(Sender, ot.Product, v.product, "ike.vendor_id", ot.Identity)
	case len(b) >= 4 && len(b) <= 64 && printable(b):
		out.Fact(Sender, ipsecVendorID, b, "ike.vendor_id", ot.Content)
	}
}

// identity reads a name of the types FQDN and USER_FQDN (RFC 2407 section
// 4.6.2.1).
func (d *ipsec) identity(b []byte, out Out) {
	const fqdn, userFQDN = 2, 3
	c := wire.New(b)
	kind := c.U8()
	c.Skip(3)
	name := c.Rest()
	if !c.OK() || len(name) == 0 || !printable(name) || kind != fqdn && kind != userFQDN {
		return
	}
	out.Fact(Sender, ipsecName, name, "ike.identification", ot.Content)
	if kind == fqdn {
		out.Fact(Sender, ot.Name, name, "ike.identification", ot.Content)
	}
}
