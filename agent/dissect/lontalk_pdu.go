package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// lonPDU is a LonTalk packet opened as far as its application's part.
type lonPDU struct {
	asks   bool // a request of the session layer
	answer bool // an answer, an acknowledgement, or a repeated reminder
	apdu   wire.Cursor
}

// readLonPDU reads, by CEA-709.1 clauses 6 to 8: priority and backlog 1, then
// version 2 bits, format 2, addressing 2, length of the domain 2; source 2,
// destination, domain; the layer above.
func readLonPDU(c *wire.Cursor) (p lonPDU, ok bool) {
	c.Skip(1)
	head := c.U8()
	c.Skip(1)
	node := c.U8()
	switch head >> 2 & 3 { // behind the source's subnet and node
	case 0, 1:
		c.Skip(1)
	case 2:
		c.Skip(2)
		if node&0x80 == 0 {
			c.Skip(2)
		}
	case 3:
		c.Skip(1 + 6)
	}
	c.Skip([...]int{0, 1, 3, 6}[head&3])
	if !c.OK() || head>>6 != 0 || head>>2&3 < 2 && node&0x80 == 0 {
		return p, false
	}
	const reminder = 4
	switch head >> 4 & 3 {
	case 0: // transport
		kind := c.U8() >> 4 & 7
		p.answer = kind >= 2
		ok = kind <= 2 || kind == reminder || kind == reminder+1
	case 1: // session
		kind := c.U8() >> 4 & 7
		p.asks, p.answer = kind == 0, kind != 0
		ok = kind == 0 || kind == 2 || kind == reminder || kind == reminder+1
	case 2: // authentication
		p.answer, ok = true, c.Len() > 8
	case 3:
		ok = c.Len() > 0
	}
	p.apdu = *c
	return p, ok && c.OK()
}

const lonServicePin = 0x7f

// lonOperation is the class of an application's code, CEA-709.1 clauses 9 and
// 10: from 80 a network variable, from 60 management, from 50 diagnosis.
func lonOperation(code uint8, asks bool) (ot.Operation, bool) {
	switch {
	case code >= 0x80 && asks:
		return ot.Read, true
	case code >= 0x80:
		return ot.Write, true
	case code == 0x6c: // node mode: on-line, off-line, reset
		return ot.Control, true
	case code == 0x6e: // memory
		return ot.Program, true
	case code >= 0x63 && code <= 0x66, code == 0x69, code == 0x6b, code == 0x6f:
		return ot.Configure, true
	case code == 0x73, code == 0x6d:
		return ot.Read, true
	case code >= 0x50 && code < lonServicePin:
		return ot.Diagnose, true
	}
	return 0, false
}
