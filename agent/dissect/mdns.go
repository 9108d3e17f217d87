package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "mdns",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(portMDNS),
		New:      func() Dissector { return &mdns{} },
		Reads:    "host names, services that a host offers, processor and operating system",
		Standard: "RFC 6762, RFC 6763",
	})
}

// mdnsService is the full name of a service instance that the asset offers.
const mdnsService ot.Attribute = "mdns.service"

// mdns is DNS on its own port (RFC 6762 section 5.2: one end is always 5353).
type mdns struct{ text scratch }

// Dissect reads one message.
func (d *mdns) Dissect(m *Message, out Out) (int, error) {
	if !onPort(m, portMDNS) || m.Stream {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(m.Data)
	h := readDNSHeader(&c)
	// Queries and answers only (RFC 6762 section 18.3).
	if !c.OK() || h.opcode() != 0 || h.flags&0x0040 != 0 || h.qd+h.an+h.ns+h.ar == 0 {
		return 0, ErrNotMine
	}
	for range h.qd {
		ok := dnsSkipName(&c)
		c.Skip(2)
		if class := c.U16() & 0x7fff; !ok || !c.OK() || (class != 1 && class != 255) {
			return 0, cutShort(m)
		}
	}
	switch {
	case !h.response():
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case !toGroup(m):
		out.Sender(Server)
	}
	for i := range h.an + h.ns + h.ar {
		r, ok := readDNSRecord(&c)
		if !ok {
			return 0, cutShort(m)
		}
		if h.response() && i < 2*maxDNSNames {
			d.record(m, &r, out)
		}
	}
	if c.Len() != 0 {
		return 0, ErrNotMine
	}
	return len(m.Data), nil
}

// record tells what a host says of itself. An address record about another
// address may come from a reflector or sleep proxy: no word of the sender's.
func (d *mdns) record(m *Message, r *dnsRecord, out Out) {
	if r.class&0x7fff != 1 {
		return
	}
	switch {
	case r.kind == dnsA && len(r.data) == 4, r.kind == dnsAAAA && len(r.data) == 16:
		d.host(m, r, out)
	case r.kind == dnsSRV:
		if name := d.text.dnsName(m.Data, r.name); len(name) > 0 {
			out.Fact(Sender, mdnsService, name, "mdns.srv", ot.Content)
		}
	case r.kind == dnsHINFO:
		c := wire.New(r.data)
		c.Skip(int(c.U8()))
		if os := c.Bytes(int(c.U8())); c.OK() && len(os) > 0 {
			out.Fact(Sender, ot.OS, os, "mdns.hinfo", ot.Identity)
		}
	}
}

func (d *mdns) host(m *Message, r *dnsRecord, out Out) {
	name := d.text.dnsName(m.Data, r.name)
	if len(name) == 0 {
		return
	}
	if a := addrOf(r.data); a == m.Src().Addr.WithZone("") {
		out.Fact(Sender, ot.Name, name, "mdns.address", ot.Identity)
	} else {
		out.Fact(Addr(a), ot.Name, name, "mdns.address", ot.Content)
	}
}
