package boundary

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"

	"demarc/collector/inventory"
)

// Place says where e stands at site: by whole MAC, longest CIDR prefix, VLAN,
// segment, in this order. VLAN and segment place only what is on its own link
// there, since every address that is routed through is heard there too.
func (p *Policy) Place(site string, e inventory.End) Placement {
	a := e.Addr.Unmap().WithZone("")
	e.Addr = a
	if groupMAC(e.MAC) || a.IsValid() && GroupAddress(a) {
		return Placement{Group: true, Why: "a group, broadcast, link-local or unspecified address needs no boundary"}
	}
	s := p.sites[site]
	if s != nil {
		if found, ok := p.find(s, e); ok {
			return found
		}
	}
	if a.IsValid() && p.shared.Contains(a) {
		if found, ok := p.prefix(p.company, e, false); ok {
			return found
		}
	}
	switch {
	case a.IsValid() && !e.OwnLink && p.Space(site, e.Segment, a) == internetSpace:
		return Placement{Boundary: Internet, Why: "a global address outside the site's address space"}
	case s == nil:
		return Placement{Why: "site " + site + " has no document"}
	case a.IsValid() && Global(a) && e.OwnLink && !s.space.Contains(a):
		return Placement{Why: "a global address that is heard on its own link, in no member entry"}
	}
	return Placement{Why: "no member entry holds it"}
}

func (p *Policy) find(s *site, e inventory.End) (Placement, bool) {
	if e.MAC != "" && len(s.macs) > 0 {
		if found, ok := p.pick(s.macs[strings.ToLower(e.MAC)], e.Segment, true); ok {
			return found, true
		}
	}
	if e.Addr.IsValid() {
		if found, ok := p.prefix(&s.prefixes, e, s.localIn(e.Segment, e.Addr)); ok {
			return found, true
		}
		if !e.OwnLink {
			return Placement{}, false
		}
	}
	for _, v := range e.VLANs {
		if found, ok := p.pick(s.vlans[v], e.Segment, true); ok {
			return found, true
		}
	}
	return p.pick(s.segments[e.Segment], e.Segment, true)
}

// prefix looks for the longest prefix that has an entry for e; local says that
// e's address means something in its own segment only.
func (p *Policy) prefix(t *bart.Table[[]*entry], e inventory.End, local bool) (Placement, bool) {
	list, ok := t.Lookup(e.Addr)
	if !ok {
		return Placement{}, false
	}
	if found, ok := p.pick(list, e.Segment, local); ok {
		return found, true
	}
	for _, list := range t.Supernets(netip.PrefixFrom(e.Addr, e.Addr.BitLen())) {
		if found, ok := p.pick(list, e.Segment, local); ok {
			return found, true
		}
	}
	return Placement{}, false
}

// pick chooses among entries of equal prefix: one that names e's segment before
// one that names none, before one that names another, which counts only where
// the address is the site's (own false); a part before its whole.
func (p *Policy) pick(list []*entry, segment string, own bool) (Placement, bool) {
	var few [4]*entry
	best, rank := few[:0], 0
	for _, e := range list {
		r := 1
		switch e.segment {
		case segment:
			r = 3
		case "":
			r = 2
		}
		if own && r == 1 || r < rank {
			continue
		}
		if r > rank {
			best, rank = best[:0], r
		}
		best = append(best, e)
	}
	if len(best) == 0 {
		return Placement{}, false
	}
	if len(best) > 1 {
		best = slices.DeleteFunc(best, func(e *entry) bool {
			return slices.ContainsFunc(best, func(o *entry) bool { return p.above(e.boundary, o.boundary) })
		})
	}
	return placement(best), true
}

// above reports whether boundary part is a part of whole.
func (p *Policy) above(whole, part string) bool {
	i := p.boundaries[part]
	return i != nil && slices.Contains(i.above, whole)
}

func placement(best []*entry) Placement {
	e := best[0]
	for _, o := range best[1:] {
		if o.boundary == e.boundary || slices.Contains(e.shared, o.boundary) || slices.Contains(o.shared, e.boundary) {
			continue
		}
		var names []string
		for _, b := range best {
			if !slices.Contains(names, b.boundary) {
				names = append(names, b.boundary)
			}
		}
		slices.Sort(names)
		return Placement{Ambiguous: names, Why: "held with equal right by " + strings.Join(names, " and ") + ": " + e.why + ", " + o.why}
	}
	return Placement{Boundary: e.boundary, Shared: e.shared, Why: e.why}
}

func groupMAC(mac string) bool {
	return len(mac) >= 2 && strings.IndexByte("13579bdfBDF", mac[1]) >= 0
}
