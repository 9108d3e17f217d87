package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "nbns",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(portNBNS),
		New:      func() Dissector { return &nbns{} },
		Reads:    "NetBIOS names that a host registers, answers for or lists",
		Standard: "RFC 1002 section 4.2",
	})
}

// nbnsName is a NetBIOS name with its suffix: "HMI-1<20> (Server service)".
const nbnsName ot.Attribute = "netbios.name"

// Record types and operations of the name service (RFC 1002 section 4.2.1).
const (
	nbnsNB     = 0x20
	nbnsNBSTAT = 0x21

	nbnsQuery        = 0
	nbnsRegistration = 5
	nbnsRelease      = 6
	nbnsWait         = 7
	nbnsRefresh      = 8
	nbnsRefreshAlt   = 9 // some senders, section 4.2.4
	nbnsMultiHomed   = 15

	netbiosNameLen = 16 // 15 characters and a suffix that tells the service
)

// nbns reads the NetBIOS name service, on its own port: NetBIOS over TCP knows
// no other (RFC 1002 section 5.2).
type nbns struct{ text scratch }

// Dissect reads one message.
func (d *nbns) Dissect(m *Message, out Out) (int, error) {
	if !onPort(m, portNBNS) || m.Stream {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(m.Data)
	h := readDNSHeader(&c)
	switch h.opcode() {
	case nbnsQuery, nbnsRegistration, nbnsRelease, nbnsWait, nbnsRefresh, nbnsRefreshAlt, nbnsMultiHomed:
	default:
		return 0, ErrNotMine
	}
	if !c.OK() || h.qd > 1 || h.an > 32 || h.ns > 32 || h.ar > 32 || h.qd+h.an == 0 {
		return 0, ErrNotMine
	}
	if h.qd == 1 {
		ok := dnsSkipName(&c)
		kind, class := c.U16(), c.U16()
		if !ok || !c.OK() || (kind != nbnsNB && kind != nbnsNBSTAT) || class != 1 {
			return 0, cutShort(m)
		}
	}
	d.direction(m, &h, out)
	for range h.an + h.ns + h.ar {
		r, ok := readDNSRecord(&c)
		if !ok {
			return 0, cutShort(m)
		}
		d.record(m, &h, &r, out)
	}
	return len(m.Data), nil
}

func (d *nbns) direction(m *Message, h *dnsHeader, out Out) {
	switch {
	case !h.response():
		out.Sender(Client)
		if h.opcode() == nbnsQuery {
			out.Operation(ot.Read, 1)
		} else {
			out.Operation(ot.Write, 1)
		}
	case !toGroup(m):
		out.Sender(Server)
	}
}

func (d *nbns) record(m *Message, h *dnsHeader, r *dnsRecord, out Out) {
	switch {
	case r.class != 1:
	case r.kind == nbnsNBSTAT && h.response():
		d.status(r.data, out)
	case r.kind == nbnsNB && len(r.data) >= 6 && h.rcode() == 0 && h.opcode() != nbnsRelease:
		name := d.text.netbiosName(m.Data, r.name)
		if name == nil {
			return
		}
		// A request names its sender; an answer may come from a name server.
		of, g := Sender, ot.Identity
		if a := addrOf(r.data[2:6]); h.response() && a != m.Src().Addr {
			of, g = Addr(a), ot.Content
		}
		d.name(of, name, r.data[0]&0x80 != 0, g, out)
	}
}

// name tells one name of netbiosNameLen bytes. Only the unique workstation name is the host's own.
func (d *nbns) name(of Subject, name []byte, group bool, g ot.Grade, out Out) {
	full := d.text.netbios(name)
	out.Fact(of, nbnsName, full, "nbns.name", g)
	if own := trim(name[:15]); name[15] == 0 && !group && len(own) > 0 && printable(own) {
		out.Fact(of, ot.Name, own, "nbns.name", g)
	}
}

// status reads a node status answer: the names that the sender holds (RFC 1002
// section 4.2.18).
func (d *nbns) status(b []byte, out Out) {
	c := wire.New(b)
	for range min(int(c.U8()), maxDNSNames) {
		name, flags := c.Bytes(netbiosNameLen), c.U16()
		if !c.OK() {
			return
		}
		d.name(Sender, name, flags&0x8000 != 0, ot.Identity, out)
	}
}

// netbiosName decodes the 32 half-byte letters of an encoded name (RFC 1001
// section 14.1) into 16 bytes; nil when they are none.
func (s *scratch) netbiosName(msg []byte, at int) []byte {
	c := wire.New(msg)
	c.Skip(at)
	n := int(c.U8())
	if n >= 0xc0 {
		at = (n&0x3f)<<8 | int(c.U8())
		c = wire.New(msg)
		c.Skip(at)
		n = int(c.U8())
	}
	coded := c.Bytes(n)
	if !c.OK() || n != 2*netbiosNameLen {
		return nil
	}
	from := s.mark()
	for i := 0; i < n; i += 2 {
		hi, lo := coded[i]-'A', coded[i+1]-'A'
		if hi > 15 || lo > 15 {
			return nil
		}
		s.byte(hi<<4 | lo)
	}
	return s.since(from)
}

// netbios keeps the text of a name, its suffix in hexadecimal and in words.
func (s *scratch) netbios(name []byte) []byte {
	from := s.mark()
	own := trim(name[:15])
	for i, x := range own {
		if x < ' ' || x == 0x7f {
			s.adds("<")
			s.hex(own[i:i+1], 0)
			s.adds(">")
			continue
		}
		s.add(own[i : i+1])
	}
	s.adds("<")
	s.hex(name[15:16], 0)
	s.adds(">")
	if words := netbiosSuffix(name[15]); words != "" {
		s.adds(" (")
		s.adds(words)
		s.adds(")")
	}
	return s.since(from)
}

// netbiosSuffix says what the last byte of a name stands for.
func netbiosSuffix(suffix byte) string {
	switch suffix {
	case 0x00:
		return "Workstation/Redirector"
	case 0x01:
		return "Browser"
	case 0x03:
		return "Messenger service/Main name"
	case 0x06:
		return "RAS Server service"
	case 0x1f:
		return "Net DDE Service"
	case 0x1b:
		return "Domain Master Browser"
	case 0x1c:
		return "Domain Controllers"
	case 0x1d:
		return "Local Master Browser"
	case 0x1e:
		return "Browser Election Service"
	case 0x20:
		return "Server service"
	case 0x21:
		return "RAS client service"
	}
	return ""
}
