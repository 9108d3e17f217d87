package capture

import (
	"fmt"

	"demarc/internal/wire"
)

// ngKey is an interface of the file: the nth of those that look the same in
// one section.
type ngKey struct {
	Interface
	nth int
}

// ngInterface is an interface as the packets of its section refer to it.
type ngInterface struct {
	index int // into ifaces
	link  LinkType
	snap  int
	clock clock
}

// addInterface reads an interface description (section 4.2).
func (s *pcapngSource) addInterface(b []byte) string {
	if len(b) < 8 {
		return "an interface description is too short"
	}
	if len(s.local) == maxInterfaces {
		return fmt.Sprintf("more than %d interfaces in a section", maxInterfaces)
	}
	n := ngInterface{link: LinkType(u16(b, s.swap)), snap: length(u32(b[4:], s.swap)), clock: microseconds}
	name := ""
	for c := wire.New(b[8:]); ; {
		code, v, ok := option(&c, s.swap)
		if !ok {
			break
		}
		switch {
		case code == 2: // if_name
			name = string(v[:min(len(v), 64)])
		case code == 9 && len(v) > 0: // if_tsresol
			n.clock.resolution = v[0]
		case code == 14 && len(v) == 8: // if_tsoffset, seconds
			n.clock.offset = int64(u64(v, s.swap)) // the field is signed
		}
	}
	if !n.clock.valid() {
		return fmt.Sprintf("interface %d has a clock of resolution %#x and offset %d s", len(s.local), n.clock.resolution, n.clock.offset)
	}
	if n.index = s.intern(Interface{Name: name, Link: n.link, Snap: n.snap}); n.index < 0 {
		return fmt.Sprintf("more than %d interfaces in the file", maxInterfaces)
	}
	s.local = append(s.local, n)
	return ""
}

// intern finds i among the interfaces of the file, or adds it; -1 when there
// are too many.
func (s *pcapngSource) intern(i Interface) int {
	k := ngKey{i, s.same[i]}
	s.same[i]++
	if at, ok := s.known[k]; ok {
		return at
	}
	if len(s.ifaces) == maxInterfaces {
		return -1
	}
	s.known[k] = len(s.ifaces)
	s.ifaces = append(s.ifaces, i)
	s.drops = append(s.drops, ngDrops{})
	return len(s.ifaces) - 1
}
