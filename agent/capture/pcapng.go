package capture

import "fmt"

// The pcapng format: draft-ietf-opsawg-pcapng. Block types, section 11.1.
const (
	blockInterface  = 1
	blockObsolete   = 2
	blockSimple     = 3
	blockStatistics = 5
	blockEnhanced   = 6
	blockSection    = 0x0a0d0d0a // the same in both byte orders

	orderMagic = 0x1a2b3c4d

	maxBlock      = 1 << 20  // of a block that we look into: a frame and its options
	maxSkipped    = 64 << 20 // of a block that we only pass over
	maxInterfaces = 4096     // of a file
)

// pcapngSource reads a pcapng file. Interfaces are numbered through all
// sections; those that are the same in name, link type and snap length are one.
type pcapngSource struct {
	file
	swap  bool
	local []ngInterface     // of the section being read
	same  map[Interface]int // how often the section has described it
	known map[ngKey]int     // index into ifaces
	drops []ngDrops         // by index into ifaces
	last  int64             // time of the last packet, for blocks that have none
}

func isPcapng(b []byte) bool {
	return len(b) >= 12 && u32(b, false) == blockSection &&
		(u32(b[8:], false) == orderMagic || u32(b[8:], true) == orderMagic)
}

// newPcapng reads up to the first packet, so that the interfaces that it may
// come from are known. What goes wrong on the way is for Next to tell.
func newPcapng(base file) *pcapngSource {
	s := &pcapngSource{file: base, same: map[Interface]int{}, known: map[ngKey]int{}}
	for {
		b, err := s.in.ahead(8)
		if err != nil {
			return s
		}
		switch u32(b, s.swap) {
		case blockEnhanced, blockSimple, blockObsolete:
			return s
		}
		if s.block(&Frame{}) != nil {
			return s
		}
	}
}

// Next reads blocks up to the next packet.
func (s *pcapngSource) Next(f *Frame) error {
	for packets := s.stats.Packets; s.err == nil; {
		if err := s.block(f); err != nil {
			return err
		}
		if s.stats.Packets != packets {
			return nil
		}
	}
	return s.err
}

// Batch implements Batcher. Of other blocks than packets Next takes care.
func (s *pcapngSource) Batch(frames []Frame) int {
	for i := range frames {
		if !s.take(&frames[i]) {
			return i
		}
	}
	return len(frames)
}

// take reads the next block when it is a packet that the buffer holds whole.
func (s *pcapngSource) take(f *Frame) bool {
	b := s.in.b[s.in.lo:s.in.hi]
	if s.err != nil || len(b) < 8 || u32(b, s.swap) != blockEnhanced {
		return false
	}
	size := u32(b[4:], s.swap)
	if size < 12 || size%4 != 0 || uint64(size) > uint64(len(b)) {
		return false
	}
	return s.body(f, blockEnhanced, int64(size)) == nil
}

// block reads one block: type, length, body, length again. A packet fills f.
func (s *pcapngSource) block(f *Frame) error {
	b, err := s.in.ahead(8)
	if err != nil {
		return s.end(err, 12, len(b))
	}
	kind := u32(b, s.swap)
	if kind == blockSection {
		if b, err = s.order(); err != nil {
			return err
		}
	}
	size := int64(u32(b[4:], s.swap))
	if size < 12 || size%4 != 0 {
		return s.corrupt("a block of type %#x says %d bytes, which must be a multiple of 4 from 12 on", kind, size)
	}
	switch kind {
	case blockSection, blockInterface, blockObsolete, blockSimple, blockEnhanced, blockStatistics:
		return s.body(f, kind, size)
	}
	if size > maxSkipped {
		return s.corrupt("a block of type %#x says %d bytes, more than %d", kind, size, maxSkipped)
	}
	at := s.in.offset()
	if n := s.in.skip(size); n < size {
		return s.endAt(s.in.err, at, size, n)
	}
	return nil
}

// order takes the byte order of a section from its header, and returns the
// header's first 12 bytes.
func (s *pcapngSource) order() ([]byte, error) {
	b, err := s.in.ahead(12)
	switch {
	case err != nil:
		return nil, s.end(err, 12, len(b))
	case u32(b[8:], false) == orderMagic:
		s.swap = false
	case u32(b[8:], true) == orderMagic:
		s.swap = true
	default:
		return nil, s.corrupt("a section header without byte-order magic")
	}
	return b, nil
}

// body reads the body of a block that we look into.
func (s *pcapngSource) body(f *Frame, kind uint32, size int64) error {
	if size > maxBlock {
		return s.corrupt("a block of type %#x says %d bytes, more than %d", kind, size, maxBlock)
	}
	n := int(size)
	b, err := s.in.ahead(n)
	if err != nil {
		return s.end(err, n, len(b))
	}
	if again := u32(b[n-4:], s.swap); int64(again) != size {
		return s.corrupt("a block of type %#x says %d bytes at its start and %d at its end", kind, size, again)
	}
	body := b[8 : n-4]
	var reason string
	switch kind {
	case blockEnhanced:
		reason = s.enhanced(f, body)
	case blockInterface:
		reason = s.addInterface(body)
	case blockSection:
		reason = s.section(body)
	case blockSimple:
		reason = s.simple(f, body)
	case blockObsolete:
		reason = s.obsolete(f, body)
	case blockStatistics:
		reason = s.statistics(body)
	}
	if reason != "" {
		return s.corrupt("%s", reason)
	}
	s.in.lo += n
	return nil
}

// section reads a section header (section 4.1), after which interfaces are
// counted anew. Its length is not needed: blocks are walked one by one.
func (s *pcapngSource) section(b []byte) string {
	if len(b) < 16 {
		return "a section header is too short"
	}
	if major := u16(b[4:], s.swap); major != 1 {
		return fmt.Sprintf("pcapng version %d is not read, 1 is", major)
	}
	s.local = s.local[:0]
	clear(s.same)
	return ""
}
