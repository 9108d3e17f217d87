package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "someip",
		Over:     []string{"udp", "tcp"},
		Tier:     3,
		Ports:    append(UDP(30490), TCP(30501, 30509)...), // over TCP those that examples use
		Match:    matchSomeIP,
		New:      func() Dissector { return &someip{} },
		OT:       true,
		Reads:    "service discovery: services that are offered and subscribed; calls, notifications and who asks",
		Standard: "AUTOSAR PRS_SOMEIPProtocol clause 4, PRS_SOMEIPServiceDiscoveryProtocol clause 4",
	})
}

// someipOffers are the services of a server.
const someipOffers ot.Attribute = "someip.service"

// someip reads messages:
//
//	 0         2        4        8        10        12        13          14     15
//	+---------+--------+--------+--------+---------+---------+-----------+------+--------+---------
//	| service | method | length | client | session | version | interface | type | return | payload
//	|         |        | behind |        |         |   1     |           |      |        |
//	+---------+--------+--------+--------+---------+---------+-----------+------+--------+---------
type someip struct {
	told   bool
	text   scratch
	recent recent
}

const (
	someipHeader    = 16
	someipMost      = 1 << 20
	someipDiscovery = 0xffff8100 // service and method
	maxSomeIP       = 64
)

// Types of messages, clause 4.1.4; 0x20 marks a segment of a long one.
const (
	someipRequest = 0x00
	someipCommand = 0x01 // a request without an answer
	someipNotify  = 0x02
	someipAnswer  = 0x80
	someipError   = 0x81
)

type someipMessage struct {
	id   uint32 // service, method
	kind uint8
	size int // 0 while the header is not whole
	body []byte
}

// readSomeIP reads a message; ok is false where b cannot begin with one.
func readSomeIP(b []byte) (g someipMessage, ok bool) {
	c := wire.New(b)
	g.id = c.U32()
	n := c.U32()
	c.Skip(4)
	version := c.U8()
	c.Skip(1)
	kind, result := c.U8(), c.U8()
	if len(b) >= 8 && (n < 8 || n > someipMost) || len(b) > 12 && version != 1 {
		return g, false
	}
	if !c.OK() {
		return g, true
	}
	g.kind = kind &^ 0x20
	switch g.kind {
	case someipRequest, someipCommand, someipNotify:
		ok = result == 0
	case someipAnswer, someipError:
		ok = result <= 0x5e
	}
	if !ok || g.id>>16 == 0 || g.id == someipDiscovery && (g.kind != someipNotify || n < 20) {
		return g, false
	}
	g.size = int(n) + 8
	g.body = c.Bytes(min(g.size-someipHeader, c.Len()))
	return g, true
}

func (g *someipMessage) whole() bool { return g.size > 0 && len(g.body) == g.size-someipHeader }

func matchSomeIP(b []byte) bool {
	g, ok := readSomeIP(b)
	return ok && g.whole() && (g.size == len(b) || g.id == someipDiscovery)
}

func (d *someip) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	g, ok := readSomeIP(m.Data)
	switch {
	case !ok, !m.Stream && !g.whole() && !m.Cut, !m.Stream && !d.told && !m.Cut && !matchSomeIP(m.Data):
		return 0, notMine(d.told)
	case !g.whole() && (!d.told || !m.Stream || g.size == 0), g.size > 0 && !g.whole() && g.id == someipDiscovery:
		return 0, ErrShort
	}
	if !m.Trial && !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.learn(&g, m, out)
	return g.size, nil
}

func (d *someip) learn(g *someipMessage, m *Message, out Out) {
	if g.id == someipDiscovery {
		d.discovery(g.body, m, out)
		return
	}
	switch g.kind {
	case someipRequest:
		out.Sender(Client)
	case someipCommand:
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	case someipNotify, someipAnswer, someipError:
		if !toGroup(m) {
			out.Sender(Server)
		}
	}
}

// Types of entries of service discovery, clause 4.1.2.3.
const (
	someipFind      = 0
	someipOffer     = 1
	someipSubscribe = 6
	someipAccepted  = 7
)

// discovery reads entries of 16 octets: type 8, options 24, service 16,
// instance 16, version 8, time to live 24, 32.
func (d *someip) discovery(b []byte, m *Message, out Out) {
	c := wire.New(b)
	c.Skip(4) // flags
	entries := c.Sub(int(c.U32()))
	for n := 0; n < maxSomeIP && entries.Len() >= 16; n++ {
		kind := entries.U8()
		entries.Skip(3)
		service := entries.U16()
		entries.Skip(3)
		lives := entries.U24()
		entries.Skip(4)
		switch kind {
		case someipFind:
			out.Sender(Client)
			out.Operation(ot.Diagnose, 1)
		case someipOffer:
			if lives > 0 && d.recent.fresh(m.Time, uint64(service)) {
				out.Fact(Sender, someipOffers, d.text.word16(service), "someip.sd.offer_service", ot.Content)
			}
		case someipSubscribe:
			out.Sender(Client)
			if lives > 0 {
				out.Operation(ot.Subscribe, 1)
			}
		case someipAccepted:
			if !toGroup(m) {
				out.Sender(Server)
			}
		}
	}
}

// Resync finds the next message behind a gap.
func (d *someip) Resync(b []byte) int {
	for i := 0; i+someipHeader <= len(b); i++ {
		c := wire.New(b)
		c.Skip(i)
		if matchSomeIP(c.Rest()) {
			return i
		}
	}
	return -1
}
