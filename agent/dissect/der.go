package dissect

import "demarc/internal/wire"

// Universal tags (ITU-T X.690 section 8). Context tags are 0xa0 and up when
// constructed, 0x80 and up when primitive.
const (
	berInteger     = 0x02
	berOctetString = 0x04
	berNull        = 0x05
	berOID         = 0x06
	berEnumerated  = 0x0a
	berUTF8        = 0x0c
	berBMP         = 0x1e
	berSequence    = 0x30
	berSet         = 0x31
)

// berValue reads one value of definite length, the identifier in one byte
// (X.690 section 8.1): all that the protocols here use. A value that runs past
// the end marks the cursor short.
func berValue(c *wire.Cursor) (tag uint8, v wire.Cursor) {
	tag = c.U8()
	if tag&0x1f == 0x1f { // a longer identifier
		c.Skip(c.Len() + 1)
		return 0, v
	}
	return tag, c.Sub(berLength(c))
}

// berLength reads a length of at most four bytes; -1 when it is indefinite or
// longer.
func berLength(c *wire.Cursor) int {
	n := int(c.U8())
	if n < 0x80 {
		return n
	}
	if n == 0x80 || n > 0x84 {
		return -1
	}
	length := uint64(0)
	for range n - 0x80 {
		length = length<<8 | uint64(c.U8())
	}
	if length > 1<<30 {
		return -1
	}
	return int(length)
}

// berExpect reads one value that must have the tag.
func berExpect(c *wire.Cursor, tag uint8) wire.Cursor {
	got, v := berValue(c)
	if got != tag {
		c.Skip(c.Len() + 1) // marks c short
		return wire.Cursor{}
	}
	return v
}

// berUint reads an integer of at most eight bytes, negative ones as large.
func berUint(v *wire.Cursor) uint64 {
	n := uint64(0)
	for v.Len() > 0 {
		n = n<<8 | uint64(v.U8())
	}
	return n
}

// berNext reads one value whose identifier may take two bytes, with a number up
// to 127 (X.690 section 8.1.2.4): tag is then the first byte << 8 and the
// second. With cut, a value that the capture ends in is what there is of it;
// without, it marks the cursor short.
func berNext(c *wire.Cursor, cut bool) (tag uint16, v wire.Cursor) {
	tag = uint16(c.U8())
	if tag&0x1f == 0x1f {
		number := c.U8()
		if number&0x80 != 0 {
			c.Skip(c.Len() + 1)
			return 0, v
		}
		tag = tag<<8 | uint16(number)
	}
	n := berLength(c)
	if cut && n > c.Len() {
		n = c.Len()
	}
	v = c.Sub(n)
	if !c.OK() {
		return 0, wire.Cursor{}
	}
	return tag, v
}
