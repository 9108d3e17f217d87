package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Elements of a serialised object, T. Wiens.
const (
	s7plusStartObject = 0xa1
	s7plusEndObject   = 0xa2
	s7plusAttribute   = 0xa3
)

// Attributes of a session, and members of its version.
const (
	s7plusAttrUser    = 296
	s7plusAttrProgram = 297
	s7plusAttrHost    = 298
	s7plusAttrComment = 301
	s7plusAttrVersion = 306
	s7plusSystemPAOM  = 319 // "1;6ES7 511-1AK00-0AB0;V1.0"
)

// s7plusMaxElements bounds the elements of one object that are looked at.
const s7plusMaxElements = 64

// session reads the session object: of a request whom the client calls itself,
// of a response what the controller is.
func (d *s7plus) session(p *s7plusPDU, out Out) {
	c := wire.New(p.body)
	request := p.opcode == s7plusRequest
	if request && c.U32() != s7plusSessions || !s7plusObject(&c, request) {
		return
	}
	c.Skip(4)     // relation
	for range 3 { // class, its flags, attribute
		s7plusVLQ(&c)
	}
	for range s7plusMaxElements {
		if c.U8() != s7plusAttribute {
			return
		}
		id := s7plusVLQ(&c)
		flags, kind := c.U8(), c.U8()
		switch {
		case !c.OK():
			return
		case kind == s7plusText && flags == 0:
			d.attribute(request, id, c.Bytes(int(s7plusVLQ(&c)&0xffff)), out)
		case kind == s7plusStruct && flags == 0 && id == s7plusAttrVersion && !request:
			d.version(&c, out)
		default:
			s7plusSkip(&c, flags, kind, 0)
		}
	}
}

// s7plusObject goes to the object behind the head of a CreateObject: a value
// and a zero word in a request (of an older session further octets), a result and
// the identifiers that were given in a response.
func s7plusObject(c *wire.Cursor, request bool) bool {
	if request {
		flags, kind := c.U8(), c.U8()
		s7plusSkip(c, flags, kind, 0)
		c.Skip(4)
		for range 5 {
			if x := c.Peek(1); len(x) == 1 && x[0] != s7plusStartObject {
				c.Skip(1)
			}
		}
	} else {
		s7plusVLQ(c)
		for n := c.U8(); n > 0; n-- {
			s7plusVLQ(c)
		}
	}
	return c.U8() == s7plusStartObject && c.OK()
}

// attribute tells one text of a session.
func (d *s7plus) attribute(request bool, id uint64, v []byte, out Out) {
	if len(v) == 0 || len(v) > 128 || !printable(v) {
		return
	}
	switch {
	case id == s7plusAttrComment:
		out.Fact(Sender, s7plusComment, v, "s7comm-plus.session.comment", ot.Content)
	case !request:
	case id == s7plusAttrUser:
		out.Fact(Sender, s7plusUser, v, "s7comm-plus.session.user", ot.Content)
	case id == s7plusAttrProgram:
		out.Fact(Sender, s7plusApplication, v, "s7comm-plus.session.application", ot.Content)
	case id == s7plusAttrHost:
		out.Fact(Sender, s7plusHost, v, "s7comm-plus.session.host", ot.Content)
	}
}

var s7plusVendor = []byte("Siemens")

// version reads the structure ServerSessionVersion of a response, whose system
// text holds order number and firmware.
func (d *s7plus) version(c *wire.Cursor, out Out) {
	c.Skip(4) // the structure's own identifier
	for range s7plusMaxElements {
		id := s7plusVLQ(c)
		if id == 0 || !c.OK() {
			return
		}
		flags, kind := c.U8(), c.U8()
		if kind != s7plusText || flags != 0 {
			s7plusSkip(c, flags, kind, 1)
			continue
		}
		if v := c.Bytes(int(s7plusVLQ(c) & 0xffff)); id == s7plusSystemPAOM {
			s7plusPlate(v, out)
		}
	}
}

// s7plusPlate tells a text of three parts: a number, the order number, the
// firmware.
func s7plusPlate(v []byte, out Out) {
	_, rest, ok := bytes.Cut(v, []byte(";"))
	model, firmware, whole := bytes.Cut(rest, []byte(";"))
	model, firmware = trim(model), trim(firmware)
	if !ok || !whole || len(model) < 6 || !printable(v) {
		return
	}
	out.Fact(Sender, ot.Vendor, s7plusVendor, "s7comm-plus.session.version", ot.Behaviour)
	out.Fact(Sender, ot.Model, model, "s7comm-plus.session.version", ot.Identity)
	if len(firmware) > 0 {
		out.Fact(Sender, ot.FirmwareRev, firmware, "s7comm-plus.session.version", ot.Identity)
	}
}

// Kinds of value that are told apart by more than their size.
const (
	s7plusBlob   = 0x14
	s7plusText   = 0x15
	s7plusStruct = 0x17
)

// s7plusSizes are the octets of a value by its kind; -1 is a VLQ number, -2 has
// a form of its own.
var s7plusSizes = [...]int8{
	0, 1, 1, 2, -1, -1, 1, 2, -1, -1, // null, bool, usint, uint, udint, ulint, sint, int, dint, lint
	1, 2, 4, 8, 4, 8, 8, -1, 4, -1, // byte, word, dword, lword, real, lreal, timestamp, timespan, rid, aid
	-2, -2, -2, -2, // blob, text, variant, structure
}

// s7plusSkip passes over one value; one of a form that is not known makes the
// cursor short.
func s7plusSkip(c *wire.Cursor, flags, kind byte, depth int) {
	n := uint64(1)
	if flags&0x10 != 0 { // an array
		n = s7plusVLQ(c)
	}
	if flags&^0x10 != 0 || int(kind) >= len(s7plusSizes) || n > 4096 || depth > 3 {
		c.Skip(c.Len() + 1)
		return
	}
	for ; n > 0 && c.OK(); n-- {
		switch size := s7plusSizes[kind]; {
		case size >= 0:
			c.Skip(int(size))
		case size == -1:
			s7plusVLQ(c)
		case kind == s7plusText:
			c.Skip(int(s7plusVLQ(c) & 0xffffff))
		case kind == s7plusBlob:
			s7plusVLQ(c)
			c.Skip(int(s7plusVLQ(c) & 0xffffff))
		case kind == s7plusStruct:
			s7plusSkipStruct(c, depth)
		default:
			c.Skip(c.Len() + 1)
		}
	}
}

func s7plusSkipStruct(c *wire.Cursor, depth int) {
	c.Skip(4)
	for range s7plusMaxElements {
		if s7plusVLQ(c) == 0 || !c.OK() {
			return
		}
		flags, kind := c.U8(), c.U8()
		s7plusSkip(c, flags, kind, depth+1)
	}
}
