package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// identity reads an IdentResponse, DS 301 clause 7.3.3.2.1:
//
//	flags 16, state 8, 8, version 8, 8, features 32, MTU 16, poll in 16, poll
//	out 16, response time 32, 16, device type 32, vendor 32, product 32,
//	revision 32, serial 32, vendor specific 64, configuration date and time 64,
//	application date and time 64, IP 32, mask 32, gateway 32, host name 32 octets
func (d *powerlink) identity(c *wire.Cursor, out Out) {
	c.Skip(2 + 1 + 1 + 1 + 1 + 4 + 2 + 2 + 2 + 4 + 2)
	device, vendor, product, revision, serial := c.U32LE(), c.U32LE(), c.U32LE(), c.U32LE(), c.U32LE()
	if !c.OK() {
		return
	}
	d.number(eplDeviceType, device, "powerlink.ident_response.device_type", out)
	d.number(eplVendor, vendor, "powerlink.ident_response.vendor_id", out)
	d.number(eplProduct, product, "powerlink.ident_response.product_code", out)
	d.number(eplRevision, revision, "powerlink.ident_response.revision_number", out)
	if serial != 0 {
		out.Fact(Sender, ot.Serial, d.text.uint(uint64(serial)), "powerlink.ident_response.serial_number", ot.Identity)
	}
	c.Skip(8 + 8 + 8)
	ip := c.Bytes(4)
	c.Skip(8)
	name := c.Bytes(32)
	if !c.OK() {
		return
	}
	if !zero(ip) {
		out.Fact(Sender, eplIP, d.text.addr(addrOf(ip)), "powerlink.ident_response.ip_address", ot.Identity)
	}
	if name = trim(name); len(name) > 0 && printable(name) {
		out.Fact(Sender, ot.Name, name, "powerlink.ident_response.host_name", ot.Identity)
	}
}

func (d *powerlink) number(a ot.Attribute, n uint32, source string, out Out) {
	if n != 0 {
		out.Fact(Sender, a, d.text.uint(uint64(n)), source, ot.Identity)
	}
}

// Commands of the SDO command layer, DS 301 clause 6.3.2.4.1.
const (
	sdoWriteIndex    = 0x01
	sdoReadIndex     = 0x02
	sdoWriteAll      = 0x03
	sdoReadAll       = 0x04
	sdoWriteName     = 0x05
	sdoReadName      = 0x06
	sdoFileWrite     = 0x20
	sdoFileRead      = 0x21
	sdoWriteMultiple = 0x31
	sdoReadMultiple  = 0x32
)

// Flags of the SDO command layer, clause 6.3.2.4.
const (
	sdoResponse  = 0x80
	sdoAbort     = 0x40
	sdoSegments  = 0x30
	sdoInitiates = 0x10
)

// sdo reads an access to the objects of a node: a sequence layer of four
// octets, then reserved, transaction, flags, command. Each transfer counts
// once, by its first segment.
func (d *powerlink) sdo(m *Message, c *wire.Cursor, out Out) {
	c.Skip(4 + 1 + 1)
	flags, command := c.U8(), c.U8()
	class, ok := sdoClass(command)
	if !c.OK() || !ok {
		return
	}
	request := flags&sdoResponse == 0
	out.Sender(roleOf(request))
	if segment := flags & sdoSegments; segment != 0 && segment != sdoInitiates || flags&sdoAbort != 0 {
		return
	}
	if d.sides.counts(m, request) {
		out.Operation(class, 1)
	}
}

func sdoClass(command uint8) (ot.Operation, bool) {
	switch command {
	case sdoWriteIndex, sdoWriteAll, sdoWriteName, sdoWriteMultiple:
		return ot.Write, true
	case sdoReadIndex, sdoReadAll, sdoReadName, sdoReadMultiple:
		return ot.Read, true
	case sdoFileWrite, sdoFileRead:
		return ot.Transfer, true
	}
	return 0, false
}
