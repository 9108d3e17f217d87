package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "lldp",
		Over:     []string{"ethernet"},
		Tier:     1,
		Ports:    EtherType(0x88cc),
		New:      func() Dissector { return &lldp{} },
		Reads:    "chassis, port, system name and description, capabilities, management addresses, inventory (LLDP-MED), VLAN, PROFINET",
		Standard: "IEEE 802.1AB-2016, ANSI/TIA-1057",
	})
}

// Attributes that LLDP adds to the common ones.
const (
	lldpChassis      ot.Attribute = "lldp.chassis_id"
	lldpChassisBytes ot.Attribute = "lldp.chassis_id.octets"
	lldpPort         ot.Attribute = "lldp.port_id"
	lldpPortDesc     ot.Attribute = "lldp.port_description"
	lldpSystemDesc   ot.Attribute = "lldp.system_description"
	lldpCapabilities ot.Attribute = "lldp.capabilities"
	lldpManagement   ot.Attribute = "lldp.management_address"
	lldpPortVLAN     ot.Attribute = "lldp.port_vlan"
	lldpVLANName     ot.Attribute = "lldp.vlan_name"
	lldpSoftware     ot.Attribute = "lldp.software"
	lldpMEDAsset     ot.Attribute = "lldp.asset_id"
	lldpProfinetMAC  ot.Attribute = "lldp.profinet_chassis_mac"
)

// TLV types (IEEE 802.1AB-2016 table 8-1).
const (
	lldpEnd = iota
	lldpTypeChassis
	lldpTypePort
	lldpTypeTTL
	lldpTypePortDesc
	lldpTypeSystemName
	lldpTypeSystemDesc
	lldpTypeCapabilities
	lldpTypeManagement
	lldpTypeOrganization = 127
)

// maxTLVs bounds the TLVs that are read of one frame.
const maxTLVs = 128

type lldp struct{ text scratch }

// Dissect reads one LLDPDU: chassis, port and time to live in this order, then
// the optional TLVs (IEEE 802.1AB-2016 clause 8.2).
func (d *lldp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	for i := range maxTLVs {
		head := c.U16()
		kind, v := head>>9, c.Bytes(int(head&0x1ff))
		if !c.OK() {
			if i >= 3 && !m.Cut {
				return 0, ErrMalformed
			}
			return lldpShort(m)
		}
		if i < 3 && int(kind) != i+1 {
			return 0, ErrNotMine
		}
		if kind == lldpEnd {
			return len(m.Data), nil // the rest pads the frame
		}
		if !d.tlv(kind, v, out) {
			return 0, ErrNotMine
		}
		if i >= 2 && c.Len() == 0 {
			return len(m.Data), nil // some senders leave the end TLV out
		}
	}
	return 0, ErrMalformed
}

func lldpShort(m *Message) (int, error) {
	if m.Cut {
		return 0, ErrShort
	}
	return 0, ErrNotMine
}

// tlv tells what one TLV holds; false when a mandatory one cannot be LLDP.
func (d *lldp) tlv(kind uint16, v []byte, out Out) bool {
	switch kind {
	case lldpTypeChassis:
		return len(v) >= 2 && d.chassis(v[0], v[1:], out)
	case lldpTypePort:
		if len(v) < 2 {
			return false
		}
		d.fact(out, lldpPort, d.port(v[0], v[1:]), "lldp.port_id")
	case lldpTypeTTL:
		return len(v) >= 2
	case lldpTypePortDesc:
		d.fact(out, lldpPortDesc, trim(v), "lldp.port_description")
	case lldpTypeSystemName:
		d.fact(out, ot.Name, trim(v), "lldp.system_name")
	case lldpTypeSystemDesc:
		d.fact(out, lldpSystemDesc, d.text.oneLine(trim(v)), "lldp.system_description")
	case lldpTypeCapabilities:
		d.capabilities(v, out)
	case lldpTypeManagement:
		d.management(v, out)
	case lldpTypeOrganization:
		d.organization(v, out)
	}
	return true
}

func (d *lldp) fact(out Out, a ot.Attribute, v []byte, source string) {
	if len(v) > 0 {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// chassis reads the chassis identifier (clause 8.5.2).
func (d *lldp) chassis(subtype uint8, v []byte, out Out) bool {
	const source = "lldp.chassis_id"
	switch subtype {
	case 4: // MAC address
		if len(v) != 6 {
			return false
		}
		d.fact(out, lldpChassis, d.text.hex(v, ':'), source)
	case 5: // network address
		d.fact(out, lldpChassis, d.network(v), source)
	case 1, 2, 3, 6, 7: // chassis component, alias, port component, interface name, locally assigned
		if t := trim(v); printable(t) {
			d.fact(out, lldpChassis, t, source)
		}
		d.fact(out, lldpChassisBytes, d.text.hex(v, 0), source)
	default:
		return false
	}
	return true
}

// port is the text of a port identifier (clause 8.5.3).
func (d *lldp) port(subtype uint8, v []byte) []byte {
	switch {
	case subtype == 3 && len(v) == 6: // MAC address
		return d.text.hex(v, ':')
	case subtype == 4: // network address
		return d.network(v)
	case printable(trim(v)):
		return trim(v)
	}
	return d.text.hex(v, 0)
}

// network is the text of an address behind its IANA family number.
func (d *lldp) network(v []byte) []byte {
	switch {
	case len(v) == 5 && v[0] == 1, len(v) == 17 && v[0] == 2:
		return d.text.addr(addrOf(v[1:]))
	}
	return d.text.hex(v, 0)
}

// lldpCapabilityNames follow the bits of the capability TLV (table 8-4).
var lldpCapabilityNames = [...]string{"other", "repeater", "bridge", "access-point", "router", "telephone", "docsis", "station", "c-vlan", "s-vlan", "relay"}

// capabilities tells the enabled ones (clause 8.5.8).
func (d *lldp) capabilities(v []byte, out Out) {
	c := wire.New(v)
	c.Skip(2)
	enabled := c.U16()
	if !c.OK() || enabled == 0 {
		return
	}
	from := d.text.mark()
	for i, name := range lldpCapabilityNames {
		if enabled&(1<<i) == 0 {
			continue
		}
		if d.text.mark() > from {
			d.text.adds(" ")
		}
		d.text.adds(name)
	}
	d.fact(out, lldpCapabilities, d.text.since(from), "lldp.capabilities")
}

// management tells a management address (clause 8.5.9).
func (d *lldp) management(v []byte, out Out) {
	c := wire.New(v)
	n := int(c.U8())
	a := c.Bytes(n)
	switch {
	case !c.OK():
	case n == 5 && a[0] == 1, n == 17 && a[0] == 2:
		d.fact(out, lldpManagement, d.text.addr(addrOf(a[1:])), "lldp.management_address")
	case n == 7 && a[0] == 6: // all 802 media
		d.fact(out, lldpManagement, d.text.hex(a[1:], ':'), "lldp.management_address")
	}
}

// organization reads TLVs of IEEE 802.1 (annex D), LLDP-MED inventory
// (TIA-1057 clause 10.2.6) and PROFINET (IEC 61158-6-10).
func (d *lldp) organization(v []byte, out Out) {
	c := wire.New(v)
	oui, subtype := c.U24(), c.U8()
	v = c.Rest()
	if !c.OK() {
		return
	}
	switch oui {
	case 0x0080c2:
		d.vlan(subtype, v, out)
	case 0x0012bb:
		if i := int(subtype) - 5; i >= 0 && i < len(lldpInventory) {
			d.fact(out, lldpInventory[i].attribute, trim(v), lldpInventory[i].source)
		}
	case 0x000ecf:
		if subtype == 5 && len(v) == 6 {
			d.fact(out, lldpProfinetMAC, d.text.hex(v, ':'), "lldp.profinet.chassis_mac")
		}
	}
}

// lldpInventory are the MED inventory TLVs, subtypes 5 to 11.
var lldpInventory = [...]struct {
	attribute ot.Attribute
	source    string
}{
	{ot.Hardware, "lldp.med.hardware"},
	{ot.FirmwareRev, "lldp.med.firmware"},
	{lldpSoftware, "lldp.med.software"},
	{ot.Serial, "lldp.med.serial"},
	{ot.Vendor, "lldp.med.manufacturer"},
	{ot.Model, "lldp.med.model"},
	{lldpMEDAsset, "lldp.med.asset_id"},
}

func (d *lldp) vlan(subtype uint8, v []byte, out Out) {
	c := wire.New(v)
	id := c.U16()
	switch subtype {
	case 1: // port VLAN identifier; 0 means that there is none
		if c.OK() && id != 0 {
			d.fact(out, lldpPortVLAN, d.text.uint(uint64(id)), "lldp.port_vlan")
		}
	case 3:
		if name := c.Bytes(int(c.U8())); c.OK() {
			d.fact(out, lldpVLANName, trim(name), "lldp.vlan_name")
		}
	}
}
