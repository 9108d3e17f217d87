package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// finsCommand is one row of W342 section 5-1-1: what a command asks for, and
// the shortest text of the command and of its response behind the end code.
type finsCommand struct {
	code          uint16
	class         ot.Operation
	ask, answered int
}

// finsCommands is sorted by code.
var finsCommands = [...]finsCommand{
	{0x0101, ot.Read, 6, 1},      // memory area read
	{0x0102, ot.Write, 6, 0},     // memory area write
	{0x0103, ot.Write, 7, 0},     // memory area fill
	{0x0104, ot.Read, 4, 2},      // multiple memory area read
	{0x0105, ot.Write, 10, 0},    // memory area transfer
	{0x0201, ot.Read, 6, 6},      // parameter area read
	{0x0202, ot.Configure, 6, 0}, // parameter area write
	{0x0203, ot.Configure, 6, 0}, // parameter area clear
	{0x0306, ot.Program, 8, 8},   // program area read
	{0x0307, ot.Program, 8, 8},   // program area write
	{0x0308, ot.Program, 3, 0},   // program area clear
	{0x0401, ot.Control, 0, 0},   // run
	{0x0402, ot.Control, 0, 0},   // stop
	{finsControllerData, ot.Diagnose, 0, 40},
	{finsConnectionData, ot.Diagnose, 0, 1},
	{0x0601, ot.Diagnose, 0, 8},  // controller status read
	{0x0602, ot.Diagnose, 0, 1},  // network status read
	{0x0603, ot.Diagnose, 0, 1},  // data link status read
	{0x0620, ot.Diagnose, 1, 0},  // cycle time read
	{0x0701, ot.Read, 0, 7},      // clock read
	{0x0702, ot.Configure, 5, 0}, // clock write
	{0x0801, ot.Diagnose, 0, 0},  // loopback test
	{0x0802, ot.Diagnose, 0, 1},  // broadcast test results
	{0x0803, ot.Diagnose, 0, 0},  // broadcast test data
	{0x0920, ot.Diagnose, 2, 0},  // message read and clear, FAL read
	{0x0c01, ot.Configure, 2, 0}, // access right acquire
	{0x0c02, ot.Configure, 2, 0}, // access right forced acquire
	{0x0c03, ot.Configure, 2, 0}, // access right release
	{0x2101, ot.Control, 0, 0},   // error clear
	{0x2102, ot.Diagnose, 4, 6},  // error log read
	{0x2103, ot.Configure, 0, 0}, // error log clear
	{0x2140, ot.Diagnose, 4, 6},  // write access log read
	{0x2141, ot.Configure, 0, 0}, // write access log clear
	{0x2201, ot.Transfer, 6, 1},  // file name read
	{0x2202, ot.Transfer, 6, 1},  // single file read
	{0x2203, ot.Transfer, 6, 0},  // single file write
	{0x2204, ot.Configure, 2, 0}, // memory card format
	{0x2205, ot.Transfer, 4, 1},  // file delete
	{0x2207, ot.Transfer, 6, 0},  // file copy
	{0x2208, ot.Transfer, 6, 0},  // file name change
	{0x220a, ot.Transfer, 8, 0},  // memory area to or from file
	{0x220b, ot.Configure, 8, 0}, // parameter area to or from file
	{0x220c, ot.Program, 8, 0},   // program area to or from file
	{0x2215, ot.Transfer, 6, 0},  // directory create or delete
	{0x2220, ot.Program, 2, 0},   // memory cassette transfer
	{0x2301, ot.Control, 2, 0},   // forced set and reset
	{0x2302, ot.Control, 0, 0},   // forced set and reset cancel
}

// Commands whose answers are read.
const (
	finsControllerData = 0x0501
	finsConnectionData = 0x0502
)

func findFINS(code uint16) *finsCommand {
	lo, hi := 0, len(finsCommands)
	for lo < hi {
		if mid := (lo + hi) / 2; finsCommands[mid].code < code {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(finsCommands) && finsCommands[lo].code == code {
		return &finsCommands[lo]
	}
	return nil
}

func finsClass(code uint16) (ot.Operation, bool) {
	if c := findFINS(code); c != nil {
		return c.class, true
	}
	return 0, false
}

// plausible reports a known command that is long enough.
func (f *finsFrame) plausible() bool {
	c := findFINS(f.command)
	switch {
	case c == nil:
		return false
	case !f.response():
		return len(f.text) >= c.ask
	case f.end&finsEndMask != 0:
		return len(f.text) <= 2 // an error has no data (a relay's adds where)
	}
	return len(f.text) >= c.answered
}

var finsVendor = []byte("OMRON")

// answer reads what a normal response says of its node.
func (d *fins) answer(of Subject, f *finsFrame, out Out) {
	c := wire.New(f.text)
	switch f.command {
	case finsControllerData:
		finsText(of, ot.Model, &c, "omron-fins.controller_data.model", out)
		finsText(of, ot.FirmwareRev, &c, "omron-fins.controller_data.version", out)
		if c.OK() {
			// It answers as OMRON's controllers do, which it does not say.
			out.Fact(of, ot.Vendor, finsVendor, "omron-fins.controller_data", ot.Behaviour)
		}
	case finsConnectionData:
		d.units(of, &c, out)
	}
}

// finsText tells a field of 20 characters, padded with spaces or zeros.
func finsText(of Subject, a ot.Attribute, c *wire.Cursor, source string, out Out) {
	if v := trim(c.Bytes(20)); len(v) > 0 && printable(v) {
		out.Fact(of, a, v, source, ot.Identity)
	}
}

// units reads the answer to Connection Data Read, W342 section 5-3-14: a count
// whose bit 7 marks the last answer, then a unit address and a model each.
func (d *fins) units(of Subject, c *wire.Cursor, out Out) {
	if of.Path != "" {
		return
	}
	for n := c.U8() & 0x7f; n > 0; n-- {
		unit := c.U8()
		at := d.text.mark()
		d.text.adds("unit/")
		d.text.uint(uint64(unit))
		path := d.text.since(at)
		if c.Len() < 20 {
			return
		}
		if unit != 0 {
			finsText(Part(Sender, d.paths.of(path)), ot.Model, c, "omron-fins.connection_data.model", out)
		} else {
			finsText(Sender, ot.Model, c, "omron-fins.connection_data.model", out)
		}
	}
}
