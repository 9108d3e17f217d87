package dissect

import (
	"bytes"
	"unicode/utf8"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// read tells what one packet says; false when it cannot be one.
func (d *mqtt) read(m *Message, p *mqttPacket, out Out) bool {
	switch p.kind {
	case mqttConnect:
		return d.connect(p, out)
	case mqttConnack:
		out.Sender(Server)
		return d.connack(p, out)
	case mqttPublish:
		return d.publish(m, p, out)
	case mqttPuback, mqttPubrec:
		return d.answered(p) && d.acknowledge(m, out)
	case mqttPubrel, mqttPubcomp:
		return d.answered(p)
	case mqttSubscribe, mqttUnsubscribe:
		out.Sender(Client)
		if !p.filters(d.version) {
			return false
		}
		if p.kind == mqttSubscribe {
			d.subscribed = true
			out.Operation(ot.Subscribe, 1)
		}
	case mqttSuback, mqttUnsuback:
		out.Sender(Server)
		if p.kind == mqttSuback {
			d.subscribes(out)
		}
	case mqttPingreq:
		out.Sender(Client)
	case mqttPingresp:
		out.Sender(Server)
	case mqttDisconnect:
		return p.remaining == 0 || d.version == 0 || d.version == 5
	case mqttAuth:
		out.Operation(ot.Authenticate, 1)
		return d.version == 0 || d.version == 5
	}
	return true
}

// answered reports an acknowledgement that fits: a packet identifier, and in
// MQTT 5 perhaps a reason and properties that end with the packet (3.4.2).
func (d *mqtt) answered(p *mqttPacket) bool {
	c := wire.New(p.body)
	if id := c.U16(); c.OK() && id == 0 {
		return false
	}
	if p.remaining == 2 {
		return true
	}
	if d.version == 3 || d.version == 4 {
		return false
	}
	if reason := c.U8(); c.OK() && !mqttReason(reason) {
		return false
	}
	if p.remaining == 3 || !p.whole() {
		return true
	}
	n, ok := mqttInteger(&c)
	return ok && n == c.Len()
}

// mqttReason reports a reason that an acknowledgement may give, tables 3-4 to
// 3-7 of MQTT 5.
func mqttReason(code uint8) bool {
	switch code {
	case 0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x92, 0x97, 0x99:
		return true
	}
	return false
}

// acknowledge counts what the broker acknowledges while the client's side is
// not seen.
func (d *mqtt) acknowledge(m *Message, out Out) bool {
	if !m.likelyFromClient(mqttPort) && !d.published {
		out.Operation(ot.Write, 1)
	}
	return true
}

// subscribes counts a subscription that only its consequences show.
func (d *mqtt) subscribes(out Out) {
	if !d.subscribed {
		d.subscribed = true
		out.Operation(ot.Subscribe, 1)
	}
}

// filters reports a list of topic filters, 3.8.3 and 3.10.3: each is text,
// behind it in a SUBSCRIBE the options.
func (p *mqttPacket) filters(version uint8) bool {
	if !p.whole() {
		return true // cut
	}
	c := wire.New(p.body)
	if c.U16() == 0 { // packet identifier
		return false
	}
	if version == 5 {
		n, _ := mqttInteger(&c)
		c.Skip(n)
	} else if b := c.Peek(2); version == 0 && b != nil && b[0] == 0 && p.listed(c) != nil {
		c.Skip(1) // MQTT 5 without properties
	}
	return p.listed(c) == nil && c.OK()
}

// listed reads the list to its end.
func (p *mqttPacket) listed(c wire.Cursor) error {
	for n := 0; c.Len() > 0; n++ {
		if v := c.Bytes(int(c.U16())); len(v) == 0 || bytes.IndexByte(v, 0) >= 0 || !utf8.Valid(v) {
			return ErrNotMine
		}
		if p.kind == mqttSubscribe && c.U8()&0xc0 != 0 {
			return ErrNotMine
		}
	}
	if !c.OK() {
		return ErrNotMine
	}
	return nil
}

// Flags of a CONNECT, 3.1.2.3 to 3.1.2.9.
const (
	mqttHasWill     = 0x04
	mqttHasPassword = 0x40
	mqttHasUser     = 0x80
)

var mqttVersions = [...][]byte{3: []byte("3.1"), 4: []byte("3.1.1"), 5: []byte("5.0")}

// connect reads who comes, 3.1:
//
//	name, level, flags 8, keep alive 16, properties (5.0), client identifier,
//	will properties (5.0), will topic, will message, user, password
func (d *mqtt) connect(p *mqttPacket, out Out) bool {
	level, ok := mqttProtocol(p.body)
	if !ok {
		return false
	}
	c := wire.New(p.body)
	c.Skip(int(c.U16()) + 1)
	flags := c.U8()
	c.Skip(2)
	if flags&1 != 0 { // reserved
		return false
	}
	d.version = level
	mqttSkipProperties(&c, level)
	id := c.Bytes(int(c.U16()))
	out.Sender(Client)
	if level >= 3 {
		out.Fact(Sender, mqttVersion, mqttVersions[level], "mqtt.connect.protocol_level", ot.Content)
	}
	mqttText(Sender, mqttClientID, id, "mqtt.connect.client_id", out)
	var will []byte
	if flags&mqttHasWill != 0 {
		mqttSkipProperties(&c, level)
		will = c.Bytes(int(c.U16()))
		c.Skip(int(c.U16()))
	}
	if flags&mqttHasUser != 0 {
		mqttText(Sender, mqttUser, c.Bytes(int(c.U16())), "mqtt.connect.user_name", out)
	}
	if flags&(mqttHasUser|mqttHasPassword) != 0 {
		out.Operation(ot.Authenticate, 1)
	}
	if isSparkplug(will) {
		out.Payload(sparkplugWill, will)
	}
	return true
}

func mqttSkipProperties(c *wire.Cursor, level uint8) {
	if level == 5 {
		n, _ := mqttInteger(c)
		c.Skip(n)
	}
}

func mqttText(of Subject, a ot.Attribute, v []byte, source string, out Out) {
	if v = trim(v); len(v) > 0 && printable(v) {
		out.Fact(of, a, v, source, ot.Content)
	}
}

// mqttAssigned is the property by which a broker names a client that brought no
// identifier, 3.2.2.3.7 of MQTT 5.
const mqttAssigned = 0x12

// connack reads an answer, 3.2: flags, reason, in MQTT 5 properties.
func (d *mqtt) connack(p *mqttPacket, out Out) bool {
	c := wire.New(p.body)
	flags, reason := c.U8(), c.U8()
	if flags > 1 || p.remaining == 2 && reason > 5 {
		return false
	}
	if p.remaining == 2 {
		return true
	}
	n, ok := mqttInteger(&c)
	if !ok || n != c.Len() && p.whole() {
		return false
	}
	for c.Len() > 0 {
		id := c.U8()
		v, known := mqttProperty(&c, id)
		if !known || !c.OK() {
			return true
		}
		if id == mqttAssigned {
			mqttText(Receiver, mqttClientID, v, "mqtt.connack.assigned_client_id", out)
		}
	}
	return true
}

// mqttProperty passes one property of an answer, table 2-4 of MQTT 5.
func mqttProperty(c *wire.Cursor, id uint8) (v []byte, known bool) {
	switch id {
	case 0x11, 0x27:
		return c.Bytes(4), true
	case 0x13, 0x21, 0x22:
		return c.Bytes(2), true
	case 0x24, 0x25, 0x28, 0x29, 0x2a:
		return c.Bytes(1), true
	case mqttAssigned, 0x15, 0x16, 0x1a, 0x1c, 0x1f:
		return c.Bytes(int(c.U16())), true
	case 0x26:
		c.Skip(int(c.U16()))
		return c.Bytes(int(c.U16())), true
	}
	return nil, false
}

// mqttBrokerVersion is where brokers tell what they are, a convention that most
// keep.
const mqttBrokerVersion = "$SYS/broker/version"

// mqttBroker begins the topics that brokers alone publish, 4.7.2.
var mqttBroker = []byte("$SYS/")

// publish reads a publication, 3.3: topic, identifier unless it is sent once at
// most, properties (5.0), payload. A client writes; a broker passes on what the
// client has asked for.
func (d *mqtt) publish(m *Message, p *mqttPacket, out Out) bool {
	topic := p.topic()
	if len(topic) == 0 && (d.version == 3 || d.version == 4) {
		return false
	}
	fromClient := m.likelyFromClient(mqttPort)
	if bytes.HasPrefix(topic, mqttBroker) {
		fromClient = false
		out.Sender(Server)
	}
	switch {
	case sparkplugCommands(topic):
		out.Operation(ot.Control, 1)
	case fromClient:
		out.Operation(ot.Write, 1)
	default:
		d.subscribes(out)
	}
	d.published = d.published || fromClient
	switch {
	case isSparkplug(topic):
		out.Payload(sparkplugTag(fromClient, p.qos() > 0, d.version), p.body)
	case string(topic) == mqttBrokerVersion && !fromClient && len(p.body) == p.remaining:
		v := mqttBody(p.body, p.qos() > 0, d.version)
		if v = trim(v); len(v) > 0 && printable(v) {
			out.Fact(Sender, ot.Product, v, "mqtt.publish.$SYS/broker/version", ot.Identity)
		}
	}
	return true
}

// mqttBody is the payload of a publication, as far as it is there. While the
// version is not known, a zero octet counts as the empty properties of MQTT 5.
func mqttBody(b []byte, identified bool, version uint8) []byte {
	c := wire.New(b)
	c.Skip(int(c.U16()))
	if identified {
		c.Skip(2)
	}
	switch first := c.Peek(1); {
	case version == 5:
		n, _ := mqttInteger(&c)
		c.Skip(n)
	case version == 0 && first != nil && first[0] == 0:
		c.Skip(1)
	}
	return c.Rest()
}
