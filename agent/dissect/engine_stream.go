package dissect

import (
	"errors"

	"demarc/agent/flow"
)

// half is one direction of a stream.
type half struct {
	skip int     // bytes of the current message that nobody reads; or lost
	buf  *buffer // nil when no message is incomplete
}

// lost is the skip of a half whose framing is not known: from the middle, after a
// gap or a malformed message.
const lost = -1

func (h *half) lost() bool { return h.skip == lost }

// Stream implements flow.Handler.
func (e *Engine) Stream(c *flow.Conversation, side flow.Side, b []byte, at int64, cut bool) {
	s, ok := c.App.(*session)
	if !ok {
		s = e.open(c)
	}
	if s.done || s.resting() {
		return
	}
	e.begin(s, c, side, at, true)
	defer e.rescue()
	h, v, fresh := &s.half[side&1], &e.levels[0], len(b)
	if v.m.Cut = cut; h.skip > 0 || h.buf != nil {
		b, fresh = e.within(s, h, b)
	}
	if len(b) > 0 {
		v.m.Data = b
		used, err := e.offer(s, &s.root, v, h.lost())
		if err != nil || used != len(b) || h.buf != nil {
			e.segment(s, h, b, fresh, used, err)
		} else { // one whole message, as nearly always
			h.skip, s.tries = 0, 0
		}
	}
	e.working = false
}

// within takes a segment that begins within a message, and returns what is to be
// read: its last fresh bytes are of the segment.
func (e *Engine) within(s *session, h *half, b []byte) (rest []byte, fresh int) {
	if h.skip > 0 {
		n := min(h.skip, len(b))
		h.skip -= n
		b = b[n:]
	}
	fresh = len(b)
	if len(h.incomplete()) > 0 {
		b = e.join(s, e.levels[0].m.From, b)
	} else if fresh == 0 && h.buf != nil {
		e.release(s, e.levels[0].m.From)
	}
	return b, fresh
}

// segment goes on from what came of the first message of b, message after
// message.
func (e *Engine) segment(s *session, h *half, b []byte, fresh, used int, err error) {
	for v := &e.levels[0]; ; used, err = e.offer(s, &s.root, v, h.lost()) {
		if err == nil && used > 0 && used <= len(b) {
			h.skip, s.tries = 0, 0
			b = b[used:]
		} else {
			var wait bool
			if b, wait = e.otherwise(s, v.m.From, b, fresh, used, err, v.m.Cut); wait {
				return
			}
		}
		if len(b) == 0 || s.done {
			break
		}
		v.m.Data = b
	}
	if h.buf != nil {
		e.release(s, e.levels[0].m.From)
	}
}

// join puts b behind what is kept of its direction; nil when that is too much.
func (e *Engine) join(s *session, side flow.Side, b []byte) []byte {
	h := &s.half[side]
	if len(h.buf.b)+len(b) > maxBuffer {
		e.sink.Lost(s.conv, "state-shed", len(h.buf.b))
		e.forget(s, side)
		return nil
	}
	e.buffers.grow(len(b))
	h.buf.b = append(h.buf.b, b...)
	return h.buf.b
}

// otherwise says where to go on when no message was read that lies within b, of
// which the last fresh bytes are the segment at hand. wait: with the next one.
func (e *Engine) otherwise(s *session, side flow.Side, b []byte, fresh, used int, err error, cut bool) (rest []byte, wait bool) {
	h, short := &s.half[side], errors.Is(err, ErrShort)
	if err == nil {
		h.skip = 0
	}
	if err == nil || short && cut && s.root.speaker != nil {
		s.tries = 0
	}
	switch {
	case err == nil && used > len(b):
		h.skip = used - len(b)
		return nil, false
	case short && !cut:
		rest, ok := e.anew(s, b, fresh)
		if !ok {
			e.keep(s, side, b)
		}
		return rest, !ok
	case errors.Is(err, ErrDone):
		e.finish(s)
		return nil, true
	}
	rest = e.astray(s, side, b)
	if rest == nil && len(b) > fresh { // it began in an earlier segment
		rest = b[len(b)-fresh:]
	}
	return rest, false
}

// anew tries the last n bytes of b, the segment at hand, alone: while the
// framing is not known, what came before may be the end of a message that
// passes for the beginning of one. It returns what is left behind a message.
func (e *Engine) anew(s *session, b []byte, n int) (rest []byte, ok bool) {
	h := &s.half[e.levels[0].m.From]
	if len(b) <= n || !h.lost() {
		return nil, false
	}
	s.root.race = nil
	b = b[len(b)-n:]
	e.levels[0].m.Data = b
	used, err := e.offer(s, &s.root, &e.levels[0], h.lost())
	if err == nil {
		h.skip, s.tries = 0, 0
	}
	switch {
	case errors.Is(err, ErrDone):
		e.finish(s)
		return nil, true
	case err != nil || used <= 0:
		if s.root.speaker == nil {
			s.root.race = nil
		}
		return nil, false
	case used > len(b):
		h.skip = used - len(b)
		return nil, true
	}
	return b[used:], true
}

// astray says where to go on after bytes that nobody could read.
func (e *Engine) astray(s *session, side flow.Side, b []byte) []byte {
	h := &s.half[side]
	if s.root.speaker == nil {
		e.keepUnread(s, side, b)
		if s.tries++; s.tries == maxTries {
			e.release(s, side.Other()) // what follows it is not looked at
		}
		s.root.race = nil
		s.half[flow.A].skip, s.half[flow.B].skip = lost, lost
		return nil
	}
	h.skip = lost
	if r, ok := s.root.d.(Resyncer); ok && len(b) > 1 {
		if off := r.Resync(b[1:]); off >= 0 && off < len(b)-1 {
			return b[1+off:]
		}
	}
	return nil
}

// resting reports whether the stream is one that nobody claims and this
// segment is not looked at.
func (s *session) resting() bool { return s.tries >= maxTries && s.rest() }

func (s *session) rest() bool {
	s.tries++
	return s.tries%probeEvery != 0
}

// Gap implements flow.Handler: the framing of that direction is lost.
func (e *Engine) Gap(c *flow.Conversation, side flow.Side, _ int64) {
	e.sink.Lost(c, "stream-gap", 1)
	if s, ok := c.App.(*session); ok && !s.done {
		e.forget(s, side)
	}
}

// forget drops what is buffered of one direction.
func (e *Engine) forget(s *session, side flow.Side) {
	e.release(s, side)
	s.half[side].skip = lost
	if s.root.speaker == nil {
		s.root.race = nil // whoever was in it knew the bytes before
	}
}

// Datagram implements flow.Handler. The datagram is offered again while bytes
// remain; a remainder that nobody reads is a trailer.
func (e *Engine) Datagram(c *flow.Conversation, side flow.Side, b []byte, at int64, cut bool) {
	s, ok := c.App.(*session)
	if !ok {
		s = e.open(c)
	}
	if s.done || s.resting() {
		return
	}
	e.begin(s, c, side, at, false)
	defer e.rescue()
	v := &e.levels[0]
	for v.m.Cut = cut; len(b) > 0 && !s.done; {
		v.m.Data = b
		used, err := e.offer(s, &s.root, v, false)
		if err != nil || used <= 0 {
			e.unheard(s, side, b, err)
			break
		}
		if used >= len(b) {
			break
		}
		b = b[used:]
	}
	e.working = false
}

// unheard takes a datagram, or what is left of one, that is no message.
func (e *Engine) unheard(s *session, side flow.Side, b []byte, err error) {
	switch {
	case errors.Is(err, ErrDone):
		e.finish(s)
	case err != nil && s.root.speaker == nil:
		e.keepUnread(s, side, b)
		s.tries++
		s.root.race = nil
	}
}
