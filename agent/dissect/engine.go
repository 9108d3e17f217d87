package dissect

import (
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// Limits of the engine.
const (
	maxBuffer  = 64 << 10 // incomplete message, one direction
	maxBuffers = 32 << 20 // of all conversations
	maxDepth   = 6        // protocols over protocols
	maxTries   = 24       // segments in a row that nobody claims before looking only now and then
	probeEvery = 64       // then one segment of so many is looked at
)

// Sink is the stage above. Subjects come resolved to ByAddr or ByMAC, and
// slices are valid during the call.
type Sink interface {
	Fact(c *flow.Conversation, of Subject, a ot.Attribute, value []byte, source string, g ot.Grade, at int64)
	Operation(c *flow.Conversation, o ot.Operation, n int)
	// Protocol names what the conversation speaks, and how well that is founded;
	// a later call is more specific, or better founded.
	Protocol(c *flow.Conversation, name string, g ot.Grade)
	Security(c *flow.Conversation, s ot.Security)
	// Directed tells that client and server became known or turned round.
	Directed(c *flow.Conversation)
	// Lost tells of inspection that did not happen: stream-gap, state-shed, panic.
	Lost(c *flow.Conversation, reason string, n int)
}

// Engine runs the dissectors of one worker. It implements flow.Handler.
type Engine struct {
	Panics uint64 // dissectors that panicked; each cost its own conversation

	at   int64     // of the packet at hand
	side flow.Side // that sent it

	sink     Sink
	carriers map[string]*carrier
	byName   map[string]*Protocol
	logs     [maxDepth + 1]log
	messages [maxDepth]Message
	expected expectations
	buffers  bufferList
}

// NewEngine makes an engine over the given protocols, usually Protocols().
func NewEngine(all []Protocol, sink Sink) *Engine {
	e := &Engine{sink: sink, carriers: carriers(all), byName: map[string]*Protocol{}, expected: newExpectations()}
	for i := range all {
		e.byName[all[i].Name] = &all[i]
	}
	for _, name := range []string{"tcp", "udp", "ethernet", "sctp", "ip"} {
		if e.carriers[name] == nil {
			e.carriers[name] = &carrier{}
		}
	}
	return e
}

// session is what the engine keeps of a conversation.
type session struct {
	conv     *flow.Conversation
	done     bool // count packets only
	kept     bool // the name stands: what follows a Switch does not rename it
	tries    int
	expected *expectation
	root     layer
	half     [2]half
	unread   *unread // of a port of a plant's protocol, while nobody claims it

	older, newer *session // bufferList
}

func (e *Engine) session(c *flow.Conversation) *session {
	if s, ok := c.App.(*session); ok {
		return s
	}
	s := &session{conv: c}
	s.root.on = e.carriers[carrierOf(c.Transport)]
	if c.Transport == 6 && !c.Opened && !c.Accepted {
		s.half[flow.A].lost, s.half[flow.B].lost = true, true
	}
	if x := e.expected.take(c); x != nil {
		s.expected = x
		c.Parent = &x.parent
	}
	c.App = s
	return s
}

func carrierOf(transport uint8) string {
	switch transport {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 132:
		return "sctp"
	case flow.Ethernet:
		return "ethernet"
	}
	return "ip" // its hints are numbers of IP protocols
}

// Close implements flow.Handler.
func (e *Engine) Close(c *flow.Conversation, evicted bool) {
	s, ok := c.App.(*session)
	if !ok {
		return
	}
	if evicted && !s.done {
		e.sink.Lost(c, "table-full", 1)
	}
	e.tellUnread(s)
	e.finish(s)
	c.App = nil
}

// finish stops looking into the conversation.
func (e *Engine) finish(s *session) {
	e.release(s, flow.A)
	e.release(s, flow.B)
	s.done = true
	s.root.race, s.root.d, s.root.child = nil, nil, nil
}

// call runs a layer's dissector over b into the log of its depth. A panic costs
// the conversation.
func (e *Engine) call(s *session, l *layer, depth int, b []byte, cut bool, tag uint64) (used int, err error) {
	if depth >= maxDepth {
		return 0, ErrNotMine
	}
	c, m, out := s.conv, &e.messages[depth], &e.logs[depth]
	out.n = 0
	root := l == &s.root
	m.Time, m.Src, m.Dst = e.at, &c.Ends[e.side], &c.Ends[e.side.Other()]
	m.Direction = direction(c, e.side)
	m.Data, m.Cut, m.Tag = b, cut, tag
	m.Stream = root && c.Transport == 6
	m.Trial = root && depth > 0 // a trial of the second message runs one deeper
	if s.expected != nil && depth == 0 {
		m.Tag = s.expected.tag
	}
	well := false
	defer func() {
		if !well && recover() != nil {
			e.panicked(s)
			used, err = 0, ErrMalformed
		}
	}()
	used, err = l.d.Dissect(m, out)
	well = true
	return used, err
}

// direction is that of a message that side sent.
func direction(c *flow.Conversation, side flow.Side) Direction {
	switch {
	case !c.Directed:
		return Unknown
	case c.Client == side:
		return FromClient
	}
	return FromServer
}

func (e *Engine) panicked(s *session) {
	e.Panics++
	e.finish(s)
	e.sink.Lost(s.conv, "panic", 1)
}
