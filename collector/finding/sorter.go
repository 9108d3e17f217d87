package finding

import (
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	"demarc/internal/ot"
)

// Sorter tells which finding judged connections belong to. It needs no Book, so
// that several can sort at once what one Book takes then. Its zero value is
// ready. One Sorter is not safe for concurrent use.
type Sorter struct {
	known      map[group]*named
	last       *named // connections that are alike come one after the other
	ends       map[[2]string][]string
	operations map[ot.Classes][]string
	spare      []*member // that no finding kept
}

// named is a group with its id, which takes time to make.
type named struct {
	group
	id  string
	ids []string // id alone
}

// Entry is a connection as a Book takes it; it belongs to no finding where its
// Findings are empty.
type Entry struct {
	in     *named // nil: no finding
	member *member
}

// spare keeps a member that no finding kept for a Sorter that makes another one.
func (b *Book) spare(m *member) {
	if m != nil && len(b.spares) < maxSorted {
		b.spares = append(b.spares, m)
	}
}

// Reuse takes the nth part of what the Book did not keep of what Sorters made.
func (s *Sorter) Reuse(b *Book, n int) {
	from := len(b.spares) - len(b.spares)/n
	s.spare = append(s.spare, b.spares[from:]...)
	b.spares = b.spares[:from]
}

// place is room for a member.
func (s *Sorter) place() *member {
	n := len(s.spare) - 1
	if n < 0 {
		return &member{}
	}
	m := s.spare[n]
	s.spare = s.spare[:n]
	return m
}

// boundaries are those of a connection's ends, made once.
func (s *Sorter) boundaries(client, server string) []string {
	pair := [2]string{client, server}
	known := s.ends[pair]
	if known == nil {
		known = []string{client, server}
		if s.ends == nil || len(s.ends) >= maxSorted {
			s.ends = make(map[[2]string][]string)
		}
		s.ends[pair] = known
	}
	return known
}

// counted names the classes of operations that were counted, made once.
func (s *Sorter) counted(c *inventory.Connection) []string {
	all := c.Classes
	if all == 0 {
		for name, n := range c.Data.GetOperations() {
			if n > 0 {
				all |= ot.ClassOf(name)
			}
		}
	}
	if all == 0 {
		return nil
	}
	known := s.operations[all]
	if known == nil {
		known = all.Names()
		if s.operations == nil {
			s.operations = make(map[ot.Classes][]string) // of 2^11 at most
		}
		s.operations[all] = known
	}
	return known
}

// maxSorted bounds how much of a kind a Sorter remembers.
const maxSorted = 4096

// Sort makes the entry of a connection that was judged by p; had says that it is
// a member of a finding now.
func (s *Sorter) Sort(p *boundary.Policy, c inventory.Connection, v *verdict.Judged, now time.Time, had bool) (e Entry) {
	g, found := groupOf(p, c, v)
	if found {
		e.in = s.name(g)
	}
	if found || had {
		e.member = s.memberOf(p, c, v, now)
	}
	return e
}

func (s *Sorter) name(g group) *named {
	if s.last != nil && s.last.group == g {
		return s.last
	}
	if s.last = s.known[g]; s.last != nil {
		return s.last
	}
	n := &named{group: g, id: g.id()}
	n.ids = []string{n.id}
	if s.known == nil || len(s.known) >= maxSorted {
		s.known = make(map[group]*named)
	}
	s.known[g], s.last = n, n
	return n
}
