// Package wire reads bytes that came from the network: one bounds-checked
// cursor with a sticky short-read flag, so that a parser reads a whole header
// first and asks once, at the end, whether it was there.
package wire

import "encoding/binary"

// Cursor walks a byte slice from front to back. A read past the end returns
// zero, sets the short flag for good and consumes nothing more. The zero value
// is an empty cursor. Slices that it returns alias the input.
type Cursor struct {
	b     []byte
	off   int
	short bool
}

// New returns a cursor at the front of b.
func New(b []byte) Cursor { return Cursor{b: b} }

// OK reports whether every read so far was within bounds.
func (c *Cursor) OK() bool { return !c.short }

// Len is the number of bytes left.
func (c *Cursor) Len() int { return len(c.b) - c.off }

// Off is the number of bytes consumed.
func (c *Cursor) Off() int { return c.off }

// take consumes n bytes, or none and marks the cursor short.
func (c *Cursor) take(n int) []byte {
	if c.short || n < 0 || n > len(c.b)-c.off {
		c.short = true
		c.off = len(c.b)
		return nil
	}
	s := c.b[c.off : c.off+n : c.off+n]
	c.off += n
	return s
}

// Bytes consumes n bytes; nil when they are not there.
func (c *Cursor) Bytes(n int) []byte { return c.take(n) }

// Skip consumes n bytes.
func (c *Cursor) Skip(n int) { c.take(n) }

// Rest consumes and returns everything left.
func (c *Cursor) Rest() []byte { return c.take(c.Len()) }

// Sub consumes n bytes and returns a cursor over them: the way to keep a
// structure's inner reads inside its own length field.
func (c *Cursor) Sub(n int) Cursor {
	s := c.take(n)
	return Cursor{b: s, short: c.short}
}

// Peek returns the next n bytes without consuming them, nil when fewer are
// left; it does not mark the cursor short.
func (c *Cursor) Peek(n int) []byte {
	if c.short || n < 0 || n > len(c.b)-c.off {
		return nil
	}
	return c.b[c.off : c.off+n : c.off+n]
}

// U8 reads one byte.
func (c *Cursor) U8() uint8 {
	if s := c.take(1); s != nil {
		return s[0]
	}
	return 0
}

// U16 reads two bytes, big endian.
func (c *Cursor) U16() uint16 {
	if s := c.take(2); s != nil {
		return binary.BigEndian.Uint16(s)
	}
	return 0
}

// U24 reads three bytes, big endian.
func (c *Cursor) U24() uint32 {
	if s := c.take(3); s != nil {
		return uint32(s[0])<<16 | uint32(s[1])<<8 | uint32(s[2])
	}
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
	if s := c.take(2); s != nil {
		return binary.LittleEndian.Uint16(s)
	}
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
