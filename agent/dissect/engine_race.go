package dissect

import (
	"errors"
	"slices"
	"unsafe"

	"demarc/agent/flow"
)

// layer is one carrier with whoever speaks over it.
type layer struct {
	speaker  *Protocol // nil while the race is on
	d        Dissector
	child    *layer
	on       *carrier
	race     *race // nil when there is none
	proved   bool  // speaker is, by a message that counted
	surmised bool  // speaker is named, and not proved yet
}

// race is who may speak over a carrier.
type race struct {
	runners []runner
	spare   []runner // over a carrier: who did not know the payloads before, for the next one
}

type runner struct {
	p *Protocol
	d Dissector
}

// offer gives the message of a level to a layer, carries out what it tells when
// it counts, and returns its length. prove: a claim needs a second message, or
// its end at the end of the bytes.
func (e *Engine) offer(s *session, l *layer, v *level, prove bool) (used int, err error) {
	if l.speaker == nil {
		return e.contest(s, l, v, prove)
	}
	e.ready(v)
	used, err = l.d.Dissect(&v.m, &v.out)
	if err != nil || prove || !l.proved {
		return e.weigh(s, l, v, prove, used, err)
	}
	if v.out.plain() && s.tally.count(&v.out) {
		return used, nil
	}
	if x := v.out.payloadAlone(); x != nil {
		e.payload(s, l, v, x, false)
	} else {
		e.commit(s, l, v, false)
	}
	return used, nil
}

// contest gives the message to all that may speak. The first success wins.
func (e *Engine) contest(s *session, l *layer, v *level, prove bool) (int, error) {
	e.enter(s, l, v)
	race, short := l.race, false
	for i := 0; i < len(race.runners); i++ {
		r := race.runners[i]
		l.speaker, l.d = r.p, r.d
		used, err := e.offer(s, l, v, prove)
		if err == nil || errors.Is(err, ErrDone) {
			l.race = nil
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
		race.runners = slices.Delete(race.runners, i, i+1)
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
func (e *Engine) enter(s *session, l *layer, v *level) {
	switch {
	case l.race == nil:
		l.race = &race{}
	case len(l.race.runners) > 0:
		return
	}
	b := v.m.Data
	if v != &e.levels[0] {
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
	for _, r := range l.race.spare {
		if r.p == p {
			l.race.runners = append(l.race.runners, r)
			return
		}
	}
	l.enter(p)
	l.race.spare = append(l.race.spare, l.race.runners[len(l.race.runners)-1])
}

func (l *layer) enter(p *Protocol) {
	if p == nil {
		return
	}
	for _, r := range l.race.runners {
		if r.p == p {
			return
		}
	}
	l.race.runners = append(l.race.runners, runner{p, p.New()})
}

// weigh decides whether a message counts that was not plainly one more of a
// protocol that is proved, and then carries out what it told.
func (e *Engine) weigh(s *session, l *layer, v *level, prove bool, used int, err error) (int, error) {
	m := &v.m
	first, short := !l.named(), false
	if err != nil {
		short = errors.Is(err, ErrShort)
		if counts := errors.Is(err, ErrDone) || short && m.Cut && !first; !counts {
			return 0, err
		}
	}
	if prove && err == nil {
		if err := e.follows(l, v, used); err != nil {
			return 0, err
		}
	}
	if (first || l.surmised) && !short {
		e.name(s, l)
	}
	if !l.proved && err == nil && !l.surmised {
		l.proved = true
		s.remember(l)
	}
	e.commit(s, l, v, short)
	return used, err
}

// remember notes where the state of a layer's dissector is.
func (s *session) remember(l *layer) {
	switch l {
	case &s.root:
		s.state[0] = stateOf(l.d)
	case s.root.child:
		s.state[1], s.state[2] = (*byte)(unsafe.Pointer(l)), stateOf(l.d) //nolint:gosec // only its address counts
	}
}

// follows reports by nil whether what comes behind the first message bears it
// out, and by ErrShort that it has not come whole.
func (e *Engine) follows(l *layer, v *level, used int) error {
	m := &v.m
	switch {
	case used == len(m.Data):
		return nil
	case used > len(m.Data):
		if l.speaker.Match != nil && l.speaker.Match(m.Data) {
			return nil
		}
		return ErrNotMine
	}
	second := v.above
	second.m = *m
	second.m.Data, second.m.Trial = m.Data[used:], true
	e.ready(second)
	_, err := l.d.Dissect(&second.m, &second.out)
	switch {
	case err == nil, errors.Is(err, ErrDone):
		return nil
	case errors.Is(err, ErrShort) && len(second.m.Data) < maxBuffer/4:
		return ErrShort
	}
	return ErrNotMine
}

// named reports whether the layer's speaker has had its first success.
func (l *layer) named() bool { return l.race == nil || len(l.race.runners) == 0 }
