package dissect

import (
	"encoding/binary"
	"net/netip"

	"demarc/internal/wire"
)

// Items of the Common Packet Format, Vol 2 table 2-6.4.
const (
	cpfNull             = 0x0000
	cpfIdentity         = 0x000c
	cpfConnectedAddress = 0x00a1
	cpfConnectedData    = 0x00b1
	cpfUnconnectedData  = 0x00b2
	cpfServices         = 0x0100
	cpfSockaddrOT       = 0x8000
	cpfSockaddrTO       = 0x8001
	cpfSequencedAddress = 0x8002
)

// maxItems is more than any message of the standard carries.
const maxItems = 16

// cpf is what a list of items says. Zero where the item is not there.
type cpf struct {
	dataType   uint16 // cpfConnectedData or cpfUnconnectedData
	data       []byte // may be cut
	connection uint32
	connected  bool
	identity   []byte
	ot, to     netip.AddrPort // where the target, the originator wants its I/O
}

// readData reads the body of SendRRData and SendUnitData, Vol 2 2-4.7, into p,
// which is empty:
//
//	+------------------+---------+-------+------+--------+--------
//	| interface = 0    | timeout | count | type | length | data ...
//	+------------------+---------+-------+------+--------+--------
func readData(b []byte, lenient bool, p *cpf) bool {
	c := wire.New(b)
	if c.U32LE() != 0 {
		return false
	}
	c.Skip(2)
	return readCPF(&c, lenient, p)
}

// The bytes of a message on a connection whose data are one request or reply, as
// nearly all are: header, interface and timeout, two items, sequence count.
const (
	unitConnection = enipHeaderSize + 12
	unitData       = unitConnection + 4
	unitMessage    = unitData + 6
)

// readUnit reads a SendUnitData of an address and a data item that begins b and
// is there whole. Any other message is left to readENIP and readCPF.
func readUnit(b []byte) (connection uint32, sequence uint16, message []byte, used int) {
	if len(b) < unitMessage {
		return 0, 0, nil, 0
	}
	le, h := binary.LittleEndian, (*[unitMessage]byte)(b)
	used = enipHeaderSize + int(le.Uint16(h[2:]))
	size := int(le.Uint16(h[unitData+2:]))
	if le.Uint16(h[:]) != enipSendUnitData || le.Uint32(h[4:]) == 0 || le.Uint32(h[8:]) != 0 || le.Uint32(h[20:]) != 0 ||
		le.Uint64(h[enipHeaderSize:])&^(0xffff<<32) != 2<<48 || le.Uint32(h[enipHeaderSize+8:]) != 4<<16|cpfConnectedAddress ||
		le.Uint16(h[unitData:]) != cpfConnectedData || used != unitData+4+size || size < 2 || used > len(b) {
		return 0, 0, nil, 0
	}
	return le.Uint32(h[unitConnection:]), le.Uint16(h[unitData+4:]), b[unitMessage:used], used
}

// readCPF walks the items, Vol 2 2-6. They must fill what is left exactly;
// lenient also takes a cut last item and bytes behind it.
func readCPF(c *wire.Cursor, lenient bool, p *cpf) bool {
	n := int(c.U16LE())
	if !c.OK() || n > maxItems {
		return false
	}
	for ; n > 0; n-- {
		head := c.Bytes(4)
		if head == nil {
			return false
		}
		h := (*[4]byte)(head)
		kind, size := binary.LittleEndian.Uint16(h[0:]), int(binary.LittleEndian.Uint16(h[2:]))
		if lenient {
			size = min(size, c.Len())
		}
		switch b := c.Bytes(size); kind {
		case cpfConnectedAddress, cpfSequencedAddress:
			p.connection, p.connected = connectionOf(b), true
		case cpfConnectedData, cpfUnconnectedData:
			p.dataType, p.data = kind, b
		default:
			p.item(kind, b)
		}
	}
	return c.OK() && (c.Len() == 0 || lenient)
}

// connectionOf is the connection that an address item names.
func connectionOf(b []byte) uint32 {
	c := wire.New(b)
	return c.U32LE()
}

// item takes an item that few messages have.
func (p *cpf) item(kind uint16, b []byte) {
	c := wire.New(b)
	switch kind {
	case cpfIdentity:
		p.identity = b
	case cpfSockaddrOT:
		p.ot = readSockaddr(&c)
	case cpfSockaddrTO:
		p.to = readSockaddr(&c)
	}
}

// readSockaddr reads a socket address, which is big endian (Vol 2 2-6.3.3):
// family 2, port, IPv4 address, eight zero bytes.
func readSockaddr(c *wire.Cursor) netip.AddrPort {
	family, port, addr := c.U16(), c.U16(), c.Bytes(4)
	if !c.OK() || family != 2 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr)), port)
}
