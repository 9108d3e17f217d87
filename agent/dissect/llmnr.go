package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "llmnr",
		Over:     []string{"udp", "tcp"},
		Tier:     1,
		Ports:    append(UDP(portLLMNR), TCP(portLLMNR)...),
		New:      func() Dissector { return &llmnr{} },
		Reads:    "host names",
		Standard: "RFC 4795",
	})
}

// llmnr is close to DNS, on its own port, with one question a message.
type llmnr struct {
	claimed bool
	text    scratch
}

// Dissect reads one message (RFC 4795 section 2.1.1); in a stream its length
// stands before it (RFC 1035 section 4.2.2).
func (d *llmnr) Dissect(m *Message, out Out) (int, error) {
	if !onPort(m, portLLMNR) {
		return 0, ErrNotMine
	}
	if !m.Stream {
		return d.message(m, m.Data, out)
	}
	c := wire.New(m.Data)
	n := int(c.U16())
	switch {
	case c.OK() && n < dnsHeaderLen:
		return 0, notMine(d.claimed)
	case !c.OK() || c.Len() < n:
		return 0, ErrShort
	}
	if _, err := d.message(m, c.Bytes(n), out); err != nil {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	return c.Off(), nil
}

func (d *llmnr) message(m *Message, msg []byte, out Out) (int, error) {
	const reserved = 0x00f0
	d.text.reset()
	c := wire.New(msg)
	h := readDNSHeader(&c)
	if !c.OK() || h.opcode() != 0 || h.flags&reserved != 0 || h.qd != 1 || (!h.response() && h.an+h.ns > 0) {
		return 0, ErrNotMine
	}
	ok := dnsSkipName(&c)
	c.Skip(2)
	if class := c.U16(); !ok || !c.OK() || class != 1 {
		return 0, cutShort(m)
	}
	if h.response() {
		out.Sender(Server)
	} else {
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	}
	for i := range h.an + h.ns + h.ar {
		r, ok := readDNSRecord(&c)
		if !ok {
			return 0, cutShort(m)
		}
		if h.response() && i < maxDNSNames {
			d.answer(msg, &r, out)
		}
	}
	if c.Len() != 0 {
		return 0, ErrNotMine
	}
	return len(msg), nil
}

// answer tells the responder's own name: a responder answers only for what it
// is authoritative for (section 2.3).
func (d *llmnr) answer(msg []byte, r *dnsRecord, out Out) {
	if r.class != 1 || !((r.kind == dnsA && len(r.data) == 4) || (r.kind == dnsAAAA && len(r.data) == 16)) {
		return
	}
	if name := d.text.dnsName(msg, r.name); len(name) > 0 {
		out.Fact(Sender, ot.Name, name, "llmnr.answer", ot.Identity)
	}
}
