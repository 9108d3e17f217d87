package flow

import (
	"hash/maphash"
	"net/netip"
	"time"

	"demarc/agent/decode"
	"demarc/internal/ot"
)

// Handler is the stage above: it is told what conversations carry, on the
// caller's goroutine. Slices are valid during the call.
type Handler interface {
	// Stream gives the next bytes of a TCP direction, one segment a call. cut:
	// the capture ends inside this segment, and a Gap follows.
	Stream(c *Conversation, side Side, b []byte, at int64, cut bool)
	// Gap tells that bytes of a TCP direction were missed.
	Gap(c *Conversation, side Side, at int64)
	// Datagram gives the payload of anything that is not TCP.
	Datagram(c *Conversation, side Side, b []byte, at int64, cut bool)
	// Close tells that the conversation leaves the table, and is the last use
	// of c. evicted: not of age or by its own end but because the table is full.
	Close(c *Conversation, evicted bool)
}

// Limit bounds the table. The zero value takes the defaults.
type Limit struct {
	Conversations int           // default 100,000
	HeldBytes     int           // out-of-order data in all, default 16 MiB
	IdleTCP       time.Duration // default 1 h
	IdleOther     time.Duration // default 5 min
	Linger        time.Duration // after FIN or RST, default 15 s
}

func (l Limit) withDefaults() Limit {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	dur := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Conversations, 100_000)
	def(&l.HeldBytes, 16<<20)
	dur(&l.IdleTCP, time.Hour)
	dur(&l.IdleOther, 5*time.Minute)
	dur(&l.Linger, 15*time.Second)
	return l
}

// Table holds the conversations of one worker; it is not safe for concurrent
// use.
type Table struct {
	Gaps       uint64 // stretches of TCP data that the capture missed
	Evicted    uint64 // conversations that left because the table was full
	Duplicates uint64 // frames that a mirror copied twice, or that came on two lanes

	handler   Handler
	quoter    Quoter // the same, if it has the power
	limit     Limit
	now       int64
	swept     int64
	hand      int // next of all to look at when sweeping
	heldBytes int
	seed      maphash.Seed
	all       []*Conversation
	index     []entry
	touched   uint64 // keeps the compiler from leaving out what Ahead reads
	listeners map[listener]struct{}
	free      []*Conversation // of conversations that left, used again
	seen      []frames        // by hash of the frame
	frames    uint64          // that were looked for in seen
	pressure  pressure        // on seen
	copying   int             // how much the mirror copies: 2 up for a copy, 1 down for any other frame
	nodes     map[node]*lanes // that send on two lanes
}

// listener is a server that a handshake or its protocol has proved.
type listener struct {
	segment   uint16
	transport uint8
	addr      netip.Addr
	port      uint16
}

const maxListeners = 65536

// reopenAfter is how long a SYN may come behind its own session's packets.
const reopenAfter = int64(time.Second)

// NewTable makes an empty table that tells h.
func NewTable(h Handler, limit Limit) *Table {
	t := &Table{handler: h, limit: limit.withDefaults(), listeners: map[listener]struct{}{}, seed: maphash.MakeSeed(), seen: make([]frames, fewSets)}
	t.quoter, _ = h.(Quoter)
	t.index = make([]entry, 1<<10)
	return t
}

// Len is the number of conversations held.
func (t *Table) Len() int { return len(t.all) }

// Add takes one decoded packet of a segment and returns its conversation and
// the side that sent it; duplicate tells that a mirror copied an earlier frame
// and nothing was counted. It returns nil for a packet without any address.
func (t *Table) Add(p *decode.Packet, segment uint16) (c *Conversation, side Side, duplicate bool) {
	if p.Has&(decode.HasIP|decode.HasMAC) == 0 {
		return nil, A, false
	}
	if t.now = max(t.now, p.Time); t.now-t.swept > int64(time.Second) {
		t.sweep()
	}
	p.Identify()
	c, side = t.find(p, segment)
	if c != nil && c.Quoted { // it shows itself now
		t.remove(c, false)
		c = nil
	}
	if c == nil {
		c, side = t.insert(p, segment), A
	}
	if t.duplicate(c, side, p) {
		return c, side, true
	}
	if c.Transport == tcp && p.Flags&decode.SYN != 0 && c.reopened(side, p) {
		t.remove(c, false)
		c, side = t.insert(p, segment), A
	}
	c.Last = max(c.Last, p.Time)
	if p.Has&decode.HasMAC != 0 && p.SrcMAC != c.macs[side] {
		c.macs[side], c.Ends[side].MAC = p.SrcMAC, p.SrcMAC
	}
	n := &c.Sent[side]
	n.Packets++
	n.Bytes += uint64(p.Length)
	switch {
	case p.Fault != decode.NoFault:
	case c.Transport == tcp:
		t.segment(c, side, p)
	default:
		t.datagram(c, side, p)
	}
	return c, side, false
}

// Tick moves packet time on in silence, so that ageing runs live as in a file.
func (t *Table) Tick(now int64) {
	t.now = max(t.now, now)
	t.sweep()
}

// Close ends every conversation, in the order in which they began.
func (t *Table) Close() {
	for _, c := range t.all {
		t.flush(c)
		t.handler.Close(c, false)
	}
	t.all, t.hand = nil, 0
	t.index = make([]entry, 1<<10)
}

// All calls f for every conversation held.
func (t *Table) All(f func(*Conversation)) {
	for _, c := range t.all {
		f(c)
	}
}

func (t *Table) segment(c *Conversation, side Side, p *decode.Packet) {
	seq := p.Seq
	if p.Flags&(decode.SYN|decode.RST|decode.FIN) != 0 {
		switch {
		case p.Flags&decode.SYN != 0:
			t.opened(c, side, p)
			seq++
		case p.Flags&decode.RST != 0:
			t.reset(c, side, p)
			return
		default:
			c.Finished |= 1 << side
		}
	}
	if p.Flags&decode.ACK != 0 {
		t.acknowledged(c, side, p.Ack)
	}
	wire, s := uint32(max(p.PayloadLen, len(p.Payload))), &c.streams[side]
	switch {
	case wire == 0:
	case seq == s.next && s.started && s.early == nil: // in order, as nearly always
		c.Payload[side] = true
		t.advance(c, side, wire, p.Payload)
	case wire == 1 && p.Seq+1 == s.next: // a keep-alive, RFC 9293 3.8.4
	default:
		c.Payload[side] = true
		t.push(c, side, seq, wire, p.Payload)
	}
}

func (t *Table) reset(c *Conversation, side Side, p *decode.Packet) {
	if c.Basis < ot.BasisSYN && !c.Payload[side] && p.Seq == 0 {
		t.proved(c, side.Other(), ot.BasisListener) // refuses: it was asked
	}
	c.Reset = true
}

// reopened reports whether the handshake that p belongs to begins another
// session of the same ports: the one before has ended, or moved data under
// other sequence numbers.
func (c *Conversation) reopened(side Side, p *decode.Packet) bool {
	s := &c.streams[side]
	if !s.started || s.first-p.Seq-1 < maxHeldBytes && p.Time-c.Last < reopenAfter {
		return false // its own, shown again or late
	}
	return c.Finished != 0 || c.Reset || c.Payload[side] || c.Accepted && p.Flags&decode.ACK == 0
}

// opened reads the handshake: a SYN without ACK comes from the client.
func (t *Table) opened(c *Conversation, side Side, p *decode.Packet) {
	s := &c.streams[side]
	if s.started && !c.Payload[side] { // tried again with another number
		t.drop(s)
		s.started = false
	}
	s.start(p.Seq + 1)
	if p.Flags&decode.ACK != 0 {
		c.Accepted = true
		t.proved(c, side.Other(), ot.BasisSYN)
		return
	}
	c.Opened = true
	c.SetClient(side, ot.BasisSYN)
}

func (t *Table) datagram(c *Conversation, side Side, p *decode.Packet) {
	if len(p.Payload) > 0 {
		c.Payload[side] = true
	}
	switch c.Transport {
	case icmp, icmpv6:
		t.icmp(c, p)
		return
	case udp, sctp, esp, vrrp, Ethernet:
		if len(p.Payload) > 0 {
			t.handler.Datagram(c, side, p.Payload, t.now, p.CutShort)
		}
	}
}

// proved sets the client and remembers the server as a listener.
func (t *Table) proved(c *Conversation, client Side, basis ot.Basis) {
	c.SetClient(client, basis)
	t.Listener(c)
}

// Listener remembers the server of a directed conversation: a later one from
// the middle then knows its direction.
func (t *Table) Listener(c *Conversation) {
	if c.Transport == Ethernet || len(t.listeners) >= maxListeners {
		return
	}
	e := &c.Ends[c.Client.Other()]
	t.listeners[listener{c.Segment, c.Transport, e.Addr, e.Port}] = struct{}{}
}

// guess looks for the direction of a conversation that starts without a
// handshake: a proved listener, else the lower port when it is a known one.
func (t *Table) guess(c *Conversation) {
	if c.Transport != tcp && c.Transport != udp && c.Transport != sctp {
		return
	}
	for s := A; s <= B; s++ {
		e := &c.Ends[s]
		if _, ok := t.listeners[listener{c.Segment, c.Transport, e.Addr, e.Port}]; ok {
			c.SetClient(s.Other(), ot.BasisListener)
			return
		}
	}
}

// sweep looks at a share of the conversations and lets go of those past their
// time; all are looked at within 16 sweeps.
func (t *Table) sweep() {
	t.swept = t.now
	for n := len(t.all)/16 + 1; n > 0 && len(t.all) > 0; n-- {
		if t.hand >= len(t.all) {
			t.hand = 0
		}
		if c := t.all[t.hand]; t.idle(c) {
			t.remove(c, false)
		} else {
			t.tired(c)
			t.hand++
		}
	}
}

func (t *Table) idle(c *Conversation) bool {
	quiet := t.now - c.Last
	switch {
	case c.Transport != tcp:
		return quiet > int64(t.limit.IdleOther)
	case c.Finished == 3 || c.Reset:
		return quiet > int64(t.limit.Linger)
	case !c.Accepted && !c.Payload[A] && !c.Payload[B]:
		return quiet > int64(t.limit.IdleOther)
	}
	return quiet > int64(t.limit.IdleTCP)
}

// evict makes room: of a few at the hand, an unanswered opener goes first,
// else the longest quiet.
func (t *Table) evict() {
	var victim *Conversation
	for range 8 {
		if t.hand >= len(t.all) {
			t.hand = 0
		}
		c := t.all[t.hand]
		t.hand++
		if victim == nil || evictRank(c) < evictRank(victim) || evictRank(c) == evictRank(victim) && c.Last < victim.Last {
			victim = c
		}
	}
	t.Evicted++
	t.remove(victim, true)
}

func evictRank(c *Conversation) int {
	if c.Payload[A] && c.Payload[B] {
		return 2
	}
	if c.Payload[A] || c.Payload[B] || c.Accepted {
		return 1
	}
	return 0
}

// flush delivers what is held, gaps included, and tells of bytes at the end
// that the receiver acknowledged and nobody saw.
func (t *Table) flush(c *Conversation) {
	for s := A; s <= B; s++ {
		for c.streams[s].early != nil {
			t.giveUp(c, s)
		}
		x := &c.streams[s]
		atEnd := x.started && x.acks && int32(x.acked-x.next) > 1 // one may be the FIN
		if atEnd || !x.started && x.unseen > 0 && x.unseen < oneSided {
			t.gap(c, s)
		}
	}
}
