package wire

import "testing"

func TestShortReadSticks(t *testing.T) {
	c := New([]byte{1, 2, 3})
	if c.U16() != 0x0102 || !c.OK() {
		t.Fatal("first read")
	}
	if c.U16() != 0 || c.OK() {
		t.Fatal("a read past the end must be zero and short")
	}
	if c.U8() != 0 || c.Len() != 0 {
		t.Fatal("after a short read nothing more is consumed, though one byte was left")
	}
}

func TestSubStaysInside(t *testing.T) {
	c := New([]byte{2, 0xaa, 0xbb, 0xcc})
	s := c.Sub(int(c.U8()))
	if s.U32() != 0 || s.OK() {
		t.Fatal("the inner cursor read past its own length")
	}
	if !c.OK() || c.U8() != 0xcc {
		t.Fatal("the outer cursor must go on behind the structure")
	}
	d := New([]byte{1})
	if e := d.Sub(5); e.OK() || d.OK() {
		t.Fatal("a sub-structure longer than the rest must be short on both")
	}
}

func TestEndianAndNegative(t *testing.T) {
	c := New([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0, 2, 0, 0, 0})
	if c.U64() != 0x0102030405060708 || c.U8() != 9 || c.U16LE() != 1 || c.U32LE() != 2 || !c.OK() {
		t.Fatal("endianness")
	}
	if c.Bytes(-1) != nil || c.OK() {
		t.Fatal("a negative length is short")
	}
}

func TestPeekDoesNotMark(t *testing.T) {
	c := New([]byte{1})
	if c.Peek(2) != nil || !c.OK() || c.U8() != 1 {
		t.Fatal("peek must not consume or mark")
	}
}

// TestEveryReadAtEveryEnd: each read gives what is there, or zero and a short
// cursor, wherever the bytes end; nothing behind a short read is there any more.
func TestEveryReadAtEveryEnd(t *testing.T) {
	all := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	reads := map[string]struct {
		n    int
		read func(c *Cursor) uint64
		want uint64
	}{
		"U8":    {1, func(c *Cursor) uint64 { return uint64(c.U8()) }, 0x01},
		"U16":   {2, func(c *Cursor) uint64 { return uint64(c.U16()) }, 0x0102},
		"U16LE": {2, func(c *Cursor) uint64 { return uint64(c.U16LE()) }, 0x0201},
		"U24":   {3, func(c *Cursor) uint64 { return uint64(c.U24()) }, 0x010203},
		"U32":   {4, func(c *Cursor) uint64 { return uint64(c.U32()) }, 0x01020304},
		"U32LE": {4, func(c *Cursor) uint64 { return uint64(c.U32LE()) }, 0x04030201},
		"U64":   {8, (*Cursor).U64, 0x0102030405060708},
		"U64LE": {8, (*Cursor).U64LE, 0x0807060504030201},
		"Bytes": {5, func(c *Cursor) uint64 { return uint64(len(c.Bytes(5))) }, 5},
		"Peek":  {0, func(c *Cursor) uint64 { return uint64(len(c.Peek(3))) }, 3},
		"Skip":  {6, func(c *Cursor) uint64 { c.Skip(6); return 0 }, 0},
		"Sub":   {4, func(c *Cursor) uint64 { s := c.Sub(4); return uint64(s.Len()) }, 4},
	}
	for name, r := range reads {
		for size := range len(all) + 1 {
			c := New(all[:size:size])
			got := r.read(&c)
			whole := size >= r.n
			switch {
			case name == "Peek" && size < 3:
				whole = got == 0 && c.OK()
			case whole:
				whole = got == r.want && c.OK() && c.Off() == r.n && c.Len() == size-r.n
			default:
				whole = got == 0 && !c.OK() && c.Off() == size && c.Len() == 0
			}
			if !whole {
				t.Errorf("%s of %d bytes: %#x, ok %v, off %d, len %d", name, size, got, c.OK(), c.Off(), c.Len())
			}
			if !c.OK() && (c.U8() != 0 || c.Bytes(0) != nil || c.Peek(0) != nil || c.Rest() != nil || c.OK()) {
				t.Errorf("%s of %d bytes: something is left behind the short read", name, size)
			}
		}
	}
}
