package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "s7comm-plus",
		Over:     []string{"cotp"},
		Tier:     2,
		Match:    matchS7Plus,
		New:      func() Dissector { return &s7plus{} },
		OT:       true,
		Reads:    "order number and firmware of the controller, host and program of the client, operations, TLS inside",
		Standard: "no public one; T. Wiens: S7comm-plus dissector and S7CommPlusDriver (field names), Biham et al.: Rogue7 (Black Hat 2019)",
	})
}

// Attributes of sessions.
const (
	s7plusUser        ot.Attribute = "s7comm-plus.session_user"
	s7plusApplication ot.Attribute = "s7comm-plus.session_application"
	s7plusHost        ot.Attribute = "s7comm-plus.session_host"
	s7plusComment     ot.Attribute = "s7comm-plus.session_comment"
)

// s7plus reads the protocol of S7-1200 and S7-1500. Names follow T. Wiens.
//
//	 0     1       2   3     4 ...            4+length
//	+-----+-------+---------+----------------+-----+-------+------+
//	| 72h |version| length  | data           | 72h |version|  0   |
//	+-----+-------+---------+----------------+-----+-------+------+
//	version 1 session set-up, 2 and 3 (data begins with a digest), FEh system event
//
//	data: | opcode | 0 0 | function | 0 0 | sequence | session (requests) | flags | ...
//	opcode 31h request, 32h response, 33h notification
//
// A long PDU is cut into several of these, of which only the last has the
// trailer and only the first has the data's head. Since TIA Portal V17 InitSSL
// turns the session into TLS, whose records then stand where this stood.
type s7plus struct {
	sides   sides
	claimed bool
	secured bool
	tls     *tls // behind InitSSL
	text    scratch
}

const (
	s7plusID       = 0x72
	s7plusEvent    = 0xfe
	s7plusRequest  = 0x31
	s7plusResponse = 0x32
	s7plusNotify   = 0x33
)

// s7plusPDU is one PDU, or the first part of one.
type s7plusPDU struct {
	version  byte
	opcode   byte // 0: a further part, or an event
	function uint16
	session  uint32 // of a request
	body     []byte // behind the flags
}

// readS7Plus reads the frame; ok is false for anything else.
func readS7Plus(b []byte) (p s7plusPDU, ok bool) {
	c := wire.New(b)
	id := c.U8()
	p.version = c.U8()
	data := c.Sub(int(c.U16()))
	known := p.version >= 1 && p.version <= 3 || p.version == s7plusEvent
	if !c.OK() || id != s7plusID || !known || data.Len() == 0 {
		return p, false
	}
	if c.Len() > 0 { // the trailer
		if c.Len() != 4 || c.U8() != s7plusID || c.U8() != p.version || c.U16() != 0 {
			return p, false
		}
	}
	if p.version != s7plusEvent {
		p.head(data)
	}
	return p, true
}

// head reads the data's head where there is one; a further part of a long PDU
// has none.
func (p *s7plusPDU) head(c wire.Cursor) {
	if p.version == 3 {
		if n := c.U8(); n != s7plusDigest {
			return
		}
		c.Skip(s7plusDigest)
	}
	opcode := c.U8()
	if opcode == s7plusNotify {
		if c.U32() != 0 { // the subscription
			p.opcode = opcode
		}
		return
	}
	r1, function, r2 := c.U16(), c.U16(), c.U16()
	c.Skip(2) // sequence
	if opcode == s7plusRequest {
		p.session = c.U32()
	}
	flags := c.U8()
	if !c.OK() || r1|r2 != 0 || flags&^0x76 != 0 || !s7plusKnown(function) || opcode != s7plusRequest && opcode != s7plusResponse {
		return
	}
	p.opcode, p.function, p.body = opcode, function, c.Rest()
}

// s7plusDigest is the length of the keyed hash before the data of version 3.
const s7plusDigest = 32

func matchS7Plus(b []byte) bool {
	p, ok := readS7Plus(b)
	return ok && (p.opcode == s7plusRequest || p.opcode == s7plusResponse)
}

// Dissect implements Dissector.
func (d *s7plus) Dissect(m *Message, out Out) (int, error) {
	if m.Tag != cotpDT || m.Stream {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	if d.tls != nil && d.sealed(m, out) {
		return len(m.Data), nil
	}
	p, ok := readS7Plus(m.Data)
	if !ok || !d.claimed && p.opcode != s7plusRequest && p.opcode != s7plusResponse {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	switch p.opcode {
	case s7plusRequest, s7plusResponse:
		d.learn(m, &p, out)
	case s7plusNotify:
		out.Sender(Server)
	}
	if !d.secured && p.version > 1 && p.opcode != 0 {
		d.secured = true
		out.Security(p.security())
	}
	return len(m.Data), nil
}

// security is what a session's version protects: 3 has a keyed digest before
// the data, 2 has one behind them where the controller asks for it.
func (p *s7plusPDU) security() ot.Security {
	c := wire.New(p.body)
	c.Skip(len(p.body) - s7plusDigest - 1)
	if n := c.U8(); p.version == 3 || n == s7plusDigest && c.OK() {
		return ot.Security{Mode: ot.Sign}
	}
	return ot.Security{Mode: ot.SecurityNone}
}

// learn reads a request or a response.
func (d *s7plus) learn(m *Message, p *s7plusPDU, out Out) {
	request := p.opcode == s7plusRequest
	out.Sender(roleOf(request))
	if counts := d.sides.counts(m, request); counts {
		if class, ok := s7plusClass(p); ok {
			out.Operation(class, 1)
		}
	}
	switch {
	case p.function == s7plusCreateObject:
		d.session(p, out)
	case p.function == s7plusInitSSL && !request && d.tls == nil:
		d.tls = &tls{}
	}
}

// sealed reads TLS records in the place of a PDU; what they cannot tell, such
// as one that goes on in the next TSDU, is passed over.
func (d *s7plus) sealed(m *Message, out Out) bool {
	c := wire.New(m.Data)
	if _, ok := readTLSRecord(&c); !ok && !d.secured {
		return false
	}
	if d.secured {
		return true
	}
	inner := *m
	for len(inner.Data) > 0 {
		used, err := d.tls.Dissect(&inner, out)
		if used <= 0 || used > len(inner.Data) || err != nil {
			break
		}
		inner.Data = inner.Data[used:]
	}
	if d.tls.security.Mode != ot.SecurityUnknown {
		d.secured = true
	}
	return true
}
