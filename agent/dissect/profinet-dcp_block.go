package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

// maxDCPBlocks bounds the blocks that are read of one frame.
const maxDCPBlocks = 64

// Options, IEC 61158-6-10 clause 4.3.1.4.
const (
	dcpIP         = 1
	dcpProperties = 2
	dcpDHCP       = 3
	dcpControl    = 5
)

// Suboptions of the control option, IEC 61158-6-10 clause 4.3.1.4.6.
const (
	dcpStart        = 1 // of a transaction
	dcpStop         = 2
	dcpSignal       = 3 // flash a light
	dcpResponse     = 4
	dcpFactoryReset = 5
	dcpReset        = 6 // to factory, with a mode
)

// dcpBlock is one block, padded to an even length:
//
//	+--------+-----------+--------+---------------------------+----------
//	| option | suboption | length | info (answers) or         | data ...
//	|        |           |        | qualifier (Set), 16 bits  |
//	+--------+-----------+--------+---------------------------+----------
type dcpBlock struct {
	option, suboption uint8
	data              []byte // behind the length
}

func readDCPBlock(c *wire.Cursor) (b dcpBlock, ok bool) {
	b.option, b.suboption = c.U8(), c.U8()
	n := int(c.U16())
	b.data = c.Bytes(n)
	if ok = c.OK(); ok && n%2 == 1 && c.Len() > 0 {
		c.Skip(1)
	}
	return b, ok
}

// answered is the setting that a control response is about, IEC 61158-6-10
// clause 4.3.1.4.6: its option and suboption, then an error code.
func (b *dcpBlock) answered() (option, suboption uint8) {
	c := wire.New(b.data)
	return c.U8(), c.U8()
}

// class is what a Set of this block asks for.
func (b *dcpBlock) class() (ot.Operation, bool) {
	if b.option != dcpControl {
		return ot.Configure, b.option != 0
	}
	switch b.suboption {
	case dcpFactoryReset, dcpReset:
		return ot.Control, true
	case dcpSignal:
		return ot.Configure, true
	}
	return 0, false // start, stop: brackets around the others
}

// Attributes of PROFINET stations.
const (
	profinetStation  ot.Attribute = "profinet.station_name"
	profinetVendor   ot.Attribute = "profinet.vendor_id"
	profinetDevice   ot.Attribute = "profinet.device_id"
	profinetRole     ot.Attribute = "profinet.role"
	profinetAlias    ot.Attribute = "profinet.alias"
	profinetInstance ot.Attribute = "profinet.instance"
	profinetOEM      ot.Attribute = "profinet.oem_id"
	profinetIP       ot.Attribute = "profinet.ip"
	profinetNetmask  ot.Attribute = "profinet.netmask"
	profinetGateway  ot.Attribute = "profinet.gateway"
)

// dcpSource names where a fact comes from.
func dcpSource(h *dcpHeader) *dcpSources {
	switch h.service {
	case dcpServiceGet:
		return &dcpFromGet
	case dcpServiceHello:
		return &dcpFromHello
	}
	return &dcpFromIdentify
}

type dcpSources struct{ kind, name, id, role, alias, instance, oem, ip, gateway, dhcp string }

var (
	dcpFromGet      = newDCPSources("profinet-dcp.get.")
	dcpFromHello    = newDCPSources("profinet-dcp.hello.")
	dcpFromIdentify = newDCPSources("profinet-dcp.identify.")
)

func newDCPSources(p string) dcpSources {
	return dcpSources{p + "type_of_station", p + "name_of_station", p + "device_id", p + "device_role", p + "alias_name", p + "device_instance", p + "oem_device_id", p + "ip_suite", p + "standard_gateway", p + "dhcp_hostname"}
}

// blocks tells what a station says of itself.
func (d *profinetDCP) blocks(h *dcpHeader, out Out) {
	from := dcpSource(h)
	c := wire.New(h.blocks)
	for range maxDCPBlocks {
		b, ok := readDCPBlock(&c)
		if !ok {
			return
		}
		v := wire.New(b.data)
		info := v.U16()
		switch b.option {
		case dcpProperties:
			d.property(b.suboption, &v, from, out)
		case dcpIP:
			d.address(b.suboption, info, &v, from, out)
		case dcpDHCP:
			if b.suboption == 12 { // host name, RFC 2132 clause 3.14
				dcpText(ot.Name, v.Rest(), from.dhcp, out)
			}
		}
	}
}

func dcpText(a ot.Attribute, v []byte, source string, out Out) {
	if v = trim(v); len(v) > 0 && printable(v) {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// property reads a device property, IEC 61158-6-10 clause 4.3.1.4.3.
func (d *profinetDCP) property(suboption uint8, v *wire.Cursor, from *dcpSources, out Out) {
	switch suboption {
	case 1: // DeviceVendorValue
		dcpText(ot.Product, v.Rest(), from.kind, out)
	case 2:
		name := v.Rest()
		dcpText(profinetStation, name, from.name, out)
		dcpText(ot.Name, name, from.name, out)
	case 3:
		d.identifiers(v, from.id, out)
	case 4:
		if role := v.U8(); v.OK() {
			d.role(role, from.role, out)
		}
	case 6:
		dcpText(profinetAlias, v.Rest(), from.alias, out)
	case 7:
		if high, low := v.U8(), v.U8(); v.OK() {
			at := d.text.mark()
			d.text.uint(uint64(high))
			d.text.byte('.')
			d.text.uint(uint64(low))
			out.Fact(Sender, profinetInstance, d.text.since(at), from.instance, ot.Identity)
		}
	case 8:
		if id := v.Bytes(4); v.OK() {
			out.Fact(Sender, profinetOEM, d.text.hex(id, 0), from.oem, ot.Identity)
		}
	case 9:
		if a := v.Bytes(4); v.OK() && !zero(a) {
			out.Fact(Sender, profinetGateway, d.text.addr(addrOf(a)), from.gateway, ot.Identity)
		}
	}
}

// identifiers reads vendor and device number. The vendor's name is told of the
// few that are well known: the list itself may not be copied.
func (d *profinetDCP) identifiers(v *wire.Cursor, source string, out Out) {
	vendor := v.U16()
	device := v.U16()
	if !v.OK() {
		return
	}
	out.Fact(Sender, profinetVendor, d.text.word16(vendor), source, ot.Identity)
	out.Fact(Sender, profinetDevice, d.text.word16(device), source, ot.Identity)
	if name := tables.PROFINETVendors.Number(uint64(vendor)); name != nil {
		out.Fact(Sender, ot.Vendor, name, source, ot.Identity)
	}
}

// dcpRoles are the bits of the device role, IEC 61158-6-10 clause 4.3.1.4.3.5.
var dcpRoles = [...][]byte{[]byte("io-device"), []byte("io-controller"), []byte("io-multidevice"), []byte("io-supervisor")}

func (d *profinetDCP) role(bits uint8, source string, out Out) {
	for i, name := range dcpRoles {
		if bits&(1<<i) != 0 {
			out.Fact(Sender, profinetRole, name, source, ot.Identity)
		}
	}
}

// address reads the IP suite, IEC 61158-6-10 clause 4.3.1.4.2. The low two bits
// of the block's information say that an address is set.
func (d *profinetDCP) address(suboption uint8, info uint16, v *wire.Cursor, from *dcpSources, out Out) {
	if suboption != 2 && suboption != 3 || info&3 == 0 {
		return
	}
	ip, mask, gateway := v.Bytes(4), v.Bytes(4), v.Bytes(4)
	if !v.OK() || zero(ip) {
		return
	}
	out.Fact(Sender, profinetIP, d.text.addr(addrOf(ip)), from.ip, ot.Identity)
	out.Fact(Sender, profinetNetmask, d.text.addr(addrOf(mask)), from.ip, ot.Identity)
	if !zero(gateway) && string(gateway) != string(ip) { // its own address: none
		out.Fact(Sender, profinetGateway, d.text.addr(addrOf(gateway)), from.ip, ot.Identity)
	}
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
