package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tns",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(tnsPort),
		Match:    tnsMatch,
		New:      func() Dissector { return &tns{} },
		Reads:    "service, program and host of a connect descriptor, versions, instance and server host, log-ons, reads and writes, redirects, native encryption",
		Standard: "Oracle Database Net Services Reference (connect descriptors); packets as Oracle's open thin drivers have them",
	})
}

const tnsPort = 1521

// Attributes of Oracle Database.
const (
	tnsVersion  ot.Attribute = "tns.version" // of the protocol
	tnsRelease  ot.Attribute = "tns.server_version"
	tnsService  ot.Attribute = "tns.service_name"
	tnsInstance ot.Attribute = "tns.instance"
	tnsProgram  ot.Attribute = "tns.program"
	tnsBanner   ot.Attribute = "tns.banner"
)

// Types of packets.
const (
	tnsConnect  = 1
	tnsAccept   = 2
	tnsAck      = 3
	tnsRefuse   = 4
	tnsRedirect = 5
	tnsData     = 6
	tnsNull     = 7
	tnsAbort    = 9
	tnsResend   = 11
	tnsMarker   = 12
	tnsControl  = 14
	tnsDataDesc = 15

	tnsHead      = 8
	tnsLarge     = 315 // from this version on the length has four bytes once it is agreed on
	tnsOldest    = 300
	tnsNewest    = 399
	tnsMaxPacket = 2 << 20
	tnsInspected = 8 << 10 // bytes of a packet that are looked at
)

// tns reads one session. Packets have a header, big endian; the length has two
// bytes, later four:
//
//	+----------+------------+------+-------+------------+
//	| length 2 | checksum 2 | type | flags | checksum 2 | ...
//	+----------+------------+------+-------+------------+
type tns struct {
	text    scratch
	sides   sides
	client  side
	claimed bool
	large   bool // lengths have four bytes
	awaited bool // the connect data follow in a packet of their own
	moved   bool // and so does the address of a redirect
	open    bool // it was told that statements go in clear
	crypto  tnsCrypto
}

// tnsPacket is one packet.
type tnsPacket struct {
	kind uint8
	size int    // with its header
	body []byte // as much as is there
}

func (p *tnsPacket) whole() bool { return len(p.body) == p.size-tnsHead }

// readTNS reads a header. ok is false when it cannot be one; size 0 says that
// it has not come whole. A length of two bytes is never below that of the
// header, so that the upper half of one of four bytes is known by its value.
func readTNS(b []byte, large bool) (p tnsPacket, ok bool) {
	c := wire.New(b)
	size, low := int(c.U16()), int(c.U16())
	p.kind = c.U8()
	flags, sum := c.U8(), c.U16()
	if !c.OK() {
		return p, tnsFront(b)
	}
	if large || size < tnsHead {
		size = size<<16 | low
	} else if low != 0 {
		return p, false
	}
	if !tnsKind(p.kind) || flags&0x40 != 0 || sum != 0 || size < tnsHead || size > tnsMaxPacket {
		return p, false
	}
	p.size = size
	p.body = c.Bytes(min(c.Len(), size-tnsHead))
	return p, true
}

// tnsFront looks at what there is of a header: its length is moderate, its
// type known.
func tnsFront(b []byte) bool {
	return len(b) > 0 && b[0] < 0x20 && (len(b) < 5 || tnsKind(b[4]))
}

func tnsKind(kind uint8) bool {
	return kind >= tnsConnect && kind <= tnsDataDesc && kind != 8 && kind != 10 && kind != 13
}

// tnsMatch knows packets of a session's opening by their form, and statements.
func tnsMatch(b []byte) bool {
	p, ok := readTNS(b, false)
	return ok && p.size > 0 && p.sane()
}

// sane holds a packet to the form of its type; what has no form is not
// believed in the first packet that is seen.
func (p *tnsPacket) sane() bool {
	c := wire.New(p.body)
	switch p.kind {
	case tnsConnect: // version, oldest version, ..., the value 1 in the client's byte order
		version, oldest := c.U16(), c.U16()
		c.Skip(10)
		one := c.U16()
		return c.OK() && tnsVersionSane(version) && oldest <= version && (one == 1 || one == 0x0100)
	case tnsAccept:
		version := c.U16()
		c.Skip(6)
		one := c.U16()
		return c.OK() && tnsVersionSane(version) && (one == 1 || one == 0x0100)
	case tnsRefuse:
		c.Skip(2)
		n := int(c.U16())
		return c.OK() && n <= p.size-tnsHead-4 && tnsDescriptor(c.Rest())
	case tnsRedirect:
		n := int(c.U16())
		return c.OK() && (c.Len() == 0 || n <= p.size-tnsHead-2 && tnsDescriptor(c.Rest()))
	case tnsData:
		c.Skip(2)
		return p.whole() && tnsStatement(c.Rest()) != nil
	}
	return false
}

func tnsVersionSane(v uint16) bool { return v >= tnsOldest && v <= tnsNewest }

// Dissect reads one packet.
func (d *tns) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	p, ok := readTNS(m.Data, d.large)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case p.size == 0:
		return 0, ErrShort
	case len(p.body) < min(p.size-tnsHead, tnsInspected):
		if !d.claimed && len(p.body) >= 58 && p.kind != tnsData && !p.sane() {
			return 0, ErrNotMine
		}
		return 0, ErrShort
	case !d.claimed && !p.sane():
		return 0, ErrNotMine
	}
	d.text.reset()
	from := d.sides.of(m)
	done := d.packet(m, &p, from, out)
	d.claimed = true
	if done {
		return p.size, ErrDone
	}
	return p.size, nil
}

// packet tells what a packet says. done: the rest is ciphertext.
func (d *tns) packet(m *Message, p *tnsPacket, from side, out Out) (done bool) {
	c := wire.New(p.body)
	switch p.kind {
	case tnsConnect:
		d.side(from, out, Client)
		d.connect(p, out)
	case tnsAccept:
		d.side(from, out, Server)
		d.accept(&c, out)
	case tnsRefuse:
		d.side(from, out, Server)
		c.Skip(4)
		d.refusal(c.Rest(), out)
	case tnsRedirect:
		d.side(from, out, Server)
		c.Skip(2)
		d.moved = c.Len() == 0
		d.redirect(m, c.Rest(), out)
	case tnsResend:
		d.side(from, out, Server)
	case tnsData:
		c.Skip(2)
		return d.data(m, from, c.Rest(), out)
	}
	return false
}

// side notes who is the client, and tells.
func (d *tns) side(from side, out Out, r Role) {
	d.client = from
	if r == Server {
		d.client = from.other()
	}
	out.Sender(r)
}

// data reads a data packet: what follows a packet that was too small for it,
// the agreement on encryption, or a message of the database itself.
func (d *tns) data(m *Message, from side, b []byte, out Out) (done bool) {
	if d.client == sideNone { // claimed by a statement
		d.side(from, out, Client)
	}
	client := from == d.client
	switch {
	case d.crypto.agreed:
		return true
	case client && d.awaited:
		d.awaited = false
		d.descriptor(b, out)
	case !client && d.moved:
		d.moved = false
		d.redirect(m, b, out)
	case tnsServices(b):
		if !client {
			d.crypto.services(b, out)
		}
	case client:
		d.request(b, out)
	default:
		d.answer(b, out)
	}
	return false
}

// Resync finds the next packet that is sure behind a gap.
func (d *tns) Resync(b []byte) int {
	for i := range b {
		if len(b)-i > tnsHead && tnsMatch(b[i:]) {
			return i
		}
	}
	return -1
}
