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
	Addr netip.Addr
	Port uint16
}

// Counter counts what one side sent.
type Counter struct{ Packets, Bytes uint64 }

// Conversation is one five-tuple in one segment, or without IP one MAC pair
// and EtherType.
type Conversation struct {
	Segment   uint16 // index that the pipeline gave the segment
	Transport uint8  // IP protocol number; Ethernet when there is no IP
	EtherType uint16 // valid iff Transport == Ethernet
	VLAN      uint16 // innermost tag of the first packet
	Ends      [2]Endpoint

	Directed bool // Client is known, by Basis
	Client   Side
	Basis    ot.Basis

	First, Last int64 // Unix nanoseconds of packet time
	Sent        [2]Counter
	TCP         [2]Stream // valid iff Transport == 6
	Opened      bool      // the SYN was seen
	Answered    bool      // SYN-ACK or data from both sides seen
	Reset       bool      // RST seen before any data

	// App and Record belong to the stages above: the dissection session and
	// the sighting's record. Flow never looks inside.
	App    any
	Record any
}

// Ethernet is the Transport of a conversation without IP; 255 is reserved by
// IANA among the IP protocol numbers.
const Ethernet = 255

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
