package dissect

import (
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// Quoted implements flow.Quoter: an ICMP error quotes a datagram of c. Its bytes
// name what c speaks while nothing better does, as inferred: another host says
// that they were sent. They tell nothing else of anybody. Whose only news is
// such errors about one protocol is named by it, too.
func (e *Engine) Quoted(report, c *flow.Conversation, side flow.Side, b []byte, at int64, cut bool) {
	s, ok := c.App.(*session)
	if !ok {
		s = e.open(c)
	}
	name := s.speaks()
	if name == "" && len(b) > 0 && s.tries < maxTries && !s.done && c.Transport != 6 {
		s.tries++
		name = e.recognise(s, side, b, at, cut)
	}
	if name != "" && !report.Other && report.Ends[flow.A].Addr == c.Ends[side.Other()].Addr {
		e.sink.Protocol(report, name, ot.Behaviour)
	}
}

// speaks names who is proved to speak; "" while nobody is.
func (s *session) speaks() string {
	name := ""
	for l := &s.root; l != nil && l.speaker != nil; l = l.child {
		name = l.speaker.Name
	}
	return name
}

// recognise names the protocol of one datagram, and who asked, and keeps
// nothing of it.
func (e *Engine) recognise(s *session, side flow.Side, b []byte, at int64, cut bool) (name string) {
	l := layer{on: s.root.on}
	e.begin(s, s.conv, side, at, s.conv.Transport == 6)
	defer e.rescue()
	v := &e.levels[0]
	v.m.Data, v.m.Cut = b, cut
	e.enter(s, &l, v)
	for _, r := range l.race.runners {
		e.ready(v)
		if used, err := r.d.Dissect(&v.m, &v.out); err != nil || used <= 0 {
			continue
		}
		e.sink.Protocol(s.conv, r.p.Name, ot.Behaviour)
		e.turnBy(&v.out, s.conv, side)
		name = r.p.Name
		break
	}
	e.working = false
	return name
}

// turnBy takes from what a message told who asked, and nothing else.
func (e *Engine) turnBy(log *log, c *flow.Conversation, side flow.Side) {
	if log.sender != 0 {
		e.turn(c, side, log.sender)
	}
	for i := range log.entries[:log.n] {
		if x := &log.entries[i]; x.kind == toldSender {
			e.turn(c, side, x.role)
		}
	}
}
