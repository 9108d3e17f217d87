package dissect

import "demarc/internal/wire"

// rpcPDU is one fragment of DCE/RPC, of either kind of transport.
type rpcPDU struct {
	version uint8 // 5 over TCP, 4 over UDP
	kind    uint8
	flags   uint8
	little  bool   // byte order of the sender (C706 14.1)
	size    int    // of the fragment; 0 while the header is not whole
	call    uint32 // or sequence number of a datagram
	context uint16 // version 5, requests and responses
	opnum   uint16 // requests, and every datagram
	iface   uint64 // version 4: the interface; version 5 names it in the bind
	auth    int    // length of the token in the trailer
	body    []byte // version 5: behind the common header, before the trailer
	stub    []byte // requests and responses: the parameters
	trailer []byte // what follows the body: eight bytes and the token
}

// rpcCursor reads in the byte order that the sender named.
type rpcCursor struct {
	wire.Cursor
	little bool
}

func (c *rpcCursor) u16() uint16 {
	if c.little {
		return c.U16LE()
	}
	return c.U16()
}

func (c *rpcCursor) u32() uint32 {
	if c.little {
		return c.U32LE()
	}
	return c.U32()
}

// uuid reads a UUID (C706 appendix A) and folds its halves together, which
// tells interfaces apart: see rpcUUID.
func (c *rpcCursor) uuid() uint64 {
	v := uint64(c.u32())<<32 | uint64(c.u16())<<16
	v |= uint64(c.u16())
	return v ^ c.U64()
}

// matchRPC knows the header of a fragment; the beginning of one passes.
func matchRPC(b []byte) bool {
	p, ok := readRPC(b)
	return ok && (p.size > 0 || len(b) > 0)
}

// readRPC reads a fragment at the front of b. ok is false when it cannot be
// one; size 0 says that the header has not come whole, and a size above len(b)
// that the rest has not.
//
//	0        1        2        3        4            8        10       12
//	+--------+--------+--------+--------+------------+--------+--------+---------+
//	| vers 5 | minor  | type   | flags  | data rep 4 | length | auth   | call 4  |
//	+--------+--------+--------+--------+------------+--------+--------+---------+
func readRPC(b []byte) (p rpcPDU, ok bool) {
	if len(b) > 0 && b[0] == 4 {
		return readRPCDatagram(b)
	}
	if !rpcFront(b) {
		return p, false
	}
	c := rpcCursor{Cursor: wire.New(b)}
	p.version = c.U8()
	c.Skip(1)
	p.kind, p.flags = c.U8(), c.U8()
	p.little = c.U8()&0x10 != 0
	c.little = p.little
	c.Skip(3)
	size, auth := int(c.u16()), int(c.u16())
	p.call = c.u32()
	if !c.OK() {
		return p, true
	}
	if trailer := auth + rpcTrailer; size < rpcHeader || (auth > 0 && size < rpcHeader+trailer) {
		return p, false
	}
	p.size, p.auth = size, auth
	if len(b) < size {
		return p, true
	}
	body := wire.New(b[rpcHeader:size])
	if auth > 0 {
		p.body = body.Bytes(body.Len() - auth - rpcTrailer)
		p.trailer = body.Rest()
	} else {
		p.body = body.Rest()
	}
	return p, p.parameters()
}

// rpcFront checks the fixed values of a header as far as it has come.
func rpcFront(b []byte) bool {
	for i, x := range b[:min(len(b), 8)] {
		if !rpcFixed(i, x) {
			return false
		}
	}
	return true
}

// rpcFixed reports whether x may stand at offset i of a header.
func rpcFixed(i int, x byte) bool {
	switch i {
	case 0:
		return x == 5
	case 1:
		return x <= 1
	case 2:
		return x == rpcRequest || x == rpcResponse || x == rpcFault || x >= rpcBind && x <= rpcOrphaned
	case 4: // integers and characters, C706 14.2.1 and .2
		return x&^0x11 == 0
	case 5: // floating point, 14.2.3
		return x <= 3
	case 6, 7:
		return x == 0
	}
	return true
}

// parameters reads the head of requests and responses (C706 12.6.4.9, .10).
func (p *rpcPDU) parameters() bool {
	c := rpcCursor{wire.New(p.body), p.little}
	switch p.kind {
	case rpcRequest:
		c.Skip(4) // allocation hint
		p.context, p.opnum = c.u16(), c.u16()
		if p.flags&rpcObject != 0 {
			c.Skip(16)
		}
	case rpcResponse:
		c.Skip(4)
		p.context = c.u16()
		c.Skip(2)
	default:
		return true
	}
	p.stub = c.Rest()
	return c.OK()
}

// rpcDatagramHeader is the length of the header over UDP.
const rpcDatagramHeader = 80

// readRPCDatagram reads the header of the connectionless protocol, C706
// 12.5.1: version 4, type, two bytes of flags, three of data representation,
// serial, UUIDs of object, interface and activity, then seven numbers.
func readRPCDatagram(b []byte) (p rpcPDU, ok bool) {
	c := rpcCursor{Cursor: wire.New(b)}
	p.version, p.kind, p.flags = c.U8(), c.U8(), c.U8()
	flags2, rep, float, reserved := c.U8(), c.U8(), c.U8(), c.U8()
	p.little = rep&0x10 != 0
	c.little = p.little
	c.Skip(1 + 16) // serial, object
	p.iface = c.uuid()
	c.Skip(16 + 4 + 4) // activity, boot time, interface version
	p.call = c.u32()
	p.opnum = c.u16()
	c.Skip(4) // hints
	size := int(c.u16())
	c.Skip(2) // fragment number
	auth := c.U8()
	c.Skip(1)
	const mine, mine2 = 0x7e, 0x02 // the flags that are not reserved, C706 12.5.3
	if !c.OK() || p.kind > rpcCancelAck || p.flags&^mine != 0 || flags2&^mine2 != 0 || rep&^0x11 != 0 || float > 3 || reserved != 0 || p.iface == 0 {
		return p, false
	}
	p.size = rpcDatagramHeader + size
	if len(b) <= p.size {
		p.stub = c.Rest()
		return p, true
	}
	p.stub = c.Bytes(size)
	p.trailer = c.Rest()
	p.size = len(b)
	return p, auth != 0
}
