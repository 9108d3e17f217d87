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
