package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// SLMP frames, SH-080956 section 4, all numbers little endian:
//
//	3E ask:  50 00 | network | station | module 2 | multidrop | length 2 | timer 2 | command 2 | subcommand 2 | data
//	3E tell: D0 00 | network | station | module 2 | multidrop | length 2 | end code 2 | data
//	4E:      54 00 or D4 00 | serial 2 | 00 00 | then as 3E
//
// length counts what stands behind it. In ASCII every octet is two hexadecimal
// digits, numbers of 16 bits with the high digits first.
const (
	slmpAsk3   = 0x50
	slmpTell3  = 0xd0
	slmpAsk4   = 0x54
	slmpTell4  = 0xd4
	slmpErrors = 0x4000 // end codes begin here
	slmpMax    = 8 << 10
)

// slmpModule reports a request destination module that exists, SH-080956
// section 4.2: the own station, CPUs of a rack, or an I/O number.
func slmpModule(n uint16) bool { return n < 0x200 || n >= 0x3d0 && n <= 0x3e3 || n == 0x3ff }

// slmpMultidrop is the highest station behind a serial module.
const slmpMultidrop = 0x1f

func readSLMP(b []byte) (f melsecFrame, ok bool) {
	c := wire.New(b)
	kind := c.U8()
	f.response = kind&0x80 != 0
	if zero := c.U8(); zero != 0 {
		return f, false
	}
	if kind == slmpAsk4 || kind == slmpTell4 {
		c.Skip(2)
		if zero := c.U16(); zero != 0 {
			return f, false
		}
	}
	c.Skip(2)
	module, multidrop, n := c.U16LE(), c.U8(), int(c.U16LE())
	if !c.OK() {
		return f, true
	}
	if !slmpModule(module) || multidrop > slmpMultidrop || n < slmpLeast(f.response) || n > slmpMax {
		return f, false
	}
	size := c.Off() + n
	body := c.Sub(min(n, c.Len()))
	if body.Len() < slmpLeast(f.response) {
		return f, true
	}
	f.size = size
	if f.response {
		f.end = body.U16LE()
	} else {
		body.Skip(2)
		f.command = body.U16LE()
		body.Skip(2)
	}
	f.class = slmpClass(f.command)
	f.data = body.Rest()
	return f, true
}

// slmpLeast is the least that a length counts: an end code, or timer, command
// and subcommand.
func slmpLeast(response bool) int {
	if response {
		return 2
	}
	return 6
}

// readSLMPText reads the same in ASCII.
func readSLMPText(b []byte) (f melsecFrame, ok bool) {
	c := wire.New(b)
	kind, good := hexNumber(&c, 4)
	f.ascii, f.response = true, kind&0x8000 != 0
	if !c.OK() {
		return f, allHex(b)
	}
	if !good || kind&0xff != 0 || kind>>8 != slmpAsk3 && kind>>8 != slmpAsk4 && kind>>8 != slmpTell3 && kind>>8 != slmpTell4 {
		return f, false
	}
	if kind>>8&^0x80 == slmpAsk4 {
		_, serial := hexNumber(&c, 4)
		zero, fixed := hexNumber(&c, 4)
		good = serial && fixed && zero == 0
	}
	_, station := hexNumber(&c, 4) // network and station
	module, g1 := hexNumber(&c, 4)
	multidrop, g2 := hexNumber(&c, 2)
	n, g3 := hexNumber(&c, 4)
	if !c.OK() {
		return f, allHex(b)
	}
	least := 2 * slmpLeast(f.response)
	if !good || !station || !g1 || !g2 || !g3 || !slmpModule(uint16(module)) || multidrop > slmpMultidrop || n < least || n > 2*slmpMax {
		return f, false
	}
	size := c.Off() + n
	body := c.Sub(min(n, c.Len()))
	if body.Len() < least {
		return f, true
	}
	f.size = size
	if !f.response {
		body.Skip(4)
	}
	code, good := hexNumber(&body, 4)
	if !f.response {
		body.Skip(4)
		f.command = uint16(code)
	} else {
		f.end = uint16(code)
	}
	f.class = slmpClass(f.command)
	f.data = body.Rest()
	return f, good
}

// hexNumber reads n hexadecimal digits.
func hexNumber(c *wire.Cursor, n int) (v int, ok bool) {
	ok = true
	for range n {
		x := c.U8()
		switch {
		case x >= '0' && x <= '9':
			v = v<<4 | int(x-'0')
		case x >= 'A' && x <= 'F':
			v = v<<4 | int(x-'A'+10)
		default:
			ok = false
		}
	}
	return v, ok
}

// Commands with a meaning of their own.
const (
	slmpTypeName = 0x0101
	slmpOnDemand = 0x2101
)

// slmpClass tells what a command does, SH-080956 section 5.1; -1 is an unknown
// one.
func slmpClass(command uint16) int {
	switch command {
	case slmpTypeName, 0x0619, 0x0e30, 0x0e32: // self test, node search, comparison
		return int(ot.Diagnose)
	case 0x0401, 0x0403, 0x0406, 0x041a, 0x041b, 0x041c, 0x0601, 0x0613, 0x0801, 0x0802:
		return int(ot.Read)
	case 0x1401, 0x1402, 0x1406, 0x141a, 0x141b, 0x1601, 0x1613:
		return int(ot.Write)
	case 0x1001, 0x1002, 0x1003, 0x1005, 0x1006, 0x1617: // run, stop, pause, latch clear, reset, error clear
		return int(ot.Control)
	case 0x1630, 0x1631: // password unlock, lock
		return int(ot.Authenticate)
	case 0x0e31: // IP address set
		return int(ot.Configure)
	case 0x1810, 0x1811, 0x1820, 0x1822, 0x1824, 0x1825, 0x1826, 0x1827, 0x1828, 0x1829, 0x182a:
		return int(ot.Transfer)
	case slmpOnDemand:
		return int(ot.Alarm)
	}
	return -1
}
