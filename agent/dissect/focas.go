package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "focas",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(8193),
		Match:    matchFOCAS,
		New:      func() Dissector { return &focas{} },
		OT:       true,
		Reads:    "series, kind of machine, software series and version of FANUC numerical controls, operations, programs fetched",
		Standard: "no public one; " + FromText + ": pyfanuc of diohpix and elovalvo (protocol.txt, README.md), FANUC FOCAS2 reference (cnc_sysinfo)",
	})
}

// focasMachine is the kind of machine that a control drives: M milling, T turning.
const focasMachine ot.Attribute = "focas.machine_type"

// focas reads what a FANUC control and its clients say over Ethernet:
//
//	 0             4         6      8        10
//	+-------------+---------+------+--------+------
//	| A0 A0 A0 A0 | version | type | length | body
//	+-------------+---------+------+--------+------
//
// The body of a request is a count of calls, each with its length, CNC or PMC,
// function and five numbers; of an answer the same functions, an error and data.
type focas struct {
	claimed bool
	text    scratch
}

const (
	focasMagic  = "\xa0\xa0\xa0\xa0"
	focasHeader = 10
)

// Types of messages. The first octet says what for; the other is 1 of who
// begins, 2 of the answer, 3 of an error, 4 of data.
const (
	focasOpen    = 0x01
	focasClose   = 0x02
	focasProgram = 0x15 // fetch a program
	focasPart    = 0x16 // of a program
	focasEnd     = 0x17 // of a program
	focasCalls   = 0x21
)

// readFOCAS reads the header; size is 0 while it is not whole.
func readFOCAS(b []byte) (about, step uint8, size int, ok bool) {
	if !startsLike(b, focasMagic) {
		return 0, 0, 0, false
	}
	c := wire.New(b)
	c.Skip(len(focasMagic))
	version := c.U16()
	about, step = c.U8(), c.U8()
	n := int(c.U16())
	if !c.OK() {
		return 0, 0, 0, len(b) <= 6 || version > 0 && version < 16
	}
	return about, step, focasHeader + n, version > 0 && version < 16 && step > 0 && step < 8
}

func matchFOCAS(b []byte) bool {
	_, _, size, ok := readFOCAS(b)
	return ok && size > 0
}

func (d *focas) Dissect(m *Message, out Out) (int, error) {
	about, step, size, ok := readFOCAS(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case size == 0, len(m.Data) < size:
		return 0, ErrShort
	}
	d.text.reset()
	if !d.claimed {
		d.claimed = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	asks := step == 1
	switch about {
	case focasOpen, focasClose, focasProgram, focasCalls:
		out.Sender(roleOf(asks))
	case focasPart:
		out.Sender(Server)
	case focasEnd:
		out.Sender(roleOf(!asks)) // the control begins
	}
	c := wire.New(m.Data)
	c.Skip(focasHeader)
	body := c.Sub(size - focasHeader)
	switch {
	case about == focasCalls && asks:
		focasRequest(&body, out)
	case about == focasCalls && step == 2:
		d.answer(&body, out)
	case about == focasProgram && asks:
		out.Operation(ot.Program, 1)
	}
	return size, nil
}

const focasMost = 64 // calls of a message that are looked at

// focasRequest tells what the calls of a message ask for.
func focasRequest(c *wire.Cursor, out Out) {
	for range min(int(c.U16()), focasMost) {
		call := c.Sub(int(c.U16()) - 2)
		unit, kind, function := call.U16(), call.U16(), call.U16()
		if !c.OK() || !call.OK() {
			return
		}
		if o, known := focasOperation(unit, function); known && kind == 1 {
			out.Operation(o, 1)
		}
	}
}

const (
	focasCNC     = 1
	focasPMC     = 2
	focasSysinfo = 0x18
)

// focasOperation is what a call does; known: of those that are.
func focasOperation(unit, function uint16) (o ot.Operation, known bool) {
	switch {
	case unit == focasPMC && function == 0x8001: // of the machine's logic
		return ot.Read, true
	case unit != focasCNC:
		return o, false
	}
	switch function {
	case focasSysinfo, 0x89, 0x8a, 0x8b, 0xa0, 0xa2: // what there is
		return ot.Diagnose, true
	case 0x06, 0xb0, 0xb3, 0xb4, 0xb9, // programs there are
		0x0e, 0x8d, 0x30, 0x15, 0xa7, // parameters, diagnosis, macro variables
		0x19, 0x1a, 0x1c, 0x1d, 0x20, 0x21, 0x23, 0x96, // state, alarms, what runs
		0x24, 0x25, 0x26, 0x40, 0x45, 0x56, 0x61, 0xa4: // feed, spindles, axes, clock, load
		return ot.Read, true
	case 0x16, 0xa8: // macro variables
		return ot.Write, true
	case 0x1f: // rewinds the program
		return ot.Control, true
	case 0x46: // clock
		return ot.Configure, true
	}
	return o, false
}

// answer finds what a control says of itself.
func (d *focas) answer(c *wire.Cursor, out Out) {
	for range min(int(c.U16()), focasMost) {
		call := c.Sub(int(c.U16()) - 2)
		unit, kind, function := call.U16(), call.U16(), call.U16()
		failed := call.U16()
		call.Skip(4)
		data := call.Sub(int(call.U16()))
		if !c.OK() {
			return
		}
		if call.OK() && unit == focasCNC && kind == 1 && function == focasSysinfo && failed == 0 {
			d.sysinfo(&data, out)
		}
	}
}

var focasVendor = []byte("FANUC")

// sysinfo reads the fields of cnc_sysinfo: bit 1 of the first is set for
// controls of an i series.
func (d *focas) sysinfo(c *wire.Cursor, out Out) {
	info := c.U16()
	c.Skip(2) // axes
	kind, machine, series, version := c.Bytes(2), c.Bytes(2), c.Bytes(4), c.Bytes(4)
	if !c.OK() || !printable(kind) || !printable(machine) || !printable(series) || !printable(version) {
		return
	}
	const source = "focas.sysinfo"
	out.Fact(Sender, ot.Vendor, focasVendor, source, ot.Identity)
	if kind = trim(kind); len(kind) > 0 {
		at := d.text.mark()
		d.text.adds("Series ")
		d.text.add(kind)
		if info&2 != 0 {
			d.text.byte('i')
		}
		out.Fact(Sender, ot.Product, d.text.since(at), source+".cnc_type", ot.Identity)
	}
	if machine = trim(machine); len(machine) > 0 {
		out.Fact(Sender, focasMachine, machine, source+".mt_type", ot.Identity)
	}
	if series = trim(series); len(series) > 0 {
		at := d.text.mark()
		d.text.add(series)
		d.text.byte(' ')
		d.text.add(trim(version))
		out.Fact(Sender, ot.FirmwareRev, trim(d.text.since(at)), source+".series", ot.Identity)
	}
}

// Resync finds the next message behind a gap.
func (d *focas) Resync(b []byte) int {
	for i := 0; i+focasHeader <= len(b); i++ {
		if matchFOCAS(b[i:]) {
			return i
		}
	}
	return -1
}
