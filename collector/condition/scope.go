package condition

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// answer is yes, no, or that it cannot be told.
type answer uint8

const (
	no answer = iota
	maybe
	yes
)

func (a answer) and(b answer) answer { return min(a, b) }

func sure(b bool) answer {
	if b {
		return yes
	}
	return no
}

// passed reports whether anything came of c: tries that were refused or not
// answered are attempts.
func passed(c *demarcv1.JudgedConnection) bool {
	o := c.GetConnection().GetOutcome()
	return o != "refused" && o != "unanswered"
}

// inside reports whether a boundary belongs to the authorization.
func (k *judge) inside(name string) bool {
	return name != "" && slices.ContainsFunc(k.d.Boundaries, func(b string) bool { return k.w.Policy.Holds(b, name) })
}

// subject calls each connection in scope, with what it can be told of it: yes,
// or maybe. Those before the window only count as tries of old.
func (k *judge) subject(fits func(*demarcv1.JudgedConnection) answer, each func(*demarcv1.JudgedConnection, answer)) {
	k.eachOf(false, fits, each)
}

// eachOf is subject, with tries too where they matter.
func (k *judge) eachOf(tries bool, fits func(*demarcv1.JudgedConnection) answer, each func(*demarcv1.JudgedConnection, answer)) {
	for _, c := range k.eye.index.touching(k.d, k.inside) {
		if !tries && !passed(c) {
			continue
		}
		a := k.scoped(c)
		if a != no && fits != nil {
			a = a.and(fits(c))
		}
		if a == no {
			continue
		}
		if last := c.GetConnection().GetLastSeen(); last != nil && a == yes && !last.AsTime().After(k.to) {
			k.out.lastTried = later(k.out.lastTried, last.AsTime())
		}
		if k.active(c) {
			if a == yes {
				k.out.tried++
			}
			each(c, a)
		}
	}
}

// crossing connections have one end inside.
func (k *judge) crossing(c *demarcv1.JudgedConnection) answer {
	if group(c.GetConnection().GetServer()) {
		return no
	}
	return sure(k.inside(c.GetClientBoundary()) != k.inside(c.GetServerBoundary()))
}

// group reports whether an address is no one device's.
func group(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && (a.IsMulticast() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}))
}

// outer is the end outside: its boundary, address and asset.
func (k *judge) outer(c *demarcv1.JudgedConnection) end {
	if k.inside(c.GetClientBoundary()) {
		return k.server(c)
	}
	return k.client(c)
}

func (k *judge) inner(c *demarcv1.JudgedConnection) end {
	if k.inside(c.GetClientBoundary()) {
		return k.client(c)
	}
	return k.server(c)
}

// end is one end of a connection.
type end struct {
	boundary, address string
	asset             *demarcv1.Asset
}

func (k *judge) client(c *demarcv1.JudgedConnection) end {
	return end{c.GetClientBoundary(), c.GetConnection().GetClient(), k.eye.index.Asset(c.GetConnection().GetClientAsset())}
}

func (k *judge) server(c *demarcv1.JudgedConnection) end {
	return end{c.GetServerBoundary(), c.GetConnection().GetServer(), k.eye.index.Asset(c.GetConnection().GetServerAsset())}
}

// scoped holds c to the condition's scope.
func (k *judge) scoped(c *demarcv1.JudgedConnection) answer {
	s := k.c.Scope
	if s == nil {
		return yes
	}
	a := k.picks(s.From, k.client(c)).and(k.picks(s.To, k.server(c)))
	d := c.GetConnection()
	if s.OpenedBy == "inside" || s.OpenedBy == "outside" {
		a = a.and(k.openedBy(c, s.OpenedBy))
	}
	if len(s.Protocols) > 0 {
		switch {
		case !identified(d):
			a = a.and(maybe)
		default:
			a = a.and(sure(slices.Contains(s.Protocols, d.GetProtocol())))
		}
	}
	if len(s.Interconnections) > 0 {
		a = a.and(sure(under(c, s.Interconnections)))
	}
	return a
}

// under reports whether the verdict on c stands on one of interconnections.
func under(c *demarcv1.JudgedConnection, names []boundary.Ref) bool {
	return slices.ContainsFunc(names, func(r boundary.Ref) bool {
		return slices.Contains(c.GetVerdict().GetDocuments(), "Interconnection/"+r.Name)
	})
}

// openedBy tells whether the end on a side of the boundary opened c.
func (k *judge) openedBy(c *demarcv1.JudgedConnection, side string) answer {
	d := c.GetConnection()
	opener := ""
	client, server := k.inside(c.GetClientBoundary()), k.inside(c.GetServerBoundary())
	switch {
	case client == server, toGroup(d): // whoever opened it; to a group the sender did
		return sure(client == (side == "inside"))
	case d.GetDirectionBasis() == "" || d.GetDirectionBasis() == "port":
		return maybe
	case d.GetOpenedBy() == "client":
		opener = c.GetClientBoundary()
	case d.GetOpenedBy() == "server":
		opener = c.GetServerBoundary()
	default:
		return maybe
	}
	return sure(k.inside(opener) == (side == "inside"))
}

// toGroup reports whether d goes to many: an IP group, or a MAC address with the
// group bit (IEEE 802 clause 8.2).
func toGroup(d *demarcv1.Connection) bool {
	if ip, err := netip.ParseAddr(d.GetServer()); err == nil {
		return ip.IsMulticast()
	}
	mac, err := net.ParseMAC(d.GetServer())
	return err == nil && len(mac) > 0 && mac[0]&1 != 0
}

// identified reports whether c's protocol is more than a port's hint.
func identified(d *demarcv1.Connection) bool {
	return d.GetProtocol() != "" && d.GetProtocol() != "unknown" && d.GetGrade() != "" && d.GetGrade() != "hint"
}

// picks holds an end to a selector; nil picks every one.
func (k *judge) picks(s *boundary.Selector, e end) answer {
	if s == nil {
		return yes
	}
	a := yes
	if s.Boundary.Name != "" {
		a = a.and(placed(e, k.w.Policy.Holds(s.Boundary.Name, e.boundary)))
	}
	if s.Domain != "" {
		a = a.and(placed(e, k.w.Policy.Domain(e.boundary) == s.Domain))
	}
	if len(s.CIDRs) > 0 {
		addr, err := netip.ParseAddr(e.address)
		a = a.and(sure(err == nil && slices.ContainsFunc(s.CIDRs, func(p boundary.Prefix) bool { return p.Prefix.Contains(addr) })))
	}
	if len(s.Roles) > 0 {
		a = a.and(hasRole(e.asset, s.Roles))
	}
	if len(s.Levels) > 0 {
		switch {
		case e.asset == nil || e.asset.Level == nil:
			a = a.and(maybe)
		default:
			a = a.and(sure(slices.ContainsFunc(s.Levels, func(l boundary.Level) bool { return l.Tenths/10 == int(e.asset.GetLevel()) })))
		}
	}
	return a
}

// placed is no answer for an end that stands nowhere.
func placed(e end, fits bool) answer {
	if e.boundary == "" {
		return maybe
	}
	return sure(fits)
}

// hasRole is never no by silence: a device whose role is not known may have it.
func hasRole(a *demarcv1.Asset, roles []string) answer {
	known := false
	for _, r := range a.GetRoles() {
		if slices.Contains(roles, r.GetRole()) {
			return yes
		}
		known = known || r.GetRole() != "unknown" && r.GetGrade() != "hint"
	}
	if known {
		return no
	}
	return maybe
}

// words name a connection.
func words(c *demarcv1.JudgedConnection) string {
	d := c.GetConnection()
	service := d.GetProtocol()
	if !identified(d) {
		service = d.GetTransport()
	}
	name := func(address, boundary string) string {
		if boundary == "" {
			boundary = "no boundary"
		}
		return address + " (" + boundary + ")"
	}
	return strings.ToValidUTF8(name(d.GetClient(), c.GetClientBoundary())+" to "+name(d.GetServer(), c.GetServerBoundary())+" with "+service+" on "+moment(d.GetLastSeen().AsTime()), "?")
}
