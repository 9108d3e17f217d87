package dissect

import "demarc/internal/wire"

// Function codes that need a name, Application Protocol V1.1b3 clause 6.
const (
	modbusDiagnostics    = 0x08 // 6.8
	modbusReportServerID = 0x11 // 6.17
	modbusEncapsulated   = 0x2b // 6.19
	modbusUMAS           = 0x5a // a vendor's own protocol in a user defined code
	modbusException      = 0x80 // 7: bit of an exception response
)

// Exception codes of a gateway, clause 7.
const (
	gatewayPathUnavailable = 0x0a
	gatewayTargetFailed    = 0x0b
	lastException          = 0x0b
)

// modbusShape says which of the two a PDU can be, by function code and length.
// Both bits: the response echoes the request. None: neither, or a function
// that the standard leaves to the user.
type modbusShape uint8

const (
	modbusAsks modbusShape = 1 << iota
	modbusAnswers
)

// shape compares the PDU with the layout of its function, clause 6. A PDU that
// the capture cut is judged by what is there.
func (f *modbusFrame) shape() modbusShape {
	c := wire.New(f.pdu)
	fc, n := c.U8(), f.size-1 // behind the function code
	switch fc {
	case 1, 2, 3, 4:
		bits := fc <= 2
		return when(n == 4, modbusAsks) | when((bits || n%2 == 1) && counted(&c, n), modbusAnswers)
	case 5, 6:
		return when(n == 4, modbusAsks|modbusAnswers)
	case 15, 16:
		return when(n == 4, modbusAnswers) | when(n > 5 && countedAt(&c, 4, n), modbusAsks)
	}
	return f.rareShape(fc, n, &c)
}

// rareShape is shape of the other functions.
func (f *modbusFrame) rareShape(fc uint8, n int, c *wire.Cursor) modbusShape {
	if fc&modbusException != 0 {
		return when(f.size == 2 && oneOf(c.Peek(1), 1, lastException), modbusAnswers)
	}
	switch fc {
	case 7:
		return when(n == 0, modbusAsks) | when(n == 1, modbusAnswers)
	case modbusDiagnostics:
		return when(n >= 4 && n%2 == 0, modbusAsks|modbusAnswers)
	case 11:
		return when(n == 0, modbusAsks) | when(n == 4, modbusAnswers)
	case 12, modbusReportServerID:
		return when(n == 0, modbusAsks) | when(n > 0 && counted(c, n), modbusAnswers)
	case 20, 21:
		return fileShape(fc, c, n)
	case 22:
		return when(n == 6, modbusAsks|modbusAnswers)
	case 23:
		return when(n > 9 && countedAt(c, 8, n), modbusAsks) | when(n%2 == 1 && counted(c, n), modbusAnswers)
	case 24:
		return when(n == 2, modbusAsks) | when(n >= 4 && fifo(c, n), modbusAnswers)
	case modbusEncapsulated:
		return meiShape(c, n)
	}
	return 0
}

func when(ok bool, s modbusShape) modbusShape {
	if ok {
		return s
	}
	return 0
}

// oneOf reports whether the byte is in a range; a byte that is not there may be.
func oneOf(b []byte, from, to uint8) bool { return b == nil || b[0] >= from && b[0] <= to }

// counted reports whether a byte count leads exactly to the end of the PDU.
func counted(c *wire.Cursor, n int) bool { return countedAt(c, 0, n) }

// countedAt is counted behind at bytes of parameters.
func countedAt(c *wire.Cursor, at, n int) bool {
	b := c.Peek(at + 1)
	if b == nil {
		return n > at // cut before the count
	}
	return int(b[at]) == n-at-1
}

// fifo reports whether the 16-bit byte count of function 24 fits, clause 6.18.
func fifo(c *wire.Cursor, n int) bool {
	k := *c
	size := int(k.U16())
	return !k.OK() || size == n-2
}

// fileShape tells the groups of functions 20 and 21 apart, clauses 6.14 and
// 6.15. Every group has the reference type 6: first in a request's group,
// behind the length in a response to a read.
func fileShape(fc uint8, c *wire.Cursor, n int) modbusShape {
	k := *c
	size, first, second := int(k.U8()), k.U8(), k.U8()
	if !k.OK() || size != n-1 || size < 3 {
		return 0
	}
	if fc == 21 {
		return when(first == 6 && size >= 9, modbusAsks|modbusAnswers)
	}
	return when(first == 6 && size%7 == 0, modbusAsks) | when(second == 6, modbusAnswers)
}

// meiShape is clause 6.19: CANopen (6.20) is a tunnel either way; a device
// identification (6.21) is three bytes as request, a list as response.
func meiShape(c *wire.Cursor, n int) modbusShape {
	k := *c
	mei, code := k.U8(), k.U8()
	switch {
	case k.OK() && mei == meiCANopen:
		return when(n >= 2, modbusAsks|modbusAnswers)
	case k.OK() && mei == meiDeviceID && code >= 1 && code <= 4:
		return when(n == 3, modbusAsks) | when(n >= 6, modbusAnswers)
	}
	return 0
}

// sane holds the values of a frame against the limits that the standard sets:
// more than shape, and what makes a first message off the reserved port Modbus.
func (f *modbusFrame) sane() bool {
	c := wire.New(f.pdu)
	fc := c.U8()
	first, second := c.U16(), c.U16()
	full := c.OK()
	switch fc {
	case 1, 2:
		return f.size != 5 || !full || f.shape()&modbusAnswers != 0 || inRange(first, second, 2000)
	case 3, 4:
		return f.size != 5 || !full || inRange(first, second, 125)
	case 5:
		return !full || second == 0 || second == 0xff00
	case modbusDiagnostics:
		return first <= 21
	case 15:
		return !full || inRange(first, second, 1968) && f.bytesFor((int(second)+7)/8)
	case 16:
		return !full || inRange(first, second, 123) && f.bytesFor(2*int(second))
	}
	return true
}

// inRange is the check that every server makes of a quantity, clause 6.
func inRange(address, quantity uint16, limit int) bool {
	q := int(quantity)
	return q >= 1 && q <= limit && int(address)+q <= 1<<16
}

// bytesFor reports whether a write carries n bytes of values, or is the
// response, which carries none.
func (f *modbusFrame) bytesFor(n int) bool { return f.size == 5 || f.size == 6+n }
