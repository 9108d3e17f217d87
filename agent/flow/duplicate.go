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
	fewSets     = 64   // of frames that are remembered at first: what fits the processor's first cache
	manySets    = 4096 // at most
	sureCopying = 64   // Table.copying from here on: the mirror shows frames twice
	maxCopying  = 256
)

// frame is one as remembered: a keyed hash of what stays the same in every
// copy of it, and when it came.
type frame struct {
	hash uint64
	at   int64
}

// frames is a set of them, the latest first: one cache line.
type frames [4]frame

// again reports whether f was seen within the window, and else remembers it in
// place of the oldest. crowded: that one's copy might still come.
func (s *frames) again(f frame) (copied, crowded bool) {
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
		crowded = f.at-s[3].at <= duplicateWindow
		s[3], s[2], s[1], s[0] = s[2], s[1], s[0], f
		return false, crowded
	}
	apart := f.at - before.at
	if apart <= duplicateWindow && apart >= -duplicateWindow {
		return true, false
	}
	before.at = f.at
	return false, false
}

// pressure counts frames that made room too early, from one of them on.
type pressure struct{ since, n uint64 }

// tooHigh notes one more at a time in frames, and reports whether it is more than
// one frame in a thousand.
func (p *pressure) tooHigh(now uint64) bool {
	if now-p.since > 4096 {
		*p = pressure{since: now}
	}
	p.n++
	return p.n > 4
}

// seenBefore is again of the set that f belongs to. There are as many sets as the
// traffic needs.
func (t *Table) seenBefore(f frame) bool {
	t.frames++
	copied, crowded := t.seen[f.hash&uint64(len(t.seen)-1)].again(f)
	if crowded && len(t.seen) < manySets && t.pressure.tooHigh(t.frames) {
		t.moreSets()
	}
	return copied
}

func (t *Table) moreSets() {
	before := t.seen
	t.pressure = pressure{since: t.frames}
	t.seen = make([]frames, 2*len(before))
	for i := range before {
		for j := len(before[i]) - 1; j >= 0; j-- { // the oldest first
			if f := before[i][j]; f.hash != 0 {
				t.seen[f.hash&uint64(len(t.seen)-1)].again(f)
			}
		}
	}
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
	if !t.seenBefore(frame{h, p.Time}) {
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
