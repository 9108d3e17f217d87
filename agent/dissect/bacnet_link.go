package dissect

import (
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Attributes of BACnet devices and of what carries their messages.
const (
	bacnetRole     ot.Attribute = "bacnet.role"           // bbmd, foreign-device, router
	bacnetBDT      ot.Attribute = "bacnet.broadcast_peer" // a BBMD's table of others
	bacnetFDT      ot.Attribute = "bacnet.foreign_device" // a BBMD's table of registered devices
	bacnetRoutes   ot.Attribute = "bacnet.routes_network"
	bacnetBehind   ot.Attribute = "bacnet.device_behind" // a router: the path of a device and what it says of itself
	bacnetNumber   ot.Attribute = "bacnet.network"
	bacnetInstance ot.Attribute = "bacnet.device_instance"
	bacnetVendorID ot.Attribute = "bacnet.vendor_id"
	bacnetMaxAPDU  ot.Attribute = "bacnet.max_apdu"
	bacnetSegments ot.Attribute = "bacnet.segmentation"
	bacnetSoftware ot.Attribute = "bacnet.application_software"
	bacnetLocation ot.Attribute = "bacnet.location"
	bacnetText     ot.Attribute = "bacnet.description"
	bacnetVersion  ot.Attribute = "bacnet.protocol_version"
	bacnetRevision ot.Attribute = "bacnet.protocol_revision"
	bacnetProfile  ot.Attribute = "bacnet.profile"
	bacnetObject   ot.Attribute = "bacnet.object" // type, instance and name of an object in the device
)

var (
	bacnetBBMD    = []byte("bbmd")
	bacnetForeign = []byte("foreign-device")
	bacnetRouter  = []byte("router")
)

// maxBACnetTable bounds the entries that are read of one table.
const maxBACnetTable = 64

// management reads a virtual link's own messages: the tables by which
// broadcasts reach other subnets, and who registers to get them (J.2, J.4, J.5).
func (d *bacnet) management(f *bacnetFrame, out Out) {
	if f.link == bvlcIPv6 {
		d.management6(f, out)
		return
	}
	c := wire.New(f.body)
	switch f.function {
	case bvlcResult:
		out.Sender(Server)
	case bvlcRegister:
		out.Sender(Client)
		out.Operation(ot.Subscribe, 1)
		out.Fact(Sender, bacnetRole, bacnetForeign, "bacnet.bvlc.register_foreign_device", ot.Content)
	case bvlcReadBDT, bvlcReadFDT:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case bvlcWriteBDT, bvlcDeleteFDT:
		out.Sender(Client)
		out.Operation(ot.Configure, 1)
	case bvlcReadBDTAck:
		out.Sender(Server)
		d.table(&c, bacnetBDT, "bacnet.bvlc.read_bdt_ack", out)
	case bvlcReadFDTAck:
		out.Sender(Server)
		d.table(&c, bacnetFDT, "bacnet.bvlc.read_fdt_ack", out)
	}
}

func (d *bacnet) management6(f *bacnetFrame, out Out) {
	switch f.function {
	case bvlcResult:
		out.Sender(Server)
	case bvlc6Register:
		out.Sender(Client)
		out.Operation(ot.Subscribe, 1)
		out.Fact(Sender, bacnetRole, bacnetForeign, "bacnet.bvlc6.register_foreign_device", ot.Content)
	case bvlc6Delete:
		out.Sender(Client)
		out.Operation(ot.Configure, 1)
	}
}

// table reads the entries of a BBMD: an address and a port each, then a mask
// (J.2.2) or two times (J.2.8).
func (d *bacnet) table(c *wire.Cursor, a ot.Attribute, source string, out Out) {
	out.Fact(Sender, bacnetRole, bacnetBBMD, source, ot.Content)
	for range maxBACnetTable {
		at := bacnetAddr(c.Bytes(6))
		if c.Skip(4); !c.OK() {
			return
		}
		out.Fact(Sender, a, d.addrPort(at), source, ot.Content)
	}
}

// addrPort keeps an address, with its port unless that is the usual one.
func (d *bacnet) addrPort(a netip.AddrPort) []byte {
	at := d.text.mark()
	d.text.addr(a.Addr())
	if a.Port() != bacnetPort {
		d.text.byte(':')
		d.text.uint(uint64(a.Port()))
	}
	return d.text.since(at)
}
