package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "sercos3",
		Over:     []string{"ethernet"},
		Tier:     2,
		Ports:    EtherType(0x88cd),
		New:      func() Dissector { return &sercos3{} },
		OT:       true,
		Reads:    "the master of a ring, its communication phase and changes of it, cyclic data written to slaves and read of them",
		Standard: "IEC 61158-4-19 clause 4 (type 19 data link), IEC 61158-3-19; from the text alone",
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
	out.Sender(Client)
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
	switch slaves := kind&0x40 != 0; {
	case kind&15 != 0: // counted by the first telegram of its kind
	case phase&0x80 != 0 && !slaves:
		out.Operation(ot.Control, 1)
	case phase&0x80 == 0 && phase&15 >= 3 && slaves: // cyclic data go both ways from phase 3 on
		out.Operation(ot.Read, 1)
	case phase&0x80 == 0 && phase&15 >= 3:
		out.Operation(ot.Write, 1)
	}
	return len(m.Data), nil
}
