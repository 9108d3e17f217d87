package dissect

import (
	"bytes"
	"fmt"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// MEI types, Application Protocol V1.1b3 6.19.
const (
	meiCANopen  = 0x0d
	meiDeviceID = 0x0e
)

// modbusObject is where one object of a device identification goes.
type modbusObject struct {
	attribute ot.Attribute
	source    string
}

// modbusObjects is indexed by object identifier, Application Protocol V1.1b3
// 6.21: 0..2 basic, 3..6 regular, 0x80 and above the vendor's own.
var modbusObjects = func() (t [256]modbusObject) {
	for i := range t {
		n := fmt.Sprintf("0x%02x", i)
		t[i] = modbusObject{ot.Attribute("modbus.object_" + n), "modbus.device_id.object_" + n}
	}
	copy(t[:], []modbusObject{
		{ot.Vendor, "modbus.device_id.vendor_name"},
		{ot.Model, "modbus.device_id.product_code"},
		{ot.FirmwareRev, "modbus.device_id.major_minor_revision"},
		{"modbus.vendor_url", "modbus.device_id.vendor_url"},
		{ot.Product, "modbus.device_id.product_name"},
		{"modbus.model_name", "modbus.device_id.model_name"},
		{ot.Name, "modbus.device_id.user_application_name"},
	})
	return t
}()

// deviceID reads the objects of a Read Device Identification response, 6.21,
// behind its function code:
//
//	+-----+------+----------+------+------+-------+----+-----+-------
//	| MEI | read | conform- | more | next | count | id | len | value ...
//	| 0E  | code | ity      |      |      |       |    |     |
//	+-----+------+----------+------+------+-------+----+-----+-------
func (d *modbus) deviceID(f *modbusFrame, c *wire.Cursor, out Out) {
	if c.U8() != meiDeviceID {
		return
	}
	c.Skip(4)
	of := d.subject(f.unit)
	for n := c.U8(); n > 0; n-- {
		id := c.U8()
		value := trim(c.Bytes(int(c.U8())))
		if !c.OK() {
			return
		}
		if o := modbusObjects[id]; len(value) > 0 {
			out.Fact(of, o.attribute, value, o.source, ot.Identity)
		}
	}
}

// serverID reads a Report Server ID response, 6.17. How its bytes divide into
// identifier, run indicator and additional data is the device's own; the text
// among them is what names it.
func (d *modbus) serverID(f *modbusFrame, c *wire.Cursor, out Out) {
	if text := longestText(c.Bytes(int(c.U8()))); len(text) > 0 {
		out.Fact(d.subject(f.unit), "modbus.server_id", text, "modbus.server_id", ot.Identity)
	}
}

// minText is the shortest run of printable bytes that is taken for text.
const minText = 4

// longestText is the longest run of printable ASCII in b, or nil.
func longestText(b []byte) []byte {
	var best []byte
	for len(b) > 0 {
		n := 0
		for n < len(b) && b[n] >= 0x20 && b[n] < 0x7f {
			n++
		}
		if n > len(best) {
			best = b[:n]
		}
		b = b[min(n+1, len(b)):]
	}
	if best = bytes.Trim(best, " "); len(best) < minText {
		return nil
	}
	return best
}
