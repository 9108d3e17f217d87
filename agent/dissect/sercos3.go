package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "sercos3",
		Over:     []string{"ethernet"},
		Tier:     3,
		Ports:    EtherType(0x88cd),
		New:      func() Dissector { return &sercos3{} },
		OT:       true,
		Reads:    "the master of a ring, its communication phase; from the text alone",
		Standard: "IEC 61158-4-19 clause 4 (type 19 data link)",
	})
}

// Attributes of the master of a ring.
const (
	sercosRole  ot.Attribute = "sercos3.role"
	sercosPhase ot.Attribute = "sercos3.phase"
)

// sercos3 reads telegrams:
//
//	 0                                   1                            2        6
//	+-----------------------------------+----------------------------+--------+-----
//	| secondary 1, AT 1, count valid 1, | new phase 1, cycle 3,      | CRC 32 | data
//	| 0, number 4                       | phase 4                    |        |
//	+-----------------------------------+----------------------------+--------+-----
//
// The master sends those of slaves (AT), too: slaves fill them as they pass.
type sercos3 struct {
	told   bool
	text   scratch
	recent recent
}

var sercosMaster = []byte("master")

func (d *sercos3) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	kind, phase := c.U8(), c.U8()
	crc := c.Bytes(4)
	if !c.OK() || kind&0x10 != 0 || kind&15 > 3 || phase&15 > 4 || zero(crc) || c.Len() < 34 || !m.Dst().MAC.IsGroup() {
		return 0, notMine(d.told)
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if d.recent.fresh(m.Time, uint64(phase&0x8f)) {
		out.Fact(Sender, sercosRole, sercosMaster, "sercos3.telegram", ot.Behaviour)
		if phase&0x80 == 0 {
			out.Fact(Sender, sercosPhase, d.text.uint(uint64(phase&15)), "sercos3.telegram.phase", ot.Content)
		}
	}
	if phase&0x80 != 0 && kind&0x4f == 0 { // told in the first telegram of the master
		out.Operation(ot.Control, 1)
	}
	return len(m.Data), nil
}
