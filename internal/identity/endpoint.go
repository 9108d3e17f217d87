package identity

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
)

// endpoint is one IP address in one space, heard or only spoken to.
type endpoint struct {
	space string
	ip    netip.Addr
	seen  []*observation
	units []*unit // what stands at the address: one, more on a conflict, none while it never sent
	// apart: MACs on their own links of several segments hold the address, so
	// it means something else in each segment.
	apart bool
}

type epKey struct {
	space string
	ip    netip.Addr
}

// unit is one device's hold of one IP address.
type unit struct {
	ep     *endpoint
	holder *macNode // by proof; nil when nobody proved the address
	scope  string   // tells units of one endpoint apart; "" when there is one
	seen   []*observation
	// former: another MAC of the same link took the address over, and the
	// holder was not heard with it since.
	former bool
	asset  *asset
}

// at lists where u was observed: for a holder that another followed in the same
// segment, where its address was.
func (u *unit) at() []*observation {
	if len(u.seen) == 0 {
		return u.ep.seen
	}
	return u.seen
}

// key sorts units: the smallest names the asset.
func (u *unit) key() string { return unitKey(u.ep.space, u.ep.ip, u.scope) }

func unitKey(space string, ip netip.Addr, scope string) string {
	return "ip\x00" + byNumber(ip) + "\x00" + space + "\x00" + scope
}

// byNumber is ip as text that sorts as the address does, IPv4 first.
func byNumber(ip netip.Addr) string {
	if ip.Is4() {
		return "4" + hex.EncodeToString(ip.AsSlice())
	}
	return "6" + hex.EncodeToString(ip.AsSlice())
}

func (b *Book) endpoint(o *observation) *endpoint {
	k := epKey{b.spaceOf(o.key), o.key.ip}
	e := b.eps[k]
	if e == nil {
		e = &endpoint{space: k.space, ip: k.ip}
		b.eps[k] = e
	}
	return e
}

// holders lists the MACs that proved the address their own, those first of
// all that forward nothing: a router that answers for a host behind it, or a
// virtual MAC, yields to the device itself.
func (e *endpoint) holders() []*macNode {
	var found []*macNode
	best := 3
	for _, o := range e.seen {
		for i := range o.claims {
			c := &o.claims[i]
			if !o.own(c) || c.mac.class.overfull || c.mac.relays(o) {
				continue
			}
			r := rank(c.mac)
			if r < best {
				best, found = r, found[:0]
			}
			if r == best && !slices.Contains(found, c.mac) {
				found = append(found, c.mac)
			}
		}
	}
	slices.SortFunc(found, compareMAC)
	return found
}

func rank(m *macNode) int {
	switch {
	case virtualKind(m.mac) != "":
		return 2
	case m.class.shared:
		return 1
	}
	return 0
}

func compareMAC(a, b *macNode) int {
	return cmp.Or(slices.Compare(a.mac[:], b.mac[:]), cmp.Compare(a.site.Value(), b.site.Value()))
}

// divide makes the units of e anew. It returns false when nothing was heard.
func (e *endpoint) divide() {
	for _, o := range e.seen {
		o.unit = nil
	}
	e.units, e.apart = nil, false
	heard := slices.ContainsFunc(e.seen, func(o *observation) bool { return o.heard })
	if !heard {
		return
	}
	holders := e.holders()
	if len(holders) < 2 {
		u := &unit{ep: e, seen: e.seen}
		if len(holders) == 1 {
			u.holder = holders[0]
		}
		e.units = []*unit{u}
		for _, o := range e.seen {
			o.unit = u
		}
		return
	}
	e.apart = !shareSegment(e.seen, holders)
	for _, m := range holders {
		e.units = append(e.units, &unit{ep: e, holder: m, scope: m.site.Value() + " " + m.mac.String()})
	}
	var latest *observation // the one whose holder was heard last
	for _, o := range e.seen {
		if u := e.lastHolder(o); u != nil {
			o.unit = u
			u.seen = append(u.seen, o)
			if latest == nil || later(o, latest) {
				latest = o
			}
		}
	}
	for _, o := range e.seen {
		if o.unit != nil {
			continue
		}
		switch {
		case !e.apart:
			o.unit = latest.unit
		case o.heard:
			o.unit = &unit{ep: e, scope: "in " + o.key.site.Value() + "/" + o.key.segment.Value()}
			e.units = append(e.units, o.unit)
		default:
			continue
		}
		o.unit.seen = append(o.unit.seen, o)
	}
	e.passOn()
}

// passOn marks units whose address another holder of the same link took over.
func (e *endpoint) passOn() {
	if e.apart {
		return
	}
	type span struct {
		first, last int64
		vlans       []uint16
	}
	spans := make([]span, len(e.units))
	for i, u := range e.units {
		if u.holder != nil {
			spans[i].first, spans[i].last, spans[i].vlans = u.held()
		}
	}
	for i, u := range e.units {
		mine := &spans[i]
		u.former = mine.last != 0 && slices.ContainsFunc(spans, func(s span) bool {
			return s.first > mine.last && !parted(mine.vlans, s.vlans)
		})
	}
}

// lastHolder is the unit whose MAC was heard last at o, the greater MAC on a
// tie.
func (e *endpoint) lastHolder(o *observation) *unit {
	var best *unit
	var at int64
	for _, u := range e.units {
		if u.holder == nil {
			continue
		}
		if c := o.claimOf(u.holder); c != nil && o.own(c) && (best == nil || c.last >= at) {
			best, at = u, c.last
		}
	}
	return best
}

func later(a, b *observation) bool {
	x, y := a.claimOf(a.unit.holder), b.claimOf(b.unit.holder)
	return cmp.Or(cmp.Compare(x.last, y.last), compareObservation(a, b)) > 0
}

// shareSegment reports whether two of the holders proved the address in one
// segment: a conflict on the link and not two address plans.
func shareSegment(seen []*observation, holders []*macNode) bool {
	for _, o := range seen {
		n := 0
		for _, m := range holders {
			if c := o.claimOf(m); c != nil && o.own(c) {
				n++
			}
		}
		if n > 1 {
			return true
		}
	}
	return false
}

// owners lists the MACs that belong to the device at u: the holder, or where
// nobody proved the address, MACs that sent from it and from no other.
func (u *unit) owners() []*macNode {
	if u.holder != nil {
		return []*macNode{u.holder}
	}
	if len(u.ep.units) > 1 { // an orphan of a conflict
		return nil
	}
	var found []*macNode
	for _, o := range u.seen {
		for i := range o.claims {
			m := o.claims[i].mac
			if m == nil || m.class.shared && m.class.home != u.ep.ip || u.ep.ip.Is4() && m.class.proven4 || slices.Contains(found, m) {
				continue
			}
			if _, all := o.claims[i].routed(); all && !o.own(&o.claims[i]) { // the router's that passed it on
				continue
			}
			found = append(found, m)
		}
	}
	slices.SortFunc(found, compareMAC)
	return found
}

// endKey names the address as an end of connections: it is the same for every
// observation of one endpoint, unless the address is apart.
func (o *observation) endKey() string {
	if o.ep == nil {
		return "mac\x00" + o.key.segment.Value() + "\x00" + o.key.mac.String() + "\x00" + vlanText(o.key.vlan)
	}
	scope := ""
	if o.ep.apart {
		scope = o.key.segment.Value()
	}
	return unitKey(o.ep.space, o.ep.ip, scope)
}
