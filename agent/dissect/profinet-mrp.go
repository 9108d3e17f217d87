package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "profinet-mrp",
		Over:     []string{"ethernet"},
		Tier:     2,
		Ports:    EtherType(0x88e3),
		New:      func() Dissector { return &profinetMRP{} },
		OT:       true,
		Reads:    "managers and clients of redundant rings, the ring's state and domain, open rings as alarms",
		Standard: "IEC 62439-2 clause 8",
	})
}

// Attributes of ring nodes.
const (
	mrpRole   ot.Attribute = "profinet.mrp_role"
	mrpDomain ot.Attribute = "profinet.mrp_domain"
	mrpState  ot.Attribute = "profinet.mrp_ring"
)

// Types of a TLV, IEC 62439-2 clause 8.2.
const (
	mrpEnd            = 0
	mrpCommon         = 1
	mrpTest           = 2
	mrpTopologyChange = 3
	mrpLinkDown       = 4
	mrpLinkUp         = 5
	mrpInterconnect   = 10 // the last of interconnected rings
	mrpOption         = 0x7f
	maxMRP            = 16
)

var (
	mrpManager = []byte("manager")
	mrpClient  = []byte("client")
	mrpStates  = [...][]byte{[]byte("open"), []byte("closed")}
)

// profinetMRP reads the frames that hold a ring together:
//
//	 0        2      3        4
//	+--------+------+--------+----------
//	| version| type | length | value ... and so on to the end TLV
//	|   1    |      |        |
//	+--------+------+--------+----------
type profinetMRP struct {
	told bool
	text scratch
}

func (d *profinetMRP) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	if c.U16() != 1 || !c.OK() {
		return 0, notMine(d.told)
	}
	for n := range maxMRP {
		kind, size := c.U8(), int(c.U8())
		v := c.Sub(size)
		switch {
		case !c.OK() && m.Cut:
			return 0, ErrShort
		case !c.OK(), kind > mrpInterconnect && kind != mrpOption, n == 0 && kind == mrpEnd:
			return 0, notMine(d.told)
		case kind == mrpEnd:
			if !d.told {
				d.told = true
				out.Security(ot.Security{Mode: ot.SecurityNone})
			}
			return len(m.Data), nil // the rest pads the frame
		}
		d.tlv(kind, &v, out)
	}
	return 0, notMine(d.told)
}

// tlv reads one value. A test comes from the manager of the ring alone, and
// the manager tells a change of topology; clients report links (clause 8.1).
//
//	test: priority 16, MAC 48, port 16, ring state 16, transitions 16, time 32
func (d *profinetMRP) tlv(kind uint8, v *wire.Cursor, out Out) {
	switch kind {
	case mrpTest:
		v.Skip(2 + 6 + 2)
		if state := v.U16(); v.OK() && int(state) < len(mrpStates) {
			out.Fact(Sender, mrpState, mrpStates[state], "profinet-mrp.test", ot.Content)
		}
		out.Fact(Sender, mrpRole, mrpManager, "profinet-mrp.test", ot.Content)
	case mrpTopologyChange:
		out.Fact(Sender, mrpRole, mrpManager, "profinet-mrp.topology_change", ot.Content)
		out.Operation(ot.Alarm, 1)
	case mrpLinkDown, mrpLinkUp:
		out.Fact(Sender, mrpRole, mrpClient, "profinet-mrp.link_change", ot.Content)
		out.Operation(ot.Alarm, 1)
	case mrpCommon:
		v.Skip(2)
		if id := v.Bytes(16); v.OK() {
			out.Fact(Sender, mrpDomain, d.text.hex(id, 0), "profinet-mrp.common", ot.Content)
		}
	}
}
