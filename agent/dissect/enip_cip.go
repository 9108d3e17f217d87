package dissect

import (
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// CIP classes and services with a part of their own here, Vol 1 tables 5-1.1
// and.
const (
	classIdentity          = 0x01
	classMessageRouter     = 0x02
	classConnectionManager = 0x06
	classFile              = 0x37
	classPCCC              = 0x67
	classTCPIP             = 0xf5

	serviceGetAll          = 0x01
	serviceGetList         = 0x03
	serviceMultiple        = 0x0a
	serviceGetSingle       = 0x0e
	serviceExecutePCCC     = 0x4b
	serviceUnconnectedSend = 0x52
	serviceForwardOpen     = 0x54
	serviceLargeOpen       = 0x5b

	cipReply = 0x80
)

// cipContext is where a message router message was found.
type cipContext struct {
	m          *Message
	out        Out
	packet     cpf
	from       side
	key        cipKey
	route      cipRoute
	open       cipOpen
	understood bool // the request has the form of one
	lost       bool // the connection was opened before the capture: its route is not known
	depth      uint8
}

// maxNesting bounds Unconnected Sends and Multiple Service Packets inside each other.
const maxNesting = 3

// data reads the message that a SendRRData or SendUnitData carries.
func (d *enip) data(m *Message, h *enipHeader, body []byte, out Out) {
	x := cipContext{m: m, out: out, from: d.sides.of(m)}
	if !readData(body, true, &x.packet) || h.status != 0 {
		return
	}
	c := wire.New(x.packet.data)
	var sequence uint16
	if x.packet.dataType == cpfConnectedData {
		sequence = c.U16LE() // transport class 3, Vol 1 3-4.4.3
	}
	head := c.Peek(1)
	if head == nil {
		return
	}
	reply := head[0]&cipReply != 0
	x.key.id = h.context
	if x.packet.dataType == cpfConnectedData {
		x.connect(d, sequence, reply)
	}
	if reply {
		d.reply(&x, c.Rest())
		return
	}
	d.asks(&x, c.Rest())
}

// poll reads a connected message as most are once requests were seen: a tag's
// service and its reply, of which nothing is waited for. What it leaves alone,
// with 0, read reads; of the rest both say the same.
func (d *enip) poll(m *Message, out Out) (used int) {
	if !d.claimed || !d.asked {
		return 0
	}
	connection, sequence, b, used := readUnit(m.Data)
	if len(b) < 4 {
		return 0
	}
	from, reply := d.sides.of(m), b[0]&cipReply != 0
	key := cipKey{id: uint64(sequence) | uint64(uint8(d.connections.find(connection, reply)))<<16, connected: true, service: b[0] &^ cipReply}
	if reply {
		if b[1] != 0 || 4+2*int(b[3]) > len(b) || d.requests.find(key, from.other()) != nil {
			return 0
		}
		out.Sender(Server)
		return used
	}
	path := 2 * int(b[1])
	if symbol := 2 + int(b[3]); b[2] != 0x91 || path != symbol+symbol&1 || 2+path > len(b) || key.service < 0x4b {
		return 0
	}
	out.Sender(Client)
	if o, ok := ownService(key.service, &tagPath); ok {
		out.Operation(o, 1)
	}
	d.requests.forget(key, from)
	return used
}

// tagPath is a path that names a tag and nothing else.
var tagPath = cipPath{symbol: true}

// asks reads a request and remembers it when its reply will tell something. A
// connection may lead to an object whose data are not such requests.
func (d *enip) asks(x *cipContext, b []byte) {
	service, want := d.request(x, b)
	if !x.understood {
		return
	}
	d.asked = true
	x.key.service = service
	if want.what == wantNothing {
		d.requests.forget(x.key, x.from)
		return
	}
	d.requests.put(&cipRequest{key: x.key, from: x.from, want: want, members: d.members, route: x.route, open: x.open})
}

// connect gives a connected message its key and the route of its connection.
func (x *cipContext) connect(d *enip, sequence uint16, reply bool) {
	i := d.connections.find(x.packet.connection, reply)
	x.key = cipKey{id: uint64(sequence) | uint64(uint8(i))<<16, connected: true} // -1 becomes 255, the place of unknown connections
	if i < 0 {
		x.lost = true
		return
	}
	x.route = d.connections.ring[i].route
}

// request reads a message router request, Vol 1 2-4.1, counts what it asks for
// and says what its reply will tell:
//
//	+---------+-----------+----------------+-------
//	| service | words     | EPATH          | data ...
//	+---------+-----------+----------------+-------
func (d *enip) request(x *cipContext, b []byte) (uint8, cipWant) {
	c := wire.New(b)
	service := c.U8()
	path, ok := readPath(c.Bytes(2 * int(c.U8())))
	if !ok || !c.OK() || service == 0 {
		return service, cipWant{}
	}
	if x.depth == 0 {
		x.out.Sender(Client)
		x.understood = true
	}
	x.depth++
	if x.depth > maxNesting {
		return service, cipWant{}
	}
	switch {
	case path.class == classConnectionManager && service == serviceUnconnectedSend:
		return d.unconnectedSend(x, &c)
	case path.class == classConnectionManager && (service == serviceForwardOpen || service == serviceLargeOpen):
		return service, d.forwardOpen(x, &c, service == serviceLargeOpen)
	case path.class == classMessageRouter && service == serviceMultiple:
		return service, d.multiple(x, &c)
	case path.class == classPCCC && service == serviceExecutePCCC:
		return service, pcccRequest(x, &c)
	}
	if o, ok := cipOperation(service, &path); ok {
		x.out.Operation(o, 1)
	}
	return service, wanted(service, &path)
}

// wanted is what a reply to a service of an object tells of the device.
func wanted(service uint8, p *cipPath) cipWant {
	if p.instance != 1 || p.symbol {
		return cipWant{}
	}
	switch {
	case p.class == classIdentity && service == serviceGetAll:
		return cipWant{what: wantIdentityAll}
	case p.class == classIdentity && service == serviceGetList:
		return cipWant{what: wantIdentityList}
	case p.class == classIdentity && service == serviceGetSingle && p.attribute < 256:
		return cipWant{wantIdentityOne, uint8(p.attribute)}
	case p.class == classTCPIP && service == serviceGetAll:
		return cipWant{what: wantInterfaceAll}
	case p.class == classTCPIP && service == serviceGetSingle && p.attribute == 6:
		return cipWant{what: wantHostName}
	}
	return cipWant{}
}

// unconnectedSend opens an Unconnected Send, Vol 1 3-5.5.4: a request inside,
// and behind it the route that it is to take. The reply comes as the inner
// request's own.
//
//	+------+---------+------+---------+-----+-------+---+------------
//	| tick | timeout | size | request | pad | words | 0 | route path
//	+------+---------+------+---------+-----+-------+---+------------
func (d *enip) unconnectedSend(x *cipContext, c *wire.Cursor) (uint8, cipWant) {
	c.Skip(2)
	size := int(c.U16LE())
	inner := c.Bytes(size)
	c.Skip(size % 2)
	words := int(c.U8())
	c.Skip(1)
	route, ok := readPath(c.Bytes(2 * words))
	if len(inner) == 0 {
		return serviceUnconnectedSend, cipWant{}
	}
	x.route.add(route.route.b[:route.route.n])
	x.route.far = x.route.far || !ok || !c.OK() || route.route.far
	return d.request(x, inner)
}

// multiple opens a Multiple Service Packet, Vol 1: count, offsets from
// the count, and the requests there.
func (d *enip) multiple(x *cipContext, c *wire.Cursor) cipWant {
	d.members = cipMembers{}
	told := false
	depth := x.depth
	eachMember(c, func(i int, b []byte) {
		x.depth = depth
		_, w := d.request(x, b)
		if i < len(d.members) && w.what < wantOpen {
			d.members[i] = w
			told = told || w.what != wantNothing
		}
	})
	if !told {
		return cipWant{}
	}
	return cipWant{what: wantMembers}
}

// eachMember walks the members of a Multiple Service Packet or its reply.
func eachMember(c *wire.Cursor, f func(i int, b []byte)) {
	all := c.Rest()
	k := wire.New(all)
	n := int(k.U16LE())
	if n > (len(all)-2)/2 {
		return
	}
	from := int(k.U16LE())
	for i := range n {
		to := len(all)
		if i+1 < n {
			to = int(k.U16LE())
		}
		if from < 2+2*n || to <= from || to > len(all) {
			return
		}
		f(i, all[from:to])
		from = to
	}
}

// forwardOpen reads a Forward Open, Vol 1 3-5.5.2, which a Large one widens by
// two bytes twice. The originator says who it is; the connection path says
// where it leads.
func (d *enip) forwardOpen(x *cipContext, c *wire.Cursor, large bool) cipWant {
	c.Skip(2 + 4 + 4 + 2) // tick, timeout, connection identifiers, connection serial number
	vendor, serial := c.U16LE(), c.U32LE()
	c.Skip(1 + 3 + 4)
	connectionParameters(c, large) // of the originator's own data
	c.Skip(4)
	kind := connectionParameters(c, large)
	trigger := c.U8()
	path, ok := readPath(c.Bytes(2 * int(c.U8())))
	if !c.OK() {
		return cipWant{}
	}
	x.route.add(path.route.b[:path.route.n])
	x.route.far = x.route.far || !ok || path.route.far
	x.open = cipOpen{transport: trigger & 0x0f, group: kind == 1, port: ioPort}
	if x.packet.to.Port() != 0 {
		x.open.port = x.packet.to.Port()
	}
	if x.open.io() {
		x.out.Operation(ot.Subscribe, 1)
	}
	d.originator(x.out, vendor, serial)
	return cipWant{what: wantOpen}
}

// connectionParameters is the connection type, Vol 1 3-5.5.1.1: 0 null,
// 1 multicast, 2 point to point.
func connectionParameters(c *wire.Cursor, large bool) uint8 {
	if large {
		return uint8(c.U32LE() >> 29 & 3)
	}
	return uint8(c.U16LE() >> 13 & 3)
}

// opened reads a successful Forward Open reply: the identifiers that messages
// will carry, and for I/O the conversations to come.
func (d *enip) opened(x *cipContext, r *cipRequest, c *wire.Cursor) {
	toTarget, toOriginator := c.U32LE(), c.U32LE()
	if !c.OK() {
		return
	}
	if !r.open.io() {
		d.connections.add(cipConnection{ot: toTarget, to: toOriginator, route: r.route})
		return
	}
	target, originator := x.m.Src().Addr, x.m.Dst().Addr
	tag := ioTag(toTarget, toOriginator)
	port := uint16(ioPort)
	if x.packet.ot.Port() != 0 {
		port = x.packet.ot.Port()
	}
	x.out.Expect(netip.AddrPortFrom(originator, 0), netip.AddrPortFrom(target, port), "cip-io", tag)
	if group := x.packet.to; r.open.group && group.Addr().IsMulticast() {
		x.out.Expect(netip.AddrPortFrom(target, 0), group, "cip-io", tag)
		return
	}
	x.out.Expect(netip.AddrPortFrom(originator, r.open.port), netip.AddrPortFrom(target, 0), "cip-io", tag)
}
