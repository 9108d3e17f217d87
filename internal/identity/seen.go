package identity

import (
	"slices"
	"strings"

	"demarc/internal/ot"
)

// Seen is one address, or one connection, as it was heard on one segment.
type Seen struct {
	Site, Segment string
	Address       string // of an address: the same wherever it is heard at its site, unless the segment is all that tells it apart
	VLANs         []uint32
	Agents        []string
	First, Last   int64 // Unix nanoseconds, 0 not told

	// Of a connection: what this agent alone tells of it.
	Outcome  ot.Outcome
	Security string
	Classes  ot.Classes // of operations that it counted
}

// Seen lists where the addresses of an asset were heard, by address and
// segment; nothing for a part.
func (b *Book) Seen(asset string) []Seen {
	b.settle()
	a := b.assets[asset]
	if a == nil {
		return nil
	}
	var all []Seen
	for _, o := range a.observations() {
		s := Seen{Site: o.key.site.Value(), Segment: o.key.segment.Value(), Address: o.endKey()}
		s.First, s.Last = o.span()
		for i := range o.claims {
			for _, v := range o.claims[i].vlans {
				s.VLANs = addVLAN(s.VLANs, v)
			}
		}
		for _, l := range o.agents {
			if l.agent != none {
				s.Agents = append(s.Agents, l.agent.Value())
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y Seen) int {
		if c := strings.Compare(x.Address, y.Address); c != 0 {
			return c
		}
		return strings.Compare(x.Segment, y.Segment)
	})
	return all
}

// SeenConnection lists where a connection was heard, once for each agent.
func (b *Book) SeenConnection(id string) []Seen {
	l := b.links[id]
	if l == nil {
		return nil
	}
	var all []Seen
	for _, r := range l.raws {
		s := Seen{Site: r.key.client.key.site.Value(), Segment: r.key.client.key.segment.Value(), First: r.first, Last: r.last}
		if s.Segment == "" {
			s.Segment = r.key.server.key.segment.Value()
		}
		r.tell(&s)
		for _, v := range r.vlans {
			s.VLANs = addVLAN(s.VLANs, v)
		}
		if r.key.agent != none {
			s.Agents = []string{r.key.agent.Value()}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y Seen) int {
		if c := strings.Compare(strings.Join(x.Agents, ""), strings.Join(y.Agents, "")); c != 0 {
			return c
		}
		return strings.Compare(x.Segment, y.Segment)
	})
	return all
}

func (r *rawConn) tell(s *Seen) {
	s.Outcome = r.outcome
	if r.security != nil {
		s.Security = r.security.mode.text.Value()
	}
	if r.operations != nil {
		for i, n := range r.operations {
			if n > 0 {
				s.Classes |= ot.ClassOf(ot.Operation(i).String())
			}
		}
	}
}

func addVLAN(to []uint32, v uint16) []uint32 {
	if i, there := slices.BinarySearch(to, uint32(v)); !there {
		return slices.Insert(to, i, uint32(v))
	}
	return to
}
