package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

// Attributes of field devices.
const (
	hartManufacturer ot.Attribute = "hart.manufacturer_id"
	hartType         ot.Attribute = "hart.device_type"
	hartTag          ot.Attribute = "hart.tag"
	hartDescriptor   ot.Attribute = "hart.descriptor"
	hartMessage      ot.Attribute = "hart.message"
	hartUniversal    ot.Attribute = "hart.universal_revision"
	hartRevision     ot.Attribute = "hart.device_revision"
	hartProfile      ot.Attribute = "hart.device_profile"
	hartDistributor  ot.Attribute = "hart.private_label_distributor_id"
	hartTransducer   ot.Attribute = "hart.transducer_serial"
	hartAssembly     ot.Attribute = "hart.final_assembly_number"
)

// learn tells what one command says.
func (d *hart) learn(m *Message, f *hartFrame, p *hartPDU, out Out) {
	if f.kind != hartPublish && d.sides.counts(m, f.kind == hartAsk) {
		if class, ok := hartClass(p.command); ok {
			out.Operation(class, 1)
		}
	}
	if p.response && f.kind != hartAsk && p.status == 0 {
		d.answer(p, out)
	}
}

// hartClass is what a command asks for: universal commands of HCF_SPEC-127,
// common practice commands of HCF_SPEC-151. Those of a device have no class.
func hartClass(n uint16) (ot.Operation, bool) {
	switch {
	case n == 0, n == 11, n == 21, n == 48, n == 74, n == 75, n == 84:
		return ot.Diagnose, true
	case n >= 1 && n <= 3, n >= 7 && n <= 9, n >= 12 && n <= 16, n == 20, n == 33, n == 50, n == 54, n == 105:
		return ot.Read, true
	case n == 6, n >= 17 && n <= 19, n == 22, n >= 34 && n <= 39, n >= 43 && n <= 47, n == 49, n >= 51 && n <= 53, n == 59:
		return ot.Configure, true
	case n == 40, n == 41, n == 42, n == 66:
		return ot.Control, true
	case n == 79:
		return ot.Write, true
	case n == 103, n == 104, n >= 107 && n <= 109:
		return ot.Subscribe, true
	}
	return 0, false
}

// answer reads what a response says of its device.
func (d *hart) answer(p *hartPDU, out Out) {
	c := wire.New(p.data)
	switch p.command {
	case 0, 11, 21:
		d.identity(&c, out)
	case 12:
		d.packed(p, hartMessage, c.Bytes(24), "hart-ip.message", out)
	case 13:
		d.packed(p, hartTag, c.Bytes(6), "hart-ip.tag", out)
		d.packed(p, hartDescriptor, c.Bytes(12), "hart-ip.descriptor", out)
	case 14:
		d.number(p, hartTransducer, c.U24(), c.OK(), "hart-ip.transducer_serial_number", out)
	case 54:
		c.Skip(1) // which of its variables
		d.number(p, hartTransducer, c.U24(), c.OK(), "hart-ip.transducer_serial_number", out)
	case 16:
		d.number(p, hartAssembly, c.U24(), c.OK(), "hart-ip.final_assembly_number", out)
	case 20, 22:
		if name := trim(c.Bytes(32)); len(name) > 0 && printable(name) {
			out.Fact(d.subject(p.address), ot.Name, name, "hart-ip.long_tag", ot.Identity)
		}
	}
}

// number tells a number of 24 bits, which is 0 where nobody wrote one.
func (d *hart) number(p *hartPDU, a ot.Attribute, n uint32, ok bool, source string, out Out) {
	if ok && n != 0 {
		out.Fact(d.subject(p.address), a, d.text.uint(uint64(n)), source, ot.Identity)
	}
}

// identity reads the answer to commands 0, 11 and 21, HCF_SPEC-127 clause 6.1:
//
//	254, device type 16, preambles 8, universal revision 8, device revision 8,
//	software revision 8, hardware revision 5 + signalling 3, flags 8, device
//	identifier 24; from revision 7 also preambles 8, variables 8, changes 16,
//	status 8, manufacturer 16, private label distributor 16, device profile 8
func (d *hart) identity(c *wire.Cursor, out Out) {
	if c.U8() != 254 {
		return
	}
	kind := c.Bytes(2)
	c.Skip(1)
	universal, revision, software, hardware := c.U8(), c.U8(), c.U8(), c.U8()
	c.Skip(1)
	id := uint64(c.U24())
	if !c.OK() {
		return
	}
	unique := uint64(kind[0]&0x3f)<<32 | uint64(kind[1])<<24 | id
	of := d.subject(unique)
	out.Fact(of, hartUniversal, d.text.uint(uint64(universal)), "hart-ip.universal_revision", ot.Identity)
	out.Fact(of, hartRevision, d.text.uint(uint64(revision)), "hart-ip.device_revision", ot.Identity)
	out.Fact(of, ot.FirmwareRev, d.text.uint(uint64(software)), "hart-ip.software_revision", ot.Identity)
	out.Fact(of, ot.Hardware, d.text.uint(uint64(hardware>>3)), "hart-ip.hardware_revision", ot.Identity)
	out.Fact(of, ot.Serial, d.text.uint(id), "hart-ip.device_id", ot.Identity)
	if name := tables.HARTDeviceTypes.Number(uint64(kind[0])<<8 | uint64(kind[1])); name != nil {
		out.Fact(of, ot.Product, name, "hart-ip.device_type", ot.Identity)
	}
	if universal < 7 { // one octet each
		d.maker(of, uint64(kind[0]), out)
		out.Fact(of, hartType, d.prefixed(kind[1:]), "hart-ip.device_type", ot.Identity)
		return
	}
	out.Fact(of, hartType, d.prefixed(kind), "hart-ip.expanded_device_type", ot.Identity)
	c.Skip(1 + 1 + 2 + 1)
	maker := c.U16()
	if !c.OK() {
		return
	}
	d.maker(of, uint64(maker), out)
	label, profile := c.U16(), c.U8()
	if !c.OK() {
		return
	}
	if label != maker {
		out.Fact(of, hartDistributor, d.text.uint(uint64(label)), "hart-ip.private_label_distributor", ot.Identity)
	}
	if name := hartProfiles[profile]; name != "" {
		out.Fact(of, hartProfile, d.text.string(name), "hart-ip.device_profile", ot.Identity)
	}
}

// hartProfiles are what a device is, HCF_SPEC-183 table 57.
var hartProfiles = [256]string{
	1: "process automation device", 2: "discrete device", 3: "hybrid process automation and discrete device", 4: "I/O system", 14: "discrete adapter",
	65: "HART-IP process automation device", 66: "HART-IP discrete device", 67: "HART-IP hybrid process automation and discrete device", 68: "HART-IP I/O system",
	129: "WirelessHART process automation device", 130: "WirelessHART discrete device", 131: "WirelessHART hybrid process automation and discrete device",
	132: "WirelessHART gateway", 140: "WirelessHART access point", 141: "WirelessHART process adapter", 142: "WirelessHART discrete adapter", 144: "WirelessHART maintenance tool",
}

// maker tells a manufacturer's number and its name (HCF_SPEC-183 table 8).
func (d *hart) maker(of Subject, id uint64, out Out) {
	out.Fact(of, hartManufacturer, d.text.uint(id), "hart-ip.manufacturer_id", ot.Identity)
	if name := tables.HARTManufacturers.Number(id); name != nil {
		out.Fact(of, ot.Vendor, name, "hart-ip.manufacturer_id", ot.Identity)
	}
}

// prefixed keeps "0x1234".
func (d *hart) prefixed(v []byte) []byte {
	at := d.text.mark()
	d.text.adds("0x")
	d.text.hex(v, 0)
	return d.text.since(at)
}

// packed tells text of four characters in three octets, HCF_SPEC-099 clause
// 5.1.1: each has the low six bits of ASCII, bit 6 is the complement of bit 5.
func (d *hart) packed(p *hartPDU, a ot.Attribute, v []byte, source string, out Out) {
	at := d.text.mark()
	for i := 0; i+2 < len(v); i += 3 {
		x := uint32(v[i])<<16 | uint32(v[i+1])<<8 | uint32(v[i+2])
		for shift := 18; shift >= 0; shift -= 6 {
			six := byte(x >> shift & 0x3f)
			d.text.byte(six | ^six<<1&0x40)
		}
	}
	if text := trim(d.text.since(at)); len(text) > 0 {
		out.Fact(d.subject(p.address), a, text, source, ot.Identity)
	}
}

// subject is the device with a unique address: the first that answers from an
// IP address is that asset, others stand behind it.
func (d *hart) subject(unique uint64) Subject {
	if d.first == 0 {
		d.first = unique
	}
	if unique == 0 || unique == d.first {
		return Sender
	}
	at := d.text.mark()
	d.text.adds("device/")
	for shift := 32; shift >= 0; shift -= 8 {
		x := byte(unique >> shift)
		d.text.byte(hexDigits[x>>4])
		d.text.byte(hexDigits[x&15])
	}
	return Part(Sender, d.paths.of(d.text.since(at)))
}
