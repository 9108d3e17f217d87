package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Performatives of AMQP 1.0, parts 2.7 and 5.3.3.
const (
	amqpOpen       = 0x10
	amqpAttach     = 0x12
	amqpTransfer   = 0x14
	amqpClose      = 0x18
	amqpMechanisms = 0x40
	amqpInit       = 0x41
	amqpChallenge  = 0x42
	amqpResponse   = 0x43
	amqpOutcome    = 0x44
)

// performative tells what a frame of 1.0 says. Both ends send the same ones,
// but for those of a log-on.
func (d *amqp) performative(f *amqpFrame, m *Message, out Out) {
	c := wire.New(f.body)
	switch f.code {
	case amqpMechanisms, amqpChallenge, amqpOutcome:
		out.Sender(Server)
	case amqpInit:
		out.Sender(Client)
		out.Operation(ot.Authenticate, 1)
		list, _ := amqpList(&c)
		mechanism, _ := amqpValue(&list)
		response, _ := amqpValue(&list)
		amqpPlainUser(mechanism, response, out)
	case amqpResponse:
		out.Sender(Client)
	case amqpOpen:
		d.open(&c, out)
	case amqpAttach:
		if !m.likelyFromClient(amqpPort) {
			return
		}
		list, _ := amqpList(&c)
		amqpValue(&list) // name
		amqpValue(&list) // handle
		if _, kind := amqpValue(&list); kind == 0x41 {
			out.Operation(ot.Subscribe, 1) // the role of a receiver
		}
	case amqpTransfer:
		if m.likelyFromClient(amqpPort) {
			out.Operation(ot.Write, 1)
		}
	}
}

// open reads who opens a connection, part 2.7.1: container, host name and more,
// properties in the tenth place.
func (d *amqp) open(c *wire.Cursor, out Out) {
	list, ok := amqpList(c)
	if !ok {
		return
	}
	container, _ := amqpValue(&list)
	amqpText(amqpContainer, container, "amqp.open.container-id", ot.Content, out)
	for range 8 {
		amqpValue(&list)
	}
	entries, ok := amqpList(&list)
	if !ok || !list.OK() {
		return
	}
	var product, version []byte
	for n := 0; n < maxAMQPFields && entries.Len() > 0 && entries.OK(); n++ {
		name, _ := amqpValue(&entries)
		v, _ := amqpValue(&entries)
		switch string(name) {
		case "product":
			product = v
		case "version":
			version = v
		case "platform":
			amqpText(amqpPlatform, v, "amqp.properties.platform", ot.Identity, out)
		}
	}
	d.product(product, version, "amqp.open.", out)
}

// amqpList opens a list or a map, part 1.6.22 on: constructor, size, count.
func amqpList(c *wire.Cursor) (v wire.Cursor, ok bool) {
	switch c.U8() {
	case 0xc0, 0xc1:
		v = c.Sub(int(c.U8()))
		v.Skip(1)
	case 0xd0, 0xd1:
		v = c.Sub(int(c.U32()))
		v.Skip(4)
	default:
		return v, false
	}
	return v, v.OK()
}

// amqpValue passes one value and gives its octets: the width stands in the high
// half of the constructor (part 1.2).
func amqpValue(c *wire.Cursor) (v []byte, kind uint8) {
	kind = c.U8()
	switch kind >> 4 {
	case 5:
		v = c.Bytes(1)
	case 6:
		v = c.Bytes(2)
	case 7:
		v = c.Bytes(4)
	case 8:
		v = c.Bytes(8)
	case 9:
		v = c.Bytes(16)
	case 0xa, 0xc, 0xe:
		v = c.Bytes(int(c.U8()))
	case 0xb, 0xd, 0xf:
		v = c.Bytes(int(c.U32()))
	case 0:
		c.Skip(c.Len() + 1) // described: none of those that are read is
	}
	return v, kind
}
