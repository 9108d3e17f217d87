package boundary

import "net/netip"

// special is the IPv4 space that is not reachable over the Internet although no
// plant owns it (IANA special-purpose registry). Ranges kept for documentation
// stand for Internet hosts in examples and count as global.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier NAT, and overlay networks that borrow it
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks
	netip.MustParsePrefix("240.0.0.0/4"),
}

var (
	global6 = netip.MustParsePrefix("2000::/3")
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
)

// Global reports whether a is routed on the Internet. Documentation ranges
// count as global.
func Global(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() {
		return global6.Contains(a) || nat64.Contains(a)
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// GroupAddress reports whether a is a multicast group, the limited broadcast,
// link-local, loopback or unspecified: an address that needs no boundary.
func GroupAddress(a netip.Addr) bool { return LinkScoped(a) || a.Unmap().IsMulticast() }

// LinkScoped reports whether what goes to or comes from a stays on its link:
// link-local unicast and multicast, the limited broadcast, loopback and the
// unspecified address. Routed groups are not.
func LinkScoped(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsUnspecified() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() ||
		a.IsInterfaceLocalMulticast() || a == broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Names of address spaces; those of one site or segment carry its name.
const companySpace, internetSpace = "company", "internet"

// Space names the address space of a: the segment's where the Site says that
// it is local there or it is link-scoped, the company's where a Site says it is
// shared, the Internet's where it is global and in no addressSpace of the site,
// else the site's. It is an identity.Space.
func (p *Policy) Space(site, segment string, a netip.Addr) string {
	a = a.Unmap().WithZone("")
	s := p.sites[site]
	switch {
	case LinkScoped(a) || s != nil && s.localIn(segment, a):
		return "segment " + site + "/" + segment
	case p.shared.Contains(a):
		return companySpace
	case Global(a) && (s == nil || !s.space.Contains(a)):
		return internetSpace
	}
	return "site " + site
}

// localIn reports whether a is local to segment by the Site's document.
func (s *site) localIn(segment string, a netip.Addr) bool {
	t := s.local[segment]
	return t != nil && t.Contains(a)
}
