package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// General status codes that come with data, Vol 1 table B-1.1.
const (
	statusSuccess       = 0x00
	statusPartial       = 0x06
	statusEmbeddedError = 0x1e
)

// reply reads a message router reply, Vol 1 2-4.2:
//
//	+--------------+---+--------+-------+------------------+-------
//	| service + 80 | 0 | status | words | additional status| data ...
//	+--------------+---+--------+-------+------------------+-------
func (d *enip) reply(x *cipContext, b []byte) {
	service, status, c := readReply(b)
	if !c.OK() {
		return
	}
	x.out.Sender(Server)
	x.key.service = service
	r := d.requests.find(x.key, x.from.other())
	switch {
	case !d.asked && service == serviceMultiple:
		eachMember(&c, func(_ int, b []byte) { d.unasked(x, b) })
	case !d.asked:
		d.unasked(x, b)
	case r == nil || status != statusSuccess && status != statusPartial && status != statusEmbeddedError:
	default:
		x.route, x.route.far = r.route, r.route.far || x.lost
		d.answer(x, r, &c)
	}
}

func readReply(b []byte) (service, status uint8, c wire.Cursor) {
	c = wire.New(b)
	service = c.U8() &^ cipReply
	reserved := c.U8()
	status = c.U8()
	c.Skip(2 * int(c.U8()))
	if reserved != 0 {
		c = wire.Cursor{}
		c.Skip(1) // short: not a reply
	}
	return service, status, c
}

// answer reads the data of a reply to a remembered request.
func (d *enip) answer(x *cipContext, r *cipRequest, c *wire.Cursor) {
	switch r.want.what {
	case wantOpen:
		d.opened(x, r, c)
	case wantMembers:
		members := &r.members
		eachMember(c, func(i int, b []byte) {
			if i < len(members) && members[i].what != wantNothing {
				d.member(x, members[i], b)
			}
		})
	default:
		d.tell(x, r.want, c)
	}
}

// member reads one reply inside a Multiple Service Packet's.
func (d *enip) member(x *cipContext, w cipWant, b []byte) {
	if _, status, c := readReply(b); status == statusSuccess {
		d.tell(x, w, &c)
	}
}

// tell reads what a reply says of the device.
func (d *enip) tell(x *cipContext, w cipWant, c *wire.Cursor) {
	of, grade := x.device()
	switch w.what {
	case wantIdentityAll:
		d.identityAll(x.out, of, c, grade)
	case wantIdentityOne:
		d.identityOne(x.out, of, uint16(w.attribute), c, grade)
	case wantIdentityList:
		d.identityList(x.out, of, c, grade)
	case wantHostName:
		hostName(x.out, of, c, grade)
	case wantInterfaceAll:
		interfaceAll(x.out, of, c, grade)
	case wantProcessor:
		pcccReply(x.out, of, c, grade)
	case wantNothing, wantOpen, wantMembers:
	}
}

// device is the asset that answers: the one that sent the reply, or what
// stands behind it at the end of the route. When the route is not known the
// answer is told of the sender, as content only.
func (x *cipContext) device() (Subject, ot.Grade) {
	switch {
	case x.route.far:
		return Sender, ot.Content
	case x.route.n == 0:
		return Sender, ot.Identity
	}
	return Part(Sender, x.route.path()), ot.Identity
}

// unasked reads a reply in a mirror that shows no requests: the service alone
// says what was asked, and only what can be nothing else is taken for an
// identity.
func (d *enip) unasked(x *cipContext, b []byte) {
	service, status, c := readReply(b)
	if o, ok := cipOperation(service, &cipPath{}); ok && !ofManager(service, status, c) {
		x.out.Operation(o, 1)
	}
	if service == serviceGetAll && status == statusSuccess && looksLikeIdentity(c) {
		d.identityAll(x.out, Sender, &c, ot.Content)
	}
}

// ofManager reports whether a reply may be the Connection Manager's, whose
// services have the numbers of tag services: that of a Forward Close names the
// connection (Vol 1 table 3-5.26), an Unconnected Send answers itself only when
// it fails.
func ofManager(service, status uint8, c wire.Cursor) bool {
	switch service {
	case 0x4e:
		return c.Len() > 0
	case serviceUnconnectedSend:
		return status != statusSuccess && status != statusPartial
	}
	return false
}
