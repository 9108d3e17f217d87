package dissect

import (
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// name tells the sink the protocol that has just been proved, or inferred.
func (e *Engine) name(s *session, l *layer) {
	was, grade := l.surmised, ot.Content
	x, ok := l.d.(Surmiser)
	if l.surmised = ok && x.Surmises(); l.surmised {
		grade = ot.Behaviour
	}
	better := !l.surmised && (l.child == nil || l.child.speaker == nil) // what it carries is named already
	if !s.kept && (!was || better) {
		e.sink.Protocol(s.conv, l.speaker.Name, grade)
	}
}

// commit carries out what the message told. short: the capture cut it, and so
// what it carries.
func (e *Engine) commit(s *session, l *layer, v *level, short bool) {
	log := &v.out
	if log.sender != 0 {
		e.turn(s.conv, v.m.From, log.sender)
	}
	if !s.tally.count(log) {
		e.sink.Operation(s.conv, log.asked, log.asks)
		s.tally = e.sink.Tally(s.conv)
	}
	if log.n > 0 {
		e.commitEntries(s, l, v, short)
	}
}

func (e *Engine) commitEntries(s *session, l *layer, v *level, short bool) {
	log, c := &v.out, s.conv
	for i := 0; i < log.n && !s.done; i++ {
		x := &log.entries[i]
		switch x.kind {
		case toldPayload:
			e.payload(s, l, v, x, short)
		case toldFact:
			e.fact(c, &v.m, x)
		case toldOperation:
			e.sink.Operation(c, x.operation, x.n)
		case toldSender:
			e.turn(c, v.m.From, x.role)
		case toldSecurity:
			e.sink.Security(c, x.security)
		case toldSwitch:
			e.change(s, x.text)
			return
		case toldExpect:
			e.expected.add(c, x, v.m.Time, e.byName[x.text])
		}
	}
}

// turn takes from side's own message which part it plays.
func (e *Engine) turn(c *flow.Conversation, side flow.Side, r Role) {
	client := side
	if r == Server {
		client = side.Other()
	}
	if c.SetClient(client, ot.BasisSemantics) {
		e.sink.Directed(c)
	}
	e.direct(c, side)
}

func (e *Engine) fact(c *flow.Conversation, m *Message, x *entry) {
	of := x.subject
	switch of.Kind {
	case BySender, ByReceiver:
		end := &c.Ends[m.From]
		if of.Kind == ByReceiver {
			end = &c.Ends[m.From.Other()]
		}
		if of.Addr, of.MAC = end.Addr, end.MAC; end.Addr.IsValid() && !end.Addr.IsUnspecified() {
			of.Kind = ByAddr
		} else {
			of.Kind = ByMAC
		}
	case ByAddr, ByMAC:
	}
	e.sink.Fact(c, of, x.attribute, x.value, x.text, x.grade, m.Time)
}

// payload offers what a protocol carries to those registered over it.
func (e *Engine) payload(s *session, l *layer, v *level, x *entry, cut bool) {
	if len(x.value) == 0 || (l.child == nil || !l.child.proved) && !l.carries(v) {
		return
	}
	from, m := &v.m, &v.above.m
	m.Time, m.Ends, m.From, m.Trial = from.Time, from.Ends, from.From, from.Trial
	m.Data, m.Tag, m.Cut, m.Stream = x.value, x.tag, cut, false
	_, _ = e.offer(s, l.child, v.above, false)
}

// carries makes ready for a payload over a layer, and reports whether any is read.
func (l *layer) carries(v *level) bool {
	over := l.speaker.carries
	if over == nil || v.above.above == nil { // the last is for a message that is tried
		return false
	}
	if l.child == nil {
		l.child = &layer{on: over}
	}
	if l.child.speaker == nil && l.child.race != nil {
		l.child.race.runners = l.child.race.runners[:0] // each payload is a message of its own
	}
	return true
}

// change makes the next byte of the stream another protocol, or, with "", one
// to be looked for afresh.
func (e *Engine) change(s *session, to string) {
	s.root, s.state = layer{on: s.root.on}, noState
	p := e.byName[to]
	if p == nil {
		return
	}
	s.kept = true
	s.root.speaker, s.root.d = p, p.New()
}
