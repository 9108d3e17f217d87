package dissect

import (
	"demarc/internal/wire"
)

// APDU types, clause 20.1.
const (
	apduConfirmed   = 0
	apduUnconfirmed = 1
	apduSimpleAck   = 2
	apduComplexAck  = 3
	apduSegmentAck  = 4
	apduError       = 5
	apduReject      = 6
	apduAbort       = 7
)

// apdu is the header of the application layer. A confirmed request, 20.1.2:
//
//	+------+--------------+------+-----------------+-------------------+---------+------
//	| type | largest APDU | in-  | sequence number | window            | service | ...
//	|      | and segments | voke | if segmented    | if segmented      | choice  |
//	+------+--------------+------+-----------------+-------------------+---------+------
//
// An acknowledgement has no second octet; an unconfirmed request only the
// service choice. Type: bits 7-4, then segmented, more follow, and one more.
type apdu struct {
	kind      uint8
	segmented bool
	more      bool
	server    bool // abort and segment acknowledgement: sent by the server
	invoke    uint8
	sequence  uint8
	service   uint8 // not of segment acknowledgement, reject and abort
	body      []byte
}

func readAPDU(b []byte) (a apdu, ok bool) {
	c := wire.New(b)
	first := c.U8()
	a.kind = first >> 4
	reserved := first & 15
	switch a.kind {
	case apduConfirmed:
		a.segmented, a.more = first&8 != 0, first&4 != 0
		reserved = first & 1
		if c.U8()&0x80 != 0 {
			return a, false
		}
		a.invoke = c.U8()
		a.segment(&c)
		a.service = c.U8()
	case apduUnconfirmed:
		a.service = c.U8()
	case apduComplexAck:
		a.segmented, a.more = first&8 != 0, first&4 != 0
		reserved = first & 3
		a.invoke = c.U8()
		a.segment(&c)
		a.service = c.U8()
	case apduSimpleAck, apduError:
		a.invoke, a.service = c.U8(), c.U8()
	case apduSegmentAck:
		a.server = first&1 != 0
		reserved = first & 0xc
		c.Skip(3)
	case apduReject, apduAbort:
		a.server = first&1 != 0 || a.kind == apduReject
		reserved = first & 0xe
		c.Skip(2)
	default:
		return a, false
	}
	a.body = c.Rest()
	return a, c.OK() && reserved == 0 && (a.segmented || !a.more)
}

func (a *apdu) segment(c *wire.Cursor) {
	if a.segmented {
		a.sequence = c.U8()
		c.Skip(1)
	}
}

// application reads an APDU; false when it cannot be one.
func (d *bacnet) application(m *Message, n *npdu, of Subject, out Out) bool {
	a, ok := readAPDU(n.body)
	if !ok {
		return false
	}
	switch a.kind {
	case apduConfirmed:
		d.confirmed(m, &a, of, out)
	case apduUnconfirmed:
		return d.unconfirmed(m, &a, of, out)
	case apduSimpleAck, apduError:
		d.answered(m, &a, out)
	case apduComplexAck:
		d.answered(m, &a, out)
		if body := d.join(m, n, &a); body != nil {
			d.acknowledged(a.service, body, of, out)
		}
	case apduSegmentAck, apduAbort:
		out.Sender(roleOf(!a.server))
	}
	return true
}

// confirmed reads a request. Who sends one is the client, except that a device
// notifies its subscribers: that may turn no direction round.
func (d *bacnet) confirmed(m *Message, a *apdu, of Subject, out Out) {
	notifies := bacnetNotifies(a.service)
	if !notifies {
		out.Sender(Client)
	}
	first := !a.segmented || a.sequence == 0
	if d.sides.counts(m, true) && first {
		if class, ok := bacnetClass(a.service, a.body); ok {
			out.Operation(class, 1)
		}
	}
	if notifies && first {
		d.notified(a.body, of, out)
	}
}

// answered is what every answer shows: who sends it, and, while no request is
// seen, what was asked for.
func (d *bacnet) answered(m *Message, a *apdu, out Out) {
	if !bacnetNotifies(a.service) {
		out.Sender(Server)
	}
	if !d.sides.counts(m, false) || a.segmented && a.sequence != 0 {
		return
	}
	body := a.body
	if a.kind != apduComplexAck {
		body = nil
	}
	if class, ok := bacnetAnswerClass(a.service, body); ok {
		out.Operation(class, 1)
	}
}

// unconfirmed reads a request without an answer; false when there is no such
// service.
func (d *bacnet) unconfirmed(m *Message, a *apdu, of Subject, out Out) bool {
	s, ok := bacnetUnconfirmed(a.service)
	if !ok {
		return false
	}
	if s.sender != 0 && !toGroup(m) {
		out.Sender(s.sender)
	}
	if s.counts {
		out.Operation(s.class, 1)
	}
	switch a.service {
	case unconfirmedIAm:
		return d.iAm(a.body, of, out) || m.Cut
	case unconfirmedIHave:
		d.iHave(a.body, of, out)
	case unconfirmedCOV, unconfirmedEvent, unconfirmedCOVMultiple:
		d.notified(a.body, of, out)
	}
	return true
}
