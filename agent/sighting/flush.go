package sighting

import (
	"demarc/agent/flow"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// FlushNews lets everything new or changed leave.
func (t *Table) FlushNews() error {
	if t.Pending() == 0 {
		return nil
	}
	return t.emit(true)
}

// Flush counts every conversation and lets everything leave: at a quarter
// hour's edge, at most every 60 s otherwise, and at the end.
func (t *Table) Flush() error {
	if t.flows != nil {
		t.flows.All(func(c *flow.Conversation) {
			r, ok := c.Record.(*record)
			if !ok || r.conn == nil {
				return
			}
			t.describe(r)
			t.count(r)
			if r.conn.sent != [2]flow.Counter{} {
				t.changed(r.conn)
			}
		})
	}
	if t.Pending() == 0 {
		return nil
	}
	return t.emit(false)
}

// Close tells the rest; the flow table must have been closed before.
func (t *Table) Close() error {
	for t.waitHead < len(t.waiting) {
		t.settleOldest()
	}
	return t.Flush()
}

func (t *Table) emit(news bool) error {
	b := &demarcv1.Body{Moves: t.moves}
	t.moves = nil
	for _, e := range t.changedEndpoints {
		b.Endpoints = t.endpointDeltas(e, b.Endpoints)
	}
	for _, f := range t.changedFacts {
		b.Facts = append(b.Facts, t.factDelta(f))
	}
	for _, n := range t.changedConnections {
		if n.changed { // not moved into another since
			b.Connections = append(b.Connections, t.connectionDelta(n))
		}
	}
	for _, l := range t.losses {
		b.Losses = append(b.Losses, l)
	}
	t.changedEndpoints, t.changedFacts, t.changedConnections = t.changedEndpoints[:0], t.changedFacts[:0], t.changedConnections[:0]
	clear(t.losses)
	return t.sink.Emit(b, news)
}

func (t *Table) connectionDelta(n *connection) *demarcv1.ConnectionDelta {
	d := &demarcv1.ConnectionDelta{
		Key: t.keyProto(&n.key), Protocol: n.protocol, Grade: demarcv1.Grade(n.grade), DirectionBasis: n.basis.String(),
		OpenedBy: openedBy(n.basis), Outcome: n.outcome.String(),
		ClientPackets: n.sent[0].Packets, ServerPackets: n.sent[1].Packets, ClientBytes: n.sent[0].Bytes, ServerBytes: n.sent[1].Bytes,
		Sessions: n.sessions, Security: n.security.Mode.String(), Tls: clean([]byte(n.security.TLS)), Policy: clean([]byte(n.security.Policy)),
		Subject: clean([]byte(n.security.Subject)), ServerName: clean([]byte(n.security.Name)), FirstNs: n.first, LastNs: n.last,
	}
	if n.transport == tcp {
		d.ClientPayload, d.ServerPayload = new(n.payload[0]), new(n.payload[1])
	}
	for _, v := range n.vlans[:n.nvlans] {
		d.Vlans = append(d.Vlans, uint32(v))
	}
	if n.related != nil {
		d.RelatedTo = t.keyProto(n.related)
	}
	top := 0
	for i, c := range n.operations {
		if c > 0 {
			top = i + 1
			n.classes |= 1 << i
		}
	}
	d.Operations = append(d.Operations, n.operations[:top]...)
	n.sent, n.payload, n.sessions, n.operations, n.first, n.last = [2]flow.Counter{}, [2]uint64{}, 0, [ot.NumOperations]uint64{}, 0, 0
	n.told, n.changed = true, false
	return d
}

// openedBy says who opened the connection, where that shows: the client by its
// SYN or by asking first.
func openedBy(b ot.Basis) string {
	if b >= ot.BasisListener {
		return "client"
	}
	return "unknown"
}
