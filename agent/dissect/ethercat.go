package dissect

import (
	"demarc/agent/decode"
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ethercat",
		Over:     []string{"ethernet", "udp"},
		Tier:     2,
		Ports:    append(EtherType(0x88a4), UDP(34980)...),
		New:      func() Dissector { return &ethercat{} },
		OT:       true,
		Reads:    "master, vendor, product, revision and serial of slaves from their EEPROM, changes of state, configuration, publishers of network variables",
		Standard: "IEC 61158-4-12 clause 5 (type 12 data link), ETG.1000.4, ETG.1000.6",
	})
}

// Attributes of masters and slaves.
const (
	ecatRole      ot.Attribute = "ethercat.role"
	ecatVendor    ot.Attribute = "ethercat.vendor_id"
	ecatProduct   ot.Attribute = "ethercat.product_code"
	ecatRevision  ot.Attribute = "ethercat.revision"
	ecatPublisher ot.Attribute = "ethercat.publisher_id"
)

// Types of a frame, ETG.1000.4 clause 5.3.
const (
	ecatDatagrams = 1
	ecatVariables = 4
	ecatMailbox   = 5
)

// ethercat reads frames of EtherCAT, numbers little endian:
//
//	 0                      2
//	+----------------------+-------------------------------
//	| length 11, 0, type 4 | datagrams ...
//	+----------------------+-------------------------------
//
// A frame runs from the master through all slaves and back to it, so it is
// seen twice: without and with what the slaves put in.
type ethercat struct {
	told   bool
	eeprom [8]ecatEEPROM
	next   uint8
	paths  paths
	text   scratch
}

// ecatDatagram is one access to slaves, ETG.1000.4 clause 5.4:
//
//	command 8, index 8, slave 16, offset 16, length 11 + flags 5, interrupt 16,
//	data, working counter 16
type ecatDatagram struct {
	command uint8
	slave   uint16
	offset  uint16
	more    bool
	data    []byte
	counter uint16 // slaves that took part
}

// Commands of a datagram, ETG.1000.4 table 15.
const (
	ecatAPWR = 2
	ecatFPRD = 4
	ecatFPWR = 5
	ecatBWR  = 8
	ecatLast = 14
)

func readECATDatagram(c *wire.Cursor) (g ecatDatagram, ok bool) {
	g.command = c.U8()
	c.Skip(1)
	g.slave, g.offset = c.U16LE(), c.U16LE()
	flags := c.U16LE()
	c.Skip(2)
	g.data = c.Bytes(int(flags & 0x7ff))
	g.counter = c.U16LE()
	g.more = flags&0x8000 != 0
	return g, c.OK() && g.command <= ecatLast && flags&0x3800 == 0
}

func (d *ethercat) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	head := c.U16LE()
	size, kind := int(head&0x7ff), head>>12
	body := c.Sub(min(size, c.Len()))
	if !c.OK() || head&0x800 != 0 || body.Len() < size && !m.Cut {
		return 0, notMine(d.told)
	}
	ok := false
	switch kind {
	case ecatDatagrams:
		ok = ecatWellFormed(body)
		if ok {
			d.datagrams(m, &body, out)
		}
	case ecatVariables:
		ok = d.variables(&body, out)
	case ecatMailbox:
		n := body.U16LE()
		body.Skip(3)
		protocol := body.U8() & 0x0f
		ok = body.OK() && int(n) == body.Len() && protocol <= 5
	}
	switch {
	case !ok && m.Cut:
		return 0, ErrShort
	case !ok:
		return 0, notMine(d.told)
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil // the rest pads the frame
}

// ecatWellFormed reports datagrams that fill the frame, the last one marked.
func ecatWellFormed(c wire.Cursor) bool {
	for {
		g, ok := readECATDatagram(&c)
		if !ok || g.more != (c.Len() > 0) {
			return false
		}
		if !g.more {
			return true
		}
	}
}

var ecatMaster = []byte("master")

// datagrams reads accesses that are known to be whole. A frame that no slave
// has seen is the master's.
func (d *ethercat) datagrams(m *Message, c *wire.Cursor, out Out) {
	sent := true
	for more := true; more; {
		g, _ := readECATDatagram(c)
		more = g.more
		if g.counter != 0 {
			sent = false
			d.answered(m, &g, out)
			continue
		}
		d.asked(&g, out)
	}
	if sent {
		out.Sender(Client)
		if !d.told {
			out.Fact(Sender, ecatRole, ecatMaster, "ethercat.datagram", ot.Behaviour)
		}
	}
}

// Registers of a slave, ETG.1000.4 clause 6.
const (
	ecatStation   = 0x0010
	ecatControl   = 0x0120 // state: init, pre-operational, operational
	ecatEEControl = 0x0502 // control 16, address 32, data 64
	ecatEEData    = 0x0508
	ecatFMMU      = 0x0600 // mappings, then sync managers
	ecatSyncEnd   = 0x0880
	ecatEERead    = 0x0100
	ecatEEWrite   = 0x0200
)

// asked counts what the master wants of slaves. Cyclic exchange of data is no
// operation.
func (d *ethercat) asked(g *ecatDatagram, out Out) {
	if g.command != ecatAPWR && g.command != ecatFPWR && g.command != ecatBWR {
		return
	}
	switch {
	case g.offset == ecatControl:
		out.Operation(ot.Control, 1)
	case g.offset == ecatStation, g.offset >= ecatFMMU && g.offset < ecatSyncEnd:
		out.Operation(ot.Configure, 1)
	case g.offset == ecatEEControl:
		d.eepromAsked(g, out)
	}
}

// variables reads who publishes network variables: an AMS net identifier,
// then their number, cycle and two octets more (ETG.1005).
func (d *ethercat) variables(c *wire.Cursor, out Out) bool {
	id := c.Bytes(6)
	n := c.U16LE()
	c.Skip(4)
	if !c.OK() || n == 0 || n > 256 {
		return false
	}
	at := d.text.mark()
	for i, x := range id {
		if i > 0 {
			d.text.byte('.')
		}
		d.text.uint(uint64(x))
	}
	if !zero(id) {
		out.Fact(Sender, ecatPublisher, d.text.since(at), "ethercat.network_variables", ot.Content)
	}
	return true
}

// ecatHost is the master: the first slave sets the local bit of the source
// address when a frame comes back.
func ecatHost(m *Message) Subject {
	mac := m.Src().MAC
	if m.Src().Addr.IsValid() || mac == (decode.MAC{}) {
		return Sender
	}
	mac[0] &^= 2
	return MACOf(mac)
}
