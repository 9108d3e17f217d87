package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Format codes of items, SEMI E5 clause 9.2.
const (
	secsList  = 0o00
	secsASCII = 0o20
)

// secsWidths are the octets of one element by format code, less 1; other codes
// are no format.
var secsWidths = [64]uint8{
	secsList: 1, 0o10: 1, 0o11: 1, secsASCII: 1, 0o21: 1, 0o22: 1,
	0o30: 8, 0o31: 1, 0o32: 2, 0o34: 4, 0o40: 8, 0o44: 4,
	0o50: 8, 0o51: 1, 0o52: 2, 0o54: 4,
}

// secsItem reads the head of an item: format and length, which for a list
// counts its elements, otherwise octets. A fault makes the cursor short.
func secsItem(c *wire.Cursor) (kind uint8, n int) {
	head := c.U8()
	kind = head >> 2
	switch head & 3 {
	case 0:
		c.Skip(-1)
	case 1:
		n = int(c.U8())
	case 2:
		n = int(c.U16())
	case 3:
		n = int(c.U24())
	}
	if w := int(secsWidths[kind]); w == 0 || n%w != 0 {
		c.Skip(-1)
	}
	return kind, n
}

// secsText reads an item of ASCII.
func secsText(c *wire.Cursor) []byte {
	kind, n := secsItem(c)
	v := c.Bytes(n)
	if kind != secsASCII || n > 128 || !printable(v) {
		return nil
	}
	return trim(v)
}

// secsBegins reports whether b begins with the head of an item.
func secsBegins(b []byte) bool {
	c := wire.New(b)
	secsItem(&c)
	return c.OK()
}

// secsFills reports whether one item, lists and all, fills b.
func secsFills(b []byte) bool {
	c := wire.New(b)
	for left := 1; left > 0; left-- {
		kind, n := secsItem(&c)
		if kind == secsList {
			left += n
		} else {
			c.Skip(n)
		}
		if !c.OK() {
			return false
		}
	}
	return c.Len() == 0
}

// hsmsFunctions are the functions that ask or report, of SEMI E5 clause 10: a row
// stands for the odd ones from the first to the last.
var hsmsFunctions = [...]struct {
	stream, first, last uint8
	of                  ot.Operation
}{
	{1, 1, 1, ot.Diagnose}, // are you there
	{1, 3, 9, ot.Read},     // status
	{1, 11, 13, ot.Diagnose},
	{1, 15, 17, ot.Control}, // off line, on line
	{1, 19, 19, ot.Read},
	{1, 21, 23, ot.Diagnose},
	{2, 1, 11, ot.Program}, // service programs
	{2, 13, 13, ot.Read},   // equipment constants
	{2, 15, 15, ot.Write},
	{2, 17, 17, ot.Read},
	{2, 19, 21, ot.Control}, // reset, remote command
	{2, 23, 23, ot.Subscribe},
	{2, 25, 25, ot.Diagnose}, // loopback
	{2, 27, 27, ot.Control},
	{2, 29, 29, ot.Diagnose},
	{2, 31, 31, ot.Configure},
	{2, 33, 37, ot.Subscribe}, // reports and events
	{2, 41, 41, ot.Control},   // host command
	{2, 43, 45, ot.Configure},
	{2, 47, 47, ot.Read},
	{2, 49, 49, ot.Control}, // enhanced command
	{3, 1, 3, ot.Read},
	{3, 5, 13, ot.Alarm}, // material found, lost
	{3, 15, 35, ot.Control},
	{4, 1, 41, ot.Control}, // hand-over of material
	{5, 1, 1, ot.Alarm},
	{5, 3, 3, ot.Configure},
	{5, 5, 7, ot.Read},
	{5, 9, 11, ot.Alarm},
	{5, 13, 13, ot.Control},
	{5, 15, 15, ot.Alarm},
	{5, 17, 17, ot.Control},
	{6, 1, 3, ot.Alarm},
	{6, 7, 7, ot.Read},
	{6, 9, 13, ot.Alarm}, // events
	{6, 15, 23, ot.Read}, // reports
	{6, 25, 29, ot.Alarm},
	{7, 1, 17, ot.Program}, // process programs
	{7, 19, 21, ot.Diagnose},
	{7, 23, 43, ot.Program},
	{8, 1, 3, ot.Firmware}, // boot and executive programs
	{10, 1, 1, ot.Alarm},
	{10, 3, 9, ot.Write}, // text for a screen
	{12, 1, 1, ot.Write}, // wafer maps
	{12, 3, 3, ot.Read},
	{12, 7, 11, ot.Write},
	{12, 13, 17, ot.Read},
	{13, 1, 15, ot.Transfer},
	{14, 1, 1, ot.Read}, // objects
	{14, 3, 3, ot.Write},
	{14, 5, 7, ot.Diagnose},
	{14, 9, 27, ot.Control},
	{15, 1, 53, ot.Program}, // recipes
	{16, 5, 5, ot.Control},  // jobs
	{16, 7, 9, ot.Alarm},
	{16, 11, 17, ot.Control},
	{16, 19, 21, ot.Read},
	{16, 23, 29, ot.Control},
	{17, 1, 15, ot.Subscribe},
	{18, 1, 1, ot.Read}, // subsystems
	{18, 3, 3, ot.Write},
	{18, 5, 5, ot.Read},
	{18, 7, 7, ot.Write},
	{18, 9, 9, ot.Read},
	{18, 11, 11, ot.Write},
	{18, 13, 13, ot.Control},
	{19, 1, 19, ot.Program},
	{21, 1, 19, ot.Transfer},
}

// hsmsOperation is what a function asks for; an answer asks for nothing.
func hsmsOperation(stream, function uint8) (ot.Operation, bool) {
	if function%2 == 0 {
		return 0, false
	}
	for i := range hsmsFunctions {
		if f := &hsmsFunctions[i]; f.stream == stream && f.first <= function && function <= f.last {
			return f.of, true
		}
	}
	return 0, false
}

// hsmsOfHost reports the functions that E5 lets a host send alone.
func hsmsOfHost(stream, function uint8) bool {
	if function%2 == 0 {
		return false
	}
	switch stream {
	case 1:
		return function >= 3 && function != 13 && function <= 17
	case 2:
		return function == 13 || function == 15 || function == 21 || function >= 29 && function <= 37 || function == 41 || function == 49
	case 5:
		return function == 3 || function == 5 || function == 7
	case 6:
		return function == 15 || function == 19 || function == 23
	case 10:
		return function == 3 || function == 5 || function == 9
	}
	return false
}

// hsmsOfEquipment reports those that equipment sends alone.
func hsmsOfEquipment(stream, function uint8) bool {
	return function == 1 && (stream == 5 || stream == 6 || stream == 10) || stream == 6 && function == 11 || stream == 9 && function%2 == 1
}
