package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Packets of a channel (Kaspersky ICS CERT, "Channel layer"), which a client
// opens and through which both send blocks:
//
//	 0      1       2         4       8       12           16       20
//	+------+-------+---------+-------+-------+------------+--------+-------
//	| type | flags | channel | block | acked | remaining  | check  | data        the last two in a first block
//	+------+-------+---------+-------+-------+------------+--------+-------
//	flags: bit 7 from the client, bit 0 first block
const (
	cdsBlock      = 0x01
	cdsAck        = 0x02
	cdsKeepalive  = 0x03
	cdsGetInfo    = 0xc2
	cdsOpen       = 0xc3
	cdsClose      = 0xc4
	cdsInfo       = 0x82
	cdsOpened     = 0x83
	cdsFromClient = 0x80
	cdsFirst      = 0x01
)

// Service messages, whose head is: protocol 2, length of the head 2, group 2,
// service 2, session 4, ...
const (
	cdsPlain  = 0xcd55
	cdsSecure = 0x7557
	cdsReply  = 0x80 // bit of the group
)

// known reports a datagram that says what it is beyond its first octet.
func (p *cdsPacket) known() bool {
	c := wire.New(p.data)
	switch p.service {
	case cdsAsk, cdsTell:
		kind, version := c.U16LE(), c.U16LE()
		return c.OK() && (kind == cdsResolve || kind == cdsIdentify) && (version == cdsNodeInfo4 || version == 0x0103)
	case cdsChannel:
		kind, flags := c.U8(), c.U8()
		c.Skip(18)
		protocol := c.U16LE()
		return kind == cdsBlock && flags&cdsFirst != 0 && (protocol == cdsPlain || protocol == cdsSecure)
	}
	return false
}

// channel reads a packet of a channel.
func (d *codesys) channel(m *Message, c *wire.Cursor, out Out) {
	kind, flags := c.U8(), c.U8()
	if !c.OK() {
		return
	}
	switch kind {
	case cdsOpen, cdsGetInfo:
		out.Sender(Client)
	case cdsOpened, cdsInfo:
		out.Sender(Server)
	case cdsBlock:
		request := flags&cdsFromClient != 0
		out.Sender(roleOf(request))
		c.Skip(10)
		if flags&cdsFirst != 0 {
			c.Skip(8)
			d.serve(m, c, request, out)
		}
	}
}

// serve reads the head of a service message.
func (d *codesys) serve(m *Message, c *wire.Cursor, request bool, out Out) {
	protocol := c.U16LE()
	c.Skip(2)
	group, service := c.U16LE(), c.U16LE()
	counts := d.sides.counts(m, request)
	switch {
	case !c.OK():
	case protocol == cdsSecure:
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
	case protocol == cdsPlain:
		out.Security(ot.Security{Mode: ot.SecurityNone})
		if class, ok := cdsClass(group&^cdsReply, service); ok && counts {
			out.Operation(class, 1)
		}
	}
}

// cdsClass tells what a service does; groups are components of the runtime
// (Microsoft, table of components), their services those of its interfaces.
func cdsClass(group, service uint16) (ot.Operation, bool) {
	switch group {
	case 0x01: // device: log-on, reset to origin
		switch service {
		case 0x02, 0x03:
			return ot.Authenticate, true
		case 0x04, 0x05:
			return ot.Control, service == 0x05
		}
		return ot.Diagnose, true
	case 0x02:
		return cdsApplication(service)
	case 0x04: // visualisation
		return ot.Read, true
	case 0x05, 0x0b, 0x0f, 0x1f: // log, I/O, trace, core dump
		return ot.Diagnose, true
	case 0x06, 0x07, 0x0c: // settings, Ethernet, users
		return ot.Configure, true
	case 0x08:
		return ot.Transfer, true
	case 0x11, 0x13: // shell, forcing
		return ot.Control, true
	case 0x12: // breakpoints
		return ot.Program, true
	case 0x18:
		return ot.Alarm, true
	case 0x1b: // monitor
		if service == 0x02 {
			return ot.Write, true
		}
		return ot.Read, true
	}
	return 0, false
}

// cdsApplication is the class of a service of the application's component.
func cdsApplication(service uint16) (ot.Operation, bool) {
	switch service {
	case 0x01, 0x02: // log on to and off an application
		return ot.Authenticate, true
	case 0x03, 0x04, 0x05, 0x06, 0x07, 0x08: // create, delete, download, online change
		return ot.Program, true
	case 0x10, 0x11, 0x12: // start, stop, reset
		return ot.Control, true
	}
	return ot.Diagnose, true
}
