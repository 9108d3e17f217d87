package sighting

import (
	"fmt"
	"slices"

	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// key is what makes a connection one.
type key struct {
	client, server address
	transport      uint8
	port           uint16
}

// pair is two ends whose unanswered ports are counted.
type pair struct {
	client, server address
	transport      uint8
}

// connection sums its conversations. Counters and operations are what has not
// left yet; the rest is the state now.
type connection struct {
	key
	vlans    [4]uint16
	nvlans   uint8
	protocol string
	grade    ot.Grade
	basis    ot.Basis
	outcome  ot.Outcome
	related  *key
	security ot.Security
	classes  uint32 // operation classes that were told or are about to leave, one bit each
	ever     int    // conversations, ended ones too
	open     int    // conversations in the flow table

	sent        [2]flow.Counter // client, server
	payload     [2]uint64       // the same; of TCP alone
	sessions    uint64
	operations  [ot.NumOperations]uint64
	first, last int64 // of what has not left yet
	told        bool
	changed     bool
}

// keyOf names the connection that c belongs to, and the side of its client.
func (t *Table) keyOf(c *flow.Conversation) (key, flow.Side) {
	s := c.ClientSide()
	if c.ToGroup() {
		s = flow.A // to a group, the sender is the client
	}
	k := key{client: t.end(c, s), server: t.end(c, s.Other()), transport: c.Transport}
	switch {
	case c.Transport == flow.Ethernet:
		k.port = c.EtherType
	case c.Parent == nil || !c.Parent.Dynamic:
		k.port = c.Ends[s.Other()].Port
	}
	return k, s
}

func (t *Table) end(c *flow.Conversation, s flow.Side) address {
	e := &c.Ends[s]
	if e.Addr.IsValid() {
		return address{segment: c.Segment, ip: e.Addr}
	}
	return address{segment: c.Segment, vlan: c.VLAN, mac: e.MAC}
}

// Quoted takes a conversation that only ICMP errors tell of: a connection, and
// nobody who was seen.
func (t *Table) Quoted(c *flow.Conversation) { t.record(c) }

// settle gives a waiting conversation its connection.
func (t *Table) settle(r *record) {
	c := r.c
	opens := !c.Quoted && c.Sent[flow.A].Packets > 0 && r.last[flow.A].quarter == 0 // and was not noted yet: see suspect
	if c.Quoted && !t.spend() || opens && !t.vouch(c) && lone(c) {
		t.Loss(c.Segment, "table-full", 1, "unanswered tries from senders that nothing else shows")
		r.c = nil // told as lost; an answer brings it back
		return
	}
	t.guess(c)
	k, _ := t.keyOf(c)
	if k.client.empty() || k.server.empty() { // a cooked capture names the sender alone
		return
	}
	outcome := c.Outcome()
	if tried := outcome == ot.Unanswered || outcome == ot.Refused; tried && k.transport != flow.Ethernet {
		p := pair{k.client, k.server, k.transport}
		if n := t.unanswered[p]; n >= scanPorts {
			k.port = 0
			r.protocol, r.grade = "scan", ot.Behaviour
		} else if n > 0 || len(t.unanswered) < maxEndpoints {
			t.unanswered[p] = n + 1
		}
	}
	t.attach(r, k)
}

// attach makes r count for the connection of k.
func (t *Table) attach(r *record, k key) {
	conn := t.connections[k]
	if conn == nil {
		if len(t.connections) >= maxConnections {
			t.Loss(r.c.Segment, "table-full", 1, "connections")
			return
		}
		conn = &connection{key: k}
		t.connections[k] = conn
		t.changed(conn)
	}
	conn.ever++
	conn.open++
	conn.sessions++
	r.conn, r.tally.Known, r.exchanged = conn, 0, false
	t.describe(r)
	t.count(r)
}

// describe brings what is known of r to its connection; what is new is news.
func (t *Table) describe(r *record) {
	c, conn := r.c, r.conn
	news := false
	set := func(changed bool) { news = news || changed }
	if c.Basis > conn.basis {
		conn.basis = c.Basis
		set(true)
	}
	if o := c.Outcome(); o > conn.outcome {
		conn.outcome = o
		set(true)
	}
	if conn.related == nil && c.Parent != nil {
		p := c.Parent
		conn.related = &key{client: address{segment: c.Segment, ip: p.Client.Addr}, server: address{segment: c.Segment, ip: p.Server.Addr}, transport: p.Transport, port: p.Server.Port}
		set(true)
	}
	set(conn.name(r.protocol, r.grade))
	if conn.protocol == "" {
		if hint := t.hints.Lookup(conn.transport, conn.port); hint != "" {
			conn.protocol, conn.grade = hint, ot.Hint
		}
	}
	if r.security != nil {
		set(conn.secure(*r.security))
	}
	for _, v := range [...]uint16{c.VLAN, r.last[flow.A].vlan, r.last[flow.B].vlan} {
		set(conn.addVLAN(v))
	}
	if news {
		t.changed(conn)
	}
}

// name takes a protocol that the bytes showed; of several on one port the
// first stays, unless the new one is better founded, or more specific, which
// its conversation says by naming it later.
func (n *connection) name(protocol string, g ot.Grade) bool {
	settled := n.grade >= max(g, ot.Behaviour) && n.protocol != "scan" && n.protocol != protocol
	if protocol == "" || protocol != "scan" && (settled || n.grade >= g) {
		return false
	}
	n.protocol, n.grade = protocol, g
	return true
}

func (n *connection) secure(s ot.Security) bool {
	changed := false
	if s.Mode != ot.SecurityUnknown && s.Mode != n.security.Mode {
		n.security.Mode, changed = s.Mode, true
	}
	for _, f := range [...]struct{ to, from *string }{{&n.security.TLS, &s.TLS}, {&n.security.Policy, &s.Policy}, {&n.security.Subject, &s.Subject}, {&n.security.Name, &s.Name}} {
		if *f.from != "" && *f.from != *f.to {
			*f.to, changed = *f.from, true
		}
	}
	return changed
}

func (n *connection) addVLAN(id uint16) bool {
	if id == 0 || int(n.nvlans) == len(n.vlans) || slices.Contains(n.vlans[:n.nvlans], id) {
		return false
	}
	n.vlans[n.nvlans] = id
	n.nvlans++
	return true
}

// count hands the increments of r to its connection.
func (t *Table) count(r *record) {
	c, conn := r.c, r.conn
	_, client := t.keyOf(c)
	moved := false
	for _, s := range [2]flow.Side{flow.A, flow.B} {
		end := 0
		if s != client {
			end = 1
		}
		d := flow.Counter{Packets: c.Sent[s].Packets - r.counted[s].Packets, Bytes: c.Sent[s].Bytes - r.counted[s].Bytes}
		conn.sent[end].Packets += d.Packets
		conn.sent[end].Bytes += d.Bytes
		// A stream that began anew at another number moved no more than it sent.
		conn.payload[end] += min(uint64(c.Moved(s)-r.moved[s]), d.Bytes)
		moved = moved || d.Packets > 0
		r.counted[s], r.moved[s] = c.Sent[s], c.Moved(s)
	}
	for i, n := range r.tally.Counts {
		conn.operations[i] += uint64(n)
		r.tally.Counts[i] = 0
	}
	if !moved {
		return
	}
	from := max(c.First, t.quarter*Quarter)
	if conn.first == 0 || from < conn.first {
		conn.first = from
	}
	conn.last = max(conn.last, c.Last)
}

func (t *Table) changed(n *connection) {
	if !n.changed {
		n.changed = true
		t.changedConnections = append(t.changedConnections, n)
	}
}

// Closed takes a conversation that leaves the flow table.
func (t *Table) Closed(c *flow.Conversation) {
	r, ok := c.Record.(*record)
	if !ok {
		return
	}
	if r.conn == nil && r.c != nil {
		t.settle(r)
	}
	if r.conn != nil {
		t.describe(r)
		t.count(r)
		r.conn.open--
		if r.conn.sent != [2]flow.Counter{} {
			t.changed(r.conn)
		}
	}
	r.c = nil
}

// Operation implements dissect.Sink. A class that is new on its connection is
// news, with its count.
func (t *Table) Operation(c *flow.Conversation, o ot.Operation, n int) {
	r := t.record(c)
	r.tally.Counts[o] += uint32(max(n, 0)) // handed on long before it is full
	if r.conn == nil {
		return
	}
	r.tally.Known |= 1 << o
	if r.conn.classes&(1<<o) == 0 {
		r.conn.classes |= 1 << o
		t.count(r)
		t.changed(r.conn)
	}
}

// Tally implements dissect.Sink.
func (t *Table) Tally(c *flow.Conversation) *dissect.Tally { return &t.record(c).tally }

// Protocol implements dissect.Sink.
func (t *Table) Protocol(c *flow.Conversation, name string, g ot.Grade) {
	r := t.record(c)
	before := r.protocol
	r.protocol, r.grade = name, g
	if r.conn == nil {
		return
	}
	if before != "" && r.conn.protocol == before {
		r.conn.protocol, r.conn.grade = name, g
		t.changed(r.conn)
		return
	}
	if r.conn.name(name, g) {
		t.changed(r.conn)
	}
}

// Security implements dissect.Sink.
func (t *Table) Security(c *flow.Conversation, s ot.Security) {
	r := t.record(c)
	n := connection{}
	if r.security != nil {
		n.security = *r.security
	}
	if n.secure(s) {
		r.security = &n.security
	}
	if r.conn != nil && r.conn.secure(s) {
		t.changed(r.conn)
	}
}

// Directed implements dissect.Sink: client and server became known, or turned
// round. What was told of this conversation alone moves to the new key.
func (t *Table) Directed(c *flow.Conversation) {
	if t.flows != nil {
		t.flows.Listener(c)
	}
	r := t.record(c)
	old := r.conn
	if old == nil {
		return
	}
	k, _ := t.keyOf(c)
	if k == old.key {
		t.describe(r)
		return
	}
	if old.ever > 1 {
		old.open--
		t.attach(r, k)
		return
	}
	t.turn(r, old, k)
}

// turn moves a connection that holds one conversation to another key.
func (t *Table) turn(r *record, old *connection, k key) {
	delete(t.connections, old.key)
	if old.told {
		t.moves = append(t.moves, &demarcv1.ConnectionMove{From: t.keyProto(&old.key), To: t.keyProto(&k)})
	}
	old.sent[0], old.sent[1] = old.sent[1], old.sent[0]
	old.payload[0], old.payload[1] = old.payload[1], old.payload[0]
	if to := t.connections[k]; to != nil {
		to.take(old)
		r.conn, r.tally.Known, r.exchanged = to, 0, false
		t.describe(r)
		t.changed(to)
		return
	}
	old.key = k
	old.basis = r.c.Basis
	if old.grade < ot.Content {
		old.protocol, old.grade = "", ot.GradeNone
	}
	t.connections[k] = old
	t.describe(r)
	t.changed(old)
}

// take adds what has not left of another connection.
func (n *connection) take(o *connection) {
	for i := range n.sent {
		n.sent[i].Packets += o.sent[i].Packets
		n.sent[i].Bytes += o.sent[i].Bytes
		n.payload[i] += o.payload[i]
	}
	for i := range n.operations {
		n.operations[i] += o.operations[i]
	}
	n.sessions += o.sessions
	n.ever += o.ever
	n.open += o.open
	if o.first != 0 && (n.first == 0 || o.first < n.first) {
		n.first = o.first
	}
	n.last = max(n.last, o.last)
	o.changed = false
}

// guess tells client from server by port, the weakest basis.
func (t *Table) guess(c *flow.Conversation) {
	if c.Directed || (c.Transport != 6 && c.Transport != 17 && c.Transport != 132) {
		return
	}
	a, b := c.Ends[flow.A].Port, c.Ends[flow.B].Port
	knownA, knownB := t.known(c.Transport, a), t.known(c.Transport, b)
	switch {
	case knownA && (!knownB || a < b):
		c.SetClient(flow.B, ot.BasisPort)
	case knownB && a != b:
		c.SetClient(flow.A, ot.BasisPort)
	}
}

func (t *Table) known(transport uint8, port uint16) bool {
	return port < 1024 || t.hints.Lookup(transport, port) != ""
}

// tcp is its IP protocol number (IANA).
const tcp = 6

func transportName(n uint8) string {
	switch n {
	case 1:
		return "icmp"
	case tcp:
		return "tcp"
	case 17:
		return "udp"
	case 58:
		return "icmpv6"
	case 132:
		return "sctp"
	case flow.Ethernet:
		return "ethernet"
	}
	return fmt.Sprintf("ip-proto-%d", n)
}

func (t *Table) keyProto(k *key) *demarcv1.ConnectionKey {
	return &demarcv1.ConnectionKey{Client: t.proto(k.client), Server: t.proto(k.server), Transport: transportName(k.transport), Port: uint32(k.port)}
}
