package boundary

import (
	"fmt"
	"slices"
	"strings"
)

// A checker looks at all documents together: names, references, parents,
// overlaps.
type checker struct {
	docs     *Documents
	whole    bool // false: some names may be missing because their document could not be read
	problems Problems
	warnings Problems

	sites            map[string]*Site
	boundaries       map[string]*Boundary
	sets             map[string]*ServiceSet
	shared           map[string]*SharedService
	interconnections map[string]*Interconnection
	inventories      map[string]*Inventory
	authorizations   map[string]*Authorization
	points           map[string]bool // access points
}

func (c *checker) problem(at At, what, cure string) {
	c.problems = append(c.problems, at.problem(what, cure))
}

func (c *checker) warn(at At, what, cure string) {
	c.warnings = append(c.warnings, at.problem(what, cure))
}

func (c *checker) all() {
	c.names()
	c.parents()
	for _, b := range c.docs.Boundaries {
		c.boundary(b)
	}
	for _, x := range c.docs.Interconnections {
		c.interconnection(x)
	}
	for _, s := range c.docs.SharedServices {
		c.sharedService(s)
	}
	for _, a := range c.docs.Authorizations {
		c.authorization(a)
	}
	c.circles()
	for _, w := range c.docs.Windows {
		c.window(w)
	}
	for _, g := range c.docs.Groups {
		c.group(g)
	}
	for _, v := range c.docs.Inventories {
		c.inventory(v)
	}
	c.overlaps()
}

// names fills the maps and tells names that stand twice.
func (c *checker) names() {
	first := make(map[string]Meta)
	for m := range c.docs.all {
		if before, twice := first[m.String()]; twice {
			c.problem(m.At, m.Kind+" "+m.Name+" stands twice, first in "+before.At.String(), "rename or remove one")
			continue
		}
		first[m.String()] = m
	}
	c.sites, c.boundaries, c.sets = byName(c.docs.Sites), byName(c.docs.Boundaries), byName(c.docs.ServiceSets)
	c.shared, c.interconnections = byName(c.docs.SharedServices), byName(c.docs.Interconnections)
	c.inventories, c.authorizations = byName(c.docs.Inventories), byName(c.docs.Authorizations)
	c.points = make(map[string]bool)
	for _, b := range c.docs.Boundaries {
		for _, p := range b.AccessPoints {
			c.points[p.Name.Name] = true
		}
	}
}

func byName[T interface{ name() string }](list []T) map[string]T {
	m := make(map[string]T, len(list))
	for _, x := range list {
		m[x.name()] = x
	}
	return m
}

// known tells a reference to nothing. An empty name was told before.
func known[T any](c *checker, r Ref, kind string, names map[string]T, also ...string) bool {
	if _, ok := names[r.Name]; ok || slices.Contains(also, r.Name) {
		return true
	}
	if r.Name != "" && c.whole {
		list := slices.Clone(also)
		for n := range names {
			list = append(list, n)
		}
		c.problem(r.At, "no "+kind+" "+r.Name, unknown(r.Name, list))
	}
	return false
}

// parents tells parents that are no boundary, and each circle of them once.
func (c *checker) parents() {
	done := make(map[string]bool)
	for _, b := range c.docs.Boundaries {
		if b.Parent.Name != "" {
			known(c, b.Parent, "boundary", c.boundaries)
		}
		var path []string
		for b != nil && !done[b.Name] {
			done[b.Name] = true
			path = append(path, b.Name)
			if i := slices.Index(path, b.Parent.Name); i >= 0 {
				c.problem(b.Parent.At, "parents form a circle: "+strings.Join(append(path[i:], b.Parent.Name), " in "), "take one parent out")
			}
			b = c.boundaries[b.Parent.Name]
		}
	}
}

func (c *checker) boundary(b *Boundary) {
	for _, m := range b.Members {
		c.member(m)
	}
	for _, r := range b.Internal {
		c.services(r.Services)
	}
	if len(b.Internal) > 0 && b.InternalDefault != "deny" {
		c.warn(b.At, "internal rules of "+b.Name+" have no effect: everything inside is allowed", "add internalDefault: deny, or take them out")
	}
	if b.Components != nil {
		c.components(b)
	}
	// What others run may have no address that anybody here sees.
	if len(b.Members) == 0 && b.Domain != "external" && !slices.ContainsFunc(c.docs.Boundaries, func(o *Boundary) bool { return o.Parent.Name == b.Name }) {
		c.warn(b.At, "boundary "+b.Name+" has no members: no address stands there", "add members: with a site and cidrs")
	}
	for _, t := range b.Translations {
		if t.Inside.Segment.Name != "" && c.whole && !c.anySegment(t.Inside.Segment.Name) {
			c.problem(t.Inside.Segment.At, "no segment "+t.Inside.Segment.Name+" at any site", unknown(t.Inside.Segment.Name, c.segments()))
		}
	}
}

func (c *checker) member(m Member) {
	for _, r := range m.Shared {
		known(c, r, "boundary", c.boundaries)
	}
	if !known(c, m.Site, "site", c.sites) {
		return
	}
	site := c.sites[m.Site.Name]
	if m.Segment.Name != "" && len(site.Segments) > 0 {
		names := make(map[string]bool)
		for _, g := range site.Segments {
			names[g.Name.Name] = true
		}
		known(c, m.Segment, "segment of site "+site.Name, names)
	}
	for _, p := range m.CIDRs {
		if local := site.localTo(p.Prefix); p.Prefix.IsValid() && m.Segment.Name == "" && len(local) > 0 {
			c.problem(p.At, fmt.Sprintf("%s is local to segment %s of site %s", p.Prefix, strings.Join(local, " and "), site.Name), "add segment: "+local[0]+" to the member entry")
		}
	}
}

func (c *checker) segments() []string {
	var names []string
	for _, s := range c.docs.Sites {
		for _, g := range s.Segments {
			names = append(names, g.Name.Name)
		}
	}
	return names
}

// anySegment is true also while no site lists its segments.
func (c *checker) anySegment(name string) bool {
	names := c.segments()
	return len(names) == 0 || slices.Contains(names, name)
}

func (c *checker) services(list []Service) {
	for _, s := range list {
		if s.Set.Name != "" {
			known(c, s.Set, "ServiceSet", c.sets)
		}
	}
}

func (c *checker) interconnection(x *Interconnection) {
	ends := []string{x.From.Boundary.Name, x.To.Boundary.Name}
	for _, e := range []*AgreedEnd{&x.From, &x.To} {
		known(c, e.Boundary, "boundary", c.boundaries, Internet)
	}
	c.services(x.Services)
	for _, r := range x.Through {
		known(c, r, "access point", c.points)
	}
	c.sides(x.Sides, ends)
	c.unequal(x.Meta, x.Impact, x.From.Boundary.Name, x.To.Boundary.Name)
}

func (c *checker) sharedService(s *SharedService) {
	known(c, s.Provider.Boundary, "boundary", c.boundaries, Internet)
	ends := []string{s.Provider.Boundary.Name}
	for _, r := range s.Consumers {
		if r.Name == "all" {
			continue // told when it was read
		}
		known(c, r, "boundary", c.boundaries, Internet)
		ends = append(ends, r.Name)
		c.unequal(s.Meta, s.Impact, s.Provider.Boundary.Name, r.Name)
	}
	if u := s.Provider.Under; u.Name != "" && known(c, u, "Authorization", c.authorizations) && !c.holds(c.authorizations[u.Name], s.Provider.Boundary.Name) {
		c.problem(u.At, u.Name+" does not name "+s.Provider.Boundary.Name+", where "+s.Name+" stands", "write the authorization that its provider runs under")
	}
	c.services(s.Services)
	c.sides(s.Sides, ends)
}

// holds reports whether a names boundary or what it is a part of.
func (c *checker) holds(a *Authorization, boundary string) bool {
	for range len(c.boundaries) + 1 { // parents may form a circle
		if boundary == "" || contains(a.Boundaries, boundary) || contains(a.Consolidates, boundary) {
			break
		}
		b := c.boundaries[boundary]
		if b == nil || b.Isolated {
			return false
		}
		boundary = b.Parent.Name
	}
	return boundary != ""
}

func (c *checker) sides(sides []Approval, ends []string) {
	first := make(map[string]bool)
	for _, s := range sides {
		if s.Boundary.Name == "" {
			continue // told when it was read
		}
		if !slices.Contains(ends, "") && !slices.Contains(ends, s.Boundary.Name) {
			c.problem(s.Boundary.At, "side "+s.Boundary.Name+" is no end of this agreement", unknown(s.Boundary.Name, ends))
		}
		if first[s.Boundary.Name] {
			c.problem(s.Boundary.At, "side "+s.Boundary.Name+" stands twice", "keep one")
		}
		first[s.Boundary.Name] = true
	}
	for _, end := range ends {
		if len(sides) > 0 && !first[end] && end != "" && end != Internet {
			c.warn(sides[0].At, "no approval of side "+end+" is on record", "add it under sides")
		}
	}
}
