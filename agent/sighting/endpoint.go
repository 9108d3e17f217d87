package sighting

import (
	"net/netip"
	"slices"
	"time"

	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/wire"
	demarcv1 "demarc/proto/demarc/v1"
)

// endpoint is an address that sent something, or that ARP or ND proved.
type endpoint struct {
	address  address
	bindings []binding // one for each MAC that sent for it
	facts    int
	changed  bool
}

// binding is a MAC that stood in the frames of an address.
type binding struct {
	mac         decode.MAC
	vlans       [4]uint16
	ttls        [4]uint8
	nvlans      uint8
	nttls       uint8
	ownLink     bool
	known       bool
	changed     bool
	first, last int64
}

const maxBindings = 16

// sender notes who sent p.
func (t *Table) sender(segment uint16, p *decode.Packet) {
	a := addressOf(segment, p.VLAN(), p.SrcMAC, p.Src)
	if a.empty() || p.SrcMAC.IsGroup() || a.group() || !shows(p) {
		return
	}
	t.bind(a, p.SrcMAC, p, false)
}

// shows reports whether p is evidence that its source is there. What came out
// of a tunnel is only what the tunnel's far end says, and whoever reaches the
// near end can send it: there a source shows by what it has to say to others,
// or by ARP and ND; a ping, or the end of one more tunnel, is told
// as a connection alone.
func shows(p *decode.Packet) bool {
	ping := p.Protocol == protoICMP || p.Protocol == protoICMPv6
	return p.Depth == 0 || p.Has&decode.HasIP == 0 || (!ping && p.Carrier == decode.NoCarrier)
}

// suspect reports whether p proves no sender yet: a lone SYN from an address
// not known may be one of a flood with invented senders. It is noted when the
// conversation is told.
func (t *Table) suspect(c *flow.Conversation, side flow.Side, p *decode.Packet) bool {
	if side != flow.A || !lone(c) {
		return false
	}
	_, known := t.endpoints[addressOf(c.Segment, p.VLAN(), p.SrcMAC, p.Src)]
	return !known
}

// lone reports whether nobody has answered a TCP opener.
func lone(c *flow.Conversation) bool {
	return c.Transport == 6 && c.Opened && c.Sent[flow.B].Packets == 0 && !c.Payload[flow.A]
}

// vouch notes the sender of a lone opener, while there is room for such.
func (t *Table) vouch(c *flow.Conversation) bool {
	a := &c.Ends[flow.A]
	p := decode.Packet{Time: c.First, Has: decode.HasIP | decode.HasMAC, SrcMAC: a.MAC, Src: a.Addr}
	if c.VLAN != 0 {
		p.VLANs[0], p.Tags = c.VLAN, 1
	}
	if _, known := t.endpoints[addressOf(c.Segment, c.VLAN, a.MAC, a.Addr)]; !known && !t.spend() {
		return false
	}
	t.sender(c.Segment, &p)
	return true
}

// spend takes one from what may be told of lone openers.
func (t *Table) spend() bool {
	if grown := (t.now - t.triesAt) / int64(time.Second) * triesPerSecond; grown > 0 {
		t.tries, t.triesAt = min(maxTries, t.tries+grown), t.now
	}
	if t.tries == 0 {
		return false
	}
	t.tries--
	return true
}

// bind notes that mac sent for an address, or claimed it on its own link. It
// is news when either is new, and again in each quarter hour.
func (t *Table) bind(a address, mac decode.MAC, p *decode.Packet, ownLink bool) {
	e := t.endpoints[a]
	if e == nil {
		if len(t.endpoints) >= maxEndpoints {
			t.Loss(a.segment, "table-full", 1, "endpoints")
			return
		}
		e = &endpoint{address: a}
		t.endpoints[a] = e
	}
	b := e.binding(mac)
	if b == nil {
		return
	}
	news := !b.known || (ownLink && !b.ownLink) || b.last/Quarter < p.Time/Quarter
	if !b.known {
		b.known, b.first = true, p.Time
	}
	b.ownLink = b.ownLink || ownLink
	b.last = max(b.last, p.Time)
	if v := p.VLAN(); v != 0 && b.addVLAN(v) { // a priority tag names no VLAN, IEEE 802.1Q-2018 9.6
		news = true
	}
	if travels(p) && b.addTTL(p.TTL) {
		news = true
	}
	if news {
		b.changed = true
		t.endpointChanged(e)
	}
}

func (t *Table) endpointChanged(e *endpoint) {
	if !e.changed {
		e.changed = true
		t.changedEndpoints = append(t.changedEndpoints, e)
	}
}

func (e *endpoint) binding(mac decode.MAC) *binding {
	for i := range e.bindings {
		if e.bindings[i].mac == mac {
			return &e.bindings[i]
		}
	}
	if len(e.bindings) >= maxBindings {
		return nil
	}
	e.bindings = append(e.bindings, binding{mac: mac})
	return &e.bindings[len(e.bindings)-1]
}

func (b *binding) addVLAN(id uint16) bool {
	if int(b.nvlans) == len(b.vlans) || slices.Contains(b.vlans[:b.nvlans], id) {
		return false
	}
	b.vlans[b.nvlans] = id
	b.nvlans++
	return true
}

// travels reports whether p's time to live tells how far it came: TCP or UDP to
// one receiver. Other protocols and groups use values of their own.
func travels(p *decode.Packet) bool {
	return p.Has&decode.HasIP != 0 && p.TTL != 0 && (p.Protocol == protoTCP || p.Protocol == protoUDP) &&
		!p.DstMAC.IsGroup() && !p.Dst.IsMulticast() && !p.Tunnelled()
}

func (b *binding) addTTL(n uint8) bool {
	if slices.Contains(b.ttls[:b.nttls], n) {
		return false
	}
	if int(b.nttls) == len(b.ttls) {
		last := &b.ttls[len(b.ttls)-1]
		if !start(n) || start(*last) {
			return false
		}
		*last = n // says more than one of the many that a scanner makes up
		return true
	}
	b.ttls[b.nttls] = n
	b.nttls++
	return true
}

// start reports whether systems begin with a time to live of n.
func start(n uint8) bool { return n == 64 || n == 128 || n == 255 }

// endpointDeltas writes down the changed bindings.
func (t *Table) endpointDeltas(e *endpoint, out []*demarcv1.EndpointDelta) []*demarcv1.EndpointDelta {
	e.changed = false
	for i := range e.bindings {
		b := &e.bindings[i]
		if !b.changed {
			continue
		}
		b.changed = false
		d := &demarcv1.EndpointDelta{Address: t.proto(e.address), OwnLink: b.ownLink, FirstNs: b.first, LastNs: b.last}
		if !b.mac.IsZero() {
			d.Mac = append([]byte(nil), b.mac[:]...)
		}
		for _, v := range b.vlans[:b.nvlans] {
			d.Vlans = append(d.Vlans, uint32(v))
		}
		for _, n := range b.ttls[:b.nttls] {
			d.Ttls = append(d.Ttls, uint32(n))
		}
		out = append(out, d)
	}
	return out
}

const (
	etherARP    = 0x0806
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// arp reads who claims which address on its own link (RFC 826): the sender's
// pair, whatever the operation; an address probe (RFC 5227) claims none.
//
//	0 hardware type  2 protocol type  4 hlen  5 plen  6 operation
//	8 sender MAC  14 sender IP  18 target MAC  24 target IP
func (t *Table) arp(segment uint16, p *decode.Packet) {
	c := wire.New(p.Payload)
	hardware, protocol, lengths := c.U16(), c.U16(), c.U16()
	c.U16()
	mac, ip := c.Bytes(6), c.Bytes(4)
	if !c.OK() || hardware != 1 || protocol != 0x0800 || lengths != 0x0604 {
		return
	}
	t.claims(segment, decode.MAC(mac), netip.AddrFrom4([4]byte(ip)), p)
}

// neighbour reads the same for IPv6: the source of a solicitation with its
// link-layer address, the target of an advertisement (RFC 4861 4.3, 4.4).
func (t *Table) neighbour(segment uint16, p *decode.Packet) {
	c := wire.New(p.Payload)
	kind := c.U8()
	if p.TTL != 255 || (kind != 135 && kind != 136) { // RFC 4861 7.1: from this link only
		return
	}
	c.Skip(7)
	target := c.Bytes(16)
	option := c.U16()
	mac := c.Bytes(6)
	if !c.OK() {
		return
	}
	addr, want := p.Src, uint16(0x0101) // source link-layer address, 8 bytes
	if kind == 136 {
		addr, want = netip.AddrFrom16([16]byte(target)), 0x0201
	}
	if option == want {
		t.claims(segment, decode.MAC(mac), addr, p)
	}
}

func (t *Table) claims(segment uint16, mac decode.MAC, ip netip.Addr, p *decode.Packet) {
	a := address{segment: segment, ip: ip}
	if ip.IsUnspecified() || a.group() || mac.IsGroup() || mac.IsZero() {
		return
	}
	t.bind(a, mac, p, !p.Tunnelled()) // what comes out of a tunnel is on another link, or says so
}
