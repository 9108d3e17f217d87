package dissect

import (
	"unicode/utf8"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "mqtt",
		Tier:     1,
		Over:     []string{"tcp"},
		Ports:    TCP(mqttPort),
		Match:    matchMQTT,
		New:      func() Dissector { return &mqtt{} },
		OT:       true,
		Reads:    "client identifiers and users, version, a broker's version, what is published and subscribed",
		Standard: "OASIS MQTT 3.1.1, OASIS MQTT 5.0",
	})
}

// mqttPort is reserved by IANA; 8883 carries TLS.
const mqttPort = 1883

// Attributes of MQTT clients and brokers.
const (
	mqttClientID ot.Attribute = "mqtt.client_id"
	mqttUser     ot.Attribute = "mqtt.user"
	mqttVersion  ot.Attribute = "mqtt.version"
)

// Control packet types, 2.1.2 of both standards.
const (
	mqttConnect     = 1
	mqttConnack     = 2
	mqttPublish     = 3
	mqttPuback      = 4
	mqttPubrec      = 5
	mqttPubrel      = 6
	mqttPubcomp     = 7
	mqttSubscribe   = 8
	mqttSuback      = 9
	mqttUnsubscribe = 10
	mqttUnsuback    = 11
	mqttPingreq     = 12
	mqttPingresp    = 13
	mqttDisconnect  = 14
	mqttAuth        = 15
)

// mqtt reads one session of a client with its broker.
type mqtt struct {
	claimed    bool
	version    uint8 // protocol level: 3, 4, 5; 0 while unknown
	published  bool  // the client's own packets were seen, so that what the
	subscribed bool  // broker answers counts nothing
}

// mqttPacket is one control packet, 2.1:
//
//	 0           1 .. 4
//	+-----+-----+------------------+----------------- ... ---------
//	|type |flags| remaining length | variable header and payload
//	+-----+-----+------------------+----------------- ... ---------
//	The length has seven bits an octet, lowest first, bit 7: more follow.
type mqttPacket struct {
	kind, flags uint8
	head        int    // octets of the fixed header
	remaining   int    // what follows it
	body        []byte // as far as it has come
}

func (p *mqttPacket) size() int   { return p.head + p.remaining }
func (p *mqttPacket) whole() bool { return len(p.body) == p.remaining }
func (p *mqttPacket) qos() uint8  { return p.flags >> 1 & 3 }

// readMQTT reads the fixed header; short: its octets have not all come.
func readMQTT(b []byte) (p mqttPacket, short, ok bool) {
	if len(b) == 0 {
		return p, true, true
	}
	c := wire.New(b)
	first := c.U8()
	p.kind, p.flags = first>>4, first&15
	if !p.flagsFit() {
		return p, false, false
	}
	n, fits := mqttInteger(&c)
	switch {
	case !c.OK():
		return p, true, true
	case !fits:
		return p, false, false
	}
	p.head, p.remaining = c.Off(), n
	p.body = c.Bytes(min(n, c.Len()))
	return p, false, p.lengthFits()
}

// mqttInteger reads a variable byte integer, 1.5.5 of MQTT 5; it has four octets
// at most.
func mqttInteger(c *wire.Cursor) (n int, ok bool) {
	for shift := 0; shift < 28; shift += 7 {
		b := c.U8()
		n |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			return n, c.OK()
		}
	}
	return 0, false
}

// flagsFit holds the flags against table 2.2.
func (p *mqttPacket) flagsFit() bool {
	switch p.kind {
	case 0:
		return false
	case mqttPublish:
		return p.qos() != 3
	case mqttPubrel, mqttSubscribe, mqttUnsubscribe:
		return p.flags == 2
	}
	return p.flags == 0
}

// lengthFits holds the length against what the packet must have.
func (p *mqttPacket) lengthFits() bool {
	n := p.remaining
	switch p.kind {
	case mqttConnect:
		return n >= 12
	case mqttPublish, mqttConnack, mqttPuback, mqttPubrec, mqttPubrel, mqttPubcomp, mqttUnsuback:
		return n >= 2
	case mqttSuback:
		return n >= 3
	case mqttSubscribe:
		return n >= 5
	case mqttUnsubscribe:
		return n >= 4
	case mqttPingreq, mqttPingresp:
		return n == 0
	}
	return true
}

// matchMQTT claims what begins a session, and a publication in the name space
// of Sparkplug anywhere; the rest could be too much else.
func matchMQTT(b []byte) bool {
	p, short, ok := readMQTT(b)
	if !ok || short {
		return ok && len(b) > 0 && b[0] == mqttConnect<<4
	}
	switch p.kind {
	case mqttConnect:
		_, ok := mqttProtocol(p.body)
		return ok
	case mqttPublish:
		return isSparkplug(p.topic())
	}
	return false
}

// mqttProtocol reads protocol name and level of a CONNECT, 3.1.2.1; ok without
// a level: no octet speaks against it yet.
func mqttProtocol(b []byte) (level uint8, ok bool) {
	for _, name := range [...]string{"\x00\x04MQTT", "\x00\x06MQIsdp"} {
		n := min(len(b), len(name))
		if string(b[:n]) != name[:n] {
			continue
		}
		if len(b) <= len(name) {
			return 0, true
		}
		level = b[len(name)] &^ 0x80 // bit 7 marks a bridge
		return level, level >= 3 && level <= 5
	}
	return 0, false
}

// topic is the topic of a PUBLISH, nil when it has not come whole.
func (p *mqttPacket) topic() []byte {
	c := wire.New(p.body)
	return c.Bytes(int(c.U16()))
}

// Dissect reads one control packet. Of a publication its topic is enough, but
// where the topic says that the rest is read too.
func (d *mqtt) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	p, short, ok := readMQTT(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case short:
		return 0, ErrShort
	}
	need := p.remaining
	if p.kind == mqttPublish {
		if need, ok = p.need(); !ok {
			return 0, notMine(d.claimed)
		}
	}
	if len(p.body) < need && !m.Cut {
		if _, fits := mqttProtocol(p.body); p.kind == mqttConnect && !fits {
			return 0, notMine(d.claimed)
		}
		if need+p.head > maxBuffer {
			return 0, notMine(d.claimed)
		}
		return 0, ErrShort
	}
	enough := len(p.body) >= need
	p.body = p.body[:min(need, len(p.body))]
	if !d.claimed && m.Src().Port != mqttPort && m.Dst().Port != mqttPort && !matchMQTT(m.Data) {
		return 0, ErrNotMine
	}
	if !d.read(m, &p, out) {
		return 0, notMine(d.claimed)
	}
	if !enough {
		return 0, ErrShort
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return p.size(), nil
}

// mqttPayload is how much of a payload is read where it is read at all.
const mqttPayload = 16 << 10

// need is how much of a publication is read, as long as its topic has not come
// the octets up to its end. ok: nothing speaks against it.
func (p *mqttPacket) need() (n int, ok bool) {
	c := wire.New(p.body)
	topic := int(c.U16())
	if !c.OK() {
		return 2, p.remaining >= 2
	}
	n = 2 + topic
	if n > p.remaining {
		return 0, false
	}
	v := c.Bytes(topic)
	if !c.OK() {
		return n, true
	}
	if !mqttTopic(v) {
		return 0, false
	}
	if isSparkplug(v) || string(v) == mqttBrokerVersion {
		n = min(p.remaining, n+mqttPayload)
	}
	return n, true
}

// mqttTopic reports a topic that may be published to, 4.7: text without wild
// cards. It is empty where an alias stands for it.
func mqttTopic(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c == '+' || c == '#' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}
