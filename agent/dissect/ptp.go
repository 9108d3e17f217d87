package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ptp",
		Over:     []string{"ethernet", "udp"},
		Tier:     2,
		Ports:    append(EtherType(0x88f7), UDP(319, 320)...),
		New:      func() Dissector { return &ptp{} },
		Reads:    "clocks, grandmaster and its quality, domain, profile, what a clock says of its maker, product and place, management",
		Standard: "IEEE 1588-2019 clauses 13 to 15, IEEE C37.238-2017 clause 6, IEC/IEEE 61850-9-3",
	})
}

// Attributes of clocks.
const (
	ptpClock       ot.Attribute = "ptp.clock"
	ptpGrandmaster ot.Attribute = "ptp.grandmaster"
	ptpDomain      ot.Attribute = "ptp.domain"
	ptpProfile     ot.Attribute = "ptp.profile"
	ptpClass       ot.Attribute = "ptp.clock_class"
	ptpSource      ot.Attribute = "ptp.time_source"
	ptpLocation    ot.Attribute = "ptp.user_description"
	ptpMaker       ot.Attribute = "ptp.manufacturer_id"
)

// Types of messages, IEEE 1588-2019 table 36.
const (
	ptpSync       = 0x0
	ptpDelayAsk   = 0x1
	ptpPeerAsk    = 0x2
	ptpDelaySays  = 0x9
	ptpAnnounce   = 0xb
	ptpManagement = 0xd
)

// ptpLengths are the octets before the TLVs, 0 where there is no such type.
var ptpLengths = [16]int{44, 44, 54, 54, 0, 0, 0, 0, 44, 54, 54, 64, 44, 48, 0, 0}

const (
	ptpHeader  = 34
	maxPTPTLVs = 16
)

// ptp reads messages of version 2:
//
//	 0             1          2        4        5       6       8 .. 20   20        30         32        33
//	+-------------+----------+--------+--------+-------+-------+---------+---------+----------+---------+----------+-----
//	| sdo 4,type 4| minor, 2 | length | domain | sdo 8 | flags | ...     | clock,  | sequence | control | interval | body
//	|             |          |        |        |       |       |         | port 16 |          |         |          |
//	+-------------+----------+--------+--------+-------+-------+---------+---------+----------+---------+----------+-----
type ptp struct {
	told   bool
	text   scratch
	recent recent
}

type ptpMessage struct {
	sdo, kind uint8
	domain    uint8
	clock     []byte
	body      wire.Cursor
}

func readPTP(b []byte) (g ptpMessage, ok, short bool) {
	c := wire.New(b)
	first, version := c.U8(), c.U8()
	n := int(c.U16())
	g.sdo, g.kind, g.domain = first>>4, first&15, c.U8()
	c.Skip(15)
	g.clock = c.Bytes(8)
	c.Skip(ptpHeader - 28)
	least := ptpLengths[g.kind]
	if !c.OK() || version&15 != 2 || version>>4 > 2 || least == 0 || n < least {
		return g, false, false
	}
	short = len(b) < n
	g.body = c.Sub(min(n-ptpHeader, c.Len()))
	return g, true, short
}

func (d *ptp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	g, ok, short := readPTP(m.Data)
	if !ok || short && !m.Cut {
		return 0, notMine(d.told)
	}
	d.learn(&g, m, out)
	if short {
		return 0, ErrShort
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil // the rest pads the frame
}

func (d *ptp) learn(g *ptpMessage, m *Message, out Out) {
	if d.recent.fresh(m.Time, uint64(g.domain)<<8|uint64(g.kind)) {
		out.Fact(Sender, ptpClock, d.text.hex(g.clock, 0), "ptp.header.clock_identity", ot.Content)
		out.Fact(Sender, ptpDomain, d.text.uint(uint64(g.domain)), "ptp.header.domain", ot.Content)
		if g.sdo == 1 {
			out.Fact(Sender, ptpProfile, ptpGPTP, "ptp.header.major_sdo_id", ot.Content)
		}
	}
	switch g.kind {
	case ptpDelayAsk:
		out.Sender(Client)
	case ptpDelaySays:
		if !toGroup(m) {
			out.Sender(Server)
		}
	case ptpAnnounce:
		d.announce(g, m, out)
	case ptpManagement:
		d.management(g, m, out)
	}
}

var (
	ptpGPTP  = []byte("IEEE 802.1AS")
	ptpPower = []byte("IEEE C37.238")
)

// Sources of time, IEEE 1588-2019 table 6.
func ptpSourceName(n uint8) string {
	switch n {
	case 0x10:
		return "atomic clock"
	case 0x20:
		return "GNSS"
	case 0x30:
		return "terrestrial radio"
	case 0x39:
		return "serial time code"
	case 0x40:
		return "PTP"
	case 0x50:
		return "NTP"
	case 0x60:
		return "hand set"
	case 0xa0:
		return "internal oscillator"
	}
	return ""
}

// announce reads who gives the time, clause 13.5: time 80, offset 16, 8,
// priority 8, quality 32, priority 8, grandmaster 64, steps 16, source 8, TLVs.
func (d *ptp) announce(g *ptpMessage, m *Message, out Out) {
	c := g.body
	c.Skip(14)
	class := c.U8()
	c.Skip(4)
	grandmaster := c.Bytes(8)
	c.Skip(2)
	source := c.U8()
	if !c.OK() {
		return
	}
	if d.recent.fresh(m.Time, hashOf(grandmaster)^uint64(class)<<8^uint64(source)) {
		out.Fact(Sender, ptpGrandmaster, d.text.hex(grandmaster, 0), "ptp.announce.grandmaster_identity", ot.Content)
		if string(grandmaster) == string(g.clock) {
			out.Fact(Sender, ptpClass, d.text.uint(uint64(class)), "ptp.announce.clock_class", ot.Content)
			if name := ptpSourceName(source); name != "" {
				out.Fact(Sender, ptpSource, d.text.string(name), "ptp.announce.time_source", ot.Content)
			}
		}
	}
	for n := 0; n < maxPTPTLVs && c.Len() > 0; n++ {
		kind := c.U16()
		v := c.Sub(int(c.U16()))
		const organization, power = 0x0003, 0x1c129d
		if kind == organization && v.U24() == power && v.OK() && d.recent.fresh(m.Time, power) {
			out.Fact(Sender, ptpProfile, ptpPower, "ptp.announce.c37.238", ot.Content)
		}
	}
}
