package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "profinet-ptcp",
		Over:     []string{"ethernet"},
		Tier:     2,
		Ports:    EtherType(profinetType),
		New:      func() Dissector { return &profinetPTCP{} },
		OT:       true,
		Reads:    "clock synchronisation: sync, follow-up, delay measurement, clock master",
		Standard: "IEC 61158-6-10 clause 4.4 (PTCP)",
	})
}

// ptcpMaster is the MAC address of the clock that a station follows.
const ptcpMaster ot.Attribute = "profinet.ptcp_master"

// Blocks, IEC 61158-6-10 clause 4.4: each has a type of 7 bits and a length of 9.
const (
	ptcpEnd       = 0
	ptcpSubdomain = 1 // MAC of the master, UUID of the domain
	ptcpLast      = 7
	ptcpOptional  = 127
	maxPTCPBlocks = 16
)

// profinetPTCP reads the synchronisation of clocks.
//
//	 0         2                 14         16     18          22
//	+---------+-----------------+----------+------+-----------+------------
//	| frame   | delay of bridges| sequence |  0   | delay ns  | blocks ...
//	| id      | (sync) or 0     |          |      |           |
//	+---------+-----------------+----------+------+-----------+------------
type profinetPTCP struct {
	told bool
	text scratch
}

// isPTCP reports a frame identifier of PTCP, IEC 61158-6-10 table "FrameID".
func isPTCP(frame uint16) bool {
	switch frame {
	case 0x0020, 0x0021, 0x0080, 0x0081: // sync, with and without follow-up
		return true
	case 0xff00, 0xff01, 0xff20, 0xff21: // announce, follow-up
		return true
	case 0xff40, 0xff41, 0xff42, 0xff43: // delay measurement between neighbours
		return true
	}
	return false
}

func (d *profinetPTCP) Dissect(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	if !isPTCP(c.U16()) {
		return 0, notMine(d.told)
	}
	c.Skip(20)
	d.text.reset()
	if !d.blocks(&c, out) {
		if m.Cut {
			return 0, ErrShort
		}
		return 0, notMine(d.told)
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil // the rest pads the frame
}

// blocks reports whether blocks follow up to the one that ends them.
func (d *profinetPTCP) blocks(c *wire.Cursor, out Out) bool {
	for n := range maxPTCPBlocks {
		head := c.U16()
		kind, v := head>>9, c.Bytes(int(head&0x1ff))
		switch {
		case !c.OK(), kind > ptcpLast && kind != ptcpOptional:
			return false
		case kind == ptcpEnd:
			return n > 0 && len(v) == 0
		case kind == ptcpSubdomain && len(v) == 6+16:
			out.Fact(Sender, ptcpMaster, d.text.hex(v[:6], ':'), "profinet-ptcp.subdomain", ot.Content)
		}
	}
	return false
}
