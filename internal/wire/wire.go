// Package wire reads bytes that came from the network: one bounds-checked
// cursor with a sticky short-read flag, so that a parser reads a whole header
// first and asks once, at the end, whether it was there.
package wire

import "encoding/binary"

// Cursor walks a byte slice from front to back. A read past the end returns
// zero, makes the cursor short for good and consumes nothing more. The zero value
// is an empty cursor. Slices that it returns alias the input.
type Cursor struct {
	b   []byte
	off uint // beyond len(b): short, so that no read needs to ask for more than the bound
}

// New returns a cursor at the front of b.
func New(b []byte) Cursor { return Cursor{b: b} }

// OK reports whether every read so far was within bounds.
func (c *Cursor) OK() bool { return c.off <= uint(len(c.b)) }

// Len is the number of bytes left.
func (c *Cursor) Len() int { return max(0, len(c.b)-int(c.off)) }

// Off is the number of bytes consumed.
func (c *Cursor) Off() int { return min(int(c.off), len(c.b)) }

// take consumes n bytes, or none and makes the cursor short.
func (c *Cursor) take(n int) []byte {
	if i := c.off; uint(n) <= uint(len(c.b)) && i <= uint(len(c.b))-uint(n) {
		c.off = i + uint(n)
		return c.b[i:c.off:c.off]
	}
	c.off = uint(len(c.b)) + 1
	return nil
}

// Bytes consumes n bytes; nil when they are not there.
func (c *Cursor) Bytes(n int) []byte { return c.take(n) }

// Skip consumes n bytes.
func (c *Cursor) Skip(n int) {
	if i := c.off + uint(n); n >= 0 && i <= uint(len(c.b)) {
		c.off = i
		return
	}
	c.off = uint(len(c.b)) + 1
}

// Rest consumes and returns everything left.
func (c *Cursor) Rest() []byte { return c.take(c.Len()) }

// Sub consumes n bytes and returns a cursor over them: the way to keep a
// structure's inner reads inside its own length field.
func (c *Cursor) Sub(n int) Cursor {
	s := Cursor{b: c.take(n)}
	if !c.OK() {
		s.off = 1
	}
	return s
}

// Peek returns the next n bytes without consuming them, nil when fewer are
// left; it does not make the cursor short.
func (c *Cursor) Peek(n int) []byte {
	if i := c.off; uint(n) <= uint(len(c.b)) && i <= uint(len(c.b))-uint(n) {
		return c.b[i : i+uint(n) : i+uint(n)]
	}
	return nil
}

// U8 reads one byte.
func (c *Cursor) U8() uint8 {
	if i := c.off; i < uint(len(c.b)) {
		c.off = i + 1
		return c.b[i]
	}
	c.off = uint(len(c.b)) + 1
	return 0
}

// U16 reads two bytes, big endian.
func (c *Cursor) U16() uint16 {
	if i := c.off + 1; i < uint(len(c.b)) {
		c.off = i + 1
		return uint16(c.b[i]) | uint16(c.b[i-1])<<8
	}
	c.off = uint(len(c.b)) + 1
	return 0
}

// U24 reads three bytes, big endian.
func (c *Cursor) U24() uint32 {
	if i := c.off + 2; i < uint(len(c.b)) {
		c.off = i + 1
		return uint32(c.b[i]) | uint32(c.b[i-1])<<8 | uint32(c.b[i-2])<<16
	}
	c.off = uint(len(c.b)) + 1
	return 0
}

// U32 reads four bytes, big endian.
func (c *Cursor) U32() uint32 {
	if s := c.take(4); s != nil {
		return binary.BigEndian.Uint32(s)
	}
	return 0
}

// U64 reads eight bytes, big endian.
func (c *Cursor) U64() uint64 {
	if s := c.take(8); s != nil {
		return binary.BigEndian.Uint64(s)
	}
	return 0
}

// U16LE reads two bytes, little endian.
func (c *Cursor) U16LE() uint16 {
	if i := c.off + 1; i < uint(len(c.b)) {
		c.off = i + 1
		return uint16(c.b[i-1]) | uint16(c.b[i])<<8
	}
	c.off = uint(len(c.b)) + 1
	return 0
}

// U32LE reads four bytes, little endian.
func (c *Cursor) U32LE() uint32 {
	if s := c.take(4); s != nil {
		return binary.LittleEndian.Uint32(s)
	}
	return 0
}

// U64LE reads eight bytes, little endian.
func (c *Cursor) U64LE() uint64 {
	if s := c.take(8); s != nil {
		return binary.LittleEndian.Uint64(s)
	}
	return 0
}
