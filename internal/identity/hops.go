package identity

import (
	"cmp"
	"slices"
)

// maxTTLs bounds the times to live kept of one claim.
const maxTTLs = 8

// hopsOf is how many routers passed a packet on that arrives with a time to
// live of n: senders begin with 64, 128 or 255 (RFC 1700, and what stacks do),
// few with 32. ok is false where another start is as likely.
func hopsOf(n uint8) (hops int, ok bool) {
	for _, start := range [...]int{64, 128, 255} {
		if d := start - int(n); d >= 0 && d <= maxHops {
			return d, true
		}
	}
	return 0, false
}

// maxHops is how far a packet of a plant's own network has come at most: past
// it, a sender with a start value of its own (60, 250) is as likely.
const maxHops = 2

// routed reports whether routers passed on what the claim's MAC sent from the
// address, some of it or all.
func (c *claim) routed() (some, all bool) {
	all = len(c.ttls) > 0
	for _, n := range c.ttls {
		hops, ok := hopsOf(n)
		if ok && hops > 0 {
			some = true
		} else {
			all = false
		}
	}
	return some, all
}

// direct reports whether no router passed on what the claim's MAC sent from the
// address: a start value shows, and nothing one or two hops away from one.
func (c *claim) direct() bool {
	for _, n := range c.ttls {
		if hops, ok := hopsOf(n); ok && hops == 0 {
			some, _ := c.routed()
			return !some
		}
	}
	return false
}

// starts counts the different start values of what was passed on: systems
// behind one address that are not alike.
func (c *claim) starts() (routed []uint8) {
	for _, n := range c.ttls {
		if hops, ok := hopsOf(n); ok && hops > 0 {
			start := n + uint8(hops)
			if !slices.Contains(routed, start) {
				routed = append(routed, start)
			}
		}
	}
	return routed
}

func insertTTLs(to *[]uint8, ttls []uint32) (changed bool) {
	for _, n := range ttls {
		if n == 0 || n > 255 {
			continue
		}
		i, found := slices.BinarySearch(*to, uint8(n))
		if found {
			continue
		}
		*to = slices.Insert(*to, i, uint8(n))
		changed = true
		if len(*to) > maxTTLs { // the same few are kept in whatever order they came
			*to = (*to)[:maxTTLs]
		}
	}
	return changed
}

// relays reports whether m only passes on what comes from o, though it answers
// ARP for it: a proxy (RFC 1027), or one-to-one address translation.
func (m *macNode) relays(o *observation) bool {
	return m.class.relays && o.claimOf(m) != nil && passedOn(o, m)
}

// relayed lists the addresses that m only passes on, of those that it proves.
func (m *macNode) relayed() []*observation {
	var all []*observation
	for _, o := range m.proven {
		if m.relays(o) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *observation) int { return cmp.Or(a.key.ip.Compare(b.key.ip), compareObservation(a, b)) })
	return all
}
