package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "mms",
		Tier:     1,
		Over:     []string{"cotp"},
		Match:    matchMMS,
		New:      func() Dissector { return &mms{} },
		OT:       true,
		Reads:    "identify, IEC 61850 name plates, logical devices, association, operations; carries ICCP",
		Standard: "ISO 9506-2 (MMS), IEC 61850-8-1, ISO 8650-1 (ACSE), ISO 8823-1 (presentation), ISO 8327-1 (session)",
	})
}

// mms reads the Manufacturing Message Specification over the upper layers of
// OSI, one TSDU of ISO transport a message.
//
// Session, ISO 8327-1 8.3: an SPDU is SI, LI and parameters. Data travels as
// two of them in one TSDU, then user data:
//
//	+----+----+----+----+----------------------------
//	| 01 | 00 | 01 | 00 | presentation user data
//	+----+----+----+----+----------------------------
//	 GIVE TOKENS  DATA TRANSFER
//
//	CONNECT 0D, ACCEPT 0E: parameters, then C1 (user data): a CP or CPA of the
//	presentation layer, in which the association request (AARQ) or response
//	(AARE) carries MMS initiate
//	REFUSE 0C, FINISH 09, DISCONNECT 0A, ABORT 19, ABORT ACCEPT 1A
//
// Presentation user data, ISO 8823-1 8.2 (fully encoded), and the MMS PDU:
//
//	61 len { 30 len { 02 01 context   A0 len { MMS PDU } } }
type mms struct {
	claimed bool
	proved  bool // the abstract syntax was agreed, or somebody asked or answered
	asked   bool // a request was seen: responses then count nothing of their own
	tase2   bool // objects of IEC 60870-6 were named: what follows is ICCP's
	recent  recent
	pending mmsPending
	layouts [8]plateLayout
	next    uint8
	plates  [2]uint64 // logical device that a name plate was told of; 0 before
	text    scratch
}

// SPDU identifiers, ISO 8327-1 8.3.
const (
	spduData         = 0x01 // also GIVE TOKENS
	spduNotFinished  = 0x08
	spduFinish       = 0x09
	spduDisconnect   = 0x0a
	spduRefuse       = 0x0c
	spduConnect      = 0x0d
	spduAccept       = 0x0e
	spduAbort        = 0x19
	spduAbortAccept  = 0x1a
	sessionUserData  = 0xc1 // parameter groups
	sessionExtraData = 0xc2
)

// readSession takes the session layer off a TSDU: the SPDU that matters and
// its user data.
func readSession(b []byte, cut bool) (spdu byte, user wire.Cursor, ok bool) {
	c := wire.New(b)
	spdu = c.U8()
	switch spdu {
	case spduData:
		c.Skip(int(c.U8())) // token item
		second, params := c.U8(), c.U8()
		c.Skip(int(params)) // enclosure item
		return spdu, c, c.OK() && second == spduData && params <= 3 && b[1] <= 3
	case spduConnect, spduAccept:
		params := c.Sub(sessionLength(&c, cut))
		for params.Len() > 0 {
			id := params.U8()
			value := params.Sub(sessionLength(&params, cut))
			if id == sessionUserData || id == sessionExtraData {
				return spdu, value, params.OK()
			}
		}
		return spdu, wire.Cursor{}, params.OK() && c.OK()
	case spduNotFinished, spduFinish, spduDisconnect, spduRefuse, spduAbort, spduAbortAccept:
		return spdu, wire.Cursor{}, int(c.U8()) == c.Len() || cut
	}
	return spdu, wire.Cursor{}, false
}

// sessionLength reads a length indicator, ISO 8327-1 8.2.5: one octet, or FF
// and two.
func sessionLength(c *wire.Cursor, cut bool) int {
	n := int(c.U8())
	if n == 0xff {
		n = int(c.U16())
	}
	if cut {
		n = min(n, c.Len())
	}
	return n
}

// readPDV takes the presentation layer off fully encoded user data: one value
// and its context identifier.
func readPDV(c *wire.Cursor, cut bool) (value wire.Cursor, ok bool) {
	tag, user := berNext(c, cut)
	if tag != 0x61 || (c.Len() > 0 && !cut) {
		return value, false
	}
	tag, list := berNext(&user, cut)
	if tag != berSequence {
		return value, false
	}
	tag, id := berNext(&list, cut)
	if tag == berOID { // transfer syntax
		tag, id = berNext(&list, cut)
	}
	if tag != berInteger || id.Len() < 1 || id.Len() > 2 {
		return value, false
	}
	tag, value = berNext(&list, cut)
	return value, tag == 0xa0
}

// matchMMS claims data whose presentation and MMS headers agree in every
// length, and an association for the abstract syntax of MMS.
func matchMMS(b []byte) bool {
	spdu, user, ok := readSession(b, false)
	switch {
	case !ok:
		return false
	case spdu == spduData:
		value, ok := readPDV(&user, false)
		if !ok {
			return false
		}
		p, ok := readMMS(value.Rest(), false)
		return ok && p.exact
	case spdu == spduConnect, spdu == spduAccept:
		return readAssociation(user, false).mms
	}
	return false
}

// Dissect implements Dissector: one TSDU.
func (d *mms) Dissect(m *Message, out Out) (int, error) {
	if m.Tag != cotpDT {
		return 0, notMine(d.claimed)
	}
	spdu, user, ok := readSession(m.Data, m.Cut)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	switch spdu {
	case spduConnect, spduAccept:
		a := readAssociation(user, m.Cut)
		if !a.mms && !d.claimed {
			return 0, ErrNotMine
		}
		d.proved = d.proved || a.mms
		d.associate(spdu == spduConnect, a, out)
	case spduData:
		value, ok := readPDV(&user, m.Cut)
		if !ok {
			return 0, notMine(d.claimed)
		}
		pdu := value.Rest()
		p, ok := readMMS(pdu, m.Cut)
		if !ok || (!p.exact && !d.claimed) {
			return 0, notMine(d.claimed)
		}
		d.proved = d.proved || p.tag != mmsUnconfirmed
		d.pdu(m, p, pdu, out)
	default:
		if !d.claimed {
			return 0, ErrNotMine
		}
	}
	if m.Cut {
		return 0, ErrShort
	}
	d.claimed = true
	return len(m.Data), nil
}

// Surmises implements Surmiser: a report in a presentation context that nobody
// was seen to agree looks like MMS, and only an association, a request or its
// answer is proof.
func (d *mms) Surmises() bool { return !d.proved }

// pdu tells what one MMS PDU says.
func (d *mms) pdu(m *Message, p mmsPDU, b []byte, out Out) {
	if role, known := p.sender(); known && !p.acknowledges() {
		out.Sender(role)
	}
	if d.recent.fresh(m.Time, 1) {
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.tase2 = d.tase2 || p.namesTASE2()
	if d.tase2 {
		d.asked = d.asked || p.tag == mmsRequest
		out.Payload(uint64(p.tag), b)
	} else {
		p.count(&d.asked, out)
	}
	switch p.tag {
	case mmsRequest:
		d.request(m, p, out)
	case mmsResponse:
		d.response(m, p, out)
	case mmsUnconfirmed:
		d.domains(m, p, Sender, out)
	}
}
