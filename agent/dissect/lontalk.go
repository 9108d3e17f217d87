package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "lontalk",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(1628, 1629),
		Match:    matchLon,
		New:      func() Dissector { return &lontalk{} },
		OT:       true,
		Reads:    "neuron and program identifiers, configuration of channels, operations",
		Standard: "CEA-852 (ISO/IEC 14908-4) clause 7, CEA-709.1 (ISO/IEC 14908-1) clauses 5 to 9",
	})
}

// Attributes of nodes.
const (
	lonNeuron  ot.Attribute = "lontalk.neuron_id"
	lonProgram ot.Attribute = "lontalk.program_id"
)

// lontalk reads LonTalk packets in IP, CEA-852:
//
//	0        2         3      4          5       6        8         12         16     20
//	+--------+---------+------+----------+-------+--------+---------+----------+------+------
//	| length | version | type | extended | flags | vendor | session | sequence | time | ...
//	| of all |    1    |      | header/4 |       |        |         |          |      |
//	+--------+---------+------+----------+-------+--------+---------+----------+------+------
//
// Routers pass on what nodes behind them say, so what a node says of itself is
// told of a part behind the sender.
type lontalk struct {
	claimed bool
	neuron  [6]byte // whose path is kept
	path    string
	text    scratch
}

// Types of packets, CEA-852 clause 8.
const (
	lonData       = 0x01
	lonAck        = 0x07
	lonFirstAsk   = 0x60 // to 0x68: requests to devices and the configuration server
	lonLastAsk    = 0x68
	lonStatistics = 0x70
	lonDevice     = 0x71
	lonSegment    = 0x7f

	lonHead = 20
)

// readLon reads a header; c is left at what the packet carries.
func readLon(b []byte) (kind uint8, c wire.Cursor, ok bool) {
	c = wire.New(b)
	n := int(c.U16())
	version := c.U8()
	kind = c.U8()
	extended, flags := int(c.U8()), c.U8()
	c.Skip(2 + 4 + 4 + 4)
	c.Skip(4 * extended)
	if !c.OK() || n != len(b) || version != 1 || flags&0x1f > 1 {
		return 0, c, false
	}
	switch kind {
	case lonData, 0x03, 0x04, 0x06, lonAck, 0x08, lonFirstAsk, 0x63, 0x64, 0x66, lonLastAsk, lonStatistics, lonDevice, lonSegment:
		return kind, c, true
	}
	return 0, c, false
}

// matchLon claims packets whose content has the form of its type, too.
func matchLon(b []byte) bool {
	kind, c, ok := readLon(b)
	if !ok {
		return false
	}
	if kind == lonData {
		_, ok = readLonPDU(&c)
		return ok
	}
	return kind >= lonFirstAsk && c.Len() > 0 && b[5]&0x1f == 0
}

func (d *lontalk) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	kind, c, ok := readLon(m.Data)
	if !ok || m.Stream {
		return 0, notMine(d.claimed)
	}
	if kind == lonData {
		p, ok := readLonPDU(&c)
		if !ok {
			return 0, notMine(d.claimed)
		}
		d.pdu(&p, out)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if kind >= lonFirstAsk && kind <= lonLastAsk && !toGroup(m) {
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	}
	if kind == lonDevice { // the server sets how a device talks
		out.Operation(ot.Configure, 1)
	}
	return len(m.Data), nil
}

// pdu tells what the application in a packet does.
func (d *lontalk) pdu(p *lonPDU, out Out) {
	code := p.apdu.U8()
	if !p.apdu.OK() || p.answer {
		return
	}
	if of, ok := lonOperation(code, p.asks); ok {
		out.Operation(of, 1)
	}
	if code == lonServicePin {
		d.pin(&p.apdu, out)
	}
}

// pin reads what a node says when its service pin is pressed: neuron
// identifier 6, program identifier 8.
func (d *lontalk) pin(c *wire.Cursor, out Out) {
	neuron, program := c.Bytes(6), c.Bytes(8)
	if !c.OK() || zero(neuron) {
		return
	}
	if id := [6]byte(neuron); d.path == "" || id != d.neuron {
		d.neuron, d.path = id, "neuron/"+string(d.text.hex(neuron, 0))
	}
	of := Part(Sender, d.path)
	out.Fact(of, lonNeuron, d.text.hex(neuron, 0), "lontalk.service_pin", ot.Identity)
	out.Fact(of, ot.Serial, d.text.hex(neuron, 0), "lontalk.service_pin", ot.Identity)
	out.Fact(of, lonProgram, d.text.hex(program, ':'), "lontalk.service_pin", ot.Identity)
}
