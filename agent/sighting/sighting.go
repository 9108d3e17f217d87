// Package sighting is the fifth stage: what packets and dissectors tell becomes
// sightings of endpoints, facts and connections, and leaves as increments. It
// decides neither identity nor role. What was told once is told again only
// when it changed, or at the next quarter hour while it still goes on.
package sighting

import (
	"hash/maphash"
	"net/netip"
	"time"

	"demarc/agent/decode"
	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Sink takes what leaves. news must go at once; the rest may wait for company.
// The body is the sink's.
type Sink interface {
	Emit(b *demarcv1.Body, news bool) error
}

// Limits. What goes beyond is not kept and told as a loss.
const (
	maxEndpoints   = 200_000
	maxConnections = 400_000
	maxFacts       = 400_000
	maxFactsOfOne  = 512   // of one endpoint, parts included
	maxValue       = 512   // bytes of a fact's value
	maxWaiting     = 65536 // conversations that have not said enough yet
	scanPorts      = 64    // unanswered ports of one pair that become a scan
	maxTries       = 5000  // lone openers from unknown senders told at once
	triesPerSecond = 50    // and later
)

// Quarter is the span, in nanoseconds, that no increment crosses.
const Quarter = int64(15 * time.Minute)

// wait is how long a new conversation may stay untold until it has said who
// is who and what came of it.
const wait = int64(300 * time.Millisecond)

// Table holds the sightings of one worker; it is not safe for concurrent use.
// It implements dissect.Sink.
type Table struct {
	segments []string
	hints    dissect.PortHints
	sink     Sink
	flows    *flow.Table

	now         int64
	due         int64  // packet time when Advance has something to do
	quarter     int64  // of now
	mark        uint32 // quarter plus one: quarters since 1970 fit, and 0 is none
	seed        maphash.Seed
	key         []byte // of the fact at hand
	endpoints   map[address]*endpoint
	facts       map[uint64]*fact
	connections map[key]*connection
	unanswered  map[pair]int
	tries       int64 // lone openers from unknown senders that may still be told
	triesAt     int64 // packet time when tries grew last
	losses      map[loss]*demarcv1.LossDelta
	waiting     []*record // conversations not told yet, oldest first
	waitHead    int
	mirror      mirror
	touched     uint64

	changedEndpoints   []*endpoint
	changedFacts       []*fact
	changedConnections []*connection
	moves              []*demarcv1.ConnectionMove
}

// New makes a table for the given segments; a packet names its segment by
// index.
func New(segments []string, hints dissect.PortHints, sink Sink) *Table {
	return &Table{
		segments: segments, hints: hints, sink: sink, seed: maphash.MakeSeed(),
		endpoints: map[address]*endpoint{}, facts: map[uint64]*fact{}, connections: map[key]*connection{},
		unanswered: map[pair]int{}, tries: maxTries, mark: 1, losses: map[loss]*demarcv1.LossDelta{},
	}
}

// Attach names the flow table whose conversations are counted here.
func (t *Table) Attach(f *flow.Table) { t.flows = f }

// address is one end in a segment: an IP, or a MAC on a VLAN.
type address struct {
	segment uint16
	vlan    uint16
	mac     decode.MAC
	ip      netip.Addr
}

func addressOf(segment, vlan uint16, mac decode.MAC, ip netip.Addr) address {
	if ip.IsValid() && !ip.IsUnspecified() {
		return address{segment: segment, ip: ip}
	}
	return address{segment: segment, vlan: vlan, mac: mac}
}

func (a address) empty() bool { return !a.ip.IsValid() && a.mac.IsZero() }

func (a address) group() bool {
	return a.mac.IsGroup() || a.ip.IsMulticast() || a.ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (t *Table) proto(a address) *demarcv1.Address {
	p := &demarcv1.Address{Segment: t.segments[a.segment]}
	if a.ip.IsValid() {
		p.Ip = a.ip.AsSlice()
		return p
	}
	p.Mac, p.Vlan = append([]byte(nil), a.mac[:]...), uint32(a.vlan)
	return p
}

// record is what is kept of a conversation, in its Record. What every packet
// touches comes first, in one line of the processor's cache.
type record struct {
	last      [2]trace      // by side
	conn      *connection   // nil while waiting
	exchanged bool          // conn's outcome can get no better
	tally     dissect.Tally // not yet handed to conn, which knows of the classes

	c        *flow.Conversation // nil when it has left the flow table
	first    int64              // c.First
	counted  [2]flow.Counter
	moved    [2]uint32 // of flow.Conversation.Moved what conn knows
	protocol string
	grade    ot.Grade     // of protocol
	security *ot.Security // nil while nothing shows
	_        [8]byte      // to a size that begins at a line's begin
}

// trace is how a side's last packet came. The sender's endpoint is brought up
// to date when it changes, and once in each quarter hour.
type trace struct {
	mac     decode.MAC
	vlan    uint16 // innermost tag
	quarter uint32 // Table.mark when the endpoint was brought up to date last; 0 before
	ttl     uint8
}

func (t *Table) record(c *flow.Conversation) *record {
	if r, ok := c.Record.(*record); ok {
		return r
	}
	r := &record{c: c, first: c.First}
	c.Record = r
	if len(t.waiting)-t.waitHead >= maxWaiting {
		t.settleOldest()
	}
	t.waiting = append(t.waiting, r)
	t.due = min(t.due, r.first+wait+1)
	return r
}

// Ahead brings what Seen will need of a conversation into the processor's cache.
func (t *Table) Ahead(c *flow.Conversation) {
	if r, ok := c.Record.(*record); ok {
		t.touched += uint64(r.last[0].ttl) + uint64(r.tally.Known)
	}
}

// Advance moves packet time on. Call it before a packet is added to the flow
// table: what was counted before a quarter hour's edge leaves first.
func (t *Table) Advance(now int64) error {
	if now < t.due {
		t.now = max(t.now, now)
		return nil
	}
	return t.advance(now)
}

func (t *Table) advance(now int64) error {
	if now <= t.now {
		return nil
	}
	q := now / Quarter
	if q != t.quarter && t.now != 0 {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	t.now, t.quarter, t.mark, t.due = now, q, uint32(q)+1, (q+1)*Quarter
	for t.waitHead < len(t.waiting) && now-t.waiting[t.waitHead].first > wait {
		t.settleOldest()
	}
	if t.waitHead < len(t.waiting) {
		t.due = min(t.due, t.waiting[t.waitHead].first+wait+1)
	}
	return nil
}

// Seen takes a packet of conversation c that side sent.
func (t *Table) Seen(c *flow.Conversation, side flow.Side, p *decode.Packet) {
	r, ok := c.Record.(*record)
	if !ok {
		r = t.record(c)
	}
	if came := (trace{p.SrcMAC, p.VLAN(), t.mark, p.TTL}); came != r.last[side] {
		t.moved(r, c, side, p, came)
	}
	if p.Has&decode.HasIP == 0 {
		if p.EtherType == etherARP {
			t.arp(c.Segment, p)
		}
	} else if p.Protocol == protoICMPv6 {
		t.neighbour(c.Segment, p)
	}
	switch {
	case r.exchanged:
	case r.conn != nil:
		t.came(r)
	case ready(c):
		r.c = c
		t.settle(r)
	}
}

// moved takes a packet that came otherwise than its side's last one, or the
// first in a quarter hour. A mirror shows routed traffic on the VLANs of both
// sides of the router.
func (t *Table) moved(r *record, c *flow.Conversation, side flow.Side, p *decode.Packet, came trace) {
	r.last[side].vlan, r.last[side].ttl = came.vlan, came.ttl
	if r.conn != nil && r.conn.addVLAN(came.vlan) {
		t.changed(r.conn)
	}
	if !t.suspect(c, side, p) {
		r.last[side] = came
		t.sender(c.Segment, p)
	}
}

// Sender notes who sent p, and nothing of what it is part of: the end of a
// mirror's tunnel is a device, its traffic the sensor's own.
func (t *Table) Sender(p *decode.Packet, segment uint16) {
	m := mirror{p.Src, p.SrcMAC, p.VLAN(), segment, p.Time / Quarter}
	if m != t.mirror {
		t.mirror = m
		t.sender(segment, p)
	}
}

// mirror is who sent the last mirrored frame, and in which quarter hour: one
// that sends all frames is noted once in each.
type mirror struct {
	ip            netip.Addr
	mac           decode.MAC
	vlan, segment uint16
	quarter       int64
}

// Carries names a conversation that carries others, or what runs a bus, unless
// its bytes prove something better.
func (t *Table) Carries(c *flow.Conversation, protocol string) {
	if r := t.record(c); r.protocol == "" {
		t.Protocol(c, protocol, ot.Content)
	}
}

// came tells what came of a conversation as soon as it shows.
func (t *Table) came(r *record) {
	if r.c.Outcome() > r.conn.outcome {
		t.describe(r)
		t.count(r)
	}
	r.exchanged = r.conn.outcome == ot.Exchanged
}

// ready reports whether a conversation has said enough to be told: who is the
// client, and that something came of it.
func ready(c *flow.Conversation) bool {
	return c.Directed && c.Basis >= ot.BasisListener && c.Payload[flow.A] && c.Payload[flow.B]
}

func (t *Table) settleOldest() {
	r := t.waiting[t.waitHead]
	t.waiting[t.waitHead] = nil
	t.waitHead++
	if t.waitHead > 1024 && t.waitHead*2 > len(t.waiting) {
		n := copy(t.waiting, t.waiting[t.waitHead:])
		clear(t.waiting[n:])
		t.waiting, t.waitHead = t.waiting[:n], 0
	}
	if r.conn == nil && r.c != nil {
		t.settle(r)
	}
}

// Pending is the number of new or changed things that wait to leave.
func (t *Table) Pending() int {
	return len(t.changedEndpoints) + len(t.changedFacts) + len(t.changedConnections) + len(t.moves) + len(t.losses)
}

// Lost implements dissect.Sink.
func (t *Table) Lost(c *flow.Conversation, reason string, n int) {
	t.Loss(c.Segment, reason, uint64(max(n, 0)), "")
}

type loss struct {
	segment        uint16
	reason, detail string
}

// Loss notes n items of one kind that were not seen or not kept.
func (t *Table) Loss(segment uint16, reason string, n uint64, detail string) {
	k := loss{segment, reason, detail}
	l := t.losses[k]
	if l == nil {
		l = &demarcv1.LossDelta{Reason: reason, Segment: t.segments[segment], Detail: detail, FirstNs: t.now}
		t.losses[k] = l
	}
	l.Count += n
	l.LastNs = t.now
}
