package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Attributes of meters and of who reads them.
const (
	dlmsTitle ot.Attribute = "dlms.system_title"
	dlmsMaker ot.Attribute = "dlms.manufacturer"
)

// dlmsMakers are names for the letters that the FLAG Association gave to makers.
var dlmsMakers = map[string]string{
	"ABB": "ABB", "ACW": "Itron", "AMT": "Aquametro", "DME": "Diehl", "EFE": "Engelmann", "ELS": "Elster", "EMH": "EMH", "HYD": "Diehl",
	"ISK": "Iskraemeco", "ITR": "Itron", "KAM": "Kamstrup", "LGZ": "Landis+Gyr", "LUG": "Landis+Gyr", "QDS": "Qundis", "REL": "Relay",
	"SAG": "Sagemcom", "SEN": "Sensus", "SON": "Sontex", "TCH": "Techem", "ZIV": "ZIV", "ZRI": "Zenner",
}

// Fields of AARQ and AARE, IEC 62056-5-3 clause 8.5.
const (
	dlmsAnswerTitle = 0xa4 // AARE: responding AP title
	dlmsCallTitle   = 0xa6 // AARQ: calling AP title
	dlmsMechanism   = 0x8b // AARQ: how to authenticate
	dlmsFields      = 16
)

// associate reads an association request or answer.
func (d *dlms) associate(tag uint8, c *wire.Cursor, out Out) {
	if _, ok := c1222Length(c); !ok || tag != dlmsAARQ && tag != dlmsAARE {
		return
	}
	for range dlmsFields {
		if c.Len() == 0 {
			return
		}
		field := c.U8()
		n, ok := c1222Length(c)
		v := c.Sub(n)
		if !ok || !v.OK() {
			return
		}
		switch {
		case tag == dlmsAARQ && field == dlmsMechanism:
			out.Operation(ot.Authenticate, 1)
		case tag == dlmsAARQ && field == dlmsCallTitle, tag == dlmsAARE && field == dlmsAnswerTitle:
			d.title(&v, tag == dlmsAARE, out)
		}
	}
}

// title reads a system title, clause 4.3.4: three letters of the maker, then
// what is unique to the device.
func (d *dlms) title(v *wire.Cursor, meter bool, out Out) {
	if v.U8() != 0x04 || v.U8() != 8 {
		return
	}
	all := v.Bytes(8)
	if !v.OK() {
		return
	}
	out.Fact(Sender, dlmsTitle, d.text.hex(all, 0), "dlms.acse.system_title", ot.Identity)
	if meter {
		d.maker(all[:3], "dlms.acse.system_title", out)
	}
}

// maker tells who made the sender, by three capital letters.
func (d *dlms) maker(letters []byte, source string, out Out) {
	for _, x := range letters {
		if x < 'A' || x > 'Z' {
			return
		}
	}
	out.Fact(Sender, dlmsMaker, letters, source, ot.Identity)
	if name, ok := dlmsMakers[string(letters)]; ok {
		out.Fact(Sender, ot.Vendor, d.text.string(name), source, ot.Identity)
	}
}

// dlmsIdentity is an object that says who the meter is.
type dlmsIdentity uint8

const (
	dlmsNothing dlmsIdentity = iota
	dlmsDeviceName
	dlmsSerial
	dlmsFirmware
)

// dlmsIdentityOf knows objects by their OBIS code, IEC 62056-6-1: attribute 2
// is the value.
func dlmsIdentityOf(object []byte, attribute uint8) dlmsIdentity {
	if attribute != 2 {
		return dlmsNothing
	}
	switch string(object) {
	case "\x00\x00\x2a\x00\x00\xff": // 0-0:42.0.0 logical device name
		return dlmsDeviceName
	case "\x00\x00\x60\x01\x00\xff": // 0-0:96.1.0 device ID 1, the serial number
		return dlmsSerial
	case "\x01\x00\x00\x02\x00\xff": // 1-0:0.2.0 active firmware
		return dlmsFirmware
	}
	return dlmsNothing
}

// value reads an octet string or text that answers a GET.
func (d *dlms) value(what dlmsIdentity, c *wire.Cursor, out Out) {
	kind := c.U8()
	n, ok := c1222Length(c)
	text := trim(c.Bytes(n))
	if !ok || !c.OK() || kind != 0x09 && kind != 0x0a || len(text) == 0 || !printable(text) {
		return
	}
	switch what {
	case dlmsDeviceName:
		out.Fact(Sender, ot.Name, text, "dlms.logical_device_name", ot.Identity)
		if len(text) >= 3 { // it begins with the maker's letters
			d.maker(text[:3], "dlms.logical_device_name", out)
		}
	case dlmsSerial:
		out.Fact(Sender, ot.Serial, text, "dlms.device_id_1", ot.Identity)
	case dlmsFirmware:
		out.Fact(Sender, ot.FirmwareRev, text, "dlms.active_firmware", ot.Identity)
	}
}
