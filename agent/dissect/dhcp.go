package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "dhcp",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(67, 68),
		Match:    func(b []byte) bool { return len(b) >= 240 && [4]byte(b[236:240]) == dhcpCookie },
		New:      func() Dissector { return &dhcp{} },
		Reads:    "client host name, domain name, vendor class, identifier, assigned address; who serves",
		Standard: "RFC 2131, RFC 2132, RFC 4702",
	})
}

// Attributes of DHCP clients.
const (
	dhcpVendorClass ot.Attribute = "dhcp.vendor_class"
	dhcpFQDN        ot.Attribute = "dhcp.fqdn"
	dhcpClientID    ot.Attribute = "dhcp.client_id"
	dhcpFingerprint ot.Attribute = "dhcp.parameters"
	dhcpAddress     ot.Attribute = "dhcp.address"
)

// dhcpCookie opens the options (RFC 2131 section 3).
var dhcpCookie = [4]byte{0x63, 0x82, 0x53, 0x63}

// Options (RFC 2132) and message types (its section 9.6).
const (
	dhcpOptHostName    = 12
	dhcpOptOverload    = 52
	dhcpOptType        = 53
	dhcpOptParameters  = 55
	dhcpOptVendorClass = 60
	dhcpOptClientID    = 61
	dhcpOptFQDN        = 81
	dhcpOptEnd         = 255

	dhcpAck  = 5
	dhcpLast = 18 // DHCPTLS, the highest that IANA lists
)

type dhcp struct{ text scratch }

// dhcpMessage is what one message says.
type dhcpMessage struct {
	kind, overload                    uint8
	host, fqdn, class, id, parameters []byte
	fqdnFlags                         uint8
}

// Dissect reads one message (RFC 2131 section 2).
func (d *dhcp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	op, htype, hlen, hops := c.U8(), c.U8(), c.U8(), c.U8()
	c.Skip(8) // xid, secs, flags
	ciaddr, yiaddr := c.Bytes(4), c.Bytes(4)
	c.Skip(8) // siaddr, giaddr
	chaddr := c.Bytes(16)
	sname, file := c.Bytes(64), c.Bytes(128)
	cookie := c.Bytes(4)
	if !c.OK() || [4]byte(cookie) != dhcpCookie || op < 1 || op > 2 || hops > 32 || hlen > 16 {
		return 0, ErrNotMine
	}
	var x dhcpMessage
	if !x.options(&c) && !m.Cut {
		return 0, ErrNotMine
	}
	if x.overload&1 != 0 {
		f := wire.New(file)
		x.options(&f)
	}
	if x.overload&2 != 0 {
		s := wire.New(sname)
		x.options(&s)
	}
	if x.kind > dhcpLast {
		return 0, ErrNotMine
	}
	client := Sender
	if htype == 1 && hlen == 6 && !macOf(chaddr).IsZero() {
		client = MACOf(macOf(chaddr))
	}
	if op == 1 {
		d.request(&x, client, ciaddr, out)
	} else {
		d.reply(m, &x, client, yiaddr, out)
	}
	return len(m.Data), nil
}

// options reads until the end option; false when they run past the end.
func (x *dhcpMessage) options(c *wire.Cursor) bool {
	for c.Len() > 0 {
		code := c.U8()
		if code == 0 {
			continue
		}
		if code == dhcpOptEnd {
			return true
		}
		v := c.Bytes(int(c.U8()))
		if !c.OK() {
			return false
		}
		x.option(code, v)
	}
	return true // BOOTP leaves the end option out
}

func (x *dhcpMessage) option(code uint8, v []byte) {
	switch code {
	case dhcpOptHostName:
		x.host = trim(v)
	case dhcpOptOverload:
		if len(v) == 1 {
			x.overload = v[0]
		}
	case dhcpOptType:
		if len(v) == 1 {
			x.kind = v[0]
		}
	case dhcpOptParameters:
		x.parameters = v
	case dhcpOptVendorClass:
		x.class = trim(v)
	case dhcpOptClientID:
		x.id = v
	case dhcpOptFQDN:
		if len(v) > 3 {
			x.fqdnFlags, x.fqdn = v[0], v[3:]
		}
	}
}

// request tells what a client says of itself. Behind a relay the sender is not
// the client: what the client says goes to its hardware address.
func (d *dhcp) request(x *dhcpMessage, client Subject, ciaddr []byte, out Out) {
	out.Sender(Client)
	out.Operation(ot.Read, 1)
	d.client(x, client, out)
	if a := addrOf(ciaddr); !a.IsUnspecified() {
		d.client(x, Addr(a), out)
	}
}

func (d *dhcp) client(x *dhcpMessage, of Subject, out Out) {
	if len(x.host) > 0 {
		out.Fact(of, ot.Name, x.host, "dhcp.option.host_name", ot.Identity)
	}
	if name := d.domainName(x); len(name) > 0 {
		out.Fact(of, dhcpFQDN, name, "dhcp.option.client_fqdn", ot.Identity)
	}
	if len(x.class) > 0 {
		out.Fact(of, dhcpVendorClass, x.class, "dhcp.option.vendor_class", ot.Identity)
	}
	// An identifier of type 1 repeats the hardware address (RFC 2132 section 9.14).
	switch {
	case len(x.id) < 2 || x.id[0] == 1:
	case x.id[0] == 0 && printable(x.id[1:]):
		out.Fact(of, dhcpClientID, x.id[1:], "dhcp.option.client_id", ot.Identity)
	default:
		out.Fact(of, dhcpClientID, d.text.hex(x.id, 0), "dhcp.option.client_id", ot.Identity)
	}
	if len(x.parameters) > 0 {
		out.Fact(of, dhcpFingerprint, d.list(x.parameters), "dhcp.option.parameter_list", ot.Behaviour)
	}
}

// domainName is the client's name of RFC 4702 section 2: in DNS wire form when
// the E bit is set, else in the deprecated ASCII form.
func (d *dhcp) domainName(x *dhcpMessage) []byte {
	if x.fqdnFlags&4 == 0 {
		return trim(x.fqdn)
	}
	c := wire.New(x.fqdn)
	return d.text.labels(&c)
}

// labels keeps the text of a domain name in wire form without compression, as
// far as it goes.
func (s *scratch) labels(c *wire.Cursor) []byte {
	from := s.mark()
	for c.Len() > 0 {
		n := int(c.U8())
		if n == 0 || n > 63 {
			break
		}
		label := c.Bytes(n)
		if !c.OK() {
			break
		}
		s.dnsLabel(label, s.mark() > from)
	}
	return s.since(from)
}

// list is the parameter request list in decimal, its order kept: it tells
// operating systems apart.
func (d *dhcp) list(v []byte) []byte {
	from := d.text.mark()
	for i, x := range v {
		if i > 0 {
			d.text.adds(",")
		}
		d.text.uint(uint64(x))
	}
	return d.text.since(from)
}

// reply tells which address a client was given; only an acknowledgement
// settles it.
func (d *dhcp) reply(m *Message, x *dhcpMessage, client Subject, yiaddr []byte, out Out) {
	if !toGroup(m) {
		out.Sender(Server)
	}
	a := addrOf(yiaddr)
	if x.kind != dhcpAck || a.IsUnspecified() || client.Kind != ByMAC {
		return
	}
	out.Fact(client, dhcpAddress, d.text.addr(a), "dhcp.ack.your_address", ot.Content)
	if len(x.host) > 0 { // some servers repeat the client's name, or give it one
		out.Fact(client, ot.Name, x.host, "dhcp.ack.host_name", ot.Content)
	}
}
