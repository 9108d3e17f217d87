package dissect

import (
	"errors"

	"demarc/agent/flow"
)

// half is one direction of a stream.
type half struct {
	buf  []byte // incomplete message
	skip int    // bytes of the current message that nobody reads
	lost bool   // framing unknown: from the middle, after a gap or a malformed message
}

// Stream implements flow.Handler.
func (e *Engine) Stream(c *flow.Conversation, side flow.Side, b []byte, at int64, cut bool) {
	s := e.session(c)
	if s.done || s.resting() {
		return
	}
	e.at, e.side = at, side
	h := &s.half[side]
	if h.skip > 0 {
		n := min(h.skip, len(b))
		h.skip -= n
		b = b[n:]
	}
	fresh := len(b)
	if len(h.buf) > 0 {
		if len(h.buf)+len(b) > maxBuffer {
			e.sink.Lost(c, "state-shed", len(h.buf))
			e.forget(s, side)
			return
		}
		e.buffers.grow(len(b))
		h.buf = append(h.buf, b...)
		b = h.buf
	}
	for len(b) > 0 && !s.done {
		used, err := e.message(s, b, cut)
		switch {
		case err == nil && used > len(b):
			h.skip = used - len(b)
			b = nil
		case err == nil && used > 0:
			b = b[used:]
		case errors.Is(err, ErrShort) && !cut:
			rest, ok := e.anew(s, b, fresh)
			if !ok {
				e.keep(s, side, b)
				return
			}
			b = rest
		case errors.Is(err, ErrDone):
			e.finish(s)
			return
		default:
			next := e.astray(s, side, b)
			if next == nil && len(b) > fresh { // it began in an earlier segment
				next = b[len(b)-fresh:]
			}
			b = next
		}
	}
	e.release(s, side)
}

// anew tries the last n bytes of b, the segment at hand, alone: while the
// framing is not known, what came before may be the end of a message that
// passes for the beginning of one. It returns what is left behind a message.
func (e *Engine) anew(s *session, b []byte, n int) (rest []byte, ok bool) {
	h := &s.half[e.side]
	if len(b) <= n || !h.lost {
		return nil, false
	}
	s.root.race = nil
	b = b[len(b)-n:]
	used, err := e.message(s, b, false)
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

// message offers the front of b to whoever speaks. While the framing is not
// known, a claim counts only when a second message follows or the first ends
// with the segment.
func (e *Engine) message(s *session, b []byte, cut bool) (int, error) {
	h := &s.half[e.side]
	used, err := e.offer(s, &s.root, 0, b, cut, 0, h.lost)
	switch {
	case err == nil:
		h.lost, s.tries = false, 0
	case errors.Is(err, ErrShort) && cut && s.root.speaker != nil:
		s.tries = 0
	}
	return used, err
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
		s.half[flow.A].lost, s.half[flow.B].lost = true, true
		return nil
	}
	h.lost = true
	if r, ok := s.root.d.(Resyncer); ok && len(b) > 1 {
		if off := e.resync(s, r, b[1:]); off >= 0 && off < len(b)-1 {
			return b[1+off:]
		}
	}
	return nil
}

func (e *Engine) resync(s *session, r Resyncer, b []byte) (off int) {
	defer func() {
		if recover() != nil {
			e.panicked(s)
			off = -1
		}
	}()
	return r.Resync(b)
}

// resting reports whether the stream is one that nobody claims and this
// segment is not looked at.
func (s *session) resting() bool {
	if s.tries < maxTries {
		return false
	}
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
	s.half[side].lost, s.half[side].skip = true, 0
	if s.root.speaker == nil {
		s.root.race = nil // whoever was in it knew the bytes before
	}
}

// Datagram implements flow.Handler. The datagram is offered again while bytes
// remain; a remainder that nobody reads is a trailer.
func (e *Engine) Datagram(c *flow.Conversation, side flow.Side, b []byte, at int64, cut bool) {
	s := e.session(c)
	if s.done || s.resting() {
		return
	}
	e.at, e.side = at, side
	for len(b) > 0 {
		used, err := e.offer(s, &s.root, 0, b, cut, 0, false)
		if errors.Is(err, ErrDone) {
			e.finish(s)
			return
		}
		if err != nil || used <= 0 || used >= len(b) {
			if err != nil && s.root.speaker == nil {
				e.keepUnread(s, side, b)
				s.tries++
				s.root.race = nil
			}
			return
		}
		b = b[used:]
	}
}
