package identity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"demarc/internal/ot"
	"demarc/internal/quarter"

	demarcv1 "demarc/proto/demarc/v1"
)

// rawKey is a connection as one agent tells it.
type rawKey struct {
	client, server *observation
	agent          sym
	transport      sym
	port           uint32
}

// rawConn is what one agent told of one connection, increments summed.
type rawConn struct {
	num         uint64
	key         rawKey
	link        *link
	first, last int64
	count       counters
	operations  *[ot.NumOperations]uint64 // nil: none
	vlans       []uint16
	protocol    label
	basis       ot.Basis
	outcome     ot.Outcome
	opener      opener
	security    *security // nil: nothing shows
	parent      *rawKey   // of a negotiated child; agent is not set
	quarters    quarter.Line
}

// counters count packets and bytes by sender, and sessions.
type counters struct{ clientPackets, serverPackets, clientBytes, serverBytes, sessions uint64 }

// label is the name of a protocol with its evidence.
type label struct {
	name  sym
	at    int64
	grade ot.Grade
}

// opener says who opened the latest session that shows it.
type opener struct {
	at  int64
	who uint8 // index of openers
}

var openers = [...]string{"unknown", "client", "server"}

// told is a text with the time that it was last told.
type told struct {
	text sym
	at   int64
}

// security holds what shows of a connection's protection, the latest of each.
type security struct{ mode, tls, policy, subject, name told }

// link is a connection: all that was told between two endpoints over one
// transport and server port.
type link struct {
	id   string
	raws []*rawConn
	// Mostly one agent tells of it: room for raws, and its quarter hours.
	room [1]*rawConn
	line [1]*quarter.Line
}

// carriers are protocols that mostly carry another; the other says more.
var carriers = map[string]bool{
	"cotp": true, "tls": true, "http": true, "dcerpc": true, "enip": true, "tpkt": true,
	"ethernet": true, "llc": true, "mqtt": true, "amqp": true, "smb": true, "snmp": true,
}

func (l label) specific() int {
	switch name := l.name.Value(); {
	case name == "" || name == "unknown":
		return 0
	case carriers[name]:
		return 1
	}
	return 2
}

// improve takes over m if its evidence is better, or equal and it says more,
// or says it later.
func (l *label) improve(m label) {
	if cmp.Or(
		cmp.Compare(min(m.specific(), 1), min(l.specific(), 1)),
		cmp.Compare(m.grade, l.grade),
		cmp.Compare(m.specific(), l.specific()),
		cmp.Compare(m.at, l.at),
		strings.Compare(m.name.Value(), l.name.Value())) > 0 {
		*l = m
	}
}

func (o *opener) improve(p opener) {
	if cmp.Or(cmp.Compare(min(p.who, 1), min(o.who, 1)), cmp.Compare(p.at, o.at), cmp.Compare(p.who, o.who)) > 0 {
		*o = p
	}
}

func (t *told) improve(u told) {
	if u.text.Value() != "" && cmp.Or(cmp.Compare(u.at, t.at), strings.Compare(u.text.Value(), t.text.Value())) > 0 {
		*t = u
	}
}

func (s *security) improve(t *security) {
	s.mode.improve(t.mode)
	s.tls.improve(t.tls)
	s.policy.improve(t.policy)
	s.subject.improve(t.subject)
	s.name.improve(t.name)
}

func newSecurity() *security {
	n := told{text: none}
	return &security{n, n, n, n, n}
}

// ends finds the observations of a key's two ends.
func (b *Book) ends(site sym, k *demarcv1.ConnectionKey) (client, server *observation) {
	c, ok := keyOf(site, k.GetClient())
	s, ok2 := keyOf(site, k.GetServer())
	if !ok || !ok2 {
		return nil, nil
	}
	client = b.observe(c)
	if client == nil {
		return nil, nil
	}
	return client, b.observe(s)
}

func (b *Book) rawKey(site, agent sym, k *demarcv1.ConnectionKey) (rawKey, bool) {
	client, server := b.ends(site, k)
	key := rawKey{client, server, agent, mk(clip(k.GetTransport(), maxLabel)), k.GetPort()}
	return key, client != nil && server != nil
}

// connected takes what a connection did.
func (b *Book) connected(site, agent sym, d *demarcv1.ConnectionDelta) {
	key, ok := b.rawKey(site, agent, d.GetKey())
	if !ok {
		b.refuse("connection without two addresses", d.GetFirstNs())
		return
	}
	r := b.raw(key, d.GetFirstNs())
	if r == nil {
		return
	}
	r.first, r.last = widen(r.first, r.last, d.GetFirstNs(), d.GetLastNs())
	at := max(d.GetLastNs(), d.GetFirstNs(), 0)
	r.count.add(counters{d.GetClientPackets(), d.GetServerPackets(), d.GetClientBytes(), d.GetServerBytes(), d.GetSessions()})
	r.operate(d.GetOperations())
	insertVLANs(&r.vlans, d.GetVlans())
	if p := d.GetProtocol(); p != "" {
		r.protocol.improve(label{mk(clip(p, maxLabel)), at, gradeOf(d.GetGrade())})
	}
	r.basis = max(r.basis, ot.ParseBasis(d.GetDirectionBasis()))
	r.outcome = max(r.outcome, ot.ParseOutcome(d.GetOutcome()))
	if i := slices.Index(openers[:], d.GetOpenedBy()); i > 0 {
		r.opener.improve(opener{at, uint8(i)})
	}
	r.protect(d, at)
	b.quarter(r, d)
	if d.GetRelatedTo() != nil {
		if p, ok := b.rawKey(site, none, d.GetRelatedTo()); ok {
			r.parent = &p
		}
	}
	b.tellRaw(r)
}

func gradeOf(g demarcv1.Grade) ot.Grade {
	return ot.Grade(min(max(g, 0), demarcv1.Grade_GRADE_IDENTITY))
}

func (c *counters) add(d counters) {
	c.clientPackets += d.clientPackets
	c.serverPackets += d.serverPackets
	c.clientBytes += d.clientBytes
	c.serverBytes += d.serverBytes
	c.sessions += d.sessions
}

// most keeps the larger of each counter.
func (c *counters) most(d counters) {
	c.clientPackets = max(c.clientPackets, d.clientPackets)
	c.serverPackets = max(c.serverPackets, d.serverPackets)
	c.clientBytes = max(c.clientBytes, d.clientBytes)
	c.serverBytes = max(c.serverBytes, d.serverBytes)
	c.sessions = max(c.sessions, d.sessions)
}

func (r *rawConn) operate(n []uint64) {
	for i, x := range n[:min(len(n), ot.NumOperations)] {
		if x == 0 {
			continue
		}
		if r.operations == nil {
			r.operations = new([ot.NumOperations]uint64)
		}
		r.operations[i] += x
	}
}

func (r *rawConn) protect(d *demarcv1.ConnectionDelta, at int64) {
	s := [...]string{d.GetSecurity(), d.GetTls(), d.GetPolicy(), d.GetSubject(), d.GetServerName()}
	if s == [len(s)]string{} {
		return
	}
	if r.security == nil {
		r.security = newSecurity()
	}
	to := [...]*told{&r.security.mode, &r.security.tls, &r.security.policy, &r.security.subject, &r.security.name}
	for i, text := range s {
		to[i].improve(told{mk(clip(text, maxValue)), at})
	}
}

// raw finds or makes the record of a connection; nil when the table is full.
func (b *Book) raw(key rawKey, at int64) *rawConn {
	if r := b.raws[key]; r != nil {
		return r
	}
	if len(b.raws) >= b.limits.Connections {
		b.lose(key.client.key.segment.Value(), "connections beyond the table", at, at)
		return nil
	}
	r := &rawConn{key: key, protocol: label{name: none}}
	b.raws[key] = r
	b.number(&r.num)
	key.client.conns = append(key.client.conns, r)
	if key.server != key.client {
		key.server.conns = append(key.server.conns, r)
	}
	b.group(r)
	return r
}

// drop forgets a record that was moved away.
func (b *Book) drop(r *rawConn) {
	delete(b.raws, r.key)
	b.records.gone(r.num)
	is := func(x *rawConn) bool { return x == r }
	r.key.client.conns = slices.DeleteFunc(r.key.client.conns, is)
	r.key.server.conns = slices.DeleteFunc(r.key.server.conns, is)
	b.leave(r)
}

// move applies a ConnectionMove: what was told under one key belongs under
// another. Only what the same agent told before it is moved.
func (b *Book) move(site, agent sym, d *demarcv1.ConnectionMove) {
	from, ok := b.rawKey(site, agent, d.GetFrom())
	to, ok2 := b.rawKey(site, agent, d.GetTo())
	r := b.raws[from]
	if !ok || !ok2 || r == nil || from == to {
		return
	}
	t := b.raw(to, r.first)
	if t == nil {
		return
	}
	t.absorb(r, to.client != from.client)
	for _, o := range [...]*observation{from.client, from.server} {
		for _, child := range o.conns {
			if p := child.parent; p != nil && child.key.agent == agent && *p == from.anyAgent() {
				parent := to.anyAgent()
				child.parent = &parent
				b.tellRaw(child)
			}
		}
	}
	b.touchRaw(r)
	b.drop(r)
	b.tellRaw(t)
}

// tellRaw is called when an agent told something new of r.
func (b *Book) tellRaw(r *rawConn) {
	b.touchRaw(r)
	b.records.mark(r.num, r)
}

func (k rawKey) anyAgent() rawKey {
	k.agent = none
	return k
}

// absorb adds what was told of from, with client and server exchanged if turned.
// The basis of its direction does not hold for a turned one.
func (r *rawConn) absorb(from *rawConn, turned bool) {
	c, who := from.count, from.opener
	if turned {
		c.clientPackets, c.serverPackets = c.serverPackets, c.clientPackets
		c.clientBytes, c.serverBytes = c.serverBytes, c.clientBytes
		who.who = [...]uint8{0, 2, 1}[who.who]
	} else {
		r.basis = max(r.basis, from.basis)
	}
	r.count.add(c)
	r.opener.improve(who)
	if from.operations != nil {
		r.operate(from.operations[:])
	}
	for _, v := range from.vlans {
		insertVLANs(&r.vlans, []uint32{uint32(v)})
	}
	r.first, r.last = widen(r.first, r.last, from.first, from.last)
	r.protocol.improve(from.protocol)
	r.outcome = max(r.outcome, from.outcome)
	if from.security != nil {
		if r.security == nil {
			r.security = newSecurity()
		}
		r.security.improve(from.security)
	}
	if r.parent == nil {
		r.parent = from.parent
	}
	r.quarters.Absorb(&from.quarters, turned)
}

// id is the same for all that is told between two endpoints over one
// transport and server port at one site.
func (k rawKey) id() string {
	return makeID("c-", k.client.key.site.Value(), k.client.endKey(), k.server.endKey(), k.transport.Value(), strconv.FormatUint(uint64(k.port), 10))
}

// group puts r under its connection.
func (b *Book) group(r *rawConn) {
	id := r.key.id()
	if r.link != nil {
		if r.link.id == id {
			return
		}
		b.leave(r)
	}
	l := b.links[id]
	if l == nil {
		l = &link{id: id}
		l.raws = l.room[:0]
		b.links[id] = l
	}
	l.raws = append(l.raws, r)
	l.line[0] = &l.raws[0].quarters
	r.link = l
	b.touchRaw(r)
}

func (b *Book) leave(r *rawConn) {
	l := r.link
	b.touchRaw(r)
	r.link = nil
	l.raws = slices.DeleteFunc(l.raws, func(x *rawConn) bool { return x == r })
	if len(l.raws) == 0 {
		delete(b.links, l.id)
		return
	}
	l.line[0] = &l.raws[0].quarters
}

// regroup finds the connections of o again after its address came apart or
// together.
func (b *Book) regroup(o *observation) {
	for _, r := range o.conns {
		b.group(r)
	}
}

func vlanText(v uint16) string { return strconv.Itoa(int(v)) }
