package boundary

import (
	"fmt"
	"slices"
)

// claim is one thing that a member entry holds, in the form that decides rank:
// two claims of one key have equal rank.
type claim struct {
	key, words string // words: "10.20.4.0/24 in segment line4"
	at         At
	boundary   *Boundary
	shared     []Ref
}

// claims lists what b's member entries hold, one by one.
func (b *Boundary) claims(yield func(claim) bool) {
	for _, m := range b.Members {
		where, in := m.Site.Name+"|"+m.Segment.Name+"|", " of site "+m.Site.Name
		if m.Segment.Name != "" {
			in = " in segment " + m.Segment.Name + in
		}
		var list []claim
		for _, p := range m.CIDRs {
			if !p.Prefix.IsValid() {
				continue // what is zero was told when it was read
			}
			list = append(list, claim{key: "cidr|" + where + p.Prefix.String(), words: p.Prefix.String() + in, at: p.At})
		}
		for _, a := range m.MACs {
			if a.MAC == "" {
				continue
			}
			list = append(list, claim{key: "mac|" + m.Site.Name + "|" + a.MAC, words: a.MAC + in, at: a.At})
		}
		for _, v := range m.VLANs {
			if v.ID == 0 {
				continue
			}
			list = append(list, claim{key: fmt.Sprintf("vlan|%s%d", where, v.ID), words: fmt.Sprintf("VLAN %d", v.ID) + in, at: v.At})
		}
		if len(m.CIDRs)+len(m.MACs)+len(m.VLANs) == 0 {
			list = append(list, claim{key: "segment|" + where, words: "everything" + in, at: m.At})
		}
		for _, one := range list {
			one.boundary, one.shared = b, m.Shared
			if !yield(one) {
				return
			}
		}
	}
}

// SharedEntry is what a boundary holds together with others.
type SharedEntry struct {
	Words string   // "10.20.8.0/24 of site houston"
	With  []string // every boundary that holds it, as its document lists them
}

// Shared lists what b holds together with others.
func (b *Boundary) Shared() []SharedEntry {
	var all []SharedEntry
	for c := range b.claims {
		if len(c.shared) == 0 {
			continue
		}
		e := SharedEntry{Words: c.words}
		for _, r := range c.shared {
			e.With = append(e.With, r.Name)
		}
		all = append(all, e)
	}
	return all
}

// overlaps tells claims of equal rank of two boundaries of which neither lies
// within the other, unless both entries share it.
func (c *checker) overlaps() {
	first := make(map[string][]claim)
	for _, b := range c.docs.Boundaries {
		for one := range b.claims {
			for _, before := range first[one.key] {
				if before.boundary == b {
					c.problem(one.at, one.words+" stands twice in "+b.Name+", first in "+before.at.String(), "keep one")
					break
				}
				if c.within(b, before.boundary) || c.within(before.boundary, b) || sharedBy(before, b) || sharedBy(one, before.boundary) {
					continue
				}
				c.problem(one.at, fmt.Sprintf("%s stands in %s here and in %s in %s", one.words, b.Name, before.boundary.Name, before.at),
					fmt.Sprintf("keep one, or write shared: [%s, %s] at both", before.boundary.Name, b.Name))
				break
			}
			first[one.key] = append(first[one.key], one)
		}
	}
}

func sharedBy(one claim, b *Boundary) bool {
	return slices.ContainsFunc(one.shared, func(r Ref) bool { return r.Name == b.Name })
}

// within reports whether b is a part of whole, at any depth.
func (c *checker) within(b, whole *Boundary) bool {
	for n := 0; b != nil && b.Parent.Name != "" && n <= len(c.docs.Boundaries); n++ {
		if b.Parent.Name == whole.Name {
			return true
		}
		b = c.boundaries[b.Parent.Name]
	}
	return false
}
