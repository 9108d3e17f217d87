package flow

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
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
	seed      [2]uint64
	seeds     maphash.Seed
	all       []*Conversation
	index     []int32 // open addressing: position in all + 1, 0 free
	mask      uint64
	listeners map[listener]struct{}
	free      []*Conversation // of conversations that left, used again
	seen      [setsOfFrames]frames
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
	s := maphash.MakeSeed()
	t := &Table{handler: h, limit: limit.withDefaults(), seeds: s, listeners: map[listener]struct{}{}}
	t.quoter, _ = h.(Quoter)
	t.seed = [2]uint64{maphash.String(s, "a") | 1, maphash.String(s, "b") | 1}
	t.resize(1 << 10)
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
	if p.Time > t.now {
		t.now = p.Time
		if t.now-t.swept > int64(time.Second) {
			t.sweep()
		}
	}
	c, side = t.lookup(p, segment)
	if c.Quoted { // it shows itself now
		t.remove(c, false)
		c, side = t.lookup(p, segment)
	}
	if t.duplicate(c, side, p) {
		return c, side, true
	}
	if c.Transport == tcp && p.Flags&decode.SYN != 0 && c.reopened(side, p) {
		t.remove(c, false)
		c, side = t.lookup(p, segment)
	}
	c.Last = max(c.Last, p.Time)
	if p.Has&decode.HasMAC != 0 {
		c.Ends[side].MAC = p.SrcMAC
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
	t.resize(1 << 10)
}

// All calls f for every conversation held.
func (t *Table) All(f func(*Conversation)) {
	for _, c := range t.all {
		f(c)
	}
}

func (t *Table) segment(c *Conversation, side Side, p *decode.Packet) {
	data, wire := p.Payload, uint32(max(p.PayloadLen, len(p.Payload)))
	seq := p.Seq
	switch {
	case p.Flags&decode.SYN != 0:
		t.opened(c, side, p)
		seq++
	case p.Flags&decode.RST != 0:
		if c.Basis < ot.BasisSYN && !c.Payload[side] && p.Seq == 0 {
			t.proved(c, side.Other(), ot.BasisListener) // refuses: it was asked
		}
		c.Reset = true
		return
	case p.Flags&decode.FIN != 0:
		c.Finished |= 1 << side
	}
	if p.Flags&decode.ACK != 0 {
		t.acknowledged(c, side, p.Ack)
	}
	if wire > 0 && !(wire == 1 && p.Seq+1 == c.streams[side].next) { // not a keep-alive, RFC 9293 3.8.4
		c.Payload[side] = true
		t.push(c, side, seq, wire, data)
	}
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
		for len(c.streams[s].held) > 0 {
			t.giveUp(c, s)
		}
		x := &c.streams[s]
		atEnd := x.started && x.acks && int32(x.acked-x.next) > 1 // one may be the FIN
		if atEnd || !x.started && x.unseen > 0 && x.unseen < oneSided {
			t.gap(c, s)
		}
	}
}

// ---- the index

func (t *Table) remove(c *Conversation, evicted bool) {
	t.flush(c)
	t.handler.Close(c, evicted)
	t.unindex(c)
	last := t.all[len(t.all)-1]
	t.all[c.slot] = last
	if last != c {
		t.reindex(last, c.slot)
	}
	t.all[len(t.all)-1] = nil
	t.all = t.all[:len(t.all)-1]
	if len(t.free) < 1024 {
		t.free = append(t.free, c)
	}
}

func (t *Table) lookup(p *decode.Packet, segment uint16) (*Conversation, Side) {
	transport, kind := p.Protocol, uint16(0)
	if p.Has&decode.HasIP == 0 {
		transport, kind = Ethernet, p.EtherType
		if kind == 0 {
			kind = uint16(p.SAP)
		}
	}
	h := t.hashOf(p, segment, transport, kind)
	for i := h & t.mask; ; i = (i + 1) & t.mask {
		pos := t.index[i]
		if pos == 0 {
			break
		}
		c := t.all[pos-1]
		if c.hash != h || c.Transport != transport || c.Segment != segment || c.EtherType != kind {
			continue
		}
		if s, ok := c.match(p); ok {
			return c, s
		}
	}
	return t.insert(p, segment, transport, kind, h), A
}

// match tells which side sent p, if p belongs to c.
func (c *Conversation) match(p *decode.Packet) (Side, bool) {
	a, b := &c.Ends[A], &c.Ends[B]
	if c.Transport == Ethernet {
		switch {
		case c.VLAN != p.VLAN():
			return A, false
		case a.MAC == p.SrcMAC && b.MAC == p.DstMAC:
			return A, true
		case a.MAC == p.DstMAC && b.MAC == p.SrcMAC:
			return B, true
		}
		return A, false
	}
	switch {
	case a.Port == p.SrcPort && b.Port == p.DstPort && a.Addr == p.Src && b.Addr == p.Dst:
		return A, true
	case a.Port == p.DstPort && b.Port == p.SrcPort && a.Addr == p.Dst && b.Addr == p.Src:
		return B, true
	}
	return A, false
}

func (t *Table) insert(p *decode.Packet, segment uint16, transport uint8, kind uint16, h uint64) *Conversation {
	if len(t.all) >= t.limit.Conversations {
		t.evict()
	}
	if uint64(len(t.all)+1)*2 > uint64(len(t.index)) {
		t.resize(len(t.index) * 2)
	}
	c := t.fresh()
	*c = Conversation{Segment: segment, Transport: transport, EtherType: kind, VLAN: p.VLAN(), Carries: p.Carrier != decode.NoCarrier, First: p.Time, Last: p.Time, hash: h, slot: int32(len(t.all))} // bounded by Limit.Conversations
	c.Ends = [2]Endpoint{{p.SrcMAC, p.Src, p.SrcPort}, {p.DstMAC, p.Dst, p.DstPort}}
	t.all = append(t.all, c)
	t.place(c)
	t.guess(c)
	return c
}

// fresh is an unused conversation. The stages above let go of one when it is
// closed, so it is used again.
func (t *Table) fresh() *Conversation {
	n := len(t.free)
	if n == 0 {
		return &Conversation{}
	}
	c := t.free[n-1]
	t.free = t.free[:n-1]
	return c
}

func (t *Table) place(c *Conversation) {
	i := c.hash & t.mask
	for t.index[i] != 0 {
		i = (i + 1) & t.mask
	}
	t.index[i] = c.slot + 1
}

// unindex removes c and closes the hole that it leaves in its probe sequence
// (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
func (t *Table) unindex(c *Conversation) {
	i := t.find(c)
	t.index[i] = 0
	for j := (i + 1) & t.mask; t.index[j] != 0; j = (j + 1) & t.mask {
		home := t.all[t.index[j]-1].hash & t.mask
		if (j-home)&t.mask >= (j-i)&t.mask {
			t.index[i], t.index[j] = t.index[j], 0
			i = j
		}
	}
}

func (t *Table) find(c *Conversation) uint64 {
	i := c.hash & t.mask
	for t.index[i] != c.slot+1 {
		i = (i + 1) & t.mask
	}
	return i
}

func (t *Table) reindex(c *Conversation, slot int32) {
	i := t.find(c)
	c.slot = slot
	t.index[i] = slot + 1
}

func (t *Table) resize(n int) {
	t.index = make([]int32, n)
	t.mask = uint64(n - 1)
	for _, c := range t.all {
		t.place(c)
	}
}

// hashOf is the same for both directions, and keyed so that a peer cannot aim
// at one chain.
func (t *Table) hashOf(p *decode.Packet, segment uint16, transport uint8, kind uint16) uint64 {
	var a, b uint64
	if transport == Ethernet {
		a, b = macHash(p.SrcMAC), macHash(p.DstMAC)
	} else {
		a, b = addrHash(p.Src)^uint64(p.SrcPort)<<40, addrHash(p.Dst)^uint64(p.DstPort)<<40
	}
	both := t.mix(a) + t.mix(b)
	return t.mix(both ^ uint64(segment)<<32 ^ uint64(kind)<<8 ^ uint64(transport))
}

func (t *Table) mix(v uint64) uint64 {
	hi, lo := bits.Mul64(v^t.seed[0], t.seed[1])
	return hi ^ lo
}

func addrHash(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return uint64(binary.LittleEndian.Uint32(b[:])) * 0x9e3779b97f4a7c15
	}
	b := a.As16()
	return binary.LittleEndian.Uint64(b[:8])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(b[8:])
}

func macHash(m decode.MAC) uint64 {
	return uint64(binary.BigEndian.Uint32(m[:4]))<<16 | uint64(m[4])<<8 | uint64(m[5])
}
