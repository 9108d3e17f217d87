package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// melsec1E remembers the request of frame 1E that waits for its answer, for the
// answer does not say how long it is. SH-080008 section 4:
//
//	ask:  subheader | PC number | timer 2 | device number 4 | device 2 | points | 00 | data
//	tell: subheader + 80h | end code (5Bh: and another octet) | data
type melsec1E struct {
	spoken  bool // the conversation speaks it
	waiting bool
	sub     byte
	answer  int // octets of data in the answer
}

const (
	e1ReadBits   = 0x00
	e1ReadWords  = 0x01
	e1WriteBits  = 0x02
	e1WriteWords = 0x03
	e1Run        = 0x13
	e1Stop       = 0x14
	e1TypeName   = 0x15
	e1Head       = 12
	e1Short      = 4
	e1Abnormal   = 0x5b
)

// ask1E is a request.
type ask1E struct {
	sub    byte
	size   int
	answer int
}

// read1EAsk reads a request for devices, which alone are a signature: the
// device is one of those that exist, the lengths agree.
func read1EAsk(b []byte) (a ask1E, ok bool) {
	c := wire.New(b)
	var pc, fixed uint8
	a.sub, pc = c.U8(), c.U8()
	c.Skip(2)
	number, device := c.U32LE(), c.U16LE()
	points := int(c.U8())
	fixed = c.U8()
	if !c.OK() || fixed != 0 || pc != 0xff && pc > 64 || number > 0xffffff || !e1Device(device) {
		return a, false
	}
	if points == 0 {
		points = 256
	}
	bits, words := (points+1)/2, 2*points
	a.size = e1Head
	switch a.sub {
	case e1ReadBits:
		a.answer = bits
	case e1ReadWords:
		a.answer = words
	case e1WriteBits:
		a.size += bits
	case e1WriteWords:
		a.size += words
	default:
		return a, false
	}
	return a, true
}

// e1Device reports a device code: two letters, or one and a space.
func e1Device(code uint16) bool {
	switch code {
	case 0x4420, 0x5720, 0x5220, 0x544e, 0x5453, 0x5443, 0x434e, 0x4353, 0x4343, // D W R TN TS TC CN CS CC
		0x5820, 0x5920, 0x4d20, 0x4620, 0x4220, 0x5320: // X Y M F B S
		return true
	}
	return false
}

// mine reports whether the message is for frame1E.
func (o *melsec1E) mine(m *Message, claimed bool) bool {
	if claimed {
		return o.spoken
	}
	a, ok := read1EAsk(m.Data)
	if !ok {
		return m.Stream && e1Begins(m.Data)
	}
	return m.Stream || a.size == len(m.Data)
}

// e1Begins reports what may be the beginning of a request.
func e1Begins(b []byte) bool {
	c := wire.New(b)
	sub, pc := c.U8(), c.U8()
	return len(b) > 0 && len(b) < e1Head && sub <= e1WriteWords && (pc == 0xff || pc <= 64)
}

func (d *melsec) frame1E(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	sub := c.U8()
	if sub&0x80 != 0 {
		return d.answer1E(m, sub, &c, out)
	}
	a, ok := read1EAsk(m.Data)
	if !ok {
		switch sub {
		case e1Run, e1Stop, e1TypeName:
			a = ask1E{sub: sub, size: e1Short}
			if sub == e1TypeName {
				a.answer = 2
			}
		case e1ReadBits, e1ReadWords, e1WriteBits, e1WriteWords:
			if len(m.Data) >= e1Head || !m.Stream {
				return 0, notMine(d.claimed)
			}
			return 0, ErrShort
		default:
			return 0, notMine(d.claimed)
		}
	}
	if len(m.Data) < a.size {
		return 0, ErrShort
	}
	out.Sender(Client)
	d.sides.counts(m, true)
	out.Operation(e1Class(sub), 1)
	d.old = melsec1E{spoken: true, waiting: true, sub: sub, answer: a.answer}
	d.claim(out)
	return a.size, nil
}

// answer1E reads the answer to the request that waits.
func (d *melsec) answer1E(m *Message, sub byte, c *wire.Cursor, out Out) (int, error) {
	end := c.U8()
	n := 2
	switch {
	case d.old.waiting && sub != d.old.sub|0x80:
		return 0, ErrMalformed
	case !c.OK():
		return 0, ErrShort
	case end == e1Abnormal:
		n++
	case end != 0:
		if end < 0x50 || end > 0x60 {
			return 0, ErrMalformed
		}
	case d.old.waiting:
		n += d.old.answer
	default:
		n = len(m.Data) // its request was not seen: it is what there is
	}
	if len(m.Data) < n {
		return 0, ErrShort
	}
	d.old.waiting = false
	out.Sender(Server)
	return n, nil
}

func e1Class(sub byte) ot.Operation {
	switch sub {
	case e1WriteBits, e1WriteWords:
		return ot.Write
	case e1Run, e1Stop:
		return ot.Control
	case e1TypeName:
		return ot.Diagnose
	}
	return ot.Read
}
