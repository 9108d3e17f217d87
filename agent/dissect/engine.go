package dissect

import (
	"errors"

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

// half is one direction of a stream.
type half struct {
	buf  []byte // incomplete message
	skip int    // bytes of the current message that nobody reads
	lost bool   // framing unknown: from the middle, after a gap or a malformed message
}

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

// named reports whether the layer's speaker has had its first success.
func (s *session) named(l *layer) bool { return len(l.race) == 0 }

// name tells the sink the protocol that has just been proved, or inferred.
func (e *Engine) name(s *session, l *layer) {
	was, grade := l.surmise, ot.Content
	if l.surmise, _ = l.d.(Surmiser); l.surmise != nil && l.surmise.Surmises() {
		grade = ot.Behaviour
	} else {
		l.surmise = nil
	}
	better := l.surmise == nil && (l.child == nil || l.child.speaker == nil) // what it carries is named already
	if !s.kept && (was == nil || better) {
		e.sink.Protocol(s.conv, l.speaker.Name, grade)
	}
}

// commit carries out what the message told. short: the capture cut it, and so
// what it carries.
func (e *Engine) commit(s *session, l *layer, depth int, short bool) {
	log, c := &e.logs[depth], s.conv
	for i := 0; i < log.n && !s.done; i++ {
		x := &log.entries[i]
		switch x.kind {
		case toldFact:
			e.fact(c, x)
		case toldOperation:
			e.sink.Operation(c, x.operation, x.n)
		case toldSender:
			e.turn(c, e.side, x.role)
		case toldSecurity:
			e.sink.Security(c, x.security)
		case toldPayload:
			e.payload(s, l, depth, x, short)
		case toldSwitch:
			e.change(s, x.text)
			return
		case toldExpect:
			e.expected.add(c, x, e.at, e.byName[x.text])
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
}

func (e *Engine) fact(c *flow.Conversation, x *entry) {
	of := x.subject
	switch of.Kind {
	case BySender, ByReceiver:
		end := &c.Ends[e.side]
		if of.Kind == ByReceiver {
			end = &c.Ends[e.side.Other()]
		}
		if of.Addr, of.MAC = end.Addr, end.MAC; end.Addr.IsValid() && !end.Addr.IsUnspecified() {
			of.Kind = ByAddr
		} else {
			of.Kind = ByMAC
		}
	case ByAddr, ByMAC:
	}
	e.sink.Fact(c, of, x.attribute, x.value, x.text, x.grade, e.at)
}

// payload offers what a protocol carries to those registered over it.
func (e *Engine) payload(s *session, l *layer, depth int, x *entry, cut bool) {
	over := e.carriers[l.speaker.Name]
	if over == nil || len(x.value) == 0 || depth+2 >= maxDepth {
		return
	}
	if l.child == nil {
		l.child = &layer{on: over}
	}
	if l.child.speaker == nil {
		l.child.race = l.child.race[:0] // each payload is a message of its own
	}
	_, _ = e.offer(s, l.child, depth+1, x.value, cut, x.tag, false)
}

// change makes the next byte of the stream another protocol, or, with "", one
// to be looked for afresh.
func (e *Engine) change(s *session, to string) {
	s.root = layer{on: s.root.on}
	p := e.byName[to]
	if p == nil {
		return
	}
	s.kept = true
	s.root.speaker, s.root.d = p, p.New()
}
