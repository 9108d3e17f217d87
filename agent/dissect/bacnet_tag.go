package dissect

import (
	"unicode/utf8"

	"demarc/internal/wire"
)

// bacnetTag is one tag with its value, clause 20.2.1:
//
//	+-----------------+-------+----------------+
//	| number (4 bits) | class | length, value  |  15: number in the next octet
//	|                 |       | or type (3)    |   5: length in the next octets
//	+-----------------+-------+----------------+
//	class 1 is context specific: type 6 opens and 7 closes what is nested
type bacnetTag struct {
	number  uint8
	context bool
	kind    uint8 // tagOpen, tagClose or 0
	value   []byte
}

const (
	tagOpen  = 6
	tagClose = 7
)

// Application tags, clause 20.2.1.4.
const (
	tagBoolean    = 1
	tagUnsigned   = 2
	tagCharacters = 7
	tagEnumerated = 9
	tagObject     = 12
)

// readTag reads a tag; of one that the capture cut the cursor is short.
func readTag(c *wire.Cursor) (t bacnetTag) {
	b := c.U8()
	t.number, t.context = b>>4, b&8 != 0
	if t.number == 15 {
		t.number = c.U8()
	}
	n := int(b & 7)
	switch {
	case t.context && (n == tagOpen || n == tagClose):
		t.kind = uint8(n)
		return t
	case !t.context && t.number == tagBoolean:
		return t // the value is in the tag
	case n == 5:
		n = int(c.U8())
		switch n {
		case 254:
			n = int(c.U16())
		case 255:
			n = int(c.U32())
		}
	}
	t.value = c.Bytes(n)
	return t
}

// is reports the application tag of a type.
func (t *bacnetTag) is(number uint8) bool { return !t.context && t.kind == 0 && t.number == number }

// at reports a context tag with a value.
func (t *bacnetTag) at(number uint8) bool { return t.context && t.kind == 0 && t.number == number }

func (t *bacnetTag) opens(number uint8) bool { return t.kind == tagOpen && t.number == number }

func (t *bacnetTag) closes(number uint8) bool { return t.kind == tagClose && t.number == number }

// uint is the value of an unsigned or enumerated number, clause 20.2.4.
func (t *bacnetTag) uint() uint64 {
	v := uint64(0)
	for _, x := range t.value[:min(len(t.value), 8)] {
		v = v<<8 | uint64(x)
	}
	return v
}

// object is the value of an object identifier, clause 20.2.14: a type in 10
// bits, an instance in 22.
func (t *bacnetTag) object() (o bacnetID, ok bool) {
	if len(t.value) != 4 {
		return o, false
	}
	v := t.uint()
	return bacnetID{uint16(v >> 22), uint32(v & bacnetAnyInstance)}, true
}

// bacnetID names an object of a device.
type bacnetID struct {
	kind     uint16
	instance uint32
}

// bacnetAnyInstance is the instance that stands for whichever the device has
// (clause 12.11.1).
const bacnetAnyInstance = 1<<22 - 1

// maxTags bounds the tags that are passed over in one value, and how deep they
// may be nested.
const maxTags = 4096

// skipValue passes over what an opening tag holds, its closing tag included.
func skipValue(c *wire.Cursor) {
	depth := 1
	for n := 0; depth > 0 && c.Len() > 0; n++ {
		switch t := readTag(c); {
		case t.kind == tagOpen:
			depth++
		case t.kind == tagClose:
			depth--
		}
		if n == maxTags {
			c.Rest()
		}
	}
}

// Character sets, clause 20.2.9.
const (
	charsUTF8   = 0
	charsDBCS   = 1 // a code page of 16 bits, then text in it
	charsUCS4   = 3
	charsUCS2   = 4
	charsLatin1 = 5
)

// characters is the text of a character string, nil when it is empty, not text
// or in a set of a vendor's own.
func (d *bacnet) characters(t *bacnetTag) []byte {
	c := wire.New(t.value)
	set := c.U8()
	v := c.Rest()
	at := d.text.mark()
	switch set {
	case charsUTF8:
		if !utf8.Valid(v) {
			d.latin1(v) // as older devices write it
			v = d.text.since(at)
		}
	case charsDBCS:
		v = v[min(2, len(v)):]
		if !ascii(v) {
			return nil
		}
	case charsLatin1:
		d.latin1(v)
		v = d.text.since(at)
	case charsUCS2:
		d.text.utf16be(v)
		v = d.text.since(at)
	case charsUCS4:
		d.ucs4(v)
		v = d.text.since(at)
	default:
		return nil
	}
	if v = trim(v); len(v) == 0 || !printable(v) {
		return nil
	}
	return v
}

func ascii(v []byte) bool {
	for _, x := range v {
		if x >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (d *bacnet) latin1(v []byte) {
	for _, x := range v {
		d.rune(rune(x))
	}
}

func (d *bacnet) ucs4(v []byte) {
	c := wire.New(v)
	for c.Len() >= 4 {
		d.rune(rune(min(c.U32(), utf8.MaxRune+1)))
	}
}

func (d *bacnet) rune(r rune) {
	var b [utf8.UTFMax]byte
	d.text.add(b[:utf8.EncodeRune(b[:], r)])
}
