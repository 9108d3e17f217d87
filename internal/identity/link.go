package identity

import (
	"iter"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/ot"

	demarcv1 "demarc/proto/demarc/v1"
)

// merged is a connection over all agents and segments that it was seen in.
type merged struct {
	first, last int64
	count       counters
	operations  [ot.NumOperations]uint64
	vlans       []uint16
	protocol    label
	basis       ot.Basis
	outcome     ot.Outcome
	opener      opener
	security    *security
	parent      string
}

// merge shows the largest of each counter: agents that see the same traffic
// must not add up.
func (l *link) merge() merged {
	m := merged{protocol: label{name: none}}
	for _, r := range l.raws {
		m.first, m.last = widen(m.first, m.last, r.first, r.last)
		m.count.most(r.count)
		if r.operations != nil {
			for i, n := range r.operations {
				m.operations[i] = max(m.operations[i], n)
			}
		}
		insertVLANs(&m.vlans, wide(r.vlans))
		m.protocol.improve(r.protocol)
		m.basis = max(m.basis, r.basis)
		m.outcome = max(m.outcome, r.outcome)
		m.opener.improve(r.opener)
		if r.security != nil {
			if m.security == nil {
				m.security = newSecurity()
			}
			m.security.improve(r.security)
		}
		if r.parent != nil {
			if id := r.parent.id(); m.parent == "" || id < m.parent {
				m.parent = id
			}
		}
	}
	return m
}

// Connection returns a connection made afresh.
func (b *Book) Connection(id string) (Connection, bool) {
	b.settle()
	l := b.links[id]
	if l == nil {
		return Connection{}, false
	}
	c := l.show()
	c.Devices = b
	return c, true
}

// Connections ranges over every connection in no particular order. The Book
// must not be changed meanwhile.
func (b *Book) Connections() iter.Seq[Connection] {
	b.settle()
	return func(yield func(Connection) bool) {
		for _, l := range b.links {
			c := l.show()
			c.Devices = b
			if !yield(c) {
				return
			}
		}
	}
}

// ConnectionsOf lists the ids of an asset's connections, sorted.
func (b *Book) ConnectionsOf(asset string) []string {
	b.settle()
	a := b.assets[asset]
	if a == nil {
		return nil
	}
	ids := map[string]bool{}
	for _, o := range a.observations() {
		for _, r := range o.conns {
			ids[r.link.id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// Ref is where a Book has a connection. Its zero value says that it is to be
// looked for.
type Ref struct{ link *link }

// stands reports whether l is part of the derivation as it is now.
func (l *link) stands() bool { return l != nil && len(l.raws) > 0 && l.raws[0].link == l }

// Placed returns a connection without its Data and Agents: for who has them
// since the Book changed last. It looks for it at r, and else leaves there where
// it is. Several goroutines may ask, each with a Ref of its own.
func (b *Book) Placed(id string, r *Ref) (Connection, bool) {
	b.settle()
	if !r.link.stands() {
		if r.link = b.links[id]; r.link == nil {
			return Connection{}, false
		}
	}
	c := r.link.place()
	c.Devices = b
	return c, true
}

func (l *link) place() Connection {
	client, server := l.ends()
	return Connection{ID: l.id, Site: l.raws[0].key.client.key.site.Value(), Client: client.end(), Server: server.end(), Quarters: l.history()}
}

// shown is a connection as it is shown, with its instants and mostly its agents:
// one piece, since there are so many.
type shown struct {
	connection  demarcv1.Connection
	first, last timestamppb.Timestamp
	agent       [1]string
}

// put is stamp in a place that is there.
func put(to *timestamppb.Timestamp, ns int64) *timestamppb.Timestamp {
	if ns <= 0 {
		return nil
	}
	t := time.Unix(0, ns)
	to.Seconds, to.Nanos = t.Unix(), int32(t.Nanosecond())
	return to
}

func (l *link) show() Connection {
	key, m, c := l.raws[0].key, l.merge(), l.place()
	made := &shown{}
	c.Agents = made.agent[:0]
	for _, r := range l.raws {
		if r.key.agent != none {
			c.Agents = append(c.Agents, r.key.agent.Value())
		}
	}
	c.Agents = tidy(c.Agents)
	d := &made.connection
	d.Id, d.Client, d.Server, d.ClientAsset, d.ServerAsset = l.id, key.client.text, key.server.text, c.Client.Asset, c.Server.Asset
	d.Segment, d.Vlans, d.Transport, d.Port = l.segment(c), wide(m.vlans), key.transport.Value(), key.port
	d.Protocol, d.Grade, d.DirectionBasis = m.protocol.name.Value(), m.protocol.grade.String(), m.basis.String()
	d.OpenedBy, d.Outcome, d.RelatedTo = openers[m.opener.who], m.outcome.String(), m.parent
	d.ClientPackets, d.ServerPackets, d.ClientBytes, d.ServerBytes = m.count.clientPackets, m.count.serverPackets, m.count.clientBytes, m.count.serverBytes
	d.Sessions, d.FirstSeen, d.LastSeen = m.count.sessions, put(&made.first, m.first), put(&made.last, m.last)
	if d.Protocol == "" {
		d.Protocol = "unknown"
	}
	d.Operations = map[string]uint64{}
	for i, n := range m.operations {
		if n > 0 {
			d.Operations[ot.Operation(i).String()] = n
			c.Classes |= 1 << i
		}
	}
	if s := m.security; s != nil {
		d.Security = s.mode.text.Value()
		if s.tls.at|s.policy.at|s.subject.at|s.name.at != 0 || s.tls.text != none || s.policy.text != none || s.subject.text != none || s.name.text != none {
			d.SecurityFacts = &demarcv1.SecurityFacts{Tls: s.tls.text.Value(), Policy: s.policy.text.Value(), Subject: s.subject.text.Value(), ServerName: s.name.text.Value()}
		}
	}
	c.Data = d
	return c
}

// segment is where the connection is said to be: on the client's own link,
// else on the server's, else the smallest that it was seen in.
func (l *link) segment(c Connection) string {
	if c.Client.OwnLink {
		return c.Client.Segment
	}
	if c.Server.OwnLink {
		return c.Server.Segment
	}
	smallest := l.raws[0].key.client.key.segment.Value()
	for _, r := range l.raws {
		smallest = min(smallest, r.key.client.key.segment.Value())
	}
	return smallest
}

// ends are the observations that stand for the connection's two ends: the
// smallest of the segments that it was seen in.
func (l *link) ends() (client, server *observation) {
	client, server = l.raws[0].key.client, l.raws[0].key.server
	for _, r := range l.raws[1:] {
		if compareObservation(r.key.client, client) < 0 {
			client = r.key.client
		}
		if compareObservation(r.key.server, server) < 0 {
			server = r.key.server
		}
	}
	return client, server
}

// end places one end of a connection.
func (o *observation) end() End {
	e := End{Segment: o.key.segment.Value(), Addr: o.key.ip}
	if a := o.assetOf(); a != nil {
		e.Asset = a.id
	}
	switch {
	case o.mac != nil:
		e.MAC = o.key.mac.String()
		e.VLANs = wide(o.claimVLANs())
		e.OwnLink = o.heard
	case o.unit != nil:
		o.unit.place(&e)
	}
	return e
}

// place says on which link u stands.
func (u *unit) place(e *End) {
	owners := u.owners()
	if len(owners) == 1 {
		e.MAC = owners[0].mac.String()
	}
	var vlans []uint16
	segment := ""
	for _, o := range u.at() {
		for i := range o.claims {
			c := &o.claims[i]
			if u.holder != nil && (c.mac != u.holder || !o.own(c)) || u.holder == nil && c.mac != nil && c.mac.class.shared {
				continue
			}
			insertVLANs(&vlans, wide(c.vlans))
			if s := o.key.segment.Value(); segment == "" || s < segment {
				segment = s
			}
		}
	}
	e.VLANs, e.OwnLink = wide(vlans), u.holder != nil
	if segment != "" {
		e.Segment = segment
	}
}
