package identity

import (
	"slices"

	demarcv1 "demarc/proto/demarc/v1"
)

// observation is one address as seen in one segment of one site: all that
// agents told of it, with nothing concluded.
type observation struct {
	num uint64 // record number, 0 while there is nothing to record
	key addrKey
	// What placing a connection looks at stands together.
	mac    *macNode // valid iff key.ip is not
	ep     *endpoint
	unit   *unit  // what stands there, nil when nothing was heard
	text   string // of its address, made once for all its connections
	claims []claim
	agents []listener  // sorted by name
	hours  week        // of the week in which it was heard
	parts  []part      // facts; the address itself has the empty path
	heard  bool        // it sent a frame, or ARP or ND proves it
	asked  bool        // facts come from asking it
	said   *said       // what people decided; nil mostly
	marks  []*markNode // what it alone tells of its device
	conns  []*rawConn
}

// claim is one MAC that sent from the address. Without a MAC it only holds
// time and VLANs.
type claim struct {
	mac         *macNode
	vlans       []uint16
	ttls        []uint8 // of TCP and UDP to one receiver, sorted
	first, last int64   // Unix nanoseconds, 0 not told
	proven      bool    // the MAC claimed the address itself
}

// own reports whether the MAC stands on the address's own link.
func (o *observation) own(c *claim) bool {
	return c.mac != nil && (c.proven || linkLocal(o.key.ip) || fromMAC(o.key.ip, c.mac.mac))
}

func (o *observation) claimOf(m *macNode) *claim {
	for i := range o.claims {
		if o.claims[i].mac == m {
			return &o.claims[i]
		}
	}
	return nil
}

func (o *observation) span() (first, last int64) {
	for i := range o.claims {
		first, last = widen(first, last, o.claims[i].first, o.claims[i].last)
	}
	return first, last
}

// sawEndpoint takes an address that was seen as a sender.
func (b *Book) sawEndpoint(site, agent sym, d *demarcv1.EndpointDelta) {
	k, ok := keyOf(site, d.GetAddress())
	if !ok {
		b.refuse("endpoint without an address", d.GetFirstNs())
		return
	}
	mac, _ := macOf(d.GetMac())
	if k.ip.IsUnspecified() && mac.isStation() { // a sender that has no IP yet
		k.ip, k.mac = noIP, mac
		if v := d.GetVlans(); len(v) > 0 {
			k.vlan = uint16(min(v[0], 1<<16-1))
		}
	}
	if !k.canSend() {
		return
	}
	o := b.observe(k)
	if o == nil {
		return
	}
	b.number(&o.num)
	last := max(d.GetLastNs(), d.GetFirstNs(), 0)
	if o.listen(agent, last) {
		b.touchObservation(o)
	}
	o.hours.mark(d.GetFirstNs())
	o.hours.mark(last)
	o.hours.unite(d.GetHours())
	var m *macNode
	switch {
	case o.mac != nil:
		m = o.mac
	case mac.isStation() && (len(o.claims) < maxClaims || b.macs[macKey{site, mac}] != nil): // one more is not kept
		m = b.macNode(site, mac)
	}
	if !o.heard {
		o.heard = true
		b.arrived(o)
	}
	if m != nil || len(d.GetVlans())+len(d.GetTtls()) > 0 || d.GetFirstNs() != 0 {
		b.claim(o, m, d)
	}
	b.touchObservation(o)
}

// claim merges one claim and marks what depends on it.
func (b *Book) claim(o *observation, m *macNode, d *demarcv1.EndpointDelta) {
	c := o.claimOf(m)
	if c == nil {
		if len(o.claims) >= maxClaims {
			b.lose(o.key.segment.Value(), "senders of "+o.key.String()+" beyond the table", d.GetFirstNs(), d.GetLastNs())
			return
		}
		o.claims = append(o.claims, claim{mac: m})
		c = &o.claims[len(o.claims)-1]
		b.touchPlacement(o)
		if o.ep != nil && m != nil {
			m.seenAt(o, o.own(c))
			b.unsettle(o.ep, m)
		}
	}
	if d.GetOwnLink() && !c.proven {
		was := o.own(c)
		c.proven = true
		if o.ep != nil && m != nil && !was {
			m.proved(o)
			b.unsettle(o.ep, m)
		}
	}
	if m != nil {
		b.touchedMacs[m] = true
	}
	c.first, c.last = widen(c.first, c.last, d.GetFirstNs(), d.GetLastNs())
	if insertVLANs(&c.vlans, d.GetVlans()) {
		b.touchPlacement(o)
	}
	if insertTTLs(&c.ttls, d.GetTtls()) && m != nil && o.ep != nil {
		b.unsettle(o.ep, m)
	}
	if o.ep != nil && len(o.ep.units) > 1 { // the latest holder stands for the address
		b.unsettle(o.ep, nil)
	}
}

// widen makes first..last hold f..l as well; 0 and less is no time.
func widen(first, last, f, l int64) (int64, int64) {
	f, l = max(f, 0), max(f, l, 0)
	if f == 0 {
		f = l
	}
	if f == 0 {
		return first, last
	}
	if first == 0 || f < first {
		first = f
	}
	return first, max(last, l)
}

func insertVLANs(to *[]uint16, vlans []uint32) (changed bool) {
	for _, v := range vlans {
		if v > 4095 {
			continue
		}
		i, found := slices.BinarySearch(*to, uint16(v))
		if !found && len(*to) < maxVLANs {
			*to = slices.Insert(*to, i, uint16(v))
			changed = true
		}
	}
	return changed
}
