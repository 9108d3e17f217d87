package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// tdsHeadersSane checks the headers before a statement (MS-TDS 2.2.5.3): a
// length, then at least the header of the transaction, 18 bytes of type 2.
func tdsHeadersSane(b []byte) bool {
	c := wire.New(b)
	all, size, kind := c.U32LE(), c.U32LE(), c.U16LE()
	return c.OK() && all >= 22 && all < 4096 && size >= 6 && size <= all-4 && kind >= 1 && kind <= 3 && (kind != 2 || size == 18)
}

// oldStatement reports whether a batch without headers begins with SQL.
func (p *tdsPacket) oldStatement() bool {
	var text scratch
	text.reset()
	return p.number == 1 && sqlBegins(text.utf16(p.body[:min(len(p.body), maxSQL)]))
}

// statement counts what a client asks: a batch of SQL, or a procedure that is
// called.
func (d *tds) statement(p *tdsPacket, out Out) {
	d.inClear(out)
	c := wire.New(p.body)
	if head := wire.New(p.body); tdsHeadersSane(p.body) {
		c.Skip(int(head.U32LE()))
	} else if p.kind == tdsRPC && !d.old {
		return
	}
	switch p.kind {
	case tdsBatch:
		d.count(d.sql(c.Rest()), out)
	case tdsRPC:
		d.procedure(&c, out)
	case tdsBulk:
		out.Operation(ot.Write, 1)
	}
}

func (d *tds) sql(v []byte) pgClass {
	if op, ok := sqlOperation(d.text.utf16(v[:min(len(v), 2*maxSQL)])); ok {
		return pgClass(op) + 1
	}
	return 0
}

func (d *tds) count(class pgClass, out Out) {
	if class != 0 && class != tdsMixed {
		out.Operation(ot.Operation(class-1), 1)
	}
}

// Procedures that have numbers (MS-TDS 2.2.6.6).
const (
	tdsCursorOpen    = 2
	tdsCursorPrepare = 3
	tdsExecuteSQL    = 10
	tdsPrepare       = 11
	tdsExecute       = 12
	tdsPrepExec      = 13
)

// procedure reads a call (MS-TDS 2.2.6.6): a number, or a name of so many
// characters, options and parameters. Only the system's own procedures that
// take SQL tell what they do.
func (d *tds) procedure(c *wire.Cursor, out Out) {
	number := uint16(0)
	if n := c.U16LE(); n == 0xffff {
		number = c.U16LE()
	} else {
		number = tdsProcedure(d.text.utf16(c.Bytes(2 * int(n))))
	}
	c.Skip(2)
	switch number {
	case tdsExecuteSQL:
		d.count(d.sql(tdsTextParameter(c, 1)), out)
	case tdsCursorOpen:
		d.count(d.sql(tdsTextParameter(c, 1)), out)
	case tdsPrepare, tdsCursorPrepare:
		d.prepare(d.sql(tdsTextParameter(c, 2)))
	case tdsPrepExec:
		class := d.sql(tdsTextParameter(c, 2))
		d.prepare(class)
		d.count(class, out)
	case tdsExecute:
		d.count(d.prepared, out)
	}
}

// tdsProcedure is the number of a procedure by its name.
func tdsProcedure(name []byte) uint16 {
	switch string(name) {
	case "sp_executesql":
		return tdsExecuteSQL
	case "sp_prepare":
		return tdsPrepare
	case "sp_execute":
		return tdsExecute
	case "sp_prepexec":
		return tdsPrepExec
	}
	return 0
}

// prepare keeps the class of prepared statements while there is but one: which
// of them is executed does not show in the call.
func (d *tds) prepare(class pgClass) {
	switch {
	case class == 0 || d.prepared != 0 && d.prepared != class:
		d.prepared = tdsMixed
	default:
		d.prepared = class
	}
}

// Types of parameters (MS-TDS 2.2.5.4).
const (
	tdsTypeInt      = 0x26
	tdsTypeNText    = 0x63
	tdsTypeNVarChar = 0xe7
)

// tdsTextParameter is the nth parameter that is text: the statement. Before it
// stand numbers alone.
func tdsTextParameter(c *wire.Cursor, nth int) (text []byte) {
	for range 4 {
		c.Skip(2 * int(c.U8())) // name
		c.Skip(1)               // by reference or not
		switch c.U8() {
		case tdsTypeInt:
			c.Skip(1)
			c.Skip(int(c.U8()))
		case tdsTypeNVarChar:
			text = tdsNVarChar(c)
			nth--
		case tdsTypeNText:
			c.Skip(4 + 5) // largest length, collation
			text = tdsUpTo(c, int(c.U32LE()))
			nth--
		default:
			return nil
		}
		if nth == 0 {
			return text
		}
		if !c.OK() {
			return nil
		}
	}
	return nil
}

// tdsNVarChar reads text with its length; in parts when that is not limited
// (MS-TDS 2.2.5.2.3), of which the first is read.
func tdsNVarChar(c *wire.Cursor) []byte {
	const unlimited = 0xffff
	most := c.U16LE()
	c.Skip(5) // collation
	if most != unlimited {
		n := int(c.U16LE())
		if n == unlimited { // NULL
			return nil
		}
		return tdsUpTo(c, n)
	}
	if c.U64LE() == 1<<64-1 { // NULL
		return nil
	}
	text := tdsUpTo(c, int(c.U32LE()))
	c.Skip(4) // no further part
	return text
}

// tdsUpTo reads n bytes, or of a packet that is cut what there is.
func tdsUpTo(c *wire.Cursor, n int) []byte { return c.Bytes(min(n, c.Len())) }
