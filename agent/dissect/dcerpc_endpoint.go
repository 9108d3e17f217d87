package dissect

import (
	"bytes"
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Interfaces that hand out other ports.
var (
	rpcMapper       = rpcUUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa") // endpoint mapper, C706 appendix O
	rpcResolver     = rpcUUID("99fcfec4-5260-101b-bbcb-00aa0021347a") // IObjectExporter, MS-DCOM 3.1.2.5.1
	rpcActivation   = rpcUUID("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57") // IActivation, MS-DCOM 3.1.2.5.2
	rpcActivator    = rpcUUID("000001a0-0000-0000-c000-000000000046") // IRemoteSCMActivator, MS-DCOM 3.1.2.5.2
	rpcConversation = rpcUUID("333a2276-0000-0000-0d00-00809c000000") // conversation manager, C706 appendix P
)

// Operations of these interfaces.
const (
	rpcServerAlive2 = 5 // IObjectExporter, MS-DCOM 3.1.2.5.1.6
	rpcUnknown      = 0xffff
)

// maxEndpoints bounds the ports that one answer announces.
const maxEndpoints = 16

// endpoints reads an answer of an interface that hands out ports.
func (d *dcerpc) endpoints(m *Message, p *rpcPDU, x rpcCall, out Out) {
	switch x.iface {
	case rpcMapper:
		d.towers(m, p.stub, out)
	case rpcResolver:
		d.bindings(m, p, x.opnum == rpcServerAlive2, out)
	case rpcActivation, rpcActivator:
		d.bindings(m, p, false, out)
	}
}

// rpcTower begins a protocol tower over IP (C706 appendix L): five floors,
// the first of 19 bytes that name an interface by UUID and version.
var rpcTower = []byte{5, 0, 19, 0, 0x0d}

// towers finds the protocol towers in the answer of an endpoint mapper. They
// are found by their own form: so the answer may be in NDR or NDR64 (MS-RPCE
// 2.2.5), and may be one of ept_lookup or of ept_map.
func (d *dcerpc) towers(m *Message, stub []byte, out Out) {
	for range maxEndpoints {
		i := bytes.Index(stub, rpcTower)
		if i < 0 {
			return
		}
		stub = stub[i+len(rpcTower):]
		d.tower(m, stub, out)
	}
}

// Protocol identifiers of a tower's floors (C706 appendix I).
const (
	rpcOverTCP = 0x07
	rpcOverUDP = 0x08
)

// tower reads the floors behind the first identifier; they are little endian,
// ports and addresses big endian.
func (d *dcerpc) tower(m *Message, b []byte, out Out) {
	c := rpcCursor{wire.New(b), true}
	iface := c.uuid()
	c.Skip(2)            // version
	c.Skip(int(c.u16())) // minor version
	for range 2 {        // transfer syntax, RPC itself
		c.Skip(int(c.u16()))
		c.Skip(int(c.u16()))
	}
	if c.u16() != 1 {
		return
	}
	over, size := c.U8(), c.u16()
	port := c.U16()
	if c.OK() && size == 2 && (over == rpcOverTCP || over == rpcOverUDP) {
		d.expect(m, port, iface, out)
	}
}

// expect announces a port of the sender to the receiver.
func (d *dcerpc) expect(m *Message, port uint16, iface uint64, out Out) {
	if port != 0 && port != rpcMapperPort && m.Src().Addr.IsValid() {
		out.Expect(netip.AddrPortFrom(m.Src().Addr, port), netip.AddrPortFrom(m.Dst().Addr, 0), "dcerpc", iface)
	}
}

// bindings finds the string bindings in an answer of DCOM (MS-DCOM 2.2.19.3):
// a tower identifier and, in UTF-16, an address or name with a port in
// brackets. alive: the answer tells under which names the computer is known.
func (d *dcerpc) bindings(m *Message, p *rpcPDU, alive bool, out Out) {
	if !p.little {
		return
	}
	stub, found := p.stub, 0
	for len(stub) >= 6 && found < maxEndpoints {
		n := rpcBinding(stub)
		if n == 0 {
			stub = stub[2:] // the array is aligned to two bytes
			continue
		}
		name, port := rpcAddress(d.text.utf16(stub[2 : 2+n]))
		switch {
		case port != 0:
			d.expect(m, port, 0, out)
		case alive && len(name) > 0 && !isAddress(name) && bytes.IndexByte(name, ':') < 0:
			out.Fact(Sender, ot.Name, name, "dcom.server_alive2", ot.Identity)
		}
		stub = stub[2+n:]
		found++
	}
}

// rpcBinding is the length of the address at the front of b, behind the tower
// identifier of TCP; 0 when there is none.
func rpcBinding(b []byte) int {
	const most = 2 * 255
	c := wire.New(b)
	if c.U16LE() != rpcOverTCP {
		return 0
	}
	for c.Off() <= most {
		x := c.U16LE()
		switch {
		case !c.OK():
			return 0
		case x == 0:
			return c.Off() - 4
		case !rpcAddressByte(x):
			return 0
		}
	}
	return 0
}

func rpcAddressByte(x uint16) bool {
	return x < 0x80 && (alphanumeric(byte(x)) || bytes.IndexByte([]byte(".-_:[]%"), byte(x)) >= 0)
}

// rpcAddress cuts "host[port]".
func rpcAddress(v []byte) (host []byte, port uint16) {
	i := bytes.LastIndexByte(v, '[')
	if i < 0 || v[len(v)-1] != ']' {
		return v, 0
	}
	if n := decimal(v[i+1 : len(v)-1]); n > 0 && n < 1<<16 {
		return v[:i], uint16(n)
	}
	return v[:i], 0
}
