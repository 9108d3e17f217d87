package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// s7UD is the parameter of a userdata PDU (Miru part 3, Wireshark wiki):
//
//	 0    1    2    3       4       5            6         7
//	+----+----+----+-------+-------+------+-----+---------+--------+
//	| 00 | 01 | 12 |length | method|kind 2|group|function |sequence|
//	|              | 4 / 8 |       | bits |6 b. |         |        |
//	+----+----+----+-------+-------+------+-----+---------+--------+
//	length 8 only:  data unit reference | 00 last data unit, 01 more | error 2
type s7UD struct {
	kind     byte // 0 indication, 1 request, 2 response
	group    byte
	function byte
	unit     byte // data unit reference, 0: not divided
	more     bool // another data unit follows
	failed   bool
}

const (
	udIndication = 0
	udRequest    = 1
)

// Function groups.
const (
	udProgrammer = 0x01
	udCyclic     = 0x02
	udBlocks     = 0x03
	udCPU        = 0x04
	udSecurity   = 0x05
	udBSend      = 0x06
	udTime       = 0x07
	udRouting    = 0x20
	udNCProgram  = 0x3f
)

const udReadSZL = 0x01 // of udCPU

func readS7UD(param []byte) (u s7UD, ok bool) {
	c := wire.New(param)
	head, n := c.U24(), c.U8()
	c.Skip(1)
	tg := c.U8()
	u.kind, u.group = tg>>6, tg&0x3f
	u.function = c.U8()
	c.Skip(1)
	if !c.OK() || head != 0x000112 || u.kind > 2 {
		return u, false
	}
	if n >= 8 {
		u.unit = c.U8()
		u.more = c.U8() == 1
		u.failed = c.U16() != 0
	}
	return u, c.OK()
}

// userdata reads one userdata PDU.
func (d *s7comm) userdata(p s7PDU, out Out) {
	u, ok := readS7UD(p.param)
	if !ok {
		return
	}
	request := u.kind == udRequest
	switch {
	case u.group == udBSend: // both partners of BSEND/BRCV may send
	case request:
		out.Sender(Client)
	default:
		out.Sender(Server)
	}
	// A request for the next data unit belongs to an operation counted before.
	if class := u.class(); class >= 0 && u.unit == 0 && (u.pushed() || d.counts(request)) {
		out.Operation(ot.Operation(class), 1)
	}
	if u.group == udCPU && u.function == udReadSZL && !request && !u.failed {
		d.readSZL(u, p.data, out)
	}
}

// pushed reports whether the controller sent an alarm or event of its own.
func (u s7UD) pushed() bool { return u.kind == udIndication && u.group == udCPU }

// class tells the operation that a function is, -1 for none.
func (u s7UD) class() int {
	switch u.group {
	case udProgrammer:
		return u.programmer()
	case udCyclic:
		return int(ot.Subscribe)
	case udBlocks:
		return int(ot.Diagnose) // list blocks, list of a type, block info
	case udCPU:
		return u.cpu()
	case udSecurity:
		return int(ot.Authenticate)
	case udBSend:
		return int(ot.Write)
	case udTime:
		if u.function == 2 || u.function == 4 {
			return int(ot.Configure)
		}
		return int(ot.Diagnose)
	case udRouting:
		return int(ot.Configure) // data records to field devices behind the controller
	case udNCProgram:
		return int(ot.Program)
	}
	return -1
}

// programmer classes the test and commissioning functions.
func (u s7UD) programmer() int {
	switch u.function {
	case 0x02: // variable status
		return int(ot.Read)
	case 0x08, 0x09: // modify variable, force
		return int(ot.Write)
	case 0x0b, 0x0c: // leave HOLD, memory reset
		return int(ot.Control)
	case 0x03, 0x04, 0x05, 0x07, 0x10, 0x11, 0x16: // stacks, forced values, job list, job, flash LED
		return int(ot.Diagnose)
	}
	return int(ot.Program) // block status, breakpoints, changes to jobs
}

// cpu classes the CPU functions.
func (u s7UD) cpu() int {
	switch u.function {
	case udReadSZL:
		return int(ot.Diagnose)
	case 0x02: // log on to messages
		return int(ot.Subscribe)
	}
	return int(ot.Alarm) // diagnostic message, ALARM, NOTIFY, SCAN; query, lock, acknowledge
}
