package boundary

import (
	"net/netip"
	"slices"

	"demarc/collector/inventory"
)

// strays warns of single addresses that an agreement names in a boundary where
// they do not stand: it would cover nothing.
func strays(docs *Documents) (Problems, error) {
	p, err := Compile(docs, 0)
	if err != nil {
		return nil, err
	}
	var warnings Problems
	look := func(at At, a netip.Addr, name string) {
		info, ok := p.Boundary(name)
		if !ok || !a.IsValid() || len(info.Sites) == 0 {
			return
		}
		stands := ""
		for _, site := range info.Sites {
			found := p.Place(site, inventory.End{Addr: a})
			if p.Within(found.Boundary, name) || slices.Contains(found.Shared, name) || len(found.Ambiguous) > 0 {
				return
			}
			stands = found.Boundary
		}
		if stands == "" {
			stands = "no boundary"
		}
		warnings = append(warnings, at.problem(a.String()+" stands in "+stands+", not in "+name, "correct the address or the members of "+name))
	}
	for _, x := range docs.Interconnections {
		for _, e := range []AgreedEnd{x.From, x.To} {
			for _, c := range e.CIDRs {
				if c.Prefix.IsSingleIP() {
					look(c.At, c.Prefix.Addr(), e.Boundary.Name)
				}
			}
		}
	}
	for _, s := range docs.SharedServices {
		for _, a := range s.Provider.Addresses {
			look(a.At, a.Addr, s.Provider.Boundary.Name)
		}
	}
	return warnings, nil
}
