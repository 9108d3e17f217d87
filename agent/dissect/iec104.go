package dissect

import (
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "iec104",
		Tier:     1,
		Over:     []string{"tcp"},
		Ports:    TCP(iec104Port),
		Match:    matchIEC104,
		New:      func() Dissector { return &iec104{} },
		OT:       true,
		Reads:    "common addresses, originator, operations by type and cause",
		Standard: "IEC 60870-5-104:2006, IEC 60870-5-101:2003",
	})
}

// iec104Port is registered with IANA (IEC 60870-5-104, 10).
const iec104Port = 2404

// The APDU, IEC 60870-5-104, 5. The length counts what follows it:
//
//	 0    1      2 .. 5            6      7     8        9          10, 11   12 .. 14
//	+----+------+-----------------+------+-----+--------+----------+--------+---------+---
//	| 68 | 4..  | control field   | type | VSQ | T P/N  | origina- | common | object  |...
//	|    | 253  |                 |      |     | cause  | tor      | address| address |
//	+----+------+-----------------+------+-----+--------+----------+--------+---------+---
//	I: send sequence .0, receive sequence .0, an ASDU follows
//	S: 01 00, receive sequence .0
//	U: one of STARTDT, STOPDT, TESTFR act or con, 00 00 00
//
// The sizes of cause (2), common address (2) and object address (3) are those
// that the standard fixes for this profile (IEC 60870-5-104, 7).
const (
	iec104Start   = 0x68
	iec104APCI    = 6
	iec104Head    = 6 // of an ASDU, to the first object address
	iec104MaxAPDU = 253
)

// U formats, IEC 60870-5-104 figure 8.
const (
	startdtAct = 0x07
	startdtCon = 0x0b
	stopdtAct  = 0x13
	stopdtCon  = 0x23
	testfrAct  = 0x43
	testfrCon  = 0x83
)

// iec104 reads one conversation between a controlling station, the client,
// and a controlled one, the server.
type iec104 struct {
	claimed bool
	started bool // data transfer was asked for: its confirmation counts nothing of its own
	asduTally
	recent recent
	text   scratch
}

// iec104APDU is one APDU; asdu may be cut.
type iec104APDU struct {
	control byte
	asdu    []byte
	size    int // of the APDU
}

// readIEC104 reads the APCI at the front of b: what it announces is checked
// as far as it is there.
func readIEC104(b []byte) (a iec104APDU, err error) {
	c := wire.New(b)
	start, length := c.U8(), int(c.U8())
	if (len(b) > 0 && start != iec104Start) || (len(b) > 1 && (length < 4 || length > iec104MaxAPDU)) {
		return a, ErrNotMine
	}
	if len(b) < iec104APCI {
		return a, ErrShort
	}
	a.size = 2 + length
	a.control = c.U8()
	second, third, fourth := c.U8(), c.U8(), c.U8()
	switch {
	case a.control&1 == 0:
		if third&1 != 0 || length < 4+iec104Head {
			return a, ErrNotMine
		}
		a.asdu = c.Bytes(min(length-4, c.Len()))
	case a.control&3 == 1:
		if length != 4 || a.control != 1 || second != 0 || third&1 != 0 {
			return a, ErrNotMine
		}
	default:
		if length != 4 || !unnumbered(a.control) || second|third|fourth != 0 {
			return a, ErrNotMine
		}
	}
	return a, nil
}

func unnumbered(control byte) bool {
	switch control {
	case startdtAct, startdtCon, stopdtAct, stopdtCon, testfrAct, testfrCon:
		return true
	}
	return false
}

// matchIEC104 claims a control field as the standard has it and, of an I
// format, an ASDU whose type, cause and size agree.
func matchIEC104(b []byte) bool {
	a, err := readIEC104(b)
	if err != nil || a.control&1 != 0 || len(a.asdu) < iec104Head {
		return !errors.Is(err, ErrNotMine)
	}
	return readASDU(a.asdu).sane(a.size - iec104APCI)
}

// Dissect implements Dissector: one APDU.
func (d *iec104) Dissect(m *Message, out Out) (int, error) {
	a, err := readIEC104(m.Data)
	switch {
	case err == nil:
	case errors.Is(err, ErrShort):
		return 0, ErrShort
	default:
		return 0, notMine(d.claimed)
	}
	whole := a.size <= len(m.Data)
	if !whole && !m.Cut {
		return 0, ErrShort
	}
	x := asdu{}
	if a.control&1 == 0 && len(a.asdu) >= iec104Head {
		x = readASDU(a.asdu)
		if !x.sane(a.size - iec104APCI) {
			if !d.claimed {
				return 0, ErrNotMine
			}
			x = asdu{} // a maker's own type or other field sizes: nothing to tell
		}
	}
	if !m.Trial {
		d.learn(m, a, x, out)
		d.claimed = d.claimed || whole
	}
	if !whole {
		return 0, ErrShort
	}
	return a.size, nil
}

// learn tells what one APDU says.
func (d *iec104) learn(m *Message, a iec104APDU, x asdu, out Out) {
	if a.control&1 != 0 {
		d.unnumbered(a.control, out)
		return
	}
	if x.kind == 0 {
		return
	}
	d.text.reset()
	from, known := x.sender()
	if known {
		out.Sender(from)
	}
	if known && from == Server {
		d.station(m, x, out)
	}
	if known && from == Client {
		d.originator(m, x, out)
	}
	d.count(x, out)
}

// unnumbered reads a U format: the controlling station starts and stops the
// transfer of data (IEC 60870-5-104, 5.3).
func (d *iec104) unnumbered(control byte, out Out) {
	switch control {
	case startdtAct:
		out.Sender(Client)
		out.Operation(ot.Subscribe, 1)
		d.started = true
	case stopdtAct:
		out.Sender(Client)
	case startdtCon:
		out.Sender(Server)
		if !d.started {
			out.Operation(ot.Subscribe, 1)
		}
		d.started = false
	case stopdtCon:
		out.Sender(Server)
	}
}

// station tells the common address that a controlled station answers for or
// reports from.
func (d *iec104) station(m *Message, x asdu, out Out) {
	if x.address == 0 || x.address == 0xffff || x.cause >= causeUnknownType || !d.recent.fresh(m.Time, uint64(x.address)) {
		return
	}
	out.Security(ot.Security{Mode: ot.SecurityNone})
	out.Fact(Sender, "iec104.common_address", d.text.uint(uint64(x.address)), "iec104.asdu.common_address", ot.Content)
}

// originator tells the address of a controlling station, where it has one
// (IEC 60870-5-101, 7.2.4).
func (d *iec104) originator(m *Message, x asdu, out Out) {
	if x.originator == 0 || !d.recent.fresh(m.Time, 1<<16|uint64(x.originator)) {
		return
	}
	out.Fact(Sender, "iec104.originator_address", d.text.uint(uint64(x.originator)), "iec104.asdu.originator_address", ot.Content)
}

// Resync implements Resyncer: the next APDU that is a sane one.
func (d *iec104) Resync(b []byte) int {
	for i := 0; i+iec104APCI <= len(b); i++ {
		numbered := b[i] == iec104Start && b[i+2]&1 == 0
		if b[i] == iec104Start && (!numbered || len(b)-i >= iec104APCI+iec104Head) && matchIEC104(b[i:]) {
			return i
		}
	}
	return -1
}
