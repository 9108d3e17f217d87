package dissect

import "demarc/agent/flow"

// bufferList holds the sessions that buffer incomplete messages, longest
// untouched first, and the bytes of all of them.
type bufferList struct {
	oldest, newest *session
	bytes          int
	spare          []*buffer // small ones, for the next who needs one
}

// buffer is an incomplete message.
type buffer struct{ b []byte }

// incomplete is what of an incomplete message is there.
func (h *half) incomplete() []byte {
	if h.buf == nil {
		return nil
	}
	return h.buf.b
}

// Limits of what is kept for use again.
const (
	maxSpare     = 64
	maxSpareSize = 4096
)

func (l *bufferList) grow(n int) { l.bytes += n }

// keep stores an incomplete message; b may be the tail of the buffer itself.
func (e *Engine) keep(s *session, side flow.Side, b []byte) {
	h := &s.half[side]
	before := len(h.incomplete())
	if len(b) > maxBuffer {
		e.sink.Lost(s.conv, "state-shed", len(b))
		e.forget(s, side)
		return
	}
	if h.buf == nil {
		h.buf = e.buffers.take()
	}
	h.buf.b = append(h.buf.b[:0], b...)
	s.tries = min(s.tries, maxTries-1) // the next segment is looked at
	e.buffers.bytes += len(b) - before
	e.buffers.touch(s)
	for e.buffers.bytes > maxBuffers {
		e.shed()
	}
}

// shed gives up the buffers of one session: an idle IT stream first, else the
// longest untouched.
func (e *Engine) shed() {
	victim := e.buffers.oldest
	for s, n := victim, 0; s != nil && n < 16; s, n = s.newer, n+1 {
		if p := s.root.speaker; p == nil || !p.OT {
			victim = s
			break
		}
	}
	e.sink.Lost(victim.conv, "state-shed", len(victim.half[0].incomplete())+len(victim.half[1].incomplete()))
	e.forget(victim, flow.A)
	e.forget(victim, flow.B)
}

// release lets go of one direction's buffer.
func (e *Engine) release(s *session, side flow.Side) {
	h := &s.half[side]
	if h.buf == nil {
		return
	}
	e.buffers.bytes -= len(h.buf.b)
	if cap(h.buf.b) <= maxSpareSize && len(e.buffers.spare) < maxSpare {
		h.buf.b = h.buf.b[:0]
		e.buffers.spare = append(e.buffers.spare, h.buf)
	}
	h.buf = nil
	if len(s.half[side.Other()].incomplete()) == 0 {
		e.buffers.remove(s)
	}
}

func (l *bufferList) take() *buffer {
	n := len(l.spare)
	if n == 0 {
		return &buffer{}
	}
	b := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return b
}

func (l *bufferList) touch(s *session) {
	l.remove(s)
	s.older = l.newest
	if l.newest != nil {
		l.newest.newer = s
	} else {
		l.oldest = s
	}
	l.newest = s
}

func (l *bufferList) remove(s *session) {
	if s.older == nil && s.newer == nil && l.oldest != s {
		return
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		l.oldest = s.newer
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		l.newest = s.older
	}
	s.older, s.newer = nil, nil
}
