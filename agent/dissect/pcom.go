package dissect

import (
	"strings"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "pcom",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(20256),
		Match:    matchPCOM,
		New:      func() Dissector { return &pcom{} },
		OT:       true,
		Reads:    "model code, hardware, firmware and name of Unitronics' controllers and of units behind them, who asks, operations",
		Standard: "Unitronics, PCOM Protocol (commands in ASCII and binary form, PCOM over TCP); from the text alone",
	})
}

const pcomCode ot.Attribute = "pcom.model_code"

// pcom reads PCOM over TCP, numbers little endian:
//
//	 0             2       3   4        6
//	+-------------+-------+---+--------+------
//	| transaction | 65 66 | 0 | length | message
//	+-------------+-------+---+--------+------
//
// 65h: text, "/" (of an answer "/A"), unit, command, parameters, sum of these
// modulo 256, each number in hexadecimal digits, then CR. 66h: a head of 24
// octets that begins with "/_OPLC", data, their sum, "\".
type pcom struct {
	claimed bool
	sides   sides
	paths   paths
	text    scratch
}

const (
	pcomHead   = 6
	pcomText   = 0x65
	pcomBinary = 0x66
	pcomLeast  = 8
	pcomMost   = 2048
	pcomBegin  = "/_OPLC"
	pcomAnswer = 0x80 // bit of a binary command
)

// pcomFrame is one message.
type pcomFrame struct {
	size    int // 0 while it has not come
	asks    bool
	unit    uint8
	code    [2]byte // of a command in text
	command uint8   // of one in binary, else 0
	data    []byte
}

func readPCOM(b []byte) (f pcomFrame, ok bool) {
	c := wire.New(b)
	c.Skip(2)
	form, reserved := c.U8(), c.U8()
	n := int(c.U16LE())
	switch {
	case len(b) < 3:
		return f, true
	case form != pcomText && form != pcomBinary || reserved != 0:
		return f, false
	case !c.OK():
		return f, true
	case n < pcomLeast || n > pcomMost:
		return f, false
	}
	body := c.Bytes(min(n, c.Len()))
	if begin := []byte(pcomBegin)[:1+5*bit(form == pcomBinary)]; string(body[:min(len(body), len(begin))]) != string(begin[:min(len(body), len(begin))]) {
		return f, false
	}
	if len(body) < n {
		return f, true
	}
	f.size = pcomHead + n
	if form == pcomText {
		return f, f.words(body)
	}
	return f, f.binary(body)
}

// words reads a message in text.
func (f *pcomFrame) words(b []byte) bool {
	v := b[1:]
	if f.asks = v[0] != 'A' || len(b) == pcomLeast; !f.asks {
		v = v[1:]
	}
	if len(v) < 7 || v[len(v)-1] != '\r' {
		return false
	}
	sum, v := v[len(v)-3:len(v)-1], v[:len(v)-3]
	got := uint8(0)
	for _, x := range v {
		got += x
	}
	unit, ok1 := hexByte(v[:2])
	want, ok2 := hexByte(sum)
	f.unit, f.code, f.data = unit, [2]byte(v[2:4]), v[4:]
	return ok1 && ok2 && got == want
}

// binary reads a message in binary form; its head ends in a sum that makes it
// nothing.
func (f *pcomFrame) binary(b []byte) bool {
	head := wire.New(b)
	head.Skip(len(pcomBegin))
	f.unit = head.U8()
	head.Skip(5)
	f.command = head.U8()
	head.Skip(7)
	n := int(head.U16LE())
	sum := head.U16LE()
	f.data = head.Bytes(n)
	head.Skip(2)
	end := head.U8()
	for _, x := range b[:min(22, len(b))] {
		sum += uint16(x)
	}
	f.asks = f.command&pcomAnswer == 0
	return head.OK() && head.Len() == 0 && sum == 0 && end == '\\'
}

// hexByte reads two hexadecimal digits.
func hexByte(b []byte) (x uint8, ok bool) {
	for _, d := range b {
		n := strings.IndexByte("0123456789ABCDEF", d)
		if n < 0 {
			return 0, false
		}
		x = x<<4 | uint8(n)
	}
	return x, true
}

func matchPCOM(b []byte) bool {
	f, ok := readPCOM(b)
	return ok && f.size > 0
}

func (d *pcom) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	f, ok := readPCOM(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case f.size == 0:
		return 0, ErrShort
	}
	d.text.reset()
	out.Sender(roleOf(f.asks))
	if d.sides.counts(m, f.asks) {
		if class, ok := f.class(); ok {
			out.Operation(class, 1)
		}
	}
	if !f.asks {
		d.answer(&f, out)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}

// Commands in binary form.
const (
	pcomReadTable  = 0x04
	pcomName       = 0x0c
	pcomWriteTable = 0x44
	pcomOperands   = 0x4d
)

// class is what a command asks for.
func (f *pcomFrame) class() (ot.Operation, bool) {
	switch f.command &^ pcomAnswer {
	case pcomReadTable, pcomOperands:
		return ot.Read, true
	case pcomWriteTable:
		return ot.Write, true
	case pcomName:
		return ot.Diagnose, true
	case 0:
	default:
		return 0, false
	}
	switch code := string(f.code[:]); {
	case code == "ID", code == "UG":
		return ot.Diagnose, true
	case code == "CC": // run, stop, initialise, reset
		return ot.Control, true
	case code == "US", code == "SC": // number of the unit, clock
		return ot.Configure, true
	case code[0] == 'R', code[0] == 'G':
		return ot.Read, true
	case code[0] == 'S':
		return ot.Write, true
	}
	return 0, false
}

// answer reads what a controller says of itself: to ID model 6, hardware 1,
// firmware 3 + 3, build 2 characters; or its name.
func (d *pcom) answer(f *pcomFrame, out Out) {
	switch {
	case f.command == pcomName|pcomAnswer:
		if name := trim(f.data); len(name) > 0 && printable(name) {
			out.Fact(d.subject(f.unit), ot.Name, name, "pcom.plc_name", ot.Identity)
		}
	case f.command == 0 && string(f.code[:]) == "ID" && len(f.data) >= 15 && printable(f.data[:15]):
		of := d.subject(f.unit)
		if code := trim(f.data[:6]); len(code) > 0 {
			out.Fact(of, ot.Vendor, pcomVendor, "pcom.id", ot.Content)
			out.Fact(of, pcomCode, code, "pcom.id.model", ot.Identity)
		}
		out.Fact(of, ot.Hardware, f.data[6:7], "pcom.id.hardware", ot.Identity)
		at := d.text.mark()
		d.text.add(leading(f.data[7:10]))
		d.text.byte('.')
		d.text.add(leading(f.data[10:13]))
		d.text.adds(" build ")
		d.text.add(f.data[13:15])
		out.Fact(of, ot.FirmwareRev, d.text.since(at), "pcom.id.os_version", ot.Identity)
	}
}

var pcomVendor = []byte("Unitronics")

// leading is a number without the noughts in front.
func leading(v []byte) []byte {
	for len(v) > 1 && v[0] == '0' {
		v = v[1:]
	}
	return v
}

// subject is the unit that answers; 0 is the one that is connected.
func (d *pcom) subject(unit uint8) Subject {
	if unit == 0 {
		return Sender
	}
	at := d.text.mark()
	d.text.adds("unit/")
	d.text.uint(uint64(unit))
	return Part(Sender, d.paths.of(d.text.since(at)))
}

// Resync finds the next message behind a gap.
func (d *pcom) Resync(b []byte) int {
	for i := range b {
		if len(b)-i >= pcomHead && matchPCOM(b[i:]) {
			return i
		}
	}
	return -1
}
