package identity

import (
	"cmp"
	"slices"

	demarcv1 "demarc/proto/demarc/v1"
)

// Record is one observation, as what an agent would have to tell to make it
// again. Keys ascend as observations are made; a Book gives none twice.
type Record struct {
	Key  uint64
	Site string
	Told []Told // empty: the observation is gone
}

// Told is what one agent told.
type Told struct {
	Agent string
	Body  *demarcv1.Body
}

// recorded is an *observation, a *rawConn or a *loss.
type recorded interface{ record() Record }

// records numbers observations and remembers which changed.
type records struct {
	keep    bool
	next    uint64
	given   uint64 // number of the record being restored, 0 once it is taken
	changed map[uint64]recorded
}

func (r *records) init() { r.next, r.changed = 1, map[uint64]recorded{} }

// number gives n a number if it has none.
func (b *Book) number(n *uint64) {
	if *n != 0 {
		return
	}
	if b.records.given != 0 {
		*n, b.records.given = b.records.given, 0
		return
	}
	*n = b.records.next
	b.records.next++
}

func (r *records) mark(num uint64, x recorded) {
	if r.keep && num != 0 {
		r.changed[num] = x
	}
}

func (r *records) gone(num uint64) {
	if r.keep {
		r.changed[num] = nil
	}
}

// KeepRecords makes the Book remember which records change, for
// ChangedRecords.
func (b *Book) KeepRecords() { b.records.keep = true }

// Draft is a record that is still to be made.
type Draft struct {
	key uint64
	of  recorded // nil: it is gone
}

// Record makes the record, as the Book is now.
func (d Draft) Record() Record {
	if d.of == nil {
		return Record{Key: d.key}
	}
	return d.of.record()
}

// Drafts lists the records that are new, changed or gone since the last call, or
// every record. The Book may change before they are made: those that do are in
// the next list again.
func (b *Book) Drafts(whole bool) []Draft {
	changed := b.records.changed
	b.records.changed = map[uint64]recorded{}
	if whole {
		return b.drafts()
	}
	list := make([]Draft, 0, len(changed))
	for key, x := range changed {
		list = append(list, Draft{key, x})
	}
	return list
}

// ChangedRecords returns the records that are new, changed or gone since the
// last call, by key.
func (b *Book) ChangedRecords() []Record { return made(b.Drafts(false)) }

// Records returns every record, by key.
func (b *Book) Records() []Record { return made(b.drafts()) }

func made(list []Draft) []Record {
	out := make([]Record, len(list))
	for i, d := range list {
		out[i] = d.Record()
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

func (b *Book) drafts() []Draft {
	list := make([]Draft, 0, len(b.observed)+len(b.raws)+len(b.losses.items))
	for _, o := range b.observed {
		if o.num != 0 {
			list = append(list, Draft{o.num, o})
		}
	}
	for _, r := range b.raws {
		list = append(list, Draft{r.num, r})
	}
	for _, l := range b.losses.items {
		list = append(list, Draft{l.num, l})
	}
	return list
}

// Restore adds records of another Book to an empty one. They then have the
// same keys and do not count as changed.
func (b *Book) Restore(all []Record) {
	for _, r := range all {
		b.records.next = max(b.records.next, r.Key+1)
	}
	keep := b.records.keep
	b.records.keep = false
	for _, r := range all {
		b.records.given = r.Key
		for _, t := range r.Told {
			b.Apply(r.Site, t.Agent, t.Body)
		}
	}
	b.records.given, b.records.keep = 0, keep
}

func (o *observation) record() Record {
	r := Record{Key: o.num, Site: o.key.site.Value()}
	body := &demarcv1.Body{}
	for i := range o.claims {
		c := &o.claims[i]
		d := &demarcv1.EndpointDelta{Address: o.key.proto(), Vlans: wide(c.vlans), OwnLink: c.proven, FirstNs: c.first, LastNs: c.last}
		for _, n := range c.ttls {
			d.Ttls = append(d.Ttls, uint32(n))
		}
		if c.mac != nil {
			d.Mac = append([]byte(nil), c.mac.mac[:]...)
		}
		body.Endpoints = append(body.Endpoints, d)
	}
	for i := range o.parts {
		for _, f := range o.parts[i].facts {
			body.Facts = append(body.Facts, &demarcv1.FactDelta{
				Of: o.key.proto(), Part: o.parts[i].path.Value(), Attribute: f.attribute.Value(),
				Value: f.value, Source: f.source.Value(), Grade: demarcv1.Grade(f.grade), FirstNs: f.first, LastNs: f.last,
			})
		}
	}
	if len(body.Endpoints) > 0 {
		body.Endpoints[0].Hours = o.hours[:]
	}
	// Whoever heard it last makes the claims again: their last time is its own.
	agents := slices.SortedFunc(slices.Values(o.agents), func(x, y listener) int { return cmp.Compare(y.last, x.last) })
	if len(agents) == 0 {
		agents = []listener{{agent: none}}
	}
	r.Told = []Told{{agents[0].agent.Value(), body}}
	if o.heard && len(o.claims) == 0 {
		body.Endpoints = bare(o, agents[0])
		body.Endpoints[0].Hours = o.hours[:]
	}
	for _, a := range agents[1:] {
		r.Told = append(r.Told, Told{a.agent.Value(), &demarcv1.Body{Endpoints: bare(o, a)}})
	}
	return r
}

// bare says that an agent heard o last at its time, and nothing else.
func bare(o *observation, by listener) []*demarcv1.EndpointDelta {
	return []*demarcv1.EndpointDelta{{Address: o.key.proto(), LastNs: by.last}}
}

// record tells each text by itself, since each has its own time.
func (r *rawConn) record() Record {
	key := r.key.proto()
	d := &demarcv1.ConnectionDelta{
		Key: key, Vlans: wide(r.vlans), DirectionBasis: r.basis.String(), Outcome: r.outcome.String(),
		ClientPackets: r.count.clientPackets, ServerPackets: r.count.serverPackets, ClientBytes: r.count.clientBytes,
		ServerBytes: r.count.serverBytes, Sessions: r.count.sessions, FirstNs: r.first, LastNs: r.last,
	}
	if r.operations != nil {
		d.Operations = r.operations[:]
	}
	if r.parent != nil {
		d.RelatedTo = r.parent.proto()
	}
	d.Quarters, d.QuartersDroppedNs = r.quarters.Record()
	all := []*demarcv1.ConnectionDelta{d}
	at := func(ns int64) *demarcv1.ConnectionDelta {
		d := &demarcv1.ConnectionDelta{Key: key, LastNs: ns}
		all = append(all, d)
		return d
	}
	if p := r.protocol; p.name != none {
		d := at(p.at)
		d.Protocol, d.Grade = p.name.Value(), demarcv1.Grade(p.grade)
	}
	if r.opener.who != 0 {
		at(r.opener.at).OpenedBy = openers[r.opener.who]
	}
	if s := r.security; s != nil {
		at(s.mode.at).Security = s.mode.text.Value()
		at(s.tls.at).Tls = s.tls.text.Value()
		at(s.policy.at).Policy = s.policy.text.Value()
		at(s.subject.at).Subject = s.subject.text.Value()
		at(s.name.at).ServerName = s.name.text.Value()
	}
	return Record{r.num, r.key.client.key.site.Value(), []Told{{r.key.agent.Value(), &demarcv1.Body{Connections: all}}}}
}

func (k rawKey) proto() *demarcv1.ConnectionKey {
	return &demarcv1.ConnectionKey{Client: k.client.key.proto(), Server: k.server.key.proto(), Transport: k.transport.Value(), Port: k.port}
}

func wide(vlans []uint16) []uint32 {
	if len(vlans) == 0 {
		return nil
	}
	w := make([]uint32, len(vlans))
	for i, v := range vlans {
		w[i] = uint32(v)
	}
	return w
}
