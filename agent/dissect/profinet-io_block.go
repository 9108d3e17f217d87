package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

// Block types, IEC 61158-6-10 clause 5.2.1.2.
const (
	pnioReadRequest  = 0x0009
	pnioReadResponse = 0x8009
	pnioIM0          = 0x0020
	pnioIM1          = 0x0021
	pnioIM3          = 0x0023
	pnioARRequest    = 0x0101
	pnioARResponse   = 0x8101
	pnioARServer     = 0x8106
)

// Kinds of application relation, IEC 61158-6-10 clause 5.2.4.1.
const pnioSupervisorAR = 6

// Indexes of records that are made of blocks: identification and maintenance.
const (
	pnioFirstIM = 0xaff0
	pnioLastIM  = 0xafff
)

// maxPNIOBlocks bounds the blocks that are read of one call.
const maxPNIOBlocks = 32

// pnioRecord is the header of a read, IEC 61158-6-10 clause 5.2.3.
type pnioRecord struct {
	slot, index uint16
	read        bool // it is a response
}

// readPNIORecord reads the header of a read from the front of the blocks.
func readPNIORecord(c *wire.Cursor) (r pnioRecord, ok bool) {
	kind, n := c.U16(), int(c.U16())
	r.read = kind == pnioReadResponse
	b := c.Sub(n)
	b.Skip(2 + 2 + 16 + 4) // version, sequence, relation, process
	r.slot = b.U16()
	b.Skip(2 + 2) // subslot, padding
	r.index = b.U16()
	return r, c.OK() && b.OK() && (r.read || kind == pnioReadRequest)
}

// blocks reads the blocks of a call. told: the sender says them of itself, not
// of what it wants to be.
func (d *profinetIO) blocks(c *wire.Cursor, of Subject, told bool, out Out) {
	for n := 0; n < maxPNIOBlocks && c.Len() > 0; n++ {
		k := *c
		kind, size := c.U16(), int(c.U16())
		v := c.Sub(size)
		v.Skip(2) // version
		if !c.OK() || !v.OK() {
			return
		}
		switch {
		case kind == pnioARRequest:
			d.relation(&v, out)
		case kind == pnioARResponse:
			out.Fact(Sender, profinetRole, dcpRoles[0], "profinet-io.ar_block_res", ot.Content)
		case kind == pnioARServer:
			name := v.Bytes(int(v.U16()))
			pnioText(Sender, profinetStation, name, "profinet-io.ar_server_block", out)
			pnioText(Sender, ot.Name, name, "profinet-io.ar_server_block", out)
		case kind == pnioReadResponse:
			r, ok := readPNIORecord(&k)
			if !ok || r.index < pnioFirstIM || r.index > pnioLastIM {
				return // a record of another form
			}
			of = d.module(r.slot)
		case kind == pnioReadRequest:
			return
		case told:
			d.maintenance(kind, &v, of, out)
		}
	}
}

// module is the device itself for slot 0, else the module in a slot.
func (d *profinetIO) module(slot uint16) Subject {
	if slot == 0 {
		return Sender
	}
	at := d.text.mark()
	d.text.adds("slot/")
	d.text.uint(uint64(slot))
	return Part(Sender, d.paths.of(d.text.since(at)))
}

// relation reads an ARBlockReq, IEC 61158-6-10 clause 5.2.4.1: kind 16,
// relation 128, session 16, MAC 48, object 128, properties 32, timeout 16,
// port 16, then the initiator's name behind its length.
func (d *profinetIO) relation(v *wire.Cursor, out Out) {
	const source = "profinet-io.ar_block_req"
	kind := v.U16()
	v.Skip(16 + 2 + 6)
	object := wire.New(v.Bytes(16))
	v.Skip(4 + 2 + 2)
	name := v.Bytes(int(v.U16()))
	if !v.OK() {
		return
	}
	role := dcpRoles[1]
	if kind == pnioSupervisorAR {
		role = dcpRoles[3]
	}
	out.Fact(Sender, profinetRole, role, source, ot.Content)
	pnioText(Sender, profinetStation, name, source, out)
	pnioText(Sender, ot.Name, name, source, out)
	object.Skip(12)
	if device, vendor := object.U16(), object.U16(); vendor != 0 {
		d.identifiers(vendor, device, source, out)
	}
}

// maintenance reads identification and maintenance, IEC 61158-6-10 clause 5.2.26.
//
//	I&M0: vendor 16, order 20, serial 16, hardware 16, software 8 x 4, revision 16 ...
//	I&M1: function 32, location 22    I&M3: descriptor 54
func (d *profinetIO) maintenance(kind uint16, v *wire.Cursor, of Subject, out Out) {
	switch kind {
	case pnioIM0:
		d.identification(v, of, out)
	case pnioIM1:
		function, location := v.Bytes(32), v.Bytes(22)
		pnioText(of, profinetFunction, function, "profinet-io.im1.tag_function", out)
		pnioText(of, profinetLocation, location, "profinet-io.im1.tag_location", out)
	case pnioIM3:
		pnioText(of, profinetDescriptor, v.Bytes(54), "profinet-io.im3.descriptor", out)
	}
}

func (d *profinetIO) identification(v *wire.Cursor, of Subject, out Out) {
	vendor := v.U16()
	order, serial := v.Bytes(20), v.Bytes(16)
	hardware := v.U16()
	prefix, major, minor, patch := v.U8(), v.U8(), v.U8(), v.U8()
	if !v.OK() {
		return
	}
	if name := tables.PROFINETVendors.Number(uint64(vendor)); name != nil {
		out.Fact(of, ot.Vendor, name, "profinet-io.im0.vendor_id", ot.Identity)
	}
	pnioText(of, ot.Model, order, "profinet-io.im0.order_id", out)
	pnioText(of, ot.Serial, serial, "profinet-io.im0.serial_number", out)
	if hardware != 0 && hardware != 0xffff { // not known
		out.Fact(of, ot.Hardware, d.text.uint(uint64(hardware)), "profinet-io.im0.hardware_revision", ot.Identity)
	}
	switch prefix {
	case 'V', 'R', 'P', 'U', 'T': // released, revision, prototype, under test, for tests
	default:
		return
	}
	at := d.text.mark()
	d.text.byte(prefix)
	d.text.uint(uint64(major))
	d.text.byte('.')
	d.text.uint(uint64(minor))
	d.text.byte('.')
	d.text.uint(uint64(patch))
	out.Fact(of, ot.FirmwareRev, d.text.since(at), "profinet-io.im0.software_revision", ot.Identity)
}
