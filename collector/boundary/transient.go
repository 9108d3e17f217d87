package boundary

import (
	"net/netip"
	"slices"
	"strings"
)

// roamers is a transient group, ready to judge by: how its members are known,
// where they may stand, and when they may be connected. Its members are told by MAC, written address and name,
// never by an address that one of them had when documents were applied: another
// device has that tomorrow.
type roamers struct {
	document    string   // "Group/laptops"
	may         []string // anywhere when empty
	times       *Times   // at any time when nil
	macs, names []string
	addrs       []string
}

// addTransient compiles a transient group; one that may stand anywhere at any
// time limits nothing.
func (p *Policy) addTransient(g *Group) {
	if len(g.MayStandIn) == 0 && g.ConnectWindow == nil {
		return
	}
	one := roamers{document: g.Meta.String()}
	if g.ConnectWindow != nil {
		one.times, p.roams = TimesOf(g.ConnectWindow), true
	}
	for _, r := range g.MayStandIn {
		one.may = append(one.may, r.Name)
	}
	for _, m := range g.Members {
		known := p.resolved[g.Meta.String()+" "+m]
		if s, is := addressOf(m); is {
			known = []string{s}
			if _, err := netip.ParseAddr(s); err == nil {
				one.addrs = append(one.addrs, s)
			}
		} else {
			one.names = append(one.names, strings.ToLower(m))
		}
		for _, s := range known {
			var mac MAC
			if what, _ := mac.parse(s); what == "" {
				one.macs = append(one.macs, strings.ToLower(mac.MAC))
			}
		}
	}
	p.roamers = append(p.roamers, one)
}

// astray says why a device that roams may not stand in a boundary, and by which
// document; empty where it may, or does not roam.
func (p *Policy) astray(name string, d *Device) (why, document string) {
	for i := range p.roamers {
		g := &p.roamers[i]
		if name == "" || name == Internet || len(g.may) == 0 || !g.holds(d) {
			continue
		}
		if !slices.ContainsFunc(g.may, func(b string) bool { return p.Holds(b, name) }) {
			return "it roams, and " + g.document + " lets it stand in " + strings.Join(g.may, ", ") + " alone", g.document
		}
	}
	return "", ""
}

// Roams reports whether a document says when devices that roam may be connected.
func (p *Policy) Roams() bool { return p.roams }

// ConnectTimes are those at which a device that roams may be connected, with the
// document that says so; nil at any time.
func (p *Policy) ConnectTimes(d Device) (t *Times, document string) {
	for i := range p.roamers {
		if g := &p.roamers[i]; g.times != nil && g.holds(&d) {
			return g.times, g.document
		}
	}
	return nil, ""
}

func (g *roamers) holds(d *Device) bool {
	return slices.ContainsFunc(d.MACs, func(m string) bool { return slices.Contains(g.macs, strings.ToLower(m)) }) ||
		slices.ContainsFunc(d.Names, func(n string) bool { return slices.Contains(g.names, strings.ToLower(n)) }) ||
		slices.ContainsFunc(d.Addrs, func(a Placed) bool { return slices.Contains(g.addrs, a.Addr.Unmap().String()) })
}
