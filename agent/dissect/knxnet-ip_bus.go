package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

const (
	knxDeviceBlock = 1
	maxKNXBlocks   = 16
)

// descriptions reads description blocks, ISO 22510 clause 5.7 (KNX Standard
// 03_08_02 clause 7.5.4): length, type, value. That of the device holds
//
//	medium 8, status 8, individual address 16, project 16, serial 48,
//	group address 32, MAC 48, name in 30 octets of ISO 8859-1
func (d *knx) descriptions(c *wire.Cursor, out Out) {
	for range maxKNXBlocks {
		n := int(c.U8())
		if n < 2 || n-1 > c.Len() {
			return
		}
		v := c.Sub(n - 1)
		if v.U8() == knxDeviceBlock {
			d.device(&v, out)
		}
	}
}

func (d *knx) device(v *wire.Cursor, out Out) {
	v.Skip(2)
	address := v.U16()
	v.Skip(2)
	serial := v.Bytes(6)
	v.Skip(4)
	mac, name := v.Bytes(6), v.Bytes(30)
	if !v.OK() {
		return
	}
	const block = "knxnet-ip.device_information"
	out.Fact(Sender, knxAddress, d.individual(address), block+".individual_address", ot.Identity)
	if !zero(serial) {
		out.Fact(Sender, ot.Serial, d.text.hex(serial, 0), block+".serial_number", ot.Identity)
	}
	if !zero(mac) {
		out.Fact(Sender, knxMAC, d.text.hex(mac, ':'), block+".mac_address", ot.Identity)
	}
	if name = trim(name); len(name) > 0 && printable(name) {
		out.Fact(Sender, ot.Name, name, block+".friendly_name", ot.Identity)
	}
}

// individual keeps an individual address, "area.line.device".
func (d *knx) individual(a uint16) []byte {
	at := d.text.mark()
	d.text.uint(uint64(a >> 12))
	d.text.byte('.')
	d.text.uint(uint64(a >> 8 & 15))
	d.text.byte('.')
	d.text.uint(uint64(a & 255))
	return d.text.since(at)
}

// Message codes of cEMI, KNX Standard 03_06_03 table 4.
const (
	cemiDataRequest    = 0x11
	cemiDataIndication = 0x29
	cemiReset          = 0xf1
	cemiPropertyWrite  = 0xf6
	cemiPropertyRead   = 0xfc
)

// bus reads a cEMI message: over a tunnel a request is the client's, over
// routing an indication asks the members of the group.
func (d *knx) bus(c *wire.Cursor, tunnel bool, out Out) {
	code := c.U8()
	switch {
	case !c.OK():
	case code == cemiDataRequest && tunnel, code == cemiDataIndication && !tunnel:
		if tunnel {
			out.Sender(Client)
		}
		if class, ok := knxOperation(c); ok {
			out.Operation(class, 1)
		}
	case code == cemiDataIndication:
		out.Sender(Server)
	case code == cemiPropertyRead:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case code == cemiPropertyWrite:
		out.Sender(Client)
		out.Operation(ot.Configure, 1)
	case code == cemiReset:
		out.Sender(Client)
		out.Operation(ot.Control, 1)
	}
}

// knxOperation reads the application service of an L_Data frame, KNX Standard
// 03_03_07 table 1: additional information, control 16, source, destination,
// length, then the service in 10 bits of two octets.
func knxOperation(c *wire.Cursor) (ot.Operation, bool) {
	c.Skip(int(c.U8()))
	c.Skip(2 + 2 + 2)
	n := c.U8()
	service := c.U16() & 0x3ff
	if !c.OK() || n == 0 {
		return 0, false
	}
	switch service >> 6 {
	case 0, 6, 8: // group value, converter, memory
		return ot.Read, true
	case 2: // group value
		return ot.Write, true
	case 3: // individual address
		return ot.Configure, true
	case 4, 12: // individual address, device descriptor
		return ot.Diagnose, true
	case 10: // memory
		return ot.Program, true
	case 14: // restart
		return ot.Control, true
	}
	switch service {
	case 0x3d5:
		return ot.Read, true
	case 0x3d7:
		return ot.Configure, true
	case 0x3d1:
		return ot.Authenticate, true
	}
	return 0, false
}
