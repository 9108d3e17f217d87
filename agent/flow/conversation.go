// Package flow is the third stage: packets become conversations. It keeps the
// table of who talks to whom, tells client from server as well as the packets
// allow, puts TCP bytes in order within bounds, and recognises frames that a
// mirror copied twice.
package flow

import (
	"net/netip"

	"demarc/agent/decode"
	"demarc/internal/ot"
)

// Side is one end of a conversation.
type Side uint8

const (
	A Side = iota // sent the first packet seen
	B
)

// Other is the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// Endpoint is one end of a conversation; zero where the layer has none.
type Endpoint struct {
	MAC  decode.MAC // as last seen in a frame that this end sent
	Port uint16
	Addr netip.Addr
}

// Counter counts what one side sent.
type Counter struct{ Packets, Bytes uint64 }

// Ethernet is the Transport of a conversation without IP; 255 is reserved by
// IANA among the IP protocol numbers.
const Ethernet = 255

// IP protocol numbers that this stage tells apart (IANA).
const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	esp    = 50
	icmpv6 = 58
	vrrp   = 112
	sctp   = 132
)

// Conversation is one five-tuple in one segment, or without IP one MAC pair
// and EtherType. What every packet touches comes first, in three lines of the
// processor's cache.
type Conversation struct {
	keys [2]decode.Key // of the ends
	macs [2]decode.MAC // of the ends: here to be compared

	Segment   uint16 // index that the pipeline gave the segment
	EtherType uint16 // or LLC SAP below 0x600; valid iff Transport == Ethernet
	VLAN      uint16 // innermost tag of the first packet
	Transport uint8  // IP protocol number; Ethernet when there is no IP

	Directed bool // Client is known, by Basis
	Client   Side
	Basis    ot.Basis
	Carries  bool    // a tunnel: its ends send to one another, and none of them asks
	Payload  [2]bool // this side sent data
	Opened   bool    // a SYN was seen
	Accepted bool    // a SYN-ACK was seen
	Quoted   bool    // only quotes in ICMP errors showed it: no frame of its ends was seen
	Other    bool    // ICMP: there was more than errors about others
	Reset    bool    // RST
	Denied   uint8   // an ICMP error says that what A (1), B (2) sent was refused
	Finished uint8   // FIN seen from A (1), B (2)

	First, Last int64 // Unix nanoseconds of packet time
	Sent        [2]Counter

	// App, Record and Mark belong to the stages above: the dissection session,
	// the sighting's record, what spancheck has seen of it. Flow never looks
	// inside; Mark begins as 0.
	App    any
	Record any
	Mark   uint32

	slot    int32     // index in Table.all
	streams [2]stream // valid iff Transport is TCP
	Parent  *Related

	Ends [2]Endpoint
}

// Related names the conversation that announced this one (FTP data, CIP I/O).
type Related struct {
	Client, Server Endpoint
	Transport      uint8
	Dynamic        bool // the port was negotiated: it counts as port 0
}

// SetClient says who the client is, if basis is better than what is known.
// It reports whether the direction changed or became known.
func (c *Conversation) SetClient(s Side, basis ot.Basis) bool {
	if c.Directed && basis <= c.Basis {
		return false
	}
	turned := !c.Directed || c.Client != s
	c.Directed, c.Client, c.Basis = true, s, basis
	return turned
}

// Moved is how many bytes of TCP payload s sent since it began to show, modulo
// 2^32: what was sent again counts once, and what the capture missed counts.
func (c *Conversation) Moved(s Side) uint32 { return c.streams[s].next - c.streams[s].first }

// ClientSide is the client, or the side that sent first while nothing tells.
func (c *Conversation) ClientSide() Side {
	if c.Directed {
		return c.Client
	}
	return A
}

// Outcome says what came of the conversation so far.
func (c *Conversation) Outcome() ot.Outcome {
	both := c.Sent[A].Packets > 0 && c.Sent[B].Packets > 0
	switch {
	case c.Transport == Ethernet || c.ToGroup() || c.Carries || c.errors():
		if both {
			return ot.Exchanged
		}
		return ot.OneSided
	case c.refused() && !(c.Payload[A] && c.Payload[B]) && !c.Accepted:
		return ot.Refused
	case both:
		return ot.Exchanged
	case c.Transport == tcp && c.Opened && !c.Accepted && !c.Payload[A] && !c.Payload[B]:
		return ot.Unanswered
	case c.Transport == tcp:
		return ot.OneSided
	}
	if c.ClientSide() == A && c.Sent[B].Packets == 0 {
		return ot.Unanswered
	}
	return ot.OneSided
}

// errors reports whether c is ICMP that tells errors and asks nothing.
func (c *Conversation) errors() bool {
	return (c.Transport == icmp || c.Transport == icmpv6) && !c.Other
}

// refused reports whether somebody said no to the client.
func (c *Conversation) refused() bool { return c.Reset || c.Denied&(1<<c.ClientSide()) != 0 }

// ToGroup reports whether A sends to many: a multicast address, or a broadcast
// that shows in the frame (a subnet's broadcast address does not show in IP).
func (c *Conversation) ToGroup() bool {
	b := &c.Ends[B]
	return b.Addr.IsMulticast() || b.Addr == broadcast || (b.MAC.IsGroup() && c.Sent[B].Packets == 0)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
