package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "dhcpv6",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(546, 547),
		New:      func() Dissector { return &dhcpv6{} },
		Reads:    "client domain name, vendor class, identifier, assigned addresses; who serves",
		Standard: "RFC 8415, RFC 4704",
	})
}

// dhcpDUID is the identifier of a DHCPv6 client or server (RFC 8415 section 11).
const dhcpDUID ot.Attribute = "dhcp.duid"

// Message types (RFC 8415 section 7.3) and options (section 21).
const (
	dhcp6Advertise   = 2
	dhcp6Reply       = 7
	dhcp6Reconfigure = 10
	dhcp6Information = 11
	dhcp6RelayForw   = 12

	dhcp6ClientID    = 1
	dhcp6ServerID    = 2
	dhcp6IANA        = 3
	dhcp6IAAddr      = 5
	dhcp6VendorClass = 16
	dhcp6FQDN        = 39
	dhcp6LastOption  = 200 // well above what IANA lists
)

// dhcpv6 reads what passes between clients and servers; what a relay wraps is
// the client's and is left to the link that the client is on.
type dhcpv6 struct{ text scratch }

// Dissect reads one message: type, transaction, options. Nothing in it but its
// ports tells the protocol (section 7.2), so the options must fill it.
func (d *dhcpv6) Dissect(m *Message, out Out) (int, error) {
	if !onPort(m, 546) && !onPort(m, 547) || m.Stream {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(m.Data)
	kind := c.U8()
	if kind == dhcp6RelayForw || kind == dhcp6RelayForw+1 {
		return d.relay(m, kind, &c, out)
	}
	c.Skip(3)
	if !c.OK() || kind < 1 || kind > dhcp6Information || !dhcp6Options(c) {
		return 0, cutShort(m)
	}
	server := kind == dhcp6Advertise || kind == dhcp6Reply || kind == dhcp6Reconfigure
	switch {
	case !server:
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case !toGroup(m):
		out.Sender(Server)
	}
	for c.Len() > 0 {
		code := c.U16()
		v := c.Sub(int(c.U16()))
		if server {
			d.fromServer(m, kind, code, &v, out)
		} else {
			d.fromClient(code, &v, out)
		}
	}
	return len(m.Data), nil
}

// dhcp6Options reports whether options fill the rest.
func dhcp6Options(c wire.Cursor) bool {
	n := 0
	for ; c.Len() > 0; n++ {
		code := c.U16()
		c.Skip(int(c.U16()))
		if !c.OK() || code == 0 || code > dhcp6LastOption {
			return false
		}
	}
	return n > 0
}

// relay knows a relayed message (section 9).
func (d *dhcpv6) relay(m *Message, kind uint8, c *wire.Cursor, out Out) (int, error) {
	const maxHops = 32
	hops := c.U8()
	c.Skip(32)
	if !c.OK() || hops > maxHops || !dhcp6Options(*c) {
		return 0, cutShort(m)
	}
	if kind == dhcp6RelayForw {
		out.Sender(Client)
	} else {
		out.Sender(Server)
	}
	return len(m.Data), nil
}

func (d *dhcpv6) fromClient(code uint16, c *wire.Cursor, out Out) {
	switch code {
	case dhcp6ClientID:
		out.Fact(Sender, dhcpDUID, d.text.hex(c.Rest(), 0), "dhcpv6.client_id", ot.Identity)
	case dhcp6FQDN: // RFC 4704 section 4
		c.Skip(1)
		if name := d.text.labels(c); len(name) > 0 {
			out.Fact(Sender, dhcpFQDN, name, "dhcpv6.client_fqdn", ot.Identity)
		}
	case dhcp6VendorClass:
		c.Skip(4) // enterprise number
		if class := c.Bytes(int(c.U16())); c.OK() && len(class) > 0 && printable(class) {
			out.Fact(Sender, dhcpVendorClass, class, "dhcpv6.vendor_class", ot.Identity)
		}
	}
}

// fromServer tells the addresses that a reply settles.
func (d *dhcpv6) fromServer(m *Message, kind uint8, code uint16, c *wire.Cursor, out Out) {
	switch {
	case code == dhcp6ServerID:
		out.Fact(Sender, dhcpDUID, d.text.hex(c.Rest(), 0), "dhcpv6.server_id", ot.Identity)
	case code == dhcp6IANA && kind == dhcp6Reply && !toGroup(m):
		c.Skip(12)
		for c.Len() > 0 && c.OK() {
			code := c.U16()
			v := c.Sub(int(c.U16()))
			a := v.Bytes(16)
			v.Skip(4)
			if valid := v.U32(); code == dhcp6IAAddr && v.OK() && valid > 0 {
				out.Fact(Receiver, dhcpAddress, d.text.addr(addrOf(a)), "dhcpv6.reply.address", ot.Content)
			}
		}
	}
}
