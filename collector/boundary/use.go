package boundary

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Modes of Use.
const (
	Continuous = "continuous"
	Every      = "every"
	OnDemand   = "on-demand"
	Standby    = "standby"
)

// Agreed lists every agreement once, of a SharedService one for each consumer,
// in the order of the documents. Do not change it.
func (p *Policy) Agreed() []*Agreement { return p.agreed }

// Stands reports whether a is in force at an instant, with every side and every
// authorization behind it.
func (p *Policy) Stands(a *Agreement, at time.Time) bool {
	for _, c := range a.Cover {
		if c.Approval != "" && c.Approval != "approved" || at.Before(c.From) || !c.Until.IsZero() && !at.Before(c.Until) {
			return false
		}
	}
	_, ok := p.Gap(Offer{a, true}, a.From.Boundary, a.To.Boundary, at)
	return ok
}

// Groups reports whether any redundant group is given.
func (p *Policy) Groups() bool { return len(p.pairs) > 0 }

// Partners reports whether a and b agree to the same for members of a redundant
// group, which stand for each other: where one is used, the other may be silent.
func (p *Policy) Partners(a, b *Agreement) bool {
	paired := func(x, y *AgreementEnd) (same, group bool) {
		if x.Boundary != y.Boundary || len(x.CIDRs) != len(y.CIDRs) || !slices.Equal(x.Roles, y.Roles) || !slices.Equal(x.Names, y.Names) || !slices.Equal(x.Groups, y.Groups) {
			return false, false
		}
		for _, c := range x.CIDRs {
			if !slices.Contains(y.CIDRs, c) {
				return false, false
			}
			group = group || c.IsSingleIP() && p.Twins(c.Addr()) != nil
		}
		return true, group
	}
	from, one := paired(&a.From, &b.From)
	to, two := paired(&a.To, &b.To)
	return a != b && from && to && (one || two)
}

// Redundant names the redundant group that a device belongs to, by its name or
// one of its addresses; empty for none.
func (p *Policy) Redundant(name string, addrs []netip.Addr) string {
	for i := range p.pairs {
		g := &p.pairs[i]
		if slices.ContainsFunc(g.members, func(m string) bool { return name != "" && strings.EqualFold(m, name) }) ||
			slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(g.addrs, a.Unmap()) }) {
			return g.name
		}
	}
	return ""
}

// Authorized is a hardware list with the boundaries that it was authorized for.
type Authorized struct {
	*Listing
	Boundaries []string
}

// HardwareLists are the hardware lists that say what is there, in the order of
// the documents. Do not change it.
func (p *Policy) HardwareLists() []Authorized { return p.hardware }

func (p *Policy) addHardware(d *Documents) {
	for _, v := range d.Inventories {
		if v.List != "hardware" {
			continue
		}
		one := Authorized{Listing: p.lists[v.Name]}
		for _, b := range d.Boundaries {
			if b.Name == v.Boundary.Name || b.Components != nil && b.Components.Inventory.Name == v.Name {
				one.Boundaries = append(one.Boundaries, b.Name)
			}
		}
		p.hardware = append(p.hardware, one)
	}
}

// Row finds the row that is d for certain: by its serial number or a MAC address
// wherever it stands, else as Unlisted would; -1 without one.
func (l *Listing) Row(d Device) int {
	have := d.keys()
	for key, values := range have {
		for _, s := range values {
			for _, i := range l.by[key][s] {
				if l.Rows[i].against(have, key) == "" {
					return i
				}
			}
		}
	}
	return -1
}
