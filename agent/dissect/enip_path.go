package dissect

import (
	"encoding/hex"
	"strconv"

	"demarc/internal/wire"
)

// cipPath is an EPATH, Vol 1 appendix C-1.4: what a request is addressed to.
type cipPath struct {
	class     uint32 // 0: none named
	instance  uint32
	attribute uint32
	symbol    bool // names a tag
	route     cipRoute
}

// cipRoute is the port segments of a path, in wire form: the way from the
// device that took the message to the one that is meant.
type cipRoute struct {
	n   uint8
	far bool // more than fits: the device behind is not told apart
	b   [22]byte
}

func (r *cipRoute) add(segment []byte) {
	if len(segment) > len(r.b)-int(r.n) {
		r.far = true
		return
	}
	r.n += uint8(copy(r.b[r.n:], segment))
}

// Logical types of a logical segment, Vol 1 C-1.4.2.
const (
	logicalClass     = 0
	logicalInstance  = 1
	logicalAttribute = 4
	logicalSpecial   = 5
)

// readPath walks the segments of a padded EPATH. The last class is the one
// meant: a path may lead through the object that holds it.
func readPath(b []byte) (p cipPath, ok bool) {
	c := wire.New(b)
	for c.OK() && c.Len() > 0 {
		at := c.Off()
		s := c.U8()
		known := true
		switch s >> 5 {
		case 0:
			p.port(s, b, at, &c)
		case 1:
			known = p.logical(s, &c)
		case 2:
			network(s, &c)
		case 3:
			known = p.symbolic(s, &c)
		case 4:
			known = p.simpleData(s, &c)
		default:
			known = false
		}
		if !known {
			return p, false
		}
	}
	return p, c.OK()
}

// port reads a port segment, Vol 1 C-1.4.1: port number in the low four bits
// (15: a word follows), link address of one byte, or with bit 4 of a given
// size; padded to a word.
func (p *cipPath) port(s uint8, b []byte, at int, c *wire.Cursor) {
	size := 1
	if s&0x10 != 0 {
		size = int(c.U8())
	}
	if s&0x0f == 0x0f {
		c.Skip(2)
	}
	c.Skip(size)
	if (c.Off()-at)%2 == 1 {
		c.Skip(1)
	}
	if c.OK() {
		p.route.add(b[at:c.Off()])
	}
}

// logical reads a logical segment: 8 bits, or 16 or 32 behind a pad byte.
func (p *cipPath) logical(s uint8, c *wire.Cursor) bool {
	kind := s >> 2 & 7
	if kind == logicalSpecial {
		return electronicKey(s, c)
	}
	var v uint32
	switch s & 3 {
	case 0:
		v = uint32(c.U8())
	case 1:
		c.Skip(1)
		v = uint32(c.U16LE())
	case 2:
		c.Skip(1)
		v = c.U32LE()
	default:
		return false
	}
	switch kind {
	case logicalClass:
		p.class, p.instance, p.attribute = v, 0, 0
	case logicalInstance:
		p.instance = v
	case logicalAttribute:
		p.attribute = v
	}
	return true
}

// electronicKey skips a key segment, Vol 1 C-1.4.2.5.
func electronicKey(s uint8, c *wire.Cursor) bool {
	format := c.U8()
	switch {
	case s == 0x34 && format == 4:
		c.Skip(8)
	case s == 0x34 && format == 5:
		c.Skip(12)
	default:
		return false
	}
	return true
}

// network skips a network segment: one byte, or with bit 4 a counted array.
func network(s uint8, c *wire.Cursor) {
	if s&0x10 != 0 {
		c.Skip(2 * int(c.U8()))
		return
	}
	c.Skip(1)
}

// symbolic skips a symbolic segment of single-byte characters, Vol 1 C-1.4.4.
func (p *cipPath) symbolic(s uint8, c *wire.Cursor) bool {
	n := int(s & 0x1f)
	if n == 0 {
		return false // extended strings are not used for tags
	}
	c.Skip(n + 1 - n%2)
	p.symbol = true
	return true
}

// simpleData skips a data segment, Vol 1 C-1.4.5: counted words, or the ANSI
// extended symbol that names a tag.
func (p *cipPath) simpleData(s uint8, c *wire.Cursor) bool {
	switch n := int(c.U8()); s {
	case 0x80:
		c.Skip(2 * n)
	case 0x91:
		c.Skip(n + n%2)
		p.symbol = true
	default:
		return false
	}
	return true
}

// slotPaths saves building the path of a module in the rack.
var slotPaths = numbered("slot/")

// path names the part that a route leads to: port 1 is the backplane, whose
// link address is a slot; other ports are networks.
func (r *cipRoute) path() string {
	if r.n == 2 && r.b[0] == 1 {
		return slotPaths[r.b[1]]
	}
	text := make([]byte, 0, 32)
	c := wire.New(r.b[:r.n])
	for c.Len() > 0 && c.OK() {
		at := c.Off()
		s := c.U8()
		size := 1
		if s&0x10 != 0 {
			size = int(c.U8())
		}
		port := uint16(s & 0x0f)
		if port == 0x0f {
			port = c.U16LE()
		}
		link := c.Bytes(size)
		if (c.Off()-at)%2 == 1 {
			c.Skip(1)
		}
		text = appendHop(text, port, link)
	}
	return string(text)
}

func appendHop(text []byte, port uint16, link []byte) []byte {
	if len(text) > 0 {
		text = append(text, '/')
	}
	if port == 1 {
		text = append(text, "slot/"...)
	} else {
		text = append(strconv.AppendUint(append(text, "port/"...), uint64(port), 10), '/')
	}
	if len(link) == 1 {
		return strconv.AppendUint(text, uint64(link[0]), 10)
	}
	if link = trim(link); plainAddress(link) {
		return append(text, link...)
	}
	return hex.AppendEncode(append(text, "0x"...), link)
}

// plainAddress reports whether a link address is an IP address or host name as
// text, and not bytes.
func plainAddress(link []byte) bool {
	for _, b := range link {
		if b != '.' && b != '-' && b != ':' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return len(link) > 0
}
