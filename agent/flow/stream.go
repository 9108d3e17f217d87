package flow

import (
	"slices"
	"time"
)

// Limits of one direction of a TCP stream.
const (
	maxHeldBytes    = 64 << 10 // out-of-order data kept
	maxHeldSegments = 32
	maxJump         = 8 << 20                // a sequence number farther ahead starts the stream anew
	oneSided        = 3                      // times; fewer may be a mirror that shows one direction a little later
	maxWait         = int64(3 * time.Second) // for what is missing; a retransmission has come by then
)

// held is one segment that came before its turn. Its bytes are a copy.
type held struct {
	seq  uint32
	wire uint32 // length on the wire; more than len(data) when the capture cut it
	data []byte
	at   int64 // when it came
}

// stream puts one direction of a TCP conversation in order. RFC 9293, sequence
// numbers compare modulo 2^32.
type stream struct {
	next    uint32 // sequence number expected next
	first   uint32 // of the first data byte
	acked   uint32 // the other side has everything before it; valid iff acks
	started bool
	acks    bool
	unseen  uint8  // times that the other side acknowledged data of a side that never showed
	early   *early // nil while nothing is held
}

// early is what is held of a direction.
type early struct {
	held  []held // ascending by distance from next; never empty
	bytes int
}

// start sets the sequence number that the next data byte will have.
func (s *stream) start(seq uint32) {
	if !s.started {
		s.next, s.first, s.started, s.acks = seq, seq, true, false
	}
}

// push takes a segment of wire bytes at seq, of which data were captured, and
// hands on what is in order. It reports bytes that will never come because the
// capture missed them (gap), known when later data has piled up or the other
// side acknowledged them.
func (t *Table) push(c *Conversation, side Side, seq, wire uint32, data []byte) {
	s := &c.streams[side]
	s.start(seq)
	ahead := int32(seq - s.next)
	switch {
	case ahead > maxJump || ahead < -maxJump:
		t.drop(s)
		t.gap(c, side)
		s.next, s.acks = seq, false
	case ahead < 0: // seen before, in whole or in part
		old := uint32(-ahead)
		if old >= wire {
			return
		}
		wire -= old
		data = data[min(int(old), len(data)):]
	case ahead > 0:
		t.hold(c, side, seq, wire, data)
		t.pass(c, side)
		t.tired(c)
		return
	}
	t.advance(c, side, wire, data)
	t.release(c, side)
}

// advance delivers bytes that begin at next.
func (t *Table) advance(c *Conversation, side Side, wire uint32, data []byte) {
	s := &c.streams[side]
	s.next += wire
	cut := int(wire) > len(data)
	if len(data) > 0 {
		t.handler.Stream(c, side, data, t.now, cut)
	}
	if cut {
		t.gap(c, side)
	}
}

// release delivers held segments that have become next.
func (t *Table) release(c *Conversation, side Side) {
	s := &c.streams[side]
	for s.early != nil {
		h := s.early.held[0]
		ahead := int32(h.seq - s.next)
		if ahead > 0 {
			return
		}
		t.unhold(s, 0)
		if old := uint32(-ahead); old < h.wire {
			t.advance(c, side, h.wire-old, h.data[min(int(old), len(h.data)):])
		}
	}
}

// hold keeps a segment that came early; when too much is held, what is missing
// is given up as a gap.
func (t *Table) hold(c *Conversation, side Side, seq, wire uint32, data []byte) {
	s := &c.streams[side]
	if s.early == nil {
		s.early = &early{}
	}
	e := s.early
	i := len(e.held)
	for i > 0 && int32(e.held[i-1].seq-seq) > 0 {
		i--
	}
	if i > 0 && e.held[i-1].seq == seq && e.held[i-1].wire >= wire {
		return
	}
	e.held = slices.Insert(e.held, i, held{seq, wire, append([]byte(nil), data...), t.now})
	e.bytes += len(data)
	t.heldBytes += len(data)
	if e.bytes > maxHeldBytes || len(e.held) > maxHeldSegments || t.heldBytes > t.limit.HeldBytes {
		t.giveUp(c, side)
	}
}

// giveUp skips to the first held segment: what lies before it was missed.
func (t *Table) giveUp(c *Conversation, side Side) {
	s := &c.streams[side]
	if s.early == nil {
		return
	}
	t.gap(c, side)
	s.next = s.early.held[0].seq
	t.release(c, side)
}

// acknowledged tells that side has received everything before ack: what is
// missing of the other side's bytes before it was missed by the capture.
func (t *Table) acknowledged(c *Conversation, side Side, ack uint32) {
	s := &c.streams[side.Other()]
	if !s.started {
		t.unseen(c, side.Other(), ack)
		return
	}
	if ahead := int32(ack - s.next); ahead > maxJump || ahead < -maxJump {
		return
	}
	if !s.acks || int32(ack-s.acked) > 0 {
		s.acked, s.acks = ack, true
	}
	if s.early != nil {
		t.pass(c, side.Other())
	}
}

// unseen notes that data of a side was acknowledged which the capture has not
// shown at all, and tells it once: the mirror shows one direction only.
func (t *Table) unseen(c *Conversation, side Side, ack uint32) {
	s := &c.streams[side]
	if moved := int32(ack - s.acked); s.acks && (moved <= 1 || c.Sent[side].Packets > 0) {
		return
	}
	if s.acks && s.unseen < oneSided {
		if s.unseen++; s.unseen == oneSided {
			t.gap(c, side)
		}
	}
	s.acked, s.acks = ack, true
}

// pass gives up what is missing before held data, if it was acknowledged: the
// acknowledgement may come before the data that shows what is missing.
func (t *Table) pass(c *Conversation, side Side) {
	s := &c.streams[side]
	for s.acks && s.early != nil && int32(s.acked-s.early.held[0].seq) >= 0 {
		t.giveUp(c, side)
	}
}

// tired gives up what has been waited for too long: where a mirror shows one
// side only no acknowledgement tells what was missed.
func (t *Table) tired(c *Conversation) {
	for s := A; s <= B; s++ {
		x := &c.streams[s]
		for x.early != nil && t.now-x.early.held[0].at > maxWait {
			t.giveUp(c, s)
		}
	}
}

// unhold removes held segment i.
func (t *Table) unhold(s *stream, i int) {
	e := s.early
	n := len(e.held[i].data)
	e.bytes -= n
	t.heldBytes -= n
	if e.held = slices.Delete(e.held, i, i+1); len(e.held) == 0 {
		s.early = nil
	}
}

// drop forgets what is held.
func (t *Table) drop(s *stream) {
	for s.early != nil {
		t.unhold(s, len(s.early.held)-1)
	}
}

func (t *Table) gap(c *Conversation, side Side) {
	t.Gaps++
	t.handler.Gap(c, side, t.now)
}
