package dissect

import (
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "radius",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(1812, 1813, 1645, 1646, 3799),
		Match:    radiusMatch,
		New:      func() Dissector { return &radius{} },
		Reads:    "name and address of the device that lets others in, log-ons, accounting, changes of a session",
		Standard: "RFC 2865, RFC 2866, RFC 3162, RFC 5176",
	})
}

// Attributes of RADIUS.
const (
	radiusNAS     ot.Attribute = "radius.nas_identifier"
	radiusNASAddr ot.Attribute = "radius.nas_address"
)

// Codes (RFC 2865 section 3, RFC 2866 section 3, RFC 5176 section 2.3, RFC 5997).
const (
	radiusAccessRequest     = 1
	radiusAccessAccept      = 2
	radiusAccessReject      = 3
	radiusAccountingRequest = 4
	radiusAccountingAnswer  = 5
	radiusAccessChallenge   = 11
	radiusStatusServer      = 12
	radiusDisconnect        = 40
	radiusCoANak            = 45
)

// Attributes of a message (RFC 2865 section 5, RFC 3162 section 2.1).
const (
	radiusAttrNASAddr       = 4
	radiusAttrNASIdentifier = 32
	radiusAttrNASAddr6      = 95
	radiusAttrMessageAuth   = 80
)

const (
	radiusHeader = 20
	radiusMax    = 4096
)

// radiusMessage is what shows of a message.
type radiusMessage struct {
	code       uint8
	attributes int
	known      int    // attributes that only RADIUS has in this form
	name, addr []byte // of the device that asks
}

// readRADIUS reads a message whose attributes fill it exactly.
func readRADIUS(b []byte) (r radiusMessage, ok bool) {
	c := wire.New(b)
	r.code = c.U8()
	c.Skip(1)
	n := int(c.U16())
	c.Skip(16) // authenticator
	if !c.OK() || n < radiusHeader || n > radiusMax || n != len(b) || !radiusCode(r.code) {
		return r, false
	}
	for c.Len() > 0 {
		kind, size := c.U8(), int(c.U8())
		if size < 2 || kind == 0 {
			return r, false
		}
		v := c.Bytes(size - 2)
		if !c.OK() {
			return r, false
		}
		r.attributes++
		switch {
		case kind == radiusAttrNASAddr && len(v) == 4, kind == radiusAttrNASAddr6 && len(v) == 16:
			r.addr = v
			r.known++
		case kind == radiusAttrNASIdentifier && len(v) > 0:
			r.name = v
			r.known++
		case kind == radiusAttrMessageAuth && len(v) == 16, kind == 1 && len(v) > 0 && printable(v):
			r.known++
		}
	}
	return r, true
}

func radiusCode(code uint8) bool {
	switch {
	case code >= radiusAccessRequest && code <= radiusAccountingAnswer, code == radiusAccessChallenge, code == radiusStatusServer:
		return true
	}
	return code >= radiusDisconnect && code <= radiusCoANak
}

// radiusMatch wants, on any port, attributes that say where a request comes
// from: answers may hold none at all.
func radiusMatch(b []byte) bool {
	r, ok := readRADIUS(b)
	return ok && r.known >= 2
}

type radius struct {
	claimed bool
	text    scratch
}

// Dissect reads one datagram.
func (d *radius) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	r, ok := readRADIUS(m.Data)
	switch {
	case m.Stream:
		return 0, ErrNotMine
	case !ok:
		if m.Cut {
			return 0, ErrShort
		}
		return 0, notMine(d.claimed)
	case !d.claimed && r.known < 2 && !radiusOnPort(m):
		return 0, ErrNotMine
	}
	d.claimed = true
	if d.direction(&r, out); r.code == radiusAccessRequest || r.code == radiusAccountingRequest {
		d.asks(m, &r, out)
	}
	return len(m.Data), nil
}

func radiusOnPort(m *Message) bool {
	return onPort(m, 1812) || onPort(m, 1813) || onPort(m, 1645) || onPort(m, 1646) || onPort(m, 3799)
}

func (d *radius) direction(r *radiusMessage, out Out) {
	switch r.code {
	case radiusAccessRequest:
		out.Sender(Client)
		out.Operation(ot.Authenticate, 1)
	case radiusAccountingRequest:
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	case radiusStatusServer:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case radiusDisconnect, radiusDisconnect + 3: // Disconnect-Request, CoA-Request
		out.Sender(Client)
		out.Operation(ot.Control, 1)
	default:
		out.Sender(Server)
	}
}

// asks tells of the device that lets others in: the sender, or, behind a proxy,
// whoever has the address that it gives.
func (d *radius) asks(m *Message, r *radiusMessage, out Out) {
	of := Sender
	if a, ok := netip.AddrFromSlice(r.addr); ok && a != m.Src().Addr && usableAddr(a) {
		of = Addr(a)
	}
	if r.addr != nil {
		out.Fact(of, radiusNASAddr, d.text.addr(addrOf(r.addr)), "radius.nas_ip_address", ot.Content)
	}
	if len(r.name) > 0 && printable(r.name) {
		out.Fact(of, radiusNAS, r.name, "radius.nas_identifier", ot.Content)
		out.Fact(of, ot.Name, r.name, "radius.nas_identifier", ot.Content)
	}
}
