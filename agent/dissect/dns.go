package dissect

import (
	"net/netip"

	"demarc/internal/domains"
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "dns",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(UDP(53), TCP(53)...),
		Match:    dnsMatch,
		New:      func() Dissector { return &dns{} },
		Reads:    "names of addresses, names of remote-access tools and cloud services that are asked for, updates, zone transfers",
		Standard: "RFC 1035, RFC 2136, RFC 3596",
	})
}

// cloudService is a cloud service that the asset asked for by name.
const cloudService ot.Attribute = "cloud_service"

// maxDNSNames bounds the answers of one message that are told.
const maxDNSNames = 16

type dns struct{ text scratch }

// Ports whose protocols share the format and are not DNS.
const (
	portNBNS  = 137
	portMDNS  = 5353
	portLLMNR = 5355
)

func onPort(m *Message, port uint16) bool { return m.Src().Port == port || m.Dst().Port == port }

// dnsMatch is strict, because a header of small numbers is common elsewhere:
// one question that parses, of class IN.
func dnsMatch(b []byte) bool {
	if len(b) > 2 && int(b[0])<<8|int(b[1]) >= dnsHeaderLen+5 && dnsMatchMessage(b[2:]) {
		return true
	}
	return dnsMatchMessage(b)
}

func dnsMatchMessage(b []byte) bool {
	c := wire.New(b)
	h := readDNSHeader(&c)
	if !c.OK() || !h.plausible() || h.qd != 1 || !dnsSkipName(&c) {
		return false
	}
	c.Skip(2)
	return c.U16() == 1 && c.OK()
}

// plausible checks the header of a DNS message (RFC 1035 section 4.1.1, RFC
// 2136 section 2.2, RFC 9619).
func (h *dnsHeader) plausible() bool {
	const zero, authoritative = 0x0040, 0x0400
	switch {
	case h.flags&zero != 0 || h.rcode() > 11:
		return false
	case h.opcode() == 0 && !h.response():
		return h.qd == 1 && h.an == 0 && h.ns <= 1 && h.ar <= 4 && h.rcode() == 0 && h.flags&authoritative == 0
	case h.opcode() == 0:
		return h.qd <= 1 && h.qd+h.an+h.ns+h.ar > 0
	case h.opcode() == 4, h.opcode() == 5: // NOTIFY, UPDATE: a zone stands as question
		return h.qd == 1
	}
	return false
}

// Dissect reads one message. Over TCP two bytes of length stand before it (RFC
// 1035 section 4.2.2).
func (d *dns) Dissect(m *Message, out Out) (int, error) {
	if onPort(m, portNBNS) || onPort(m, portMDNS) || onPort(m, portLLMNR) {
		return 0, ErrNotMine
	}
	d.text.reset()
	msg, used := m.Data, len(m.Data)
	if m.Stream {
		c := wire.New(m.Data)
		n := int(c.U16())
		if !c.OK() {
			return 0, ErrShort
		}
		if n < dnsHeaderLen {
			return 0, ErrNotMine
		}
		if msg = c.Peek(n); msg == nil {
			return 0, d.early(c.Rest())
		}
		used = 2 + n
	}
	return used, d.message(m, msg, out)
}

// early judges the front of a message that has not come whole.
func (d *dns) early(b []byte) error {
	c := wire.New(b)
	if h := readDNSHeader(&c); c.OK() && !h.plausible() {
		return ErrNotMine
	}
	return ErrShort
}

func (d *dns) message(m *Message, msg []byte, out Out) error {
	c := wire.New(msg)
	h := readDNSHeader(&c)
	if !c.OK() || !h.plausible() {
		return ErrNotMine
	}
	asked := -1
	var kind uint16
	for range h.qd {
		asked = c.Off()
		if !dnsSkipName(&c) {
			return cutShort(m)
		}
		kind = c.U16()
		if class := c.U16(); !c.OK() || (class > 4 && class < 254) || class > 255 {
			return cutShort(m)
		}
	}
	d.direction(m, &h, kind, out)
	if asked >= 0 {
		d.asked(m, &h, msg, asked, out)
	}
	for i := range h.an + h.ns + h.ar {
		r, ok := readDNSRecord(&c)
		if !ok {
			return cutShort(m)
		}
		if i < min(h.an, maxDNSNames) && h.response() && h.opcode() == 0 {
			d.answer(msg, asked, &r, out)
		}
	}
	if c.Len() != 0 {
		return ErrNotMine
	}
	return nil
}

// cutShort is the outcome of a message that ends too early: the capture may have
// cut it.
func cutShort(m *Message) error {
	if m.Cut {
		return ErrShort
	}
	return ErrNotMine
}

func (d *dns) direction(m *Message, h *dnsHeader, kind uint16, out Out) {
	if h.response() {
		if !toGroup(m) {
			out.Sender(Server)
		}
		return
	}
	out.Sender(Client)
	switch {
	case h.opcode() == 5:
		out.Operation(ot.Write, 1)
	case kind == dnsAXFR || kind == dnsIXFR:
		out.Operation(ot.Transfer, 1)
	default:
		out.Operation(ot.Read, 1)
	}
}

// asked tells when a name belongs to a remote-access tool or cloud service.
func (d *dns) asked(m *Message, h *dnsHeader, msg []byte, at int, out Out) {
	client := Sender
	if h.response() {
		client = Receiver
		if toGroup(m) {
			return
		}
	}
	if h.opcode() == 0 {
		d.text.contact(client, d.text.dnsName(msg, at), "dns.question", out)
	}
}

// contact tells that the subject asked for a domain of a remote-access tool or
// a cloud service.
func (s *scratch) contact(of Subject, name []byte, source string, out Out) {
	e, ok := domains.LookupBytes(name)
	if !ok {
		return
	}
	a := cloudService
	if e.Kind == domains.RemoteAccess {
		a = ot.RemoteTool
	}
	out.Fact(of, a, s.string(e.Tool), source, ot.Content)
}

// answer tells the name of an address: the owner of the record and, when
// aliases lie between, the name that was asked for.
func (d *dns) answer(msg []byte, asked int, r *dnsRecord, out Out) {
	switch {
	case r.class != 1:
	case r.kind == dnsA && len(r.data) == 4, r.kind == dnsAAAA && len(r.data) == 16:
		of := Addr(addrOf(r.data))
		owner := d.text.dnsName(msg, r.name)
		if len(owner) > 0 {
			out.Fact(of, ot.Name, owner, "dns.answer", ot.Content)
		}
		if asked < 0 || pointsTo(msg[r.name:], asked) {
			return
		}
		if name := d.text.dnsName(msg, asked); len(name) > 0 && string(name) != string(owner) {
			out.Fact(of, ot.Name, name, "dns.answer", ot.Content)
		}
	case r.kind == dnsPTR:
		if a, ok := reverseAddr(d.text.dnsName(msg, r.name)); ok {
			if name := d.text.dnsName(msg, r.at); len(name) > 0 {
				out.Fact(Addr(a), ot.Name, name, "dns.ptr", ot.Content)
			}
		}
	}
}

// pointsTo reports a name that is nothing but a pointer to the one at an offset,
// as that of nearly every answer is (RFC 1035 section 4.1.4).
func pointsTo(name []byte, at int) bool {
	return len(name) > 1 && int(name[0])<<8|int(name[1]) == 0xc000|at
}

// reverseAddr reads 4.3.2.1.in-addr.arpa (RFC 1035 section 3.5).
func reverseAddr(name []byte) (netip.Addr, bool) {
	const suffix = ".in-addr.arpa"
	n := len(name) - len(suffix)
	if n < 7 || n > 15 || !equalFold(name[n:], suffix) {
		return netip.Addr{}, false
	}
	var a [4]byte
	part, value, digits := 3, 0, 0
	for i := range n + 1 {
		c := byte('.')
		if i < n {
			c = name[i]
		}
		switch {
		case c == '.' && digits > 0 && part >= 0 && value <= 255:
			a[part] = byte(value)
			part, value, digits = part-1, 0, 0
		case c >= '0' && c <= '9' && digits < 3:
			value, digits = value*10+int(c-'0'), digits+1
		default:
			return netip.Addr{}, false
		}
	}
	return netip.AddrFrom4(a), part == -1
}
