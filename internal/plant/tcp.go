package plant

import (
	"math/rand/v2"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

const (
	segment    = 1460                  // bytes of data in a full TCP segment on Ethernet
	delayedAck = 40 * time.Millisecond // how long a receiver waits to acknowledge with data
	wireTime   = 13 * time.Microsecond // of a full frame at 1 Gbit/s
)

// A session says how a TCP conversation begins and ends.
type session struct {
	start   time.Duration
	resumed bool // opened before the capture began
	open    bool // still open when the capture ends
	reset   bool // the client ends it with a reset, as scanners do
}

// tcp is one TCP conversation being written. Every packet is sent after the
// one before has arrived, so acknowledgements always name what was received.
type tcp struct {
	net   *network
	rng   *rand.Rand
	ends  [2]tcpEnd // client, server
	now   time.Duration
	quiet time.Duration // when the last data arrived that nobody acknowledged
	owes  int           // the end that must acknowledge it, or -1
}

type tcpEnd struct {
	at    *station
	hops  []hop // to the other end
	port  layers.TCPPort
	next  uint32 // sequence number of its next byte
	saw   uint32 // next byte that it expects
	since int    // segments received since it last acknowledged
}

// tcp writes a whole conversation and returns when its last packet arrives.
func (n *network) tcp(client, server *station, port uint16, s session, talk script) time.Duration {
	rng := n.random("tcp " + client.name + " " + server.name + " " + s.start.String() + " " + itoa(port))
	c := &tcp{net: n, rng: rng, now: s.start, owes: -1}
	c.ends[0] = tcpEnd{at: client, hops: n.path(client, server), port: layers.TCPPort(49152 + rng.IntN(16000)), next: rng.Uint32()}
	c.ends[1] = tcpEnd{at: server, hops: n.path(server, client), port: layers.TCPPort(port), next: rng.Uint32()}
	c.ends[0].saw, c.ends[1].saw = c.ends[1].next, c.ends[0].next
	if !s.resumed {
		n.meet(s.start, c.ends[0].hops)
		c.handshake()
	}
	for _, m := range talk {
		c.message(m)
	}
	c.settle(c.now + delayedAck)
	switch {
	case s.reset:
		c.send(0, layers.TCP{RST: true, ACK: true}, nil)
	case !s.open:
		c.close()
	}
	return c.now
}

func (c *tcp) handshake() {
	mss := []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{segment >> 8, segment & 0xff}},
		{OptionType: layers.TCPOptionKindNop},
		{OptionType: layers.TCPOptionKindNop},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
	}
	c.send(0, layers.TCP{SYN: true, Options: mss}, nil)
	c.send(1, layers.TCP{SYN: true, ACK: true, Options: mss}, nil)
	c.send(0, layers.TCP{ACK: true}, nil)
}

func (c *tcp) close() {
	c.send(0, layers.TCP{FIN: true, ACK: true}, nil)
	c.send(1, layers.TCP{FIN: true, ACK: true}, nil)
	c.send(0, layers.TCP{ACK: true}, nil)
}

// message sends application bytes, in as many segments as they need.
func (c *tcp) message(m message) {
	from := 0
	if m.fromServer {
		from = 1
	}
	at := c.now + m.wait
	if c.owes >= 0 && (c.owes != from || at > c.quiet+delayedAck) {
		c.settle(at)
	}
	c.now = max(c.now, at)
	for data := m.data; len(data) > 0; {
		part := data[:min(segment, len(data))]
		data = data[len(part):]
		c.segment(from, part, len(data) == 0)
	}
	c.owes, c.quiet = 1-from, c.now
}

// segment sends data; the receiver acknowledges every second segment of a burst
// (RFC 9293 3.8.6.3), the sender does not wait for that.
func (c *tcp) segment(from int, data []byte, last bool) {
	sent := c.now
	c.send(from, layers.TCP{ACK: true, PSH: last}, data)
	to := &c.ends[1-from]
	to.since++
	if to.since >= 2 && !last {
		c.send(1-from, layers.TCP{ACK: true}, nil)
	}
	if !last {
		c.now = sent + wireTime
	}
}

// settle acknowledges what has stood unacknowledged, before at.
func (c *tcp) settle(at time.Duration) {
	if c.owes < 0 {
		return
	}
	c.now = max(c.now, min(c.quiet+delayedAck, at-3*hopDelay))
	c.send(c.owes, layers.TCP{ACK: true}, nil)
	c.owes = -1
}

func (c *tcp) send(from int, head layers.TCP, data []byte) {
	me, peer := &c.ends[from], &c.ends[1-from]
	head.SrcPort, head.DstPort, head.Seq, head.Window = me.port, peer.port, me.next, 64240
	if head.ACK {
		head.Ack = me.saw
		me.since = 0
	}
	me.next += uint32(len(data))
	if head.SYN || head.FIN {
		me.next++
	}
	peer.saw = me.next
	ip := layers.IPv4{
		Version: 4, IHL: 5, Id: uint16(c.rng.Uint32()), Flags: layers.IPv4DontFragment,
		Protocol: layers.IPProtocolTCP, SrcIP: me.at.addr.AsSlice(), DstIP: peer.at.addr.AsSlice(),
	}
	head.SetNetworkLayerForChecksum(&ip) //nolint:errcheck // IPv4 always fits
	c.now = c.net.packet(c.now, me.hops, ip, &head, gopacket.Payload(data)) + hopDelay + time.Duration(c.rng.IntN(40))*time.Microsecond
	if len(data) > 0 && c.owes == from {
		c.owes = -1
	}
}

// knock sends SYNs that a firewall drops (nothing comes back) or refuses, seen
// on the client's own link alone. The client tries again after 1 s and 3 s.
func (n *network) knock(at time.Duration, client, server *station, port uint16, refused bool) {
	rng := n.random("knock " + client.name + " " + server.name + " " + at.String() + " " + itoa(port))
	c := &tcp{net: n, rng: rng, now: at, owes: -1}
	c.ends[0] = tcpEnd{at: client, hops: n.path(client, server)[:1], port: layers.TCPPort(49152 + rng.IntN(16000)), next: rng.Uint32()}
	n.meet(at, c.ends[0].hops)
	back := n.path(server, client)
	c.ends[1] = tcpEnd{at: server, hops: back[len(back)-1:], port: layers.TCPPort(port)}
	first := c.ends[0].next
	for _, wait := range []time.Duration{0, time.Second, 2 * time.Second} {
		c.now, c.ends[0].next = at+wait, first
		c.send(0, layers.TCP{SYN: true}, nil)
		if refused {
			c.send(1, layers.TCP{RST: true, ACK: true}, nil)
			return
		}
	}
}

// probe is one SYN of a scan, refused by a reset from the host, or dropped.
func (n *network) probe(at time.Duration, client, server *station, port uint16, refused bool) {
	rng := n.random("probe " + client.name + " " + server.name + " " + itoa(port))
	c := &tcp{net: n, rng: rng, now: at, owes: -1}
	c.ends[0] = tcpEnd{at: client, hops: n.path(client, server), port: layers.TCPPort(49152 + rng.IntN(16000)), next: rng.Uint32()}
	c.ends[1] = tcpEnd{at: server, hops: n.path(server, client), port: layers.TCPPort(port)}
	n.meet(at, c.ends[0].hops)
	c.send(0, layers.TCP{SYN: true}, nil)
	if refused {
		c.send(1, layers.TCP{RST: true, ACK: true}, nil)
	}
}
