package identity

import (
	"net/netip"
	"slices"
	"strings"

	"demarc/internal/ot"

	demarcv1 "demarc/proto/demarc/v1"
)

// Asset returns an asset made afresh; the caller may keep and change it.
func (b *Book) Asset(id string) (*demarcv1.Asset, bool) {
	b.settle()
	if a := b.assets[id]; a != nil {
		return b.show(a), true
	}
	if p, ok := b.parts[id]; ok {
		return b.showPart(p.asset, p.path), true
	}
	return nil, false
}

// show makes the asset that people and programs see.
func (b *Book) show(a *asset) *demarcv1.Asset {
	out := &demarcv1.Asset{Id: a.id, Kind: a.kind()}
	at := a.observations()
	for _, u := range a.current() {
		out.Ips = append(out.Ips, u.ep.ip.String())
	}
	out.Ips = slices.Compact(sortAddresses(out.Ips))
	for _, m := range a.macs {
		out.Macs = append(out.Macs, m.mac.String())
	}
	out.Macs = slices.Compact(out.Macs)
	out.Agents, out.Heard = hearers(at)
	first, last := a.span()
	out.FirstSeen, out.LastSeen = stamp(first), stamp(last)
	out.Site, out.Segment, out.Vlans = a.stands()
	out.Joins = a.joins()
	facts := a.gather("")
	facts = append(facts, a.prefixFacts()...)
	b.describe(out, facts, b.uses(a))
	annotate(out, a.notes(""))
	return out
}

// span is when a was heard first and last.
func (a *asset) span() (first, last int64) {
	for _, o := range a.observations() {
		f, l := o.span()
		first, last = widen(first, last, f, l)
	}
	for _, m := range a.macs { // a MAC that lent itself to none has no other time
		f, l := m.span()
		first, last = widen(first, last, f, l)
	}
	return first, last
}

// showPart makes a part behind a. Its addresses are those of a at which it was
// told of: where it is reached, not its own.
func (b *Book) showPart(a *asset, path string) *demarcv1.Asset {
	out := &demarcv1.Asset{Id: partID(a.id, path), Kind: "part", Parent: a.id}
	at := a.observations()
	out.Site, out.Segment, _ = a.stands()
	facts := a.gather(path)
	var first, last int64
	var told []*observation
	for i := range facts {
		first, last = widen(first, last, facts[i].first, facts[i].last)
	}
	for _, o := range at {
		if o.part(path) != nil {
			if o.key.ip.IsValid() {
				out.Ips = append(out.Ips, o.key.ip.String())
			}
			told = append(told, o)
		}
	}
	out.Agents, out.Heard = hearers(told)
	out.Ips = slices.Compact(sortAddresses(out.Ips))
	out.FirstSeen, out.LastSeen = stamp(first), stamp(last)
	b.describe(out, facts, nil)
	if len(out.Names) == 0 {
		out.Names = []string{path}
	}
	annotate(out, a.notes(path))
	return out
}

// kind says what a is: router when others' frames pass through one of its
// MACs, or when that MAC is shared between routers.
func (a *asset) kind() string {
	for _, m := range a.macs {
		if m.routes() {
			return "router"
		}
	}
	return "device"
}

// routes reports whether frames of others pass through m: by its class, or
// because what it sent from an address had come through a router, or the one
// address that it sent from is another's, or a public one beside a private one
// of its own.
func (m *macNode) routes() bool {
	if m.class.router {
		return true
	}
	private := slices.ContainsFunc(m.proven, func(o *observation) bool { return o.key.ip.IsPrivate() })
	return slices.ContainsFunc(m.unproven, func(o *observation) bool {
		u := o.unit
		if u == nil || slices.Contains(u.owners(), m) {
			return false
		}
		_, passed := o.claimOf(m).routed()
		return passed || u.holder != nil || private && !o.key.ip.IsPrivate()
	})
}

func (m *macNode) span() (first, last int64) {
	for _, list := range [...][]*observation{m.links, m.proven, m.unproven} {
		for _, o := range list {
			if c := o.claimOf(m); c != nil {
				first, last = widen(first, last, c.first, c.last)
			}
		}
	}
	return first, last
}

// stands says where a stands: the site and segment where its smallest address
// is proved on its own link, else the smallest where it was seen, and the VLANs
// in which its own MACs, or none but its address, were seen.
func (a *asset) stands() (site, segment string, vlans []uint32) {
	var best *observation
	proven := false
	var seen []uint16
	consider := func(o *observation, own bool) {
		if best == nil || own && !proven || own == proven && compareObservation(o, best) < 0 {
			best, proven = o, own
		}
	}
	for _, u := range a.units {
		for _, o := range u.at() {
			own := false
			for i := range o.claims {
				c := &o.claims[i]
				if c.mac == nil && u.holder == nil || c.mac != nil && slices.Contains(a.macs, c.mac) {
					insertVLANs(&seen, wide(c.vlans))
				}
				own = own || c.mac != nil && c.mac == u.holder && o.own(c)
			}
			if o.heard {
				consider(o, own)
			}
		}
	}
	for _, m := range a.macs {
		for _, o := range m.links {
			if !o.heard {
				continue
			}
			insertVLANs(&seen, wide(o.claimVLANs()))
			if len(a.units) == 0 {
				consider(o, true)
			}
		}
		if best == nil {
			for _, o := range slices.Concat(m.proven, m.unproven) {
				insertVLANs(&seen, wide(o.claimOf(m).vlans))
				consider(o, false)
			}
		}
	}
	if best == nil {
		return "", "", wide(seen)
	}
	return best.key.site.Value(), best.key.segment.Value(), wide(seen)
}

// claimVLANs lists the VLANs of an address without IP: its own, and those told
// beside it.
func (o *observation) claimVLANs() (vlans []uint16) {
	if o.key.vlan != 0 {
		insertVLANs(&vlans, []uint32{uint32(o.key.vlan)})
	}
	for i := range o.claims {
		insertVLANs(&vlans, wide(o.claims[i].vlans))
	}
	return vlans
}

// current lists the units that a still holds: not those whose address passed to
// another.
func (a *asset) current() []*unit {
	return slices.DeleteFunc(slices.Clone(a.units), func(u *unit) bool { return u.former })
}

// gather merges the facts of one path that were told in several segments.
func (a *asset) gather(path string) []fact {
	var all []fact
	take := func(o *observation, mine func(*fact) bool) {
		p := o.part(path)
		if p == nil {
			return
		}
		for i := range p.facts {
			if mine == nil || mine(&p.facts[i]) {
				all = unite(all, p.facts[i])
			}
		}
	}
	for _, u := range a.units {
		if u.holder == nil || len(u.ep.units) < 2 {
			for _, o := range u.seen {
				take(o, nil)
			}
			continue
		}
		for _, o := range u.ep.seen { // what was told while another held the address is the other's
			take(o, func(f *fact) bool { return o.holderAt(f) == u })
		}
	}
	for _, m := range a.macs {
		for _, o := range m.links {
			take(o, nil)
		}
	}
	return all
}

// holderAt is what held the address when f was last told: of those whose time
// with it covers that, the one heard last, or where none does, whoever stands
// there now.
func (o *observation) holderAt(f *fact) *unit {
	var best *unit
	var until int64
	for _, u := range o.ep.units {
		if u.holder == nil {
			continue
		}
		c := o.claimOf(u.holder)
		if c == nil || !o.own(c) || f.last < c.first || f.last > c.last || c.last < until {
			continue
		}
		best, until = u, c.last
	}
	if best == nil {
		return o.unit
	}
	return best
}

func unite(all []fact, f fact) []fact {
	for i := range all {
		g := &all[i]
		if g.attribute == f.attribute && g.source == f.source && g.value == f.value {
			g.grade = max(g.grade, f.grade)
			g.first, g.last = widen(g.first, g.last, f.first, f.last)
			return all
		}
	}
	return append(all, f)
}

func sortAddresses(ips []string) []string {
	slices.SortFunc(ips, func(a, b string) int {
		x, _ := netip.ParseAddr(a)
		y, _ := netip.ParseAddr(b)
		return x.Compare(y)
	})
	return ips
}

func tidy(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// namesOf lists the names in facts, the best founded and latest first.
func namesOf(facts []fact) []string {
	var found []*fact
	for i := range facts {
		if facts[i].attribute.Value() == string(ot.Name) {
			found = append(found, &facts[i])
		}
	}
	slices.SortFunc(found, func(a, b *fact) int { return b.weigh(a) })
	var names []string
	for _, f := range found {
		same := func(n string) bool { return strings.EqualFold(n, f.value) }
		if !slices.ContainsFunc(names, same) && len(names) < maxNames {
			names = append(names, f.value)
		}
	}
	return names
}
