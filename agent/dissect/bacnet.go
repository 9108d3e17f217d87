package dissect

import (
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "bacnet",
		Tier:     1,
		Over:     []string{"udp", "ethernet"},
		Ports:    append(UDP(bacnetPort), EtherType(bacnetSAP)...),
		Match:    matchBACnet,
		New:      func() Dissector { return &bacnet{} },
		OT:       true,
		Reads:    "device instance, vendor, model, firmware, software, name, location, serial number; objects by name; routers, networks and the devices behind them; broadcast management and foreign devices; operations",
		Standard: "ANSI/ASHRAE 135-2020 (ISO 16484-5)",
	})
}

const (
	bacnetPort = 0xbac0 // Annex J.1.2
	bacnetSAP  = 0x82   // clause 7: LLC over ISO 8802-3
)

// bacnet reads what two stations, or one and a group, say to each other. The
// same port serves both as client and as server.
type bacnet struct {
	sides   sides
	claimed bool
	secured bool   // the connection's security was told
	net     uint16 // network that the sender last was told to route
	routes  bool
	objects bacnetObjects
	joined  bacnetJoin
	paths   paths
	text    scratch
}

// bacnetFrame is what the data link says of one message.
type bacnetFrame struct {
	link     uint8 // BVLC type, or bacnetSAP
	function uint8
	body     []byte         // behind the header: the NPDU, or what the function has
	origin   netip.AddrPort // of a forwarded NPDU: who sent it first
	size     int            // of the whole message
	npdu     bool
}

// BACnet virtual links: Annex J for IPv4, Annex U for IPv6.
//
//	 0      1          2        4
//	+------+----------+--------+----------
//	| type | function | length | ... of this function, NPDU
//	+------+----------+--------+----------
const (
	bvlcIPv4   = 0x81
	bvlcIPv6   = 0x82
	bvlcHeader = 4
)

// Functions of a virtual link, J.2. Annex U.2 has the same for 0x00 to 0x02 but
// forwards by 0x08 and gives stations virtual addresses of three octets.
const (
	bvlcResult          = 0x00
	bvlcWriteBDT        = 0x01
	bvlcReadBDT         = 0x02
	bvlcReadBDTAck      = 0x03
	bvlcForwarded       = 0x04
	bvlcRegister        = 0x05 // as a foreign device
	bvlcReadFDT         = 0x06
	bvlcReadFDTAck      = 0x07
	bvlcDeleteFDT       = 0x08
	bvlcDistribute      = 0x09
	bvlcUnicast         = 0x0a
	bvlcBroadcast       = 0x0b
	bvlcSecure          = 0x0c
	bvlc6Unicast        = 0x01
	bvlc6Broadcast      = 0x02
	bvlc6ResolveFirst   = 0x03 // address resolution, 0x03 to 0x07
	bvlc6ResolveLast    = 0x07
	bvlc6Forwarded      = 0x08
	bvlc6Register       = 0x09
	bvlc6Delete         = 0x0a
	bvlc6Distribute     = 0x0c
	bvlcTableEntry      = 10 // address, port and mask or times, J.2.2 and J.2.8
	bvlc6VirtualAddress = 3
)

// readBACnet reads the header of the data link. cut: the frame may be longer
// than what was captured.
func readBACnet(b []byte, cut bool) (f bacnetFrame, ok bool) {
	c := wire.New(b)
	f.link, f.function = c.U8(), c.U8()
	if f.link == bacnetSAP && f.function == bacnetSAP {
		f.npdu = true
		ok = c.U8() == 3 // unnumbered information
		f.body, f.size = c.Rest(), len(b)
		return f, ok && (cut || npduBegins(f.body))
	}
	f.size = int(c.U16())
	if !c.OK() || f.size < bvlcHeader || f.size > len(b) && !cut {
		return f, false
	}
	k := c.Sub(min(f.size-bvlcHeader, c.Len()))
	switch f.link {
	case bvlcIPv4:
		ok = f.ipv4(&k)
	case bvlcIPv6:
		ok = f.ipv6(&k)
	}
	f.body = k.Rest()
	return f, ok && k.OK() && (!f.npdu || len(f.body) == 0 && cut || npduBegins(f.body))
}

// ipv4 reads what stands between header and NPDU; it reports whether function
// and length agree.
func (f *bacnetFrame) ipv4(c *wire.Cursor) bool {
	n := f.size - bvlcHeader
	switch f.function {
	case bvlcResult, bvlcRegister:
		return n == 2
	case bvlcReadBDT, bvlcReadFDT:
		return n == 0
	case bvlcDeleteFDT:
		return n == 6
	case bvlcWriteBDT, bvlcReadBDTAck, bvlcReadFDTAck:
		return n%bvlcTableEntry == 0
	case bvlcForwarded:
		f.npdu = true
		f.origin = bacnetAddr(c.Bytes(6))
		return f.origin.IsValid()
	case bvlcDistribute, bvlcUnicast, bvlcBroadcast:
		f.npdu = true
		return true
	case bvlcSecure:
		return n > 0
	}
	return false
}

func (f *bacnetFrame) ipv6(c *wire.Cursor) bool {
	n := f.size - bvlcHeader
	switch {
	case f.function == bvlcResult:
		return n == bvlc6VirtualAddress+2
	case f.function == bvlc6Unicast:
		f.npdu = true
		c.Skip(2 * bvlc6VirtualAddress)
	case f.function == bvlc6Broadcast, f.function == bvlc6Distribute:
		f.npdu = true
		c.Skip(bvlc6VirtualAddress)
	case f.function >= bvlc6ResolveFirst && f.function <= bvlc6ResolveLast:
		return n == 2*bvlc6VirtualAddress || n == 2*bvlc6VirtualAddress+18
	case f.function == bvlc6Forwarded:
		f.npdu = true
		c.Skip(bvlc6VirtualAddress)
		f.origin = bacnetAddr(c.Bytes(18))
		return f.origin.IsValid()
	case f.function == bvlc6Register:
		return n == bvlc6VirtualAddress+2
	case f.function == bvlc6Delete:
		return n == bvlc6VirtualAddress+18
	default:
		return false
	}
	return true
}

// bacnetAddr is a B/IP or B/IPv6 address: IP address and port (J.1.2, U.1.2).
func bacnetAddr(b []byte) netip.AddrPort {
	if len(b) < 6 {
		return netip.AddrPort{}
	}
	n := len(b) - 2
	return netip.AddrPortFrom(addrOf(b[:n]), uint16(b[n])<<8|uint16(b[n+1]))
}

func matchBACnet(b []byte) bool {
	f, ok := readBACnet(b, false)
	return ok && f.size == len(b)
}

func (d *bacnet) Dissect(m *Message, out Out) (int, error) {
	if used := d.poll(m, out); used > 0 {
		return used, nil
	}
	return d.read(m, out)
}

// read reads a message of any kind.
func (d *bacnet) read(m *Message, out Out) (int, error) {
	f, ok := readBACnet(m.Data, m.Cut)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	if f.npdu {
		ok = d.network(m, &f, out)
	} else {
		d.management(&f, out)
	}
	if !ok && !m.Cut {
		return 0, notMine(d.claimed)
	}
	if m.Cut {
		return 0, ErrShort
	}
	d.claimed = true
	if !d.secured && f.function != bvlcSecure {
		d.secured = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}
