package dissect

import (
	"net/netip"
	"strconv"

	"demarc/agent/decode"
)

// scratch is where a dissector builds text for Out.Fact without allocating
// again and again. Its two buffers are used in turn: the engine may try the
// next message before it carries out what this one told.
type scratch struct {
	over bool // the next mark begins another message
	turn uint8
	buf  [2][]byte
}

// reset begins a message. Most have no text to build, so that mark does the
// work.
func (s *scratch) reset() { s.over = true }

// mark is where the text that is appended next begins. Nothing is appended
// before it was asked for.
func (s *scratch) mark() int {
	if s.over {
		s.over = false
		s.turn ^= 1
		s.buf[s.turn] = s.buf[s.turn][:0]
	}
	return len(s.buf[s.turn])
}

// add appends to the text under construction.
func (s *scratch) add(v []byte) { s.buf[s.turn] = append(s.buf[s.turn], v...) }

// adds appends to the text under construction.
func (s *scratch) adds(v string) { s.buf[s.turn] = append(s.buf[s.turn], v...) }

// byte appends one byte to the text under construction.
func (s *scratch) byte(v byte) { s.buf[s.turn] = append(s.buf[s.turn], v) }

// since is the text appended since mark. It stays valid when the buffer grows.
func (s *scratch) since(mark int) []byte {
	b := s.buf[s.turn]
	return b[mark:len(b):len(b)]
}

// string keeps a copy of v.
func (s *scratch) string(v string) []byte {
	from := s.mark()
	s.adds(v)
	return s.since(from)
}

// uint keeps n in decimal digits.
func (s *scratch) uint(n uint64) []byte {
	from := s.mark()
	s.buf[s.turn] = strconv.AppendUint(s.buf[s.turn], n, 10)
	return s.since(from)
}

// addr keeps the text of an address.
func (s *scratch) addr(a netip.Addr) []byte {
	from := s.mark()
	s.buf[s.turn] = a.AppendTo(s.buf[s.turn])
	return s.since(from)
}

const hexDigits = "0123456789abcdef"

// hex keeps v in hexadecimal digits, sep between bytes unless it is 0.
func (s *scratch) hex(v []byte, sep byte) []byte {
	from := s.mark()
	for i, x := range v {
		if i > 0 && sep != 0 {
			s.byte(sep)
		}
		s.buf[s.turn] = append(s.buf[s.turn], hexDigits[x>>4], hexDigits[x&15])
	}
	return s.since(from)
}

// hexNumber keeps a number as 0x and hexadecimal digits.
func (s *scratch) hexNumber(v []byte) []byte {
	from := s.mark()
	s.adds("0x")
	s.hex(v, 0)
	return s.since(from)
}

// word16 keeps v as 0x and four hexadecimal digits.
func (s *scratch) word16(v uint16) []byte {
	from := s.mark()
	s.adds("0x")
	s.hex([]byte{byte(v >> 8), byte(v)}, 0)
	return s.since(from)
}

// oneLine keeps text of several lines as one, line ends written as \r and \n.
func (s *scratch) oneLine(v []byte) []byte {
	from := s.mark()
	for i, x := range v {
		switch x {
		case '\r':
			s.adds(`\r`)
		case '\n':
			s.adds(`\n`)
		default:
			s.add(v[i : i+1])
		}
	}
	return s.since(from)
}

// utf16 keeps the UTF-8 form of little-endian UTF-16 text, up to its first
// NUL. Unpaired surrogates become U+FFFD.
func (s *scratch) utf16(v []byte) []byte {
	from := s.mark()
	s.buf[s.turn] = appendUTF16(s.buf[s.turn], v, false)
	return s.since(from)
}

// utf16be is utf16 of big-endian text.
func (s *scratch) utf16be(v []byte) []byte {
	from := s.mark()
	s.buf[s.turn] = appendUTF16(s.buf[s.turn], v, true)
	return s.since(from)
}

// toGroup reports whether a message went to a group of receivers: nobody of
// them is its server or client alone.
func toGroup(m *Message) bool {
	a := m.Dst().Addr
	return m.Dst().MAC.IsGroup() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// macOf is the MAC address in the first six bytes of b.
func macOf(b []byte) (m decode.MAC) {
	copy(m[:], b)
	return m
}

// addrOf is the address in b, 4 or 16 bytes long, never IPv4-mapped.
func addrOf(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a.Unmap()
}
