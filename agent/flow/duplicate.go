package flow

import (
	"time"

	"demarc/agent/decode"
)

// duplicateWindow is the longest that the copies of one frame lie apart: a
// mirror of ingress and egress, or of both sides of a router, adds queueing
// delay only.
const duplicateWindow = int64(3 * time.Millisecond)

// fingerprint is what stays the same in every copy of a packet: IPv4
// identification, transport checksum, TCP sequence numbers, length.
type fingerprint struct {
	at       int64
	seq, ack uint32
	id, sum  uint16
	length   uint16
	flags    uint8
}

// duplicate tells a copied frame from a retransmission (which has a new IPv4
// identification, or comes later) and from a repeated datagram.
func (t *Table) duplicate(c *Conversation, side Side, p *decode.Packet) bool {
	if p.Has&decode.HasPort == 0 || p.Checksum == 0 {
		return false
	}
	f := fingerprint{p.Time, p.Seq, p.Ack, p.IPID, p.Checksum, uint16(p.PayloadLen), p.Flags} // a fingerprint, not a length
	last := &c.print[side]
	same := last.sum == f.sum && last.id == f.id && last.seq == f.seq && last.ack == f.ack && last.length == f.length && last.flags == f.flags
	if same && f.at-last.at <= duplicateWindow && (f.id != 0 || c.Transport == tcp) {
		c.Duplicates++
		t.Duplicates++
		return true
	}
	*last = f
	return false
}
