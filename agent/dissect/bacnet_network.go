package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// npdu is the header of the network layer, clause 6.2:
//
//	 0         1         2      4      5        ... 2      1      ...   1
//	+---------+---------+------+------+----------+------+------+------+------+-------
//	| version | control | DNET | DLEN | DADR ... | SNET | SLEN | SADR | hops | APDU or
//	|    1    |         | to whom, if bit 5      | from, if bit 3     | bit 5| message
//	+---------+---------+------+------+----------+------+------+------+------+-------
//	control: bit 7 network layer message, bit 2 expecting reply, bits 1-0 priority
type npdu struct {
	control uint8
	snet    uint16 // 0: the sender is on this link
	sadr    []byte
	body    []byte
}

const (
	npduVersion  = 1
	npduMessage  = 0x80
	npduDNET     = 0x20
	npduSNET     = 0x08
	npduReserved = 0x50
	npduGlobal   = 0xffff // DNET: every network
	maxSADR      = 7      // clause 6.2.2: the longest is LonTalk's
)

// npduBegins is the cheap test of the fixed bits.
func npduBegins(b []byte) bool {
	c := wire.New(b)
	version, control := c.U8(), c.U8()
	return c.OK() && version == npduVersion && control&npduReserved == 0 && len(b) > 2
}

func readNPDU(b []byte) (n npdu, ok bool) {
	c := wire.New(b)
	c.Skip(1)
	n.control = c.U8()
	if n.control&npduDNET != 0 {
		net, size := c.U16(), int(c.U8())
		if net == 0 || size > maxSADR {
			return n, false
		}
		c.Skip(size)
	}
	if n.control&npduSNET != 0 {
		n.snet = c.U16()
		size := int(c.U8())
		n.sadr = c.Bytes(size)
		if n.snet == 0 || n.snet == npduGlobal || size == 0 || size > maxSADR {
			return n, false
		}
	}
	if n.control&npduDNET != 0 {
		c.Skip(1)
	}
	n.body = c.Rest()
	return n, c.OK()
}

// network reads an NPDU and what it holds; false when it cannot be one.
func (d *bacnet) network(m *Message, f *bacnetFrame, out Out) bool {
	n, ok := readNPDU(f.body)
	if !ok {
		return false
	}
	link := Sender
	if f.origin.IsValid() {
		link = Addr(f.origin.Addr())
	}
	of := d.station(link, &n)
	if n.control&npduMessage != 0 {
		ok = d.message(&n, of, out)
	} else {
		ok = d.application(m, &n, of, out)
	}
	if !ok {
		return false
	}
	if f.origin.IsValid() {
		out.Fact(Sender, bacnetRole, bacnetBBMD, "bacnet.bvlc.forwarded_npdu", ot.Content)
	}
	if n.snet != 0 && (!d.routes || d.net != n.snet) {
		d.routes, d.net = true, n.snet
		out.Fact(link, bacnetRole, bacnetRouter, "bacnet.npdu.snet", ot.Content)
		out.Fact(link, bacnetRoutes, d.text.uint(uint64(n.snet)), "bacnet.npdu.snet", ot.Content)
	}
	return true
}

// station is whom a message comes from: who stands on the link, or a device on
// a network behind it.
func (d *bacnet) station(link Subject, n *npdu) Subject {
	if n.snet == 0 {
		return link
	}
	at := d.text.mark()
	d.text.adds("network/")
	d.text.uint(uint64(n.snet))
	d.text.byte('/')
	d.address(n.sadr)
	return Part(link, d.paths.of(d.text.since(at)))
}

// address appends a station's address as its network has it, clause 6.2.2: one
// octet of MS/TP and ARCNET, a B/IP address, else octets in hexadecimal.
func (d *bacnet) address(b []byte) {
	switch {
	case len(b) == 1:
		d.text.uint(uint64(b[0]))
	case len(b) == 6 && b[4] == 0xba && b[5]&0xf0 == 0xc0:
		d.addrPort(bacnetAddr(b))
	default:
		d.text.hex(b, ':')
	}
}

// Network layer messages, clause 6.4.
const (
	netWhoIsRouter    = 0x00
	netIAmRouter      = 0x01
	netICouldBeRouter = 0x02
	netReject         = 0x03
	netBusy           = 0x04
	netAvailable      = 0x05
	netInitialize     = 0x06
	netInitializeAck  = 0x07
	netEstablish      = 0x08
	netDisconnect     = 0x09
	netSecurityLast   = 0x11 // clause 24, withdrawn
	netWhatIsNumber   = 0x12
	netNumberIs       = 0x13
	netProprietary    = 0x80
)

// message reads a network layer message; false when it is none.
func (d *bacnet) message(n *npdu, of Subject, out Out) bool {
	c := wire.New(n.body)
	kind := c.U8()
	switch kind {
	case netWhoIsRouter, netWhatIsNumber:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case netIAmRouter:
		d.router(&c, of, "bacnet.i_am_router_to_network", out)
	case netInitialize:
		out.Sender(Client)
		if c.U8() > 0 {
			out.Operation(ot.Configure, 1)
		} else { // without entries it asks for the table
			out.Operation(ot.Diagnose, 1)
		}
	case netInitializeAck:
		out.Sender(Server)
		d.routingTable(&c, of, out)
	case netEstablish, netDisconnect:
		out.Sender(Client)
		out.Operation(ot.Configure, 1)
	case netNumberIs:
		if number := c.U16(); c.OK() {
			out.Fact(of, bacnetNumber, d.text.uint(uint64(number)), "bacnet.network_number_is", ot.Content)
		}
	default:
		return c.OK() && (kind <= netSecurityLast || kind >= netProprietary)
	}
	return c.OK()
}

// router reads the list of networks that are reached through a router.
func (d *bacnet) router(c *wire.Cursor, of Subject, source string, out Out) {
	out.Fact(of, bacnetRole, bacnetRouter, source, ot.Content)
	for i := 0; i < maxBACnetTable && c.Len() >= 2; i++ {
		out.Fact(of, bacnetRoutes, d.text.uint(uint64(c.U16())), source, ot.Content)
	}
}

// routingTable reads an Initialize-Routing-Table-Ack, clause 6.4.8: of each
// port a network, a number, and information of the router's own.
func (d *bacnet) routingTable(c *wire.Cursor, of Subject, out Out) {
	const source = "bacnet.initialize_routing_table_ack"
	ports := c.U8()
	for i := 0; i < int(min(ports, maxBACnetTable)); i++ {
		net := c.U16()
		c.Skip(1)
		c.Skip(int(c.U8()))
		if !c.OK() {
			return
		}
		out.Fact(of, bacnetRole, bacnetRouter, source, ot.Content)
		out.Fact(of, bacnetRoutes, d.text.uint(uint64(net)), source, ot.Content)
	}
}
