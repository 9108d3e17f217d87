package finding

import (
	"slices"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// where is one address of an asset and the place it stands in.
type where struct {
	boundary.Placement
	end     inventory.End
	address string
}

// UpdateAsset takes an asset that is new, changed or placed anew, with every
// address that it has, and returns the ids of the findings that this changed.
//
// An address in no boundary makes it a member of its subnet's finding; two
// addresses in two boundaries make it dual-homed, unless it is a router or a
// declared access point, or one boundary is a part of the other; an address in a
// boundary whose own authorization does not stand makes it a member of that
// boundary's finding; a device on no list of what was authorized for a boundary
// that it stands in is a finding of its own, and so is one that says otherwise when
// it is asked than what is heard of it. Frames without IP stay on their link: a device that has no
// IP needs no boundary.
func (b *Book) UpdateAsset(p *boundary.Policy, a *demarcv1.Asset, ends []inventory.End, now time.Time) []string {
	if p == nil {
		p = none
	}
	var at []where
	point := a.Kind == "router"
	for _, e := range ends {
		if !e.Addr.IsValid() {
			continue
		}
		at = append(at, where{p.Place(a.Site, e), e, e.Addr.Unmap().String()})
		point = point || p.AccessPoint(e.Addr)
	}
	m := assetMember(p, a, at, now)
	m.Domains = farthest(p, m.Boundaries)
	groups := make(map[string]group)
	if m.Discords = discords(a.GetFacts()); m.Discords != nil {
		g := differenceGroup(a.GetSite(), a.GetId())
		groups[g.id()] = g
	}
	if a.Kind == "part" { // it stands where its chassis does, and that is judged once
		m.homed(p)
		b.setAsset(a.Id, m, groups)
		return b.told()
	}
	for _, w := range at {
		if nowhere(w.Placement) && !p.AccessPoint(w.end.Addr) {
			g := subnetGroup(p, a.Site, w.end, w.Placement)
			groups[g.id()] = g
		}
	}
	if !point && twoHomes(p, at) {
		g := group{Kind: DualHomed, Site: a.Site, Subject: a.Id}
		groups[g.id()] = g
	}
	for _, w := range at {
		if g, lost := without(p, a.Site, w, now); lost {
			groups[g.id()] = g
			if m.Domains == ([2]string{}) {
				m.Domains = [2]string{p.Domain(w.Boundary), p.Domain(w.Boundary)}
			}
		}
	}
	device := deviceAt(a, at)
	for _, name := range m.Boundaries {
		if why := p.Unlisted(name, device); why != "" {
			g := unlistedGroup(a.Site, name, a.Id)
			groups[g.id()] = g
			m.Unlisted = why
			if m.Domains == ([2]string{}) {
				m.Domains = [2]string{p.Domain(name), p.Domain(name)}
			}
		}
	}
	if m.Discords != nil {
		m.homed(p)
	}
	b.setAsset(a.Id, m, groups)
	return b.told()
}

// homed gives a member without two domains that of its first boundary.
func (m *member) homed(p *boundary.Policy) {
	if m.Domains == ([2]string{}) && len(m.Boundaries) > 0 {
		m.Domains = [2]string{p.Domain(m.Boundaries[0]), p.Domain(m.Boundaries[0])}
	}
}

// without is the finding of a boundary that operates although no authorization
// over it stands. Where none is on record there is none; of a shared entry one
// boundary that may operate is enough.
func without(p *boundary.Policy, site string, w where, now time.Time) (group, bool) {
	homes := w.Shared
	if homes == nil {
		homes = []string{w.Boundary}
	}
	first := ""
	for _, name := range homes {
		a := p.Authority(name, now)
		if a.Operates() {
			return group{}, false
		}
		if first == "" {
			first = a.Home
		}
	}
	return group{Kind: NoAuthorization, Site: site, From: first, Subject: first}, first != ""
}

// RemoveAsset takes back an asset that was merged into another.
func (b *Book) RemoveAsset(id string, _ time.Time) []string {
	b.setAsset(id, nil, nil)
	return b.told()
}

// setAsset makes asset a member of exactly groups.
func (b *Book) setAsset(id string, m *member, groups map[string]group) {
	for _, old := range b.assets[id] {
		if _, still := groups[old]; !still {
			b.leave(old, id, m, true)
		}
	}
	var now []string
	for f, g := range groups {
		b.join(f, g, id, m, true, slices.Contains(b.assets[id], f))
		now = append(now, f)
	}
	slices.Sort(now)
	if len(now) == 0 {
		delete(b.assets, id)
		return
	}
	b.assets[id] = now
}

// twoHomes reports whether two addresses stand in boundaries of which neither
// is a part of the other. The Internet is nobody's home, and a shared entry is
// both boundaries' at once.
func twoHomes(p *boundary.Policy, at []where) bool {
	for i, x := range at {
		for _, y := range at[:i] {
			if home(x) && home(y) && !p.Within(x.Boundary, y.Boundary) && !p.Within(y.Boundary, x.Boundary) &&
				!slices.Contains(x.Shared, y.Boundary) && !slices.Contains(y.Shared, x.Boundary) {
				return true
			}
		}
	}
	return false
}

func home(w where) bool { return w.Boundary != "" && w.Boundary != boundary.Internet }

// farthest gives the pair of domains, among names, whose crossing weighs most.
func farthest(p *boundary.Policy, names []string) [2]string {
	var most [2]string
	best := -1
	for i, x := range names {
		for _, y := range names[:i] {
			if n, _ := crossing(p.Domain(x), p.Domain(y)); n > best {
				most, best = [2]string{p.Domain(y), p.Domain(x)}, n
			}
		}
	}
	return most
}

// deviceAt is what a is known by, at the places where it stands.
func deviceAt(a *demarcv1.Asset, at []where) boundary.Device {
	d := boundary.DeviceShown(a)
	d.Addrs = nil
	for _, w := range at {
		d.Addrs = append(d.Addrs, boundary.Placed{Addr: w.end.Addr, Boundary: w.Boundary})
	}
	return d
}
