package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// The system status lists that identify a controller (Siemens, System Software
// for S7-300/400, System and Standard Functions, chapter "System Status Lists"):
// the low octet of the SZL ID names the list, the next four bits an extract.
const (
	szlModule    = 0x11 // module identification, 28 octets a record
	szlComponent = 0x1c // component identification, 34 octets a record

	szlModuleLen    = 28
	szlComponentLen = 34
	szlMaxRecords   = 64 // of one list; more is not identification
)

// szlList is a list that comes in several data units. Records may lie across
// two of them, so the part of one that has come is kept.
type szlList struct {
	unit   byte // data unit reference; 0: free
	list   byte
	have   uint8 // octets in record
	left   uint8 // records to come
	record [szlComponentLen]byte
}

// readSZL reads the data of an answer to Read SZL. The first data unit has a
// header, those that follow only go on:
//
//	FFh | transport size 09h | length 2 | SZL ID 2 | index 2 | record length 2 | records 2 | ...
func (d *s7comm) readSZL(u s7UD, data []byte, out Out) {
	c := wire.New(data)
	result := c.U8()
	c.Skip(1)
	size := int(c.U16())
	cut := size > c.Len()
	body := c.Sub(min(size, c.Len()))
	if !c.OK() || result != 0xff {
		return
	}
	if l := d.pendingSZL(u.unit); l != nil {
		d.records(l, body.Rest(), out)
		if !u.more || l.left == 0 || cut {
			l.unit = 0
		}
		return
	}
	id, _ := body.U16(), body.U16()
	size, n := int(body.U16()), int(body.U16()) // of a record, and how many
	list := byte(id)
	if !body.OK() || n > szlMaxRecords || (list != szlModule || size != szlModuleLen) && (list != szlComponent || size != szlComponentLen) {
		return
	}
	first := szlList{unit: u.unit, list: list, left: uint8(n)}
	d.records(&first, body.Rest(), out)
	if u.more && u.unit != 0 && first.left > 0 && !cut {
		d.szl[d.nextSZL%uint8(len(d.szl))] = first
		d.nextSZL++
	}
}

func (d *s7comm) pendingSZL(unit byte) *szlList {
	for i := range d.szl {
		if unit != 0 && d.szl[i].unit == unit {
			return &d.szl[i]
		}
	}
	return nil
}

// records reads what came of a list, and keeps the beginning of a record whose
// end has not.
func (d *s7comm) records(l *szlList, b []byte, out Out) {
	size := szlModuleLen
	if l.list == szlComponent {
		size = szlComponentLen
	}
	for l.left > 0 {
		n := copy(l.record[l.have:size], b)
		b = b[n:]
		l.have += uint8(n)
		if int(l.have) < size {
			return
		}
		l.have = 0
		l.left--
		if l.list == szlModule {
			d.module(l.record[:size], out)
		} else {
			d.component(l.record[:size], out)
		}
	}
}

// keep holds a value until the message has been told: record buffers are used
// again for the next record.
func (d *s7comm) keep(b []byte) []byte {
	from := d.text.mark()
	d.text.add(b)
	return d.text.since(from)
}

// szlText is a text field: filled up with NUL or blanks.
func szlText(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimSpace(b)
}

// module reads one record of list 0x11: index 2, order number 20, module type
// 2, version 2, version 2. Index 1 is the module, 6 its hardware, 7 its
// firmware, whose first version is "V" and a number, the second two numbers.
func (d *s7comm) module(record []byte, out Out) {
	c := wire.New(record)
	index := c.U16()
	order := szlText(c.Bytes(20))
	c.Skip(2)
	v, first, second, third := c.U8(), c.U8(), c.U8(), c.U8()
	switch index {
	case 1:
		if len(order) > 0 {
			out.Fact(Sender, ot.Model, d.keep(order), "s7comm.szl.0x0011.order_number", ot.Identity)
		}
		if siemensOrder(order) {
			out.Fact(Sender, ot.Vendor, siemens, "s7comm.szl.0x0011.order_number", ot.Identity)
		}
	case 6:
		if v == 0 && first != 0 {
			out.Fact(Sender, ot.Hardware, d.text.uint(uint64(first)), "s7comm.szl.0x0011.hardware", ot.Identity)
		}
	case 7:
		if v == 'V' {
			out.Fact(Sender, ot.FirmwareRev, d.version(first, second, third), "s7comm.szl.0x0011.firmware", ot.Identity)
		}
	}
}

func (d *s7comm) version(a, b, c byte) []byte {
	from := d.text.mark()
	d.text.adds("V")
	d.text.uint(uint64(a))
	d.text.adds(".")
	d.text.uint(uint64(b))
	d.text.adds(".")
	d.text.uint(uint64(c))
	return d.text.since(from)
}

var siemens = []byte("Siemens")

// siemensOrder reports whether an order number has the form of Siemens's
// automation products: 6, two letters, a digit and a blank or digit, as in
// "6ES7 315-2EH14-0AB0" and "6GK7 443-1EX20-0XE0".
func siemensOrder(b []byte) bool {
	letter := func(x byte) bool { return x >= 'A' && x <= 'Z' }
	digit := func(x byte) bool { return x >= '0' && x <= '9' }
	return len(b) >= 12 && b[0] == '6' && letter(b[1]) && letter(b[2]) && digit(b[3]) &&
		(b[4] == ' ' || digit(b[4])) && bytes.IndexByte(b, '-') > 0
}

// component reads one record of list 0x1C: index 2, 32 octets of content. The
// upper octet of the index names the CPU of a redundant pair or is 0.
func (d *s7comm) component(record []byte, out Out) {
	c := wire.New(record)
	if c.U8() != 0 {
		return
	}
	index, content := c.U8(), c.Rest()
	if index == 9 {
		d.manufacturer(content, out)
		return
	}
	if int(index) >= len(szlComponents) || szlComponents[index].attribute == "" {
		return
	}
	x := &szlComponents[index]
	value := szlText(content[:x.length])
	if len(value) == 0 {
		return
	}
	out.Fact(Sender, x.attribute, d.keep(value), x.source, ot.Identity)
	if index == 4 && bytes.Contains(value, []byte("Original Siemens Equipment")) {
		out.Fact(Sender, ot.Vendor, siemens, x.source, ot.Identity)
	}
}

// szlComponents are the text records of list 0x1C by index.
var szlComponents = [...]struct {
	attribute ot.Attribute
	length    int
	source    string
}{
	1:    {ot.Name, 24, "s7comm.szl.0x001c.as_name"},
	2:    {"s7comm.module_name", 24, "s7comm.szl.0x001c.module_name"},
	3:    {"s7comm.plant", 32, "s7comm.szl.0x001c.plant_identification"},
	4:    {"s7comm.copyright", 26, "s7comm.szl.0x001c.copyright"},
	5:    {ot.Serial, 24, "s7comm.szl.0x001c.serial"},
	7:    {ot.Product, 32, "s7comm.szl.0x001c.module_type"},
	8:    {"s7comm.memory_card_serial", 32, "s7comm.szl.0x001c.memory_card_serial"},
	0x0b: {"s7comm.location", 32, "s7comm.szl.0x001c.location"},
}

// manufacturer reads record 9: manufacturer, profile, type within the profile.
// The number is that of PROFIBUS & PROFINET International; 42 is Siemens.
func (d *s7comm) manufacturer(content []byte, out Out) {
	c := wire.New(content)
	number := c.Peek(2)
	id := c.U16()
	if !c.OK() || id == 0 {
		return
	}
	from := d.text.mark()
	d.text.adds("0x")
	d.text.hex(number, 0)
	out.Fact(Sender, "s7comm.manufacturer_id", d.text.since(from), "s7comm.szl.0x001c.manufacturer", ot.Identity)
	if id == 42 {
		out.Fact(Sender, ot.Vendor, siemens, "s7comm.szl.0x001c.manufacturer", ot.Identity)
	}
}
