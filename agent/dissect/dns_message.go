package dissect

import (
	"bytes"

	"demarc/internal/wire"
)

// dnsHeader is the header that DNS, multicast DNS, LLMNR and the NetBIOS name
// service share (RFC 1035 section 4.1.1).
type dnsHeader struct {
	id, flags      uint16
	qd, an, ns, ar int
}

const dnsHeaderLen = 12

func readDNSHeader(c *wire.Cursor) dnsHeader {
	return dnsHeader{c.U16(), c.U16(), int(c.U16()), int(c.U16()), int(c.U16()), int(c.U16())}
}

func (h *dnsHeader) response() bool { return h.flags&0x8000 != 0 }
func (h *dnsHeader) opcode() uint8  { return uint8(h.flags>>11) & 15 }
func (h *dnsHeader) rcode() uint8   { return uint8(h.flags) & 15 }

// Record types that are read (RFC 1035 section 3.2.2, 3596, 2782).
const (
	dnsA     = 1
	dnsPTR   = 12
	dnsHINFO = 13
	dnsAAAA  = 28
	dnsSRV   = 33
	dnsOPT   = 41
	dnsIXFR  = 251
	dnsAXFR  = 252
)

// dnsRecord is one resource record; name and data are offsets so that
// compressed names in them can be followed.
type dnsRecord struct {
	name  int
	kind  uint16
	class uint16
	data  []byte
	at    int // offset of data in the message
}

// dnsSkipName passes a name (RFC 1035 section 4.1.4).
func dnsSkipName(c *wire.Cursor) bool {
	for total := 0; total <= 255; {
		n := int(c.U8())
		switch {
		case !c.OK():
			return false
		case n == 0:
			return true
		case n >= 0xc0:
			c.Skip(1)
			return c.OK()
		case n > 63:
			return false
		}
		c.Skip(n)
		total += n + 1
	}
	return false
}

func readDNSRecord(c *wire.Cursor) (r dnsRecord, ok bool) {
	r.name = c.Off()
	if !dnsSkipName(c) {
		return r, false
	}
	r.kind, r.class = c.U16(), c.U16()
	c.Skip(4) // time to live
	n := int(c.U16())
	r.at = c.Off()
	r.data = c.Bytes(n)
	return r, c.OK()
}

// dnsName is the text of the name at an offset of a message, without the root
// dot; nil when it is broken. A pointer may only point to what stands before
// the name that it is part of, which rules out loops.
func (s *scratch) dnsName(msg []byte, at int) []byte {
	from := s.mark()
	limit := at
	for jumps := 0; s.mark()-from <= 255; {
		c := wire.New(msg)
		c.Skip(at)
		n := int(c.U8())
		switch {
		case !c.OK():
			return nil
		case n == 0:
			return s.since(from)
		case n >= 0xc0:
			at = (n&0x3f)<<8 | int(c.U8())
			if !c.OK() || at >= limit || jumps == 16 {
				return nil
			}
			limit = at
			jumps++
			continue
		case n > 63:
			return nil
		}
		label := c.Bytes(n)
		if !c.OK() {
			return nil
		}
		s.dnsLabel(label, s.mark() > from)
		at += 1 + n
	}
	return nil
}

// dnsLabel appends one label; a dot inside it is escaped (RFC 1035 section 5.1).
func (s *scratch) dnsLabel(label []byte, dot bool) {
	if dot {
		s.adds(".")
	}
	if bytes.IndexByte(label, '.') < 0 && bytes.IndexByte(label, '\\') < 0 {
		s.add(label)
		return
	}
	for i, x := range label {
		if x == '.' || x == '\\' {
			s.adds(`\`)
		}
		s.add(label[i : i+1])
	}
}
