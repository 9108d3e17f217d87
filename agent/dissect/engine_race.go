package dissect

import (
	"errors"

	"demarc/agent/flow"
)

// layer is one carrier with whoever speaks over it.
type layer struct {
	speaker *Protocol // nil while the race is on
	d       Dissector
	child   *layer
	on      *carrier
	race    []runner
	spare   []runner // over a carrier: who did not know the payloads before, for the next one
	surmise Surmiser // not proved yet
}

type runner struct {
	p *Protocol
	d Dissector
}

// offer gives b to a layer. prove: a claim needs a second message, or its end
// at the end of b.
func (e *Engine) offer(s *session, l *layer, depth int, b []byte, cut bool, tag uint64, prove bool) (int, error) {
	if l.speaker != nil {
		return e.speak(s, l, depth, b, cut, tag, prove)
	}
	e.enter(s, l, depth, b)
	short := false
	for i := 0; i < len(l.race); i++ {
		r := l.race[i]
		l.speaker, l.d = r.p, r.d
		used, err := e.speak(s, l, depth, b, cut, tag, prove)
		if err == nil || errors.Is(err, ErrDone) {
			l.race, l.spare = nil, nil
			return used, err
		}
		l.speaker, l.d = nil, nil
		if s.done {
			return 0, ErrNotMine
		}
		if errors.Is(err, ErrShort) {
			short = true
			continue
		}
		l.race = append(l.race[:i], l.race[i+1:]...)
		i--
	}
	if short {
		return 0, ErrShort
	}
	return 0, ErrNotMine
}

// enter fills the race: expectations, then port hints, then signatures. A hint
// is no proof: a protocol that has a signature and does not know these bytes by
// it comes behind those that know them.
func (e *Engine) enter(s *session, l *layer, depth int, b []byte) {
	if len(l.race) > 0 {
		return
	}
	defer func() { // a signature may panic, too
		if recover() != nil {
			e.panicked(s)
		}
	}()
	if depth > 0 {
		for _, p := range l.on.protocols {
			switch {
			case p.Match == nil:
				l.enterAgain(p)
			case p.Match(b):
				l.enter(p)
			}
		}
		return
	}
	if s.expected != nil {
		l.enter(e.byName[s.expected.protocol])
	}
	hints := e.hints(s, l)
	for _, ports := range hints {
		for _, p := range ports {
			if p.Match == nil || p.Match(b) || p.Near != nil && p.Near(b) {
				l.enter(p)
			}
		}
	}
	for _, p := range l.on.protocols {
		if p.Match != nil && p.Match(b) {
			l.enter(p)
		}
	}
	l.enterAll(hints[0])
	l.enterAll(hints[1])
}

// hints are the protocols that usually have the numbers of the conversation.
func (e *Engine) hints(s *session, l *layer) [2][]*Protocol {
	switch carrierOf(s.conv.Transport) {
	case "ethernet":
		return [2][]*Protocol{l.on.ports[s.conv.EtherType]}
	case "ip":
		return [2][]*Protocol{l.on.ports[uint16(s.conv.Transport)]}
	}
	return [2][]*Protocol{l.on.ports[s.conv.Ends[flow.B].Port], l.on.ports[s.conv.Ends[flow.A].Port]}
}

func (l *layer) enterAll(all []*Protocol) {
	for _, p := range all {
		l.enter(p)
	}
}

// enterAgain enters a protocol that is asked about every payload.
func (l *layer) enterAgain(p *Protocol) {
	for _, r := range l.spare {
		if r.p == p {
			l.race = append(l.race, r)
			return
		}
	}
	l.enter(p)
	l.spare = append(l.spare, l.race[len(l.race)-1])
}

func (l *layer) enter(p *Protocol) {
	if p == nil {
		return
	}
	for i := range l.race {
		if l.race[i].p == p {
			return
		}
	}
	l.race = append(l.race, runner{p, p.New()})
}

// speak lets the layer's dissector read one message and, when it counts,
// carries out what it told.
func (e *Engine) speak(s *session, l *layer, depth int, b []byte, cut bool, tag uint64, prove bool) (int, error) {
	first := !s.named(l)
	used, err := e.call(s, l, depth, b, cut, tag)
	short := false
	if err != nil {
		short = errors.Is(err, ErrShort)
		if counts := errors.Is(err, ErrDone) || short && cut && !first; !counts {
			return 0, err
		}
	}
	if prove && err == nil && !e.follows(s, l, depth, b, used, cut, tag) {
		if used < len(b) && !s.done && s.unfinished(e, l, depth, b[used:], cut, tag) {
			return 0, ErrShort
		}
		return 0, ErrNotMine
	}
	if (first || l.surmise != nil) && !short {
		e.name(s, l)
	}
	e.commit(s, l, depth, short)
	return used, err
}

// follows reports whether what comes behind the first message bears it out.
func (e *Engine) follows(s *session, l *layer, depth int, b []byte, used int, cut bool, tag uint64) bool {
	switch {
	case used == len(b):
		return true
	case s.done:
		return false
	case used > len(b):
		return e.matches(s, l.speaker, b)
	}
	_, err := e.call(s, l, depth+1, b[used:], cut, tag)
	return err == nil || errors.Is(err, ErrDone)
}

func (e *Engine) matches(s *session, p *Protocol, b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			e.panicked(s)
			ok = false
		}
	}()
	return p.Match != nil && p.Match(b)
}

// unfinished reports whether the second message has merely not come whole.
func (s *session) unfinished(e *Engine, l *layer, depth int, b []byte, cut bool, tag uint64) bool {
	_, err := e.call(s, l, depth+1, b, cut, tag)
	return errors.Is(err, ErrShort) && len(b) < maxBuffer/4
}

// named reports whether the layer's speaker has had its first success.
func (s *session) named(l *layer) bool { return len(l.race) == 0 }
