package dissect

import (
	"encoding/binary"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "cip-io",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(ioPort),
		Match:    matchIO,
		New:      func() Dissector { return &cipIO{} },
		OT:       true,
		Reads:    "implicit I/O, originator and target where the Forward Open was seen, outputs written",
		Standard: "ODVA EtherNet/IP Adaptation of CIP (Vol 2) 2-6 and 3-2",
	})
}

// ioPort is reserved by IANA for EtherNet/IP I/O (Vol 2 3-2.2).
const ioPort = 2222

// cipIO reads the datagrams of transport class 0 and 1, Vol 2 3-2.2. Several
// connections of two devices share one conversation.
//
//	 0       2        4       6            10         14       16       18
//	+-------+--------+-------+------------+----------+--------+--------+--------
//	| count | 0x8002 |   8   | connection | sequence | 0x00B1 | length | data ...
//	+-------+--------+-------+------------+----------+--------+--------+--------
type cipIO struct {
	sides      sides
	told       bool
	originator side // who opened the connections, when one of them was announced
}

const ioHeader = 18

type ioPacket struct {
	connection uint32
	data       []byte
	size       int
}

// readIO is strict: the fixed fields are ten bytes of evidence.
func readIO(b []byte) (p ioPacket, ok bool) {
	if len(b) < ioHeader {
		return p, false
	}
	le, h := binary.LittleEndian, (*[ioHeader]byte)(b)
	if le.Uint32(h[0:]) != cpfSequencedAddress<<16|2 || le.Uint16(h[4:]) != 8 || le.Uint16(h[14:]) != cpfConnectedData {
		return p, false
	}
	p.connection, p.size = le.Uint32(h[6:]), int(le.Uint16(h[16:]))
	p.data = b[ioHeader:min(ioHeader+p.size, len(b))]
	return p, true
}

func matchIO(b []byte) bool {
	p, ok := readIO(b)
	return ok && len(p.data) == p.size
}

// ioTag carries the identifiers of a Forward Open to the conversation that it
// announces: what the originator sends in the high half, what it gets in the low.
func ioTag(toTarget, toOriginator uint32) uint64 {
	return uint64(toTarget)<<32 | uint64(toOriginator)
}

func (d *cipIO) Dissect(m *Message, out Out) (int, error) {
	p, ok := readIO(m.Data)
	if !ok || len(p.data) < p.size && !m.Cut {
		return 0, ErrNotMine
	}
	if m.Tag != 0 {
		d.direct(m, &p, out)
	}
	if len(p.data) < p.size {
		return 0, ErrShort
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil
}

// ioOverhead is what stands before the data: sequence count and, towards the
// target, the run/idle header (Vol 1 3-6.1.4).
const ioOverhead = 2 + 4

// direct tells who is who from the identifiers that the Forward Open gave. The
// one who opened the connection is the client, whoever sends first; to a group
// the sender stands as client anyway. What the originator sends are outputs.
func (d *cipIO) direct(m *Message, p *ioPacket, out Out) {
	from := d.sides.of(m)
	switch p.connection {
	case uint32(m.Tag >> 32):
		d.originator = from
	case uint32(m.Tag & 0xffffffff):
		d.originator = from.other()
	}
	if d.originator == sideNone || toGroup(m) {
		return
	}
	out.Sender(roleOf(from == d.originator))
	if from == d.originator && p.size > ioOverhead {
		out.Operation(ot.Write, 1)
	}
}
