package identity

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// joins says in words why several addresses are one asset, and what about them
// is in conflict.
func (a *asset) joins() []string {
	var out []string
	for _, m := range a.macs {
		out = append(out, a.joinsOf(m)...)
	}
	for _, u := range a.units {
		out = append(out, u.conflict()...)
		if owners := u.owners(); len(owners) > 1 {
			macs := make([]string, len(owners))
			for i, m := range owners {
				macs[i] = m.mac.String()
			}
			out = append(out, fmt.Sprintf("%s was sent from by %s, and none proved it its own: one device with several cards, or several with one address", u.ep.ip, strings.Join(macs, ", ")))
		}
	}
	out = append(out, a.marks()...)
	out = append(out, a.cuts()...)
	return tidy(out)
}

// joinsOf says what m holds together, and what it only forwards.
func (a *asset) joinsOf(m *macNode) []string {
	var out, own []string
	where := map[string]bool{}
	for _, u := range a.units {
		if !slices.Contains(u.owners(), m) {
			continue
		}
		own = append(own, u.ep.ip.String())
		for _, o := range u.seen {
			if c := o.claimOf(m); c != nil && o.own(c) && !linkLocal(o.key.ip) {
				where[o.place(c)] = true
			}
		}
	}
	if len(own) > 1 {
		out = append(out, strings.Join(sortAddresses(own), ", ")+" by MAC "+m.mac.String())
	}
	if len(where) > 1 {
		out = append(out, m.mac.String()+" stands on the links of "+strings.Join(sortedKeys(where), " and "))
	}
	if kind := virtualKind(m.mac); kind != "" {
		out = append(out, m.mac.String()+" is a virtual MAC that "+sharers(kind)+" share by "+kind)
	}
	out = append(out, a.translates(m)...)
	if m.class.overfull {
		out = append(out, fmt.Sprintf("%s answers for more than %d addresses of one link: a proxy, it lends its MAC to none", m.mac, maxOwn))
	} else if n := m.standsBeforeCount(); m.routes() && n > 0 {
		out = append(out, fmt.Sprintf("%s stands before %s: routed traffic, it lends its MAC to none", m.mac, plural(n, "address of another", "addresses of others")))
	} else if m.class.shared && n > 1 {
		out = append(out, fmt.Sprintf("%s sent from %d addresses and proved none its own: not joined", m.mac, n))
	}
	return out
}

func sharers(kind string) string {
	if kind == "NLB" {
		return "hosts"
	}
	return "routers"
}

// translates tells what m passes on under addresses that it answers ARP for.
func (a *asset) translates(m *macNode) []string {
	var out []string
	if all := m.relayed(); len(all) > 0 {
		ips := make([]string, len(all))
		for i, o := range all {
			ips[i] = o.key.ip.String()
		}
		ips = slices.Compact(ips)
		out = append(out, fmt.Sprintf("%s answers ARP for %s and passes on what they send (its time to live is that of a routed packet): proxy ARP or one-to-one address translation, kept apart", m.mac, strings.Join(ips, ", ")))
	}
	told := map[netip.Addr]bool{}
	for _, u := range a.units {
		for _, o := range u.seen {
			c := o.claimOf(m)
			if c == nil || !o.own(c) || m.relays(o) || told[o.key.ip] {
				continue
			}
			if some, _ := c.routed(); some {
				told[o.key.ip] = true
				out = append(out, fmt.Sprintf("%s sends packets that a router passed on (time to live %s) from an address of its own: it probably translates addresses (NAT) for %s behind it", o.key.ip, numbers(c.ttls), systems(len(c.starts()))))
			}
		}
	}
	return out
}

func systems(kinds int) string {
	if kinds > 1 {
		return fmt.Sprintf("systems of at least %d kinds", kinds)
	}
	return "others"
}

func numbers(all []uint8) string {
	text := make([]string, len(all))
	for i, n := range all {
		text[i] = fmt.Sprint(n)
	}
	return strings.Join(text, ", ")
}

func (m *macNode) standsBeforeCount() int {
	others := map[*endpoint]bool{}
	for _, o := range m.relayed() {
		others[o.ep] = true
	}
	for _, o := range m.unproven {
		if o.unit == nil || !slices.Contains(o.unit.owners(), m) {
			others[o.ep] = true
		}
	}
	return len(others)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// place names a claim's link: segment and VLANs.
func (o *observation) place(c *claim) string {
	s := o.key.segment.Value()
	if s == "" {
		s = "the capture"
	}
	if len(c.vlans) > 0 {
		s += " VLAN " + vlanList(c.vlans)
	}
	return s
}

// conflict tells of MACs that hold u's address beside u.
func (u *unit) conflict() []string {
	if u.holder == nil || len(u.ep.units) < 2 {
		return nil
	}
	var out []string
	for _, v := range u.ep.units {
		if v == u || v.holder == nil {
			continue
		}
		if u.ep.apart {
			out = append(out, fmt.Sprintf("%s stands on its own link with %s as well: kept apart, declare it local to its segment", u.ep.ip, v.holder.mac))
			continue
		}
		first, last, vlans := u.held()
		f, l, others := v.held()
		switch {
		case parted(vlans, others):
			out = append(out, fmt.Sprintf("%s stands in VLAN %s with %s as well: give each VLAN its own segment", u.ep.ip, vlanList(others), v.holder.mac))
		case last < f:
			out = append(out, fmt.Sprintf("%s passed to %s after %s", u.ep.ip, v.holder.mac, when(last)))
		case l < first:
			out = append(out, fmt.Sprintf("%s was held by %s until %s", u.ep.ip, v.holder.mac, when(l)))
		default:
			out = append(out, fmt.Sprintf("%s is held by %s at the same time: duplicate address", u.ep.ip, v.holder.mac))
		}
	}
	return out
}

// held is the time and the VLANs in which u's holder sent from the address.
func (u *unit) held() (first, last int64, vlans []uint16) {
	for _, o := range u.ep.seen {
		if c := o.claimOf(u.holder); c != nil {
			first, last = widen(first, last, c.first, c.last)
			insertVLANs(&vlans, wide(c.vlans))
		}
	}
	return first, last, vlans
}

// parted reports whether a and b are different links.
func parted(a, b []uint16) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	return !slices.ContainsFunc(a, func(v uint16) bool { return slices.Contains(b, v) })
}

func vlanList(vlans []uint16) string {
	v := make([]string, len(vlans))
	for i, x := range vlans {
		v[i] = vlanText(x)
	}
	return strings.Join(v, ", ")
}

func when(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }

// marks tells of addresses joined by what they say of their device.
func (a *asset) marks() []string {
	at := map[*markNode]map[string]bool{}
	for _, o := range a.observations() {
		for _, s := range o.marks {
			if !s.active {
				continue
			}
			if at[s] == nil {
				at[s] = map[string]bool{}
			}
			at[s][o.key.String()] = true
		}
	}
	var out []string
	for s, keys := range at {
		switch s.key.kind {
		case chassisMark:
			delete(keys, s.key.value)
			if len(keys) > 0 && (len(keys) > 1 || s.mac.heard()) {
				out = append(out, strings.Join(sortedKeys(keys), ", ")+" "+say(len(keys), "is a port", "are ports")+" of the bridge or chassis "+s.key.value)
			}
		case saidMark:
			if len(keys) > 1 {
				out = append(out, strings.Join(sortedKeys(keys), ", ")+" are put together "+s.key.vendor)
			}
		case nameMark:
			if len(keys) > 1 {
				out = append(out, strings.Join(sortAddresses(sortedKeys(keys)), ", ")+" are logged on to as the computer "+s.key.value)
			}
		default:
			if len(keys) > 1 {
				out = append(out, strings.Join(sortedKeys(keys), ", ")+" tell the same serial number "+s.key.value+" of "+s.key.vendor)
			}
		}
	}
	return out
}

func say(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
