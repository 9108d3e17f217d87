package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "cdp",
		Over:     []string{"ethernet"},
		Tier:     1,
		Match:    cdpMatch,
		New:      func() Dissector { return &cdp{} },
		Reads:    "device name, platform, software, port, addresses, native VLAN, capabilities",
		Standard: "Cisco Discovery Protocol, as Cisco's documentation of its fields describes it",
	})
}

// Attributes that CDP adds to the common ones.
const (
	cdpPort         ot.Attribute = "cdp.port_id"
	cdpSoftware     ot.Attribute = "cdp.software_version"
	cdpAddress      ot.Attribute = "cdp.address"
	cdpNativeVLAN   ot.Attribute = "cdp.native_vlan"
	cdpCapabilities ot.Attribute = "cdp.capabilities"
)

// cdpLLC is SNAP with Cisco's code and the protocol's number.
const cdpLLC = "\xaa\xaa\x03\x00\x00\x0c\x20\x00"

func cdpMatch(b []byte) bool {
	return len(b) > len(cdpLLC)+4 && string(b[:len(cdpLLC)]) == cdpLLC && (b[len(cdpLLC)] == 1 || b[len(cdpLLC)] == 2)
}

type cdp struct{ text scratch }

// Dissect reads one frame: version, time to live, checksum, then typed values
// whose length counts their header.
func (d *cdp) Dissect(m *Message, out Out) (int, error) {
	if !cdpMatch(m.Data) {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(m.Data)
	c.Skip(len(cdpLLC) + 4)
	for i := 0; c.Len() >= 4 && i < maxTLVs; i++ {
		kind, n := c.U16(), int(c.U16())
		if n < 4 {
			break // padding of the frame
		}
		v := c.Bytes(n - 4)
		if !c.OK() {
			return 0, cutShort(m)
		}
		d.value(kind, v, out)
	}
	return len(m.Data), nil
}

func (d *cdp) value(kind uint16, v []byte, out Out) {
	switch kind {
	case 0x01:
		d.fact(out, ot.Name, trim(v), "cdp.device_id")
	case 0x02, 0x16:
		d.addresses(v, out)
	case 0x03:
		d.fact(out, cdpPort, trim(v), "cdp.port_id")
	case 0x04:
		c := wire.New(v)
		if bits := c.U32(); c.OK() {
			d.fact(out, cdpCapabilities, d.capabilities(bits), "cdp.capabilities")
		}
	case 0x05:
		d.fact(out, cdpSoftware, d.text.oneLine(trim(v)), "cdp.software_version")
	case 0x06:
		d.fact(out, ot.Model, trim(v), "cdp.platform")
	case 0x0a:
		c := wire.New(v)
		if id := c.U16(); c.OK() {
			d.fact(out, cdpNativeVLAN, d.text.uint(uint64(id)), "cdp.native_vlan")
		}
	}
}

func (d *cdp) fact(out Out, a ot.Attribute, v []byte, source string) {
	if len(v) > 0 {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// addresses reads a list of protocol and address; IPv4 has the one-byte
// identifier 0xcc.
func (d *cdp) addresses(v []byte, out Out) {
	const ipv4 = 0xcc
	c := wire.New(v)
	for range min(int(c.U32()), 8) {
		c.Skip(1)
		id := c.Bytes(int(c.U8()))
		a := c.Bytes(int(c.U16()))
		if !c.OK() {
			return
		}
		switch {
		case len(id) == 1 && id[0] == ipv4 && len(a) == 4, len(a) == 16:
			d.fact(out, cdpAddress, d.text.addr(addrOf(a)), "cdp.address")
		}
	}
}

var cdpCapabilityNames = [...]string{"router", "bridge", "source-route-bridge", "switch", "host", "igmp", "repeater", "phone", "remotely-managed"}

func (d *cdp) capabilities(bits uint32) []byte {
	from := d.text.mark()
	for i, name := range cdpCapabilityNames {
		if bits&(1<<i) == 0 {
			continue
		}
		if d.text.mark() > from {
			d.text.adds(" ")
		}
		d.text.adds(name)
	}
	return d.text.since(from)
}
