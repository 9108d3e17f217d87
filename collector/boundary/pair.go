package boundary

import (
	"net/netip"
	"slices"
)

// pair is a redundant group, ready to judge by: the addresses of its members,
// and those that move between them. What is agreed for one of them is agreed
// for all that stand in the boundary of the agreement.
type pair struct {
	name    string
	members []string
	addrs   []netip.Addr
}

// addGroups compiles redundant and transient groups.
func (p *Policy) addGroups(d *Documents) {
	for _, g := range d.Groups {
		if g.Type != "redundant" {
			p.addTransient(g)
			continue
		}
		one := pair{name: g.Name, members: g.Members}
		for _, m := range g.Members {
			key := g.Meta.String() + " " + m
			if s, is := addressOf(m); is {
				one.addrs = append(one.addrs, Resolved{key: {s}}.addrs(key)...)
			} else {
				one.addrs = append(one.addrs, p.resolved.addrs(key)...)
			}
		}
		for _, v := range g.Virtual {
			one.addrs = append(one.addrs, v.Addr)
		}
		p.pairs = append(p.pairs, one)
	}
}

// spread adds to single addresses those that stand for the same.
func (p *Policy) spread(list []netip.Prefix) []netip.Prefix {
	all := list
	for _, one := range list {
		if !one.IsSingleIP() {
			continue
		}
		for _, a := range p.Twins(one.Addr()) {
			if twin := netip.PrefixFrom(a, a.BitLen()); !slices.Contains(all, twin) {
				all = append(slices.Clip(all), twin)
			}
		}
	}
	return all
}

// Twins lists the addresses of the redundant group that holds a, a too; nil when
// there is none.
func (p *Policy) Twins(a netip.Addr) []netip.Addr {
	for _, g := range p.pairs {
		if slices.Contains(g.addrs, a.Unmap()) {
			return g.addrs
		}
	}
	return nil
}

// ask notes that documents name roles in a boundary.
func (p *Policy) ask(boundary string, roles []string) {
	for _, r := range roles {
		if !slices.Contains(p.asked[boundary], r) {
			p.asked[boundary] = append(p.asked[boundary], r)
		}
	}
}

// Asked lists the roles that documents name in a boundary, or in one that it is
// a part of: verdicts on what stands there depend on them.
func (p *Policy) Asked(name string) []string {
	i := p.boundaries[name]
	if i == nil || len(p.asked) == 0 {
		return nil
	}
	all := slices.Clone(p.asked[name])
	for _, up := range i.above {
		all = append(all, p.asked[up]...)
	}
	return all
}
