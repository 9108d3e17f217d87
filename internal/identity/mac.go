package identity

import (
	"net/netip"
	"slices"
)

// macNode is one MAC address at one site.
type macNode struct {
	site  sym
	mac   MAC
	links []*observation // the MAC itself as an address, by segment and VLAN
	// IP addresses that it sent from: proved its own, and not.
	proven, unproven []*observation

	class   macClass
	chassis *markNode // of ports that name it as their bridge's or chassis' own; nil
	asset   *asset    // nil while it never sent a frame
}

// macClass is what a MAC's own traffic says of it, whoever else uses the same
// addresses.
type macClass struct {
	shared   bool // it stands before more addresses than one device has: it lends itself to none without proof
	router   bool // and before so many that frames of others pass through it
	overfull bool // it answers for more addresses than one device has: a proxy
	proven4  bool // an IPv4 address is proved its own
	relays   bool // of those that it proves, some only pass through it
	// home is the one private IPv4 address, of all that it proved none of, that no
	// router passed on: its own. Not valid where there are several.
	home netip.Addr
}

type macKey struct {
	site sym
	mac  MAC
}

func (b *Book) macNode(site sym, m MAC) *macNode {
	k := macKey{site, m}
	n := b.macs[k]
	if n == nil {
		n = &macNode{site: site, mac: m}
		n.class = n.classify()
		b.macs[k] = n
	}
	return n
}

func (m *macNode) seenAt(o *observation, own bool) {
	if own {
		m.proven = append(m.proven, o)
	} else {
		m.unproven = append(m.unproven, o)
	}
}

func (m *macNode) proved(o *observation) {
	for i, x := range m.unproven {
		if x == o {
			m.unproven[i] = m.unproven[len(m.unproven)-1]
			m.unproven = m.unproven[:len(m.unproven)-1]
			break
		}
	}
	m.proven = append(m.proven, o)
}

// heard reports whether the MAC sent a frame.
func (m *macNode) heard() bool { return len(m.proven)+len(m.unproven) > 0 || m.onLink() }

// onLink reports whether m sent a frame without IP, which no router forwards.
func (m *macNode) onLink() bool {
	return slices.ContainsFunc(m.links, func(o *observation) bool { return o.heard })
}

// classify looks at the addresses that m sent from. It stops as soon as m is
// known to be a router, so that one with many addresses behind it costs no
// more than one with a few.
func (m *macNode) classify() macClass {
	var c macClass
	type group struct {
		segment sym
		vlan    uint16
	}
	groups := map[group]int{}
	own := map[netip.Addr]bool{}
	prefixes := map[[8]byte]bool{}
	c.relays = m.answersForOthers()
	for _, o := range m.proven {
		switch {
		case linkLocal(o.key.ip), c.relays && passedOn(o, m):
			continue
		case o.key.ip.Is6():
			prefixes[prefix64(o.key.ip)] = true
		default:
			c.proven4 = true
			g := group{segment: o.key.segment}
			if v := o.claimOf(m).vlans; len(v) > 0 {
				g.vlan = v[0]
			}
			groups[g]++
			if groups[g] > maxOwn {
				c.overfull = true
			}
		}
		own[o.key.ip] = true
	}
	n, near := m.standsBefore(own, prefixes)
	c.router = c.overfull || c.relays || virtualKind(m.mac) != "" || n > 2 || n == 2 && c.proven4
	c.shared = c.router || n+len(near) > 1
	if len(near) == 1 && !c.proven4 {
		c.home = near[0]
	}
	return c
}

// answersForOthers reports whether m proves several IPv4 addresses and passes on
// what comes from some of them.
func (m *macNode) answersForOthers() bool {
	own, relayed := map[netip.Addr]bool{}, false
	for _, o := range m.proven {
		if o.key.ip.Is4() && !linkLocal(o.key.ip) {
			own[o.key.ip] = true
			relayed = relayed || passedOn(o, m)
		}
	}
	return relayed && len(own) > 1
}

// passedOn reports whether all that m sent from o came through a router.
func passedOn(o *observation, m *macNode) bool {
	if !o.key.ip.Is4() {
		return false
	}
	_, all := o.claimOf(m).routed()
	return all
}

// standsBefore counts the IPv4 addresses that m sent from without proof, to 3;
// IPv6 addresses beyond maxOwn6 or maxPrefixes make 3 as well. Those in own, or
// under a prefix in which m has an address of its own, do not count. near are
// those that no router passed on, and are not counted unless they are more than
// maxOwn: several systems share one card where a host bridges its virtual
// machines.
func (m *macNode) standsBefore(own map[netip.Addr]bool, prefixes map[[8]byte]bool) (n int, near []netip.Addr) {
	const many = 3
	v4, v6, foreign, at := map[netip.Addr]bool{}, map[netip.Addr]bool{}, map[[8]byte]bool{}, map[netip.Addr]bool{}
	for _, o := range m.unproven {
		a := o.key.ip
		switch {
		case own[a]:
		case a.Is4() && a.IsPrivate() && o.claimOf(m).direct(): // who answers from the Internet may be a proxy here
			at[a] = true
		case a.Is4():
			v4[a] = true
		case prefixes[prefix64(a)]:
		default:
			v6[a], foreign[prefix64(a)] = true, true
		}
		if len(v4) >= many || len(at) > maxOwn || len(v6) > maxOwn6 || len(foreign) > maxPrefixes {
			return many, nil
		}
	}
	for a := range at {
		if !v4[a] {
			near = append(near, a)
		}
	}
	return len(v4), near
}

// virtualKind names the protocol that shares m between routers or hosts, "" for
// none.
func virtualKind(m MAC) string {
	if m[0] == 0x02 && m[1] == 0xbf { // Microsoft's network load balancing in unicast mode
		return "NLB"
	}
	switch [4]byte(m[:4]) {
	case [4]byte{0x00, 0x09, 0x0f, 0x09}: // FortiGate clusters
		return "FGCP"
	case [4]byte{0x00, 0x00, 0x5e, 0x00}: // RFC 9568 section 7.3; CARP uses the same
		if m[4] == 1 || m[4] == 2 {
			return "VRRP"
		}
	case [4]byte{0x00, 0x00, 0x0c, 0x07}: // RFC 2281 section 5.3
		if m[4] == 0xac {
			return "HSRP"
		}
	case [4]byte{0x00, 0x00, 0x0c, 0x9f}: // HSRP version 2, IPv4
		if m[4]>>4 == 0xf {
			return "HSRP"
		}
	case [4]byte{0x00, 0x05, 0x73, 0xa0}: // HSRP version 2, IPv6
		return "HSRP"
	case [4]byte{0x00, 0x07, 0xb4, 0x00}:
		return "GLBP"
	}
	return ""
}
