package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:  "codesys",
		Over:  []string{"tcp", "udp"},
		Tier:  2,
		Ports: append(TCP(11740, 11741, 11742, 11743, 1217, 2455, 1200), UDP(1740, 1741, 1742, 1743)...),
		Match: matchCodesys,
		New:   func() Dissector { return &codesys{} },
		OT:    true,
		Reads: "vendor, device, node, serial and version of V3 runtimes, operating system and product of V2 runtimes, operations",
		Standard: "no public one; from the text alone: Kaspersky ICS CERT, Security research: CODESYS Runtime (2019); " +
			"Microsoft, CODESYS V3 SDK (2023); codesys-v2-discover.nse",
	})
}

// codesys reads what programming tools and panels say to CODESYS runtimes. V3
// (Kaspersky ICS CERT, chapter "CODESYS PDU") puts a datagram into a UDP
// datagram as it is, and into TCP behind a header, all numbers little endian:
//
//	 0            4          8
//	+------------+----------+------------------
//	|00 01 17 E8 | length   | datagram              length counts from 0
//	+------------+----------+------------------
//
//	 0      1       2       3         4    5         6
//	+------+-------+-------+---------+----+---------+----------------------------
//	| C5h  |hops,  | flags | service | id |lengths, | receiver, sender, pad, data
//	|      |header |       |         |    |s and r  |
//	+------+-------+-------+---------+----+---------+----------------------------
//	service 3 and 4 name service, 40h channel; header in words of 16 bits
//
// V2 (codesys_v2.go) has a form of its own.
type codesys struct {
	sides   sides
	claimed bool
	text    scratch
}

const (
	cdsMagic     = 0x000117e8 // as it stands on the wire
	cdsHead      = 8
	cdsMax       = 16 << 10
	cdsDatagram  = 0xc5
	cdsAsk       = 3
	cdsTell      = 4
	cdsChannel   = 0x40
	cdsResolve   = 0xc202
	cdsIdentify  = 0xc280
	cdsNodeInfo4 = 0x0400
)

// cdsPacket is a datagram of V3.
type cdsPacket struct {
	service uint8
	data    []byte // behind addresses and padding
}

func readCodesys(b []byte) (p cdsPacket, ok bool) {
	c := wire.New(b)
	magic, hops := c.U8(), c.U8()
	c.Skip(1)
	p.service = c.U8()
	c.Skip(1)
	lengths := c.U8()
	words := int(hops & 7)
	if !c.OK() || magic != cdsDatagram || words < 3 || words > 4 {
		return p, false
	}
	head := 2 * (words + int(lengths>>4) + int(lengths&15))
	c.Skip((head+3)&^3 - 6)
	p.data = c.Rest()
	return p, c.OK()
}

// frameCodesys is the length of the message at the front of a stream, 0 while
// its head has not come.
func frameCodesys(b []byte) (n int, ok bool) {
	c := wire.New(b)
	magic, size := c.U32(), int(c.U32LE())
	if !c.OK() {
		return 0, beginsWith(b, cdsMagic)
	}
	return size, magic == cdsMagic && size >= cdsHead && size <= cdsMax
}

// beginsWith reports whether b is the beginning of magic, as far as it goes.
func beginsWith(b []byte, magic uint32) bool {
	c := wire.New(b)
	for shift := 24; shift >= 0 && c.Len() > 0; shift -= 8 {
		if c.U8() != byte(magic>>shift) {
			return false
		}
	}
	return len(b) > 0
}

// matchCodesys claims a frame by its magic, a datagram by what the name service
// or a service's first block says.
func matchCodesys(b []byte) bool {
	if n, ok := frameCodesys(b); ok && n > 0 {
		return true
	}
	if v, ok := readCodesysV2(b); ok && v.size == len(b) {
		return true
	}
	p, ok := readCodesys(b)
	return ok && p.known()
}

func (d *codesys) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	if !m.Stream {
		p, ok := readCodesys(m.Data)
		if !ok || !d.claimed && !p.known() {
			return 0, notMine(d.claimed)
		}
		d.learn(m, &p, out)
		d.claimed = true
		return len(m.Data), nil
	}
	n, ok := frameCodesys(m.Data)
	if !ok {
		return d.v2(m, out)
	}
	if n == 0 || len(m.Data) < n {
		return 0, ErrShort
	}
	c := wire.New(m.Data)
	c.Skip(cdsHead)
	if p, ok := readCodesys(c.Bytes(n - cdsHead)); ok {
		d.learn(m, &p, out)
	}
	d.claimed = true
	return n, nil
}

// learn tells what one datagram says.
func (d *codesys) learn(m *Message, p *cdsPacket, out Out) {
	c := wire.New(p.data)
	switch p.service {
	case cdsAsk:
		if c.U16LE() == cdsResolve && c.OK() {
			out.Sender(Client)
			d.sides.counts(m, true)
			out.Operation(ot.Diagnose, 1)
		}
	case cdsTell:
		kind, version := c.U16LE(), c.U16LE()
		c.Skip(4)
		if !c.OK() || kind != cdsIdentify {
			return
		}
		out.Sender(Server)
		if version == cdsNodeInfo4 {
			d.node(&c, out)
		}
	case cdsChannel:
		d.channel(m, &c, out)
	}
}

// node reads the identification of a node: fixed fields with the lengths of
// texts, then the texts, each with a NUL.
func (d *codesys) node(c *wire.Cursor, out Out) {
	c.Skip(4)
	parent := int(c.U16LE())
	name, device, vendor := int(c.U16LE()), int(c.U16LE()), int(c.U16LE())
	c.Skip(8) // type and number of the target
	version := c.U32LE()
	c.Skip(4)
	serial := int(c.U8())
	c.Skip(11) // vendor's own data, driver, reserved
	c.Skip(parent)
	d.wide(ot.Name, c, name, "codesys.node_info.node_name", out)
	d.wide(ot.Product, c, device, "codesys.node_info.device_name", out)
	d.wide(ot.Vendor, c, vendor, "codesys.node_info.vendor_name", out)
	if !c.OK() {
		return
	}
	if version != 0 {
		out.Fact(Sender, ot.FirmwareRev, d.version(version), "codesys.node_info.target_version", ot.Identity)
	}
	if v := trim(c.Bytes(serial)); len(v) > 0 && printable(v) {
		out.Fact(Sender, ot.Serial, v, "codesys.node_info.serial", ot.Identity)
	}
}

// wide tells a text of n UTF-16 characters and passes over its NUL.
func (d *codesys) wide(a ot.Attribute, c *wire.Cursor, n int, source string, out Out) {
	b := c.Bytes(2 * n)
	c.Skip(2)
	if v := trim(d.text.utf16(b)); c.OK() && len(v) > 0 && printable(v) {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// version keeps "3.5.16.40".
func (d *codesys) version(v uint32) []byte {
	at := d.text.mark()
	for shift := 24; shift >= 0; shift -= 8 {
		d.text.uint(uint64(v >> shift & 0xff))
		if shift > 0 {
			d.text.byte('.')
		}
	}
	return d.text.since(at)
}

// Resync implements Resyncer.
func (d *codesys) Resync(b []byte) int {
	for i := 0; i+cdsHead <= len(b); i++ {
		if n, ok := frameCodesys(b[i:]); ok && n > 0 {
			return i
		}
	}
	return -1
}
