package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// PCCC inside CIP: the commands of PLC-5, SLC 500 and MicroLogix processors,
// DF1 Protocol and Command Set, Rockwell publication 1770-6.5.16 chapter 7.
// The Execute PCCC service of class 0x67 puts a requestor identifier before
// the command, whose first byte is its own length:
//
//	+---+--------+--------+-----+-----+-----+-----+------
//	| 7 | vendor | serial | CMD | STS | TNS | FNC | data
//	+---+--------+--------+-----+-----+-----+-----+------
func pcccRequest(x *cipContext, c *wire.Cursor) cipWant {
	c.Skip(int(c.U8()) - 1)
	command := c.U8()
	c.Skip(3)
	if !c.OK() {
		return cipWant{}
	}
	function := c.U8() // not there in the basic command set, which ignores it
	if o, ok := pcccOperation(command, function); ok {
		x.out.Operation(o, 1)
	}
	if command == 0x06 && function == 0x03 {
		return cipWant{what: wantProcessor}
	}
	return cipWant{}
}

// pcccOperation is the class of a command, chapter 7.
func pcccOperation(command, function uint8) (ot.Operation, bool) {
	switch command {
	case 0x01: // unprotected read
		return ot.Read, true
	case 0x00, 0x02, 0x05, 0x08: // protected, unprotected and bit writes
		return ot.Write, true
	case 0x06:
		switch function {
		case 0x02, 0x04, 0x05, 0x06, 0x08, 0x0a: // variables, time-outs, link parameters
			return ot.Configure, true
		}
		return ot.Diagnose, true // echo, status, counters
	case 0x07:
		if function >= 0x04 && function <= 0x06 { // down- and upload mode
			return ot.Program, true
		}
		return ot.Control, true // outputs, scanning
	case 0x0f:
		return pcccFunction(function)
	}
	return 0, false
}

// pcccFunction is the class of a function of command 0x0f.
func pcccFunction(function uint8) (ot.Operation, bool) {
	switch function {
	case 0x01, 0x04, 0x29, 0x68, 0xa1, 0xa2, 0xa7: // word range, typed and file reads
		return ot.Read, true
	case 0x00, 0x02, 0x03, 0x26, 0x67, 0x79, 0xa9, 0xaa, 0xab, 0xaf: // the same written, bits
		return ot.Write, true
	case 0x05, 0x06, 0x08, 0x09, 0x11, 0x12, 0x17, 0x18, 0x50, 0x52, 0x53, 0x55, 0x57, 0x5e, 0x81, 0x82, 0x88: // physical access, up- and download, edit resource, files
		return ot.Program, true
	case 0x07, 0x0a, 0x3a, 0x41, 0x80: // shutdown, restart, set CPU mode, forces off, change mode
		return ot.Control, true
	case 0x8f: // apply port configuration
		return ot.Configure, true
	}
	return 0, false
}

// pcccReply reads the answer to a diagnostic status request of an SLC 500 or
// MicroLogix: six bytes of types and revision, then the processor's catalogue
// name in eleven. Behind the requestor identifier a reply has no function.
func pcccReply(out Out, of Subject, c *wire.Cursor, g ot.Grade) {
	c.Skip(int(c.U8()) - 1)
	command, status := c.U8(), c.U8()
	c.Skip(2)
	c.Skip(5)
	name := c.Bytes(11)
	if !c.OK() || command != 0x46 || status != 0 {
		return
	}
	if text := longestText(name); len(text) > 0 {
		out.Fact(of, ot.Model, text, "pccc.diagnostic_status.bulletin_name", g)
	}
}
