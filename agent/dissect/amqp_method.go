package dissect

import (
	"bytes"
	"slices"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Methods of 0-9-1: class 16, method 16 (section 1 of the generated reference).
const (
	amqpStart   = 10<<16 | 10
	amqpStartOK = 10<<16 | 11
)

// amqpMethods tells for each class which methods the client sends, which the
// server, and which both, as bits of the method's number divided by ten: an
// even answer "-ok" has one more.
type amqpClass struct {
	class          uint16
	client, server []uint16
	both           []uint16
}

var amqpClasses = [...]amqpClass{
	{10, []uint16{11, 21, 31, 40}, []uint16{10, 20, 30, 41, 60, 61}, []uint16{50, 51, 70, 71}},
	{20, []uint16{10}, []uint16{11}, []uint16{20, 21, 40, 41}},
	{40, []uint16{10, 20, 30, 40}, []uint16{11, 21, 31, 51}, nil},
	{50, []uint16{10, 20, 30, 40, 50}, []uint16{11, 21, 31, 41, 51}, nil},
	{60, []uint16{10, 20, 40, 70, 90, 100, 110}, []uint16{11, 21, 50, 60, 71, 72, 111}, []uint16{30, 31, 80, 120}},
	{85, []uint16{10}, []uint16{11}, nil},
	{90, []uint16{10, 20, 30}, []uint16{11, 21, 31}, nil},
}

// amqpKnown reports a method that there is, on a channel that may have it.
func amqpKnown(code uint32, channel uint16) bool {
	_, known := amqpSender(code)
	return known && (code>>16 == 10) == (channel == 0)
}

// amqpSender is who sends a method; 0 when either may.
func amqpSender(code uint32) (r Role, known bool) {
	for i := range amqpClasses {
		k := &amqpClasses[i]
		if uint32(k.class) != code>>16 {
			continue
		}
		switch m := uint16(code); {
		case slices.Contains(k.client, m):
			return Client, true
		case slices.Contains(k.server, m):
			return Server, true
		default:
			return 0, slices.Contains(k.both, m)
		}
	}
	return 0, false
}

// method tells what a method of 0-9-1 asks for.
func (d *amqp) method(f *amqpFrame, out Out) {
	if f.kind != amqpMethod {
		return
	}
	if r, _ := amqpSender(f.code); r != 0 {
		out.Sender(r)
	}
	c := wire.New(f.body)
	class, method := f.code>>16, f.code&0xffff
	switch {
	case f.code == amqpStart:
		c.Skip(2) // version
		d.properties(&c, "amqp.start.", out)
	case f.code == amqpStartOK:
		out.Operation(ot.Authenticate, 1)
		d.properties(&c, "amqp.start-ok.", out)
		mechanism := c.Bytes(int(c.U8()))
		amqpPlainUser(mechanism, c.Bytes(int(c.U32())), out)
	case class == 40 && method%10 == 0, class == 50 && method%10 == 0:
		out.Operation(ot.Configure, 1)
	case class == 60 && method == 20:
		out.Operation(ot.Subscribe, 1)
	case class == 60 && method == 40:
		out.Operation(ot.Write, 1)
	case class == 60 && method == 70:
		out.Operation(ot.Read, 1)
	}
}

// amqpPlainUser tells the user of a PLAIN log-on (RFC 4616), never the
// password behind it.
func amqpPlainUser(mechanism, response []byte, out Out) {
	if string(mechanism) != "PLAIN" {
		return
	}
	_, rest, ok := bytes.Cut(response, []byte{0})
	user, _, ok2 := bytes.Cut(rest, []byte{0})
	if ok && ok2 && len(user) > 0 && printable(user) {
		out.Fact(Sender, amqpUser, user, "amqp.sasl.plain", ot.Content)
	}
}

const maxAMQPFields = 64

// properties reads the table in which a peer tells what it is, section 4.2.5.5.
func (d *amqp) properties(c *wire.Cursor, from string, out Out) {
	table := c.Sub(int(c.U32()))
	var product, version []byte
	for n := 0; n < maxAMQPFields && table.Len() > 0; n++ {
		name := table.Bytes(int(table.U8()))
		kind := table.U8()
		v, ok := amqpField(&table, kind)
		if !ok || !table.OK() {
			break
		}
		if kind != 'S' {
			continue
		}
		switch string(name) {
		case "product":
			product = v
		case "version":
			version = v
		case "platform":
			amqpText(amqpPlatform, v, "amqp.properties.platform", ot.Identity, out)
		case "cluster_name":
			amqpText(amqpCluster, v, "amqp.properties.cluster_name", ot.Identity, out)
		}
	}
	d.product(product, version, from, out)
}

// product tells software and its version in one line.
func (d *amqp) product(product, version []byte, from string, out Out) {
	amqpText(amqpVersion, version, "amqp.properties.version", ot.Identity, out)
	if len(product) == 0 || !printable(product) || !printable(version) || len(product)+len(version) > 255 {
		return
	}
	at := d.text.mark()
	d.text.add(product)
	if len(version) > 0 {
		d.text.byte(' ')
		d.text.add(version)
	}
	source := "amqp.start.product"
	if from != "amqp.start." {
		source = "amqp.client.product"
	}
	out.Fact(Sender, ot.Product, d.text.since(at), source, ot.Identity)
}

func amqpText(a ot.Attribute, v []byte, source string, g ot.Grade, out Out) {
	const most = 255
	if len(v) > 0 && len(v) <= most && printable(v) {
		out.Fact(Sender, a, v, source, g)
	}
}

// amqpField passes one value of a table, as brokers write them (the errata of
// RabbitMQ to section 4.2.1).
func amqpField(c *wire.Cursor, kind uint8) (v []byte, ok bool) {
	switch kind {
	case 'S', 'x', 'F', 'A':
		n := c.U32()
		return c.Bytes(int(n)), true
	case 't', 'b', 'B':
		return c.Bytes(1), true
	case 's', 'u', 'U':
		return c.Bytes(2), true
	case 'I', 'i', 'f':
		return c.Bytes(4), true
	case 'D':
		return c.Bytes(5), true
	case 'l', 'L', 'd', 'T':
		return c.Bytes(8), true
	case 'V':
		return nil, true
	}
	return nil, false
}
