package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "prp",
		Over:     []string{"ethernet"},
		Tier:     2,
		Ports:    EtherType(0x88fb),
		New:      func() Dissector { return &prp{} },
		OT:       true,
		Reads:    "supervision frames of PRP and HSR: redundant nodes, their mode, who stands behind a RedBox",
		Standard: "IEC 62439-3:2016 clauses 4.3 and 5.6",
	})
}

// Attributes of redundant nodes.
const (
	prpMode    ot.Attribute = "prp.mode"
	prpRedBox  ot.Attribute = "prp.redbox"
	prpRoleBox ot.Attribute = "prp.role"
)

// Types of a TLV, clause 4.3.1 table 4 and 5.6 table 8.
const (
	prpEnd     = 0
	prpDiscard = 20
	prpAccept  = 21
	hsrNode    = 22 // HSR of the first edition
	hsrNode2   = 23
	prpBox     = 30
	maxPRP     = 8
)

// prp reads supervision frames:
//
//	 0               2          4      5        6
//	+---------------+----------+------+--------+-----------+-------------
//	| path 4,       | sequence | type | length | MAC (two  | more TLVs
//	| version 12    |          |      | 6 or 12| in PRP-0) |
//	+---------------+----------+------+--------+-----------+-------------
type prp struct {
	told bool
	text scratch
}

var (
	prpModes = map[uint8][]byte{
		prpDiscard: []byte("PRP, duplicates discarded"),
		prpAccept:  []byte("PRP, duplicates accepted"),
		hsrNode:    []byte("HSR"),
		hsrNode2:   []byte("HSR"),
	}
	prpBoxRole = []byte("redbox")
)

func (d *prp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	version := c.U16() & 0xfff
	c.Skip(2)
	kind, size := c.U8(), int(c.U8())
	mode, mac := prpModes[kind], c.Bytes(size)
	if !c.OK() && m.Cut {
		return 0, ErrShort
	}
	if !c.OK() || version > 1 || mode == nil || size != 6 && size != 12 || macOf(mac).IsGroup() || zero(mac) {
		return 0, notMine(d.told)
	}
	box, ok := prpBoxOf(&c)
	if !ok {
		return 0, notMine(d.told)
	}
	node := MACOf(macOf(mac))
	out.Fact(node, prpMode, mode, "prp.supervision.type", ot.Content)
	if box != nil && string(box) != string(mac[:6]) {
		out.Fact(node, prpRedBox, d.text.hex(box, ':'), "prp.supervision.redbox", ot.Content)
	}
	if box != nil {
		out.Fact(MACOf(macOf(box)), prpRoleBox, prpBoxRole, "prp.supervision.redbox", ot.Content)
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil // the rest pads the frame
}

// prpBoxOf reads the TLVs behind the first: that of a RedBox, then the end,
// which the first editions leave to the padding.
func prpBoxOf(c *wire.Cursor) (box []byte, ok bool) {
	for range maxPRP {
		if c.Len() < 2 {
			return box, true
		}
		kind := c.U8()
		v := c.Bytes(int(c.U8()))
		switch {
		case !c.OK():
			return nil, false
		case kind == prpEnd:
			return box, len(v) == 0
		case kind != prpBox || len(v) != 6 || macOf(v).IsGroup():
			return nil, false
		}
		box = v
	}
	return nil, false
}
