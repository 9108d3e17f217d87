package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "rmcp",
		Over:     []string{"udp"},
		Tier:     3,
		Ports:    UDP(623),
		Match:    matchRMCP,
		New:      func() Dissector { return &rmcp{} },
		Reads:    "management controllers: manufacturer, product and firmware (Get Device ID), log-ons, power control, protection",
		Standard: "DMTF DSP0136 (ASF 2.0) clause 3.2, IPMI 2.0 clauses 13 and 20.1",
	})
}

// Attributes of management controllers.
const (
	rmcpManufacturer ot.Attribute = "rmcp.manufacturer_id"
	rmcpProduct      ot.Attribute = "rmcp.product_id"
	rmcpVersion      ot.Attribute = "rmcp.ipmi_version"
)

// rmcp reads datagrams: 6, 0, sequence 8, class 8 with bit 7 in an
// acknowledgement, then ASF or a session of IPMI.
type rmcp struct {
	told   bool
	secure bool
	text   scratch
}

const (
	rmcpASF  = 6
	rmcpIPMI = 7
	rmcpAck  = 0x80
	asfIANA  = 4542
)

// rmcpMessage is one datagram.
type rmcpMessage struct {
	class   uint8
	ack     bool
	kind    uint8 // of ASF, or the payload type of IPMI 2.0
	locked  bool  // encrypted or signed payload
	payload []byte
}

func readRMCP(b []byte) (g rmcpMessage, ok bool) {
	c := wire.New(b)
	version, reserved := c.U8(), c.U8()
	c.Skip(1)
	class := c.U8()
	g.class, g.ack = class&0x1f, class&rmcpAck != 0
	if !c.OK() || version != 6 || reserved != 0 || class&0x60 != 0 {
		return g, false
	}
	if g.ack {
		return g, c.Len() == 0 && (g.class == rmcpASF || g.class == rmcpIPMI)
	}
	switch g.class {
	case rmcpASF:
		iana := c.U32()
		g.kind = c.U8()
		c.Skip(2)
		g.payload = c.Bytes(int(c.U8()))
		return g, c.OK() && c.Len() == 0 && iana == asfIANA
	case rmcpIPMI:
		return g, g.session(&c)
	}
	return g, false
}

// session reads the header of a session, IPMI 2.0 table 13-8: kind of log-on
// 8, then of 1.5 sequence 32, session 32, code 128 unless it is none, length 8;
// of 2.0 payload type 8, session 32, sequence 32, length 16.
func (g *rmcpMessage) session(c *wire.Cursor) bool {
	n := 0
	switch kind := c.U8(); kind {
	case 0, 1, 2, 4, 5:
		c.Skip(8)
		if kind != 0 {
			c.Skip(16)
		}
		n = int(c.U8())
	case 6:
		kind := c.U8()
		g.kind, g.locked = kind&0x3f, kind&0x80 != 0
		if g.kind == 2 { // of a maker's own
			c.Skip(6)
		}
		c.Skip(8)
		n = int(c.U16LE())
		if kind&0x40 != 0 {
			g.payload = c.Bytes(n)
			return rmcpSigned(c)
		}
	default:
		return false
	}
	g.payload = c.Bytes(n)
	return c.OK() && c.Len() <= 1 && (g.kind != 0 || ipmiSound(g.payload)) // one octet may pad an old frame
}

// rmcpSigned reports what ends a signed packet, IPMI 2.0 table 13-8: octets up
// to a multiple of four, their number, 7, the code.
func rmcpSigned(c *wire.Cursor) bool {
	pad := -(c.Off() - 4 + 2) & 3
	c.Skip(pad)
	count, next := int(c.U8()), c.U8()
	return c.OK() && count == pad && next == rmcpIPMI && (c.Len() == 12 || c.Len() == 16)
}

// ipmiSound reports a message of IPMI whose two checks are right.
func ipmiSound(b []byte) bool {
	if len(b) < 7 {
		return false
	}
	head, rest := byte(0), byte(0)
	for i, x := range b {
		if i < 3 {
			head += x
		} else {
			rest += x
		}
	}
	return head == 0 && rest == 0
}

func matchRMCP(b []byte) bool {
	g, ok := readRMCP(b)
	return ok && !g.ack
}

func (d *rmcp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	g, ok := readRMCP(m.Data)
	if !ok || g.ack && !d.told && !onPort(m, 623) {
		if m.Cut && d.told {
			return 0, ErrShort
		}
		return 0, notMine(d.told)
	}
	if g.locked && !d.secure || !d.told {
		mode := ot.SecurityNone
		if d.secure = g.locked; g.locked {
			mode = ot.SignAndEncrypt
		}
		out.Security(ot.Security{Mode: mode})
	}
	d.told = true
	switch {
	case g.ack:
	case g.class == rmcpASF:
		d.asf(&g, out)
	case g.kind >= 0x10 && g.kind <= 0x15:
		d.logon(g.kind, out)
	case g.kind == 0 && !g.locked:
		d.ipmi(g.payload, out)
	}
	return len(m.Data), nil
}

// logon reads the opening of a session, table 13-16: requests are even but for
// the third and fourth step of RAKP, which follow the same order.
func (d *rmcp) logon(kind uint8, out Out) {
	if kind&1 != 0 {
		out.Sender(Server)
		return
	}
	out.Sender(Client)
	if kind == 0x10 {
		out.Operation(ot.Authenticate, 1)
	}
}

// asf reads a message of ASF, clause 3.2.4: 0x10 to 0x13 reset and switch, 0x80
// and 0x40 ask who is there and answer.
func (d *rmcp) asf(g *rmcpMessage, out Out) {
	switch {
	case g.kind >= 0x10 && g.kind <= 0x13:
		out.Sender(Client)
		out.Operation(ot.Control, 1)
	case g.kind >= 0x80:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case g.kind >= 0x40:
		out.Sender(Server)
		c := wire.New(g.payload)
		if id := c.U32(); g.kind == 0x40 && c.OK() && id != asfIANA {
			d.maker(id, "rmcp.presence_pong.enterprise", out)
		}
	}
}

// maker tells a manufacturer by its number in IANA's list of enterprises.
func (d *rmcp) maker(id uint32, source string, out Out) {
	if id == 0 {
		return
	}
	out.Fact(Sender, rmcpManufacturer, d.text.uint(uint64(id)), source, ot.Identity)
	if name := tables.SNMPEnterprises.Number(uint64(id)); name != nil {
		out.Fact(Sender, ot.Vendor, name, source, ot.Identity)
	}
}
