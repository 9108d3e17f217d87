package flow

import (
	"hash/maphash"
	"time"

	"demarc/agent/decode"
)

// duplicateWindow is the longest that the copies of one frame lie apart: a
// mirror of ingress and egress, or of both sides of a router, adds queueing
// delay only.
const duplicateWindow = int64(3 * time.Millisecond)

const (
	setsOfFrames = 2048 // what is remembered of all conversations together: so many sets, each a cache line
	sureCopying  = 64   // Table.copying from here on: the mirror shows frames twice
	maxCopying   = 256
)

// frame is one as remembered: a keyed hash of what stays the same in every
// copy of it (ports and addresses, IPv4 identification, transport checksum,
// TCP sequence numbers, length), and when it came.
type frame struct {
	hash uint64
	at   int64
}

type frames [4]frame

// again reports whether f was seen within the window, and else remembers it in
// place of the oldest, which stands last.
func (s *frames) again(f frame) bool {
	var before *frame
	switch f.hash {
	case s[0].hash:
		before = &s[0]
	case s[1].hash:
		before = &s[1]
	case s[2].hash:
		before = &s[2]
	case s[3].hash:
		before = &s[3]
	default:
		s[3], s[2], s[1], s[0] = s[2], s[1], s[0], f
		return false
	}
	apart := f.at - before.at
	if apart <= duplicateWindow && apart >= -duplicateWindow {
		return true
	}
	before.at = f.at
	return false
}

// duplicate tells a copied frame from a retransmission (which has a new IPv4
// identification, or comes later) and from a repeated datagram. Other frames
// may lie between the copies.
//
// What has no identification and no sequence number (frames without IP, UDP
// over IPv6, IPv4 that must not be fragmented) may be sent twice in truth: the
// same bytes count as a copy only while the mirror is seen to copy much of what
// it shows. A frame that is sent on two lanes is numbered by its sender.
func (t *Table) duplicate(c *Conversation, side Side, p *decode.Packet) bool {
	if p.Lane != 0 && t.second(p, c.Segment) {
		t.Duplicates++
		return true
	}
	sure := c.Transport == tcp || p.IPID != 0
	if p.Fault != decode.NoFault || (len(p.Payload) == 0 || p.Lane != 0) && !sure || c.Transport == tcp && p.Checksum == 0 {
		return false
	}
	h := p.Fingerprint() + uint64(c.Segment)<<1 + uint64(side)
	if !sure {
		h ^= maphash.Bytes(t.seed, p.Payload)
	}
	if !t.seen[h%setsOfFrames].again(frame{h, p.Time}) {
		t.copying = max(0, t.copying-1)
		return false
	}
	t.copying = min(maxCopying, t.copying+2)
	if !sure && t.copying < sureCopying {
		return false
	}
	t.Duplicates++
	return true
}
