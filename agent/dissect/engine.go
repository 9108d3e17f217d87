package dissect

import (
	"slices"
	"unsafe"

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
	// Operation counts what was asked for, unless the conversation's Tally knows
	// of the class: then it is counted there, and no call is made.
	Operation(c *flow.Conversation, o ot.Operation, n int)
	Tally(c *flow.Conversation) *Tally
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

	busy      *session  // whose dissectors are at work, or were last
	working   bool      // they are
	rescue    func()    // deferred by what sets them to work
	direction Direction // of the packet at hand
	settled   bool      // who is client is known, by something better than a message
	levels    [maxDepth]level

	untold  Tally // of a session that has told no operation yet; knows no class
	touched byte  // keeps the compiler from leaving out what Ahead reads

	sink     Sink
	carriers map[string]*carrier // the transports
	byName   map[string]*Protocol
	expected expectations
	buffers  bufferList
}

// level is what a dissector of one depth is asked and what it tells: of a
// protocol over the transport, of one over that, or of a second message that is
// tried.
type level struct {
	m     Message
	out   log
	above *level // of what this one carries; nil when that is too deep
}

// Tally counts the operations of a conversation by class, where each is one bit
// of Known.
type Tally struct {
	Known  uint16
	Counts [ot.NumOperations]uint32
}

// count adds what a message asks for, or nothing: which of the two, no processor
// foresees. It reports whether the class was known.
func (t *Tally) count(l *log) bool {
	if uint16(l.asks)<<(l.asked&15)&^t.Known != 0 {
		return false
	}
	t.Counts[l.asked] += uint32(l.asks)
	return true
}

// NewEngine makes an engine over the given protocols, usually Protocols().
func NewEngine(all []Protocol, sink Sink) *Engine {
	all = slices.Clone(all)
	e := &Engine{sink: sink, carriers: carriers(all), byName: map[string]*Protocol{}, expected: newExpectations()}
	e.rescue = e.guard()
	for i := range e.levels[1:] {
		e.levels[i].above = &e.levels[i+1]
	}
	for i := range all {
		p := &all[i]
		e.byName[p.Name], p.carries = p, e.carriers[p.Name]
	}
	for _, name := range []string{"tcp", "udp", "ethernet", "sctp", "ip"} {
		if e.carriers[name] == nil {
			e.carriers[name] = &carrier{}
		}
	}
	return e
}

// session is what the engine keeps of a conversation. What every message needs
// comes first, in two lines of the processor's cache.
type session struct {
	root     layer
	done     bool // count packets only
	kept     bool // the name stands: what follows a Switch does not rename it
	foretold bool // expected is not nil
	tries    int32
	state    [3]*byte // of root's dissector, its child and its dissector, for Further; never nil
	tally    *Tally
	half     [2]half

	conv     *flow.Conversation
	expected *expectation
	unread   *unread // of a port of a plant's protocol, while nobody claims it

	older, newer *session // bufferList
	_            [24]byte // to a size that begins at a line's begin
}

// noState is the state of what there is not.
var (
	nothing byte
	noState = [3]*byte{&nothing, &nothing, &nothing}
)

// open is the session of a conversation that has none.
func (e *Engine) open(c *flow.Conversation) *session {
	s := &session{conv: c, tally: &e.untold, state: noState}
	s.root.on = e.carriers[carrierOf(c.Transport)]
	if c.Transport == 6 && !c.Opened && !c.Accepted {
		s.half[flow.A].skip, s.half[flow.B].skip = lost, lost
	}
	if x := e.expected.take(c); x != nil {
		s.expected, s.foretold = x, true
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
	s.root.proved, s.root.race, s.root.d, s.root.child = false, nil, nil, nil
	s.state = noState
}

// Ahead brings what a conversation's next message will need into the
// processor's cache.
func (e *Engine) Ahead(c *flow.Conversation) {
	if s, ok := c.App.(*session); ok {
		e.touched = byte(s.tries) ^ byte(s.half[flow.A].skip)
	}
}

// Further is Ahead for what Ahead has brought: the state of the dissectors.
func (e *Engine) Further(c *flow.Conversation) {
	if s, ok := c.App.(*session); ok {
		e.touched = *s.state[0] ^ *s.state[1] ^ *s.state[2]
	}
}

// stateOf is the first byte of a dissector's state, whatever that is: a method of
// it that told would cost each dissector more than is gained.
func stateOf(d Dissector) *byte {
	return (*[2]*byte)(unsafe.Pointer(&d))[1] //nolint:gosec // the second word of an interface points to what it holds
}

// begin makes ready for what a packet of c holds, that side sent.
func (e *Engine) begin(s *session, c *flow.Conversation, side flow.Side, at int64, stream bool) {
	m := &e.levels[0].m
	m.Ends, e.busy, e.working = &c.Ends, s, true
	m.Time, m.From, m.Stream, m.Tag = at, side, stream, 0
	if s.foretold {
		m.Tag = s.expected.tag
	}
	e.direct(c, side)
}

// direct notes what is known of who asks and who answers.
func (e *Engine) direct(c *flow.Conversation, side flow.Side) {
	e.direction, e.settled = direction(c, side), c.Directed && c.Basis >= ot.BasisSemantics
}

// guard is what whatever runs dissectors defers: a panic costs the conversation.
// It is made once, for a method with its engine would be made for each message.
func (e *Engine) guard() func() {
	return func() {
		if !e.working {
			return
		}
		s := e.busy
		_ = recover() // it was told to nobody else, and is counted
		e.working = false
		e.Panics++
		e.finish(s)
		e.sink.Lost(s.conv, "panic", 1)
	}
}

// ready makes ready for a dissector to be asked about the message of a level.
func (e *Engine) ready(v *level) {
	v.m.Direction = e.direction
	v.out.reset()
	v.out.settled = e.settled
}

// direction is that of a message that side sent. It is worked out without a
// branch: which side sends next, no processor foresees.
func direction(c *flow.Conversation, side flow.Side) Direction {
	known := -Direction(bit(c.Directed))
	return (FromClient + Direction(c.Client^side)&1) & known
}
