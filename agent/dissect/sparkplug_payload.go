package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// maxMetrics bounds the metrics that are read of one birth.
const maxMetrics = 512

// Fields of a payload and of a metric, Sparkplug 6.4.1 (Google Protocol Buffers).
const (
	sparkplugMetrics = 2
	metricName       = 1
	metricString     = 15
)

// sparkplugBirth reads the metrics of a birth: those under "Properties/" that
// say what the node is, those under "Node Control/" that say what it takes.
func sparkplugBirth(of Subject, b []byte, out Out) {
	c := wire.New(b)
	for n := 0; n < maxMetrics && c.Len() > 0; n++ {
		field, v, ok := protoField(&c)
		if !ok {
			return
		}
		if field == sparkplugMetrics {
			sparkplugMetric(of, v, out)
		}
	}
}

// sparkplugMetric reads one metric: its name and, when that is text, its value.
func sparkplugMetric(of Subject, b []byte, out Out) {
	var name, value []byte
	c := wire.New(b)
	for c.Len() > 0 {
		field, v, ok := protoField(&c)
		if !ok {
			return
		}
		switch field {
		case metricName:
			name = v
		case metricString:
			value = v
		}
	}
	const properties, control = "Properties/", "Node Control/"
	switch {
	case len(name) > len(control) && string(name[:len(control)]) == control:
		sparkplugText(of, sparkplugControl, name[len(control):], "sparkplug.birth.node_control", ot.Content, out)
	case len(name) > len(properties) && string(name[:len(properties)]) == properties:
		if p := sparkplugProperty(name[len(properties):]); p.attribute != "" {
			sparkplugText(of, p.attribute, value, p.source, ot.Identity, out)
		}
	}
}

// sparkplugProperty is where a metric under "Properties/" goes. The names are
// those of the specification's examples (6.4.19) and of their kin.
func sparkplugProperty(name []byte) deviceProperty {
	switch {
	case equalFold(name, "hardware make"), equalFold(name, "manufacturer"):
		return deviceProperty{ot.Vendor, "sparkplug.birth.hardware_make"}
	case equalFold(name, "hardware model"), equalFold(name, "model"):
		return deviceProperty{ot.Model, "sparkplug.birth.hardware_model"}
	case equalFold(name, "serial number"), equalFold(name, "hardware serial"):
		return deviceProperty{ot.Serial, "sparkplug.birth.serial_number"}
	case equalFold(name, "firmware version"), equalFold(name, "firmware"):
		return deviceProperty{ot.FirmwareRev, "sparkplug.birth.firmware"}
	case equalFold(name, "os"):
		return deviceProperty{ot.OS, "sparkplug.birth.os"}
	case equalFold(name, "os version"):
		return deviceProperty{sparkplugOS, "sparkplug.birth.os_version"}
	}
	return deviceProperty{}
}

// protoField reads one field: a key of number and wire type, then a value. Of a
// length-delimited one v is the value; the others are passed over (Protocol
// Buffers, "Encoding").
func protoField(c *wire.Cursor) (number uint64, v []byte, ok bool) {
	key := protoVarint(c)
	switch key & 7 {
	case 0:
		protoVarint(c)
	case 1:
		c.Skip(8)
	case 2:
		n := protoVarint(c)
		if n > uint64(c.Len()) {
			return 0, nil, false
		}
		v = c.Bytes(int(n))
	case 5:
		c.Skip(4)
	default:
		return 0, nil, false
	}
	return key >> 3, v, c.OK() && key>>3 != 0
}

// protoVarint reads a number of seven bits an octet, lowest first, at most ten.
func protoVarint(c *wire.Cursor) (n uint64) {
	for shift := 0; shift < 70; shift += 7 {
		b := c.U8()
		n |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return n
		}
	}
	c.Skip(c.Len() + 1) // longer than a number can be
	return 0
}
