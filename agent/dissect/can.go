package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "can",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(11898),
		Match:    matchCAN,
		New:      func() Dissector { return &can{} },
		OT:       true,
		Reads:    "frames of a CAN bus that gateways carry over UDP (CAN-ETH); carries CANopen",
		Standard: "proconX CAN Ethernet frame format (CAN-ETH), as Wireshark's dissector has it; ISO 11898-1 clause 10.4",
	})
}

// can reads frames of a CAN bus in a datagram, and hands each to the protocols
// over it. The identifier is little endian, the options are reserved:
//
//	 0            8         9       10
//	+------------+---------+-------+---- frames of 15: ----------------------------------+---------+
//	| "ISO11898" | version | count | identifier 4, length 1, data 8, extended 1, remote 1 | options |
//	+------------+---------+-------+------------------------------------------------------+---------+
type can struct{ claimed bool }

const (
	canMagic  = "ISO11898"
	canHead   = 10
	canFrames = 16 // the most in one datagram

	// Tags of what a bus carries: the identifier, and what kind of frame it was.
	canExtended = 1 << 31
	canRemote   = 1 << 30
)

func matchCAN(b []byte) bool {
	c := wire.New(b)
	magic := c.Bytes(len(canMagic))
	version, n := c.U8(), int(c.U8())
	return c.OK() && string(magic) == canMagic && version == 1 && n > 0 && n <= canFrames && c.Len() >= n*15
}

func (d *can) Dissect(m *Message, out Out) (int, error) {
	if m.Stream || !matchCAN(m.Data) {
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	c := wire.New(m.Data)
	c.Skip(canHead - 1)
	for range c.U8() {
		id, n := uint64(c.U32LE()&0x1fffffff), int(c.U8())
		data := c.Bytes(8)
		if c.U8() != 0 {
			id |= canExtended
		}
		if c.U8() != 0 {
			id |= canRemote
		}
		if c.OK() && n <= 8 {
			out.Payload(id, data[:n])
		}
	}
	return len(m.Data), nil
}
