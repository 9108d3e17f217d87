package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

// Properties, clause 21 BACnetPropertyIdentifier.
const (
	propertySoftware      = 12
	propertyDescription   = 28
	propertyFirmware      = 44
	propertyLocation      = 58
	propertyModel         = 70
	propertyName          = 77
	propertyPresentValue  = 85
	propertyProgramChange = 90
	propertyVersion       = 98
	propertyVendorID      = 120
	propertyVendor        = 121
	propertyRevision      = 139
	propertyProfile       = 168
	propertySerial        = 372
)

// deviceProperty is where a property of the device object goes.
type deviceProperty struct {
	attribute ot.Attribute
	source    string
}

func devicePropertyOf(id uint64) deviceProperty {
	switch id {
	case propertySoftware:
		return deviceProperty{bacnetSoftware, "bacnet.device.application_software_version"}
	case propertyDescription:
		return deviceProperty{bacnetText, "bacnet.device.description"}
	case propertyFirmware:
		return deviceProperty{ot.FirmwareRev, "bacnet.device.firmware_revision"}
	case propertyLocation:
		return deviceProperty{bacnetLocation, "bacnet.device.location"}
	case propertyModel:
		return deviceProperty{ot.Model, "bacnet.device.model_name"}
	case propertyName:
		return deviceProperty{ot.Name, "bacnet.device.object_name"}
	case propertyVersion:
		return deviceProperty{bacnetVersion, "bacnet.device.protocol_version"}
	case propertyVendorID:
		return deviceProperty{bacnetVendorID, "bacnet.device.vendor_identifier"}
	case propertyVendor:
		return deviceProperty{ot.Vendor, "bacnet.device.vendor_name"}
	case propertyRevision:
		return deviceProperty{bacnetRevision, "bacnet.device.protocol_revision"}
	case propertyProfile:
		return deviceProperty{bacnetProfile, "bacnet.device.profile_name"}
	case propertySerial:
		return deviceProperty{ot.Serial, "bacnet.device.serial_number"}
	}
	return deviceProperty{}
}

var bacnetSegmentations = [...][]byte{[]byte("both"), []byte("transmit"), []byte("receive"), []byte("none")}

// iAm reads an I-Am, clause 16.10.1.1: device, largest APDU, segmentation,
// vendor. It reports whether it is one.
func (d *bacnet) iAm(body []byte, of Subject, out Out) bool {
	c := wire.New(body)
	device, size, segments, vendor := readTag(&c), readTag(&c), readTag(&c), readTag(&c)
	id, ok := device.object()
	if !c.OK() || !ok || !device.is(tagObject) || !size.is(tagUnsigned) || !segments.is(tagEnumerated) || !vendor.is(tagUnsigned) || id.kind != objectDevice {
		return false
	}
	out.Fact(of, bacnetInstance, d.text.uint(uint64(id.instance)), "bacnet.i_am.device_identifier", ot.Identity)
	out.Fact(of, bacnetMaxAPDU, d.text.uint(size.uint()), "bacnet.i_am.max_apdu_length", ot.Identity)
	if v := segments.uint(); v < uint64(len(bacnetSegmentations)) {
		out.Fact(of, bacnetSegments, bacnetSegmentations[v], "bacnet.i_am.segmentation_supported", ot.Identity)
	}
	d.vendor(of, vendor.uint(), "bacnet.i_am.vendor_identifier", out)
	if of.Path != "" {
		from := d.behind(of, id)
		d.text.adds(", vendor ")
		d.text.uint(vendor.uint())
		out.Fact(Part(of, ""), bacnetBehind, d.text.since(from), "bacnet.i_am", ot.Content)
	}
	return true
}

// behind begins what a router is told to stand before: where the device is, and
// its number.
func (d *bacnet) behind(of Subject, id bacnetID) (mark int) {
	mark = d.text.mark()
	d.text.adds(of.Path)
	d.text.adds(" is device ")
	d.text.uint(uint64(id.instance))
	return mark
}

// vendor tells a vendor's number and its name. The device itself may tell another
// name, and that one stands.
func (d *bacnet) vendor(of Subject, id uint64, source string, out Out) {
	out.Fact(of, bacnetVendorID, d.text.uint(id), source, ot.Identity)
	if name := tables.BACnetVendors.Number(id); name != nil {
		out.Fact(of, ot.Vendor, name, source, ot.Content)
	}
}

// iHave reads an I-Have, clause 16.9.2.1: device, object, name.
func (d *bacnet) iHave(body []byte, of Subject, out Out) {
	c := wire.New(body)
	device, object, name := readTag(&c), readTag(&c), readTag(&c)
	id, ok := device.object()
	what, known := object.object()
	if !c.OK() || !ok || !known || id.kind != objectDevice || !name.is(tagCharacters) {
		return
	}
	out.Fact(of, bacnetInstance, d.text.uint(uint64(id.instance)), "bacnet.i_have.device_identifier", ot.Identity)
	if what.kind == objectDevice {
		if text := d.characters(&name); text != nil {
			out.Fact(of, ot.Name, text, "bacnet.i_have.object_name", ot.Identity)
			if of.Path != "" {
				from := d.behind(of, id)
				d.text.adds(", ")
				d.text.add(text)
				out.Fact(Part(of, ""), bacnetBehind, d.text.since(from), "bacnet.i_have", ot.Content)
			}
		}
		return
	}
	d.object(of, what, &name, "bacnet.i_have.object_name", out)
}

// notified reads who tells of a change or an event: the initiating device [1]
// of clauses 13.6.1, 13.8.1 and 13.17.1.
func (d *bacnet) notified(body []byte, of Subject, out Out) {
	c := wire.New(body)
	process := readTag(&c)
	if id, ok := contextObject(&c, 1); ok && process.at(0) && id.kind == objectDevice {
		out.Fact(of, bacnetInstance, d.text.uint(uint64(id.instance)), "bacnet.notification.initiating_device", ot.Content)
	}
}

// acknowledged reads the answers that tell properties.
func (d *bacnet) acknowledged(service uint8, body []byte, of Subject, out Out) {
	c := wire.New(body)
	switch service {
	case confirmedReadProperty:
		d.readProperty(&c, of, out)
	case confirmedReadMultiple:
		d.readMultiple(&c, of, out)
	}
}

// readProperty reads a ReadProperty-ACK, clause 15.5.1.2: object [0], property
// [1], index [2] or none, value [3].
func (d *bacnet) readProperty(c *wire.Cursor, of Subject, out Out) {
	id, ok := contextObject(c, 0)
	property := readTag(c)
	if !ok || !property.at(1) {
		return
	}
	d.told(of, id, out)
	t := readTag(c)
	if t.at(2) {
		t = readTag(c)
	}
	if c.OK() && t.opens(3) {
		d.value(of, id, property.uint(), c, out)
	}
}

// readMultiple reads a ReadPropertyMultiple-ACK, clause 15.7.1.2: of each object
// [0] a list [1] of property [2], index [3] or none, and value [4] or error [5].
func (d *bacnet) readMultiple(c *wire.Cursor, of Subject, out Out) {
	for c.Len() > 0 {
		id, ok := contextObject(c, 0)
		open := readTag(c)
		if !ok || !open.opens(1) {
			return
		}
		d.told(of, id, out)
		for c.Len() > 0 {
			property := readTag(c)
			if property.closes(1) {
				break
			}
			t := readTag(c)
			if t.at(3) {
				t = readTag(c)
			}
			if !property.at(2) || !c.OK() || t.kind != tagOpen {
				return
			}
			if t.opens(4) {
				d.value(of, id, property.uint(), c, out)
			}
			skipValue(c)
		}
	}
}

// told tells the instance of a device that answers for its device object.
func (d *bacnet) told(of Subject, id bacnetID, out Out) {
	if id.kind == objectDevice && id.instance != bacnetAnyInstance {
		out.Fact(of, bacnetInstance, d.text.uint(uint64(id.instance)), "bacnet.device.object_identifier", ot.Identity)
	}
}

// value tells the first value of a property. The name of another object names
// what the device measures or moves, not the device.
func (d *bacnet) value(of Subject, id bacnetID, property uint64, c *wire.Cursor, out Out) {
	k := *c
	t := readTag(&k)
	if !k.OK() {
		return
	}
	switch {
	case id.kind == objectDevice:
		d.property(of, property, &t, out)
	case property == propertyName && t.is(tagCharacters):
		d.object(of, id, &t, "bacnet.object_name", out)
	}
}

func (d *bacnet) property(of Subject, property uint64, t *bacnetTag, out Out) {
	p := devicePropertyOf(property)
	switch {
	case p.attribute == "":
	case property == propertyVendorID && t.is(tagUnsigned):
		d.vendor(of, t.uint(), p.source, out)
	case t.is(tagUnsigned):
		out.Fact(of, p.attribute, d.text.uint(t.uint()), p.source, ot.Identity)
	case t.is(tagCharacters):
		if text := d.characters(t); text != nil {
			out.Fact(of, p.attribute, text, p.source, ot.Identity)
		}
	}
}
