package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// rocTypes are the types of device in an answer to opcode 6, D301180X012 table 2-2.
var rocTypes = map[uint8]string{
	1: "ROCPAC ROC300", 2: "FloBoss 407", 3: "FlashPAC ROC300", 4: "FloBoss 503", 5: "FloBoss 504",
	6: "ROC800", 11: "DL8000",
}

// system reads an answer to opcode 6: mode 1, port 2, access 1, compatibility
// 1, revision 1, subtype 1, reserved 11, type of device 1.
func (d *rocPlus) system(c *wire.Cursor, out Out) {
	c.Skip(1 + 2 + 1 + 1 + 1 + 1 + 11)
	name, ok := rocTypes[c.U8()]
	if !c.OK() || !ok {
		return
	}
	out.Fact(Sender, ot.Vendor, d.text.string("Emerson"), "roc-plus.system_configuration.type", ot.Content)
	out.Fact(Sender, ot.Product, d.text.string(name), "roc-plus.system_configuration.type", ot.Identity)
}

// rocVariables is the point type of the system variables, D301180X012 section 3.4.2.
const rocVariables = 91

// rocParameters are the first system variables, by their number.
var rocParameters = [...]struct {
	size   int
	what   ot.Attribute // "": not told
	source string
}{
	{size: 1}, // address
	{size: 1}, // group
	{20, ot.Name, "roc-plus.system_variables.station_name"},
	{20, ot.FirmwareRev, "roc-plus.system_variables.part_number_and_version"},
	{size: 20}, // time of its making
	{20, ot.Vendor, "roc-plus.system_variables.manufacturer"},
	{20, ot.Product, "roc-plus.system_variables.product_description"},
	{4, ot.Serial, "roc-plus.system_variables.serial_number"},
}

// point reads an answer to opcode 167: point type, logical number, how many
// parameters, the first, and the values of all in turn.
func (d *rocPlus) point(c *wire.Cursor, out Out) {
	kind := c.U8()
	c.Skip(1)
	n, first := int(c.U8()), int(c.U8())
	if kind != rocVariables {
		return
	}
	for i := first; i < first+n; i++ {
		if !d.parameter(i, c, out) {
			return
		}
	}
}

// parameters reads an answer to opcode 180: how many, and of each point type,
// logical number, parameter, value.
func (d *rocPlus) parameters(c *wire.Cursor, out Out) {
	for range c.U8() {
		kind := c.U8()
		c.Skip(1)
		if number := int(c.U8()); kind != rocVariables || !d.parameter(number, c, out) {
			return // the length of others is not known
		}
	}
}

// parameter tells one system variable. False: nothing can be read behind it.
func (d *rocPlus) parameter(number int, c *wire.Cursor, out Out) bool {
	if number >= len(rocParameters) {
		return false
	}
	p := &rocParameters[number]
	v := c.Sub(p.size)
	if !v.OK() {
		return false
	}
	if p.what == ot.Serial {
		if n := v.U32LE(); n != 0 {
			out.Fact(Sender, p.what, d.text.uint(uint64(n)), p.source, ot.Identity)
		}
		return true
	}
	if value := trim(v.Rest()); p.what != "" && len(value) > 0 && printable(value) {
		out.Fact(Sender, p.what, value, p.source, ot.Identity)
	}
	return true
}
