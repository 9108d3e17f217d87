package identity

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// Book holds observations and what is derived from them. It is not safe for
// concurrent use.
type Book struct {
	space  Space
	limits Limits

	// What was observed.
	observed map[addrKey]*observation
	raws     map[rawKey]*rawConn
	said     map[addrKey]*said // what people decided
	losses   losses

	// What is derived.
	eps    map[epKey]*endpoint
	macs   map[macKey]*macNode
	marks  map[markKey]*markNode
	assets map[string]*asset
	parts  map[string]partRef
	links  map[string]*link

	dirty         dirty
	touched       map[*observation]bool
	touchedMacs   map[*macNode]bool
	touchedLinks  map[*link]bool
	changedAssets map[string]bool
	changedConns  map[string]bool
	records       records
	horizon       time.Duration // of quarter hours
	now           int64         // what the clock shows, 0 when nobody said
}

// New returns an empty Book of DefaultLimits; nil space is OneSpace.
func New(space Space) *Book { return NewLimited(space, DefaultLimits) }

// NewLimited is New with other bounds.
func NewLimited(space Space, limits Limits) *Book {
	b := &Book{
		limits: limits, observed: map[addrKey]*observation{}, raws: map[rawKey]*rawConn{}, said: map[addrKey]*said{},
		touched: map[*observation]bool{}, touchedMacs: map[*macNode]bool{}, touchedLinks: map[*link]bool{}, changedAssets: map[string]bool{}, changedConns: map[string]bool{},
	}
	b.losses.init()
	b.records.init()
	b.setSpace(space)
	return b
}

func (b *Book) setSpace(space Space) {
	if space == nil {
		space = OneSpace
	}
	b.space = space
	b.eps, b.macs, b.marks = map[epKey]*endpoint{}, map[macKey]*macNode{}, map[markKey]*markNode{}
	b.assets, b.parts, b.links = map[string]*asset{}, map[string]partRef{}, map[string]*link{}
	b.dirty = newDirty()
}

var noIP netip.Addr

// Apply takes what agent at site reported; agent is empty for a capture that
// is read without one. Bodies of one agent come in the order it made them;
// between agents any order gives the same inventory. What cannot be read is
// counted as a loss.
func (b *Book) Apply(site, agent string, body *demarcv1.Body) {
	s, a := mk(clip(site, maxLabel)), mk(clip(agent, maxLabel))
	for _, d := range body.GetEndpoints() {
		b.sawEndpoint(s, a, d)
	}
	for _, d := range body.GetFacts() {
		b.tell(s, d)
	}
	for _, d := range body.GetMoves() { // of what earlier bodies told
		b.move(s, a, d)
	}
	for _, d := range body.GetConnections() {
		b.connected(s, a, d)
	}
	for _, d := range body.GetLosses() {
		b.lost(s, a, d)
	}
}

// observe finds or makes the record of an address; nil when the table is full.
func (b *Book) observe(k addrKey) *observation {
	if o := b.observed[k]; o != nil {
		return o
	}
	if len(b.observed) >= b.limits.Addresses {
		b.lose(k.segment.Value(), "addresses beyond the table", 0, 0)
		return nil
	}
	o := &observation{key: k, text: k.String()}
	b.observed[k] = o
	b.anchor(o)
	if x := b.said[k]; x != nil {
		b.hear(o, x)
	}
	return o
}

// anchor ties o to its endpoint or MAC.
func (b *Book) anchor(o *observation) {
	if !o.key.ip.IsValid() {
		o.mac = b.macNode(o.key.site, o.key.mac)
		o.mac.links = append(o.mac.links, o)
		if o.mac.asset != nil {
			b.dirty.nodes[o.mac] = true
		}
		return
	}
	o.ep = b.endpoint(o)
	o.ep.seen = append(o.ep.seen, o)
	if len(o.ep.units) > 0 || o.heard {
		b.unsettle(o.ep, nil)
	}
}

func (b *Book) spaceOf(k addrKey) string {
	return b.space(k.site.Value(), k.segment.Value(), k.ip)
}

// Settle derives what is still to be derived. Until the Book changes again, it
// may then be read by several goroutines at once.
func (b *Book) Settle() { b.settle() }

// SetSpace takes over a new mapping of addresses to spaces and derives
// everything again from the observations. All that was and all that is counts
// as changed.
func (b *Book) SetSpace(space Space) {
	b.settle()
	b.touchAll()
	b.setSpace(space)
	for _, o := range b.observed {
		o.unit, o.marks, o.mac, o.ep = nil, nil, nil, nil
		b.anchor(o)
	}
	for _, o := range b.observed {
		b.derive(o)
	}
	b.settle() // addresses come apart before connections are named after them
	for _, r := range b.raws {
		r.link = nil
		b.group(r)
	}
	b.touchAll()
}

func (b *Book) touchAll() {
	for id := range b.assets {
		b.changedAssets[id] = true
	}
	for id := range b.parts {
		b.changedAssets[id] = true
	}
	for id := range b.links {
		b.changedConns[id] = true
	}
}

// derive enters what is known of o into MACs and marks.
func (b *Book) derive(o *observation) {
	for i := range o.claims {
		c := &o.claims[i]
		if c.mac == nil {
			continue
		}
		c.mac = b.macNode(o.key.site, c.mac.mac)
		if o.ep != nil {
			c.mac.seenAt(o, o.own(c))
			b.unsettle(o.ep, c.mac)
		}
	}
	if o.heard {
		b.arrived(o)
	}
	b.setMarks(o)
}

// Changes returns the ids of what is new, changed or gone since the last call.
func (b *Book) Changes() Changes {
	b.settle()
	for l := range b.touchedLinks { // what an agent tells in one segment may count for an end in another
		for _, r := range l.raws {
			b.touched[r.key.client], b.touched[r.key.server] = true, true
		}
	}
	for o := range b.touched {
		b.changed(o.assetOf())
		if o.ep != nil && len(o.ep.units) > 1 { // what was told may belong to an earlier holder
			for _, u := range o.ep.units {
				b.changed(u.asset)
			}
		}
	}
	for m := range b.touchedMacs {
		b.changed(m.asset)
	}
	c := Changes{Assets: sortedKeys(b.changedAssets), Connections: sortedKeys(b.changedConns)}
	clear(b.touched)
	clear(b.touchedMacs)
	clear(b.touchedLinks)
	clear(b.changedAssets)
	clear(b.changedConns)
	return c
}

func (b *Book) changed(a *asset) {
	if a == nil {
		return
	}
	b.changedAssets[a.id] = true
	for _, path := range a.parts {
		b.changedAssets[partID(a.id, path)] = true
	}
}

func sortedKeys(m map[string]bool) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// assetOf is what stands at the address; nil when nothing was heard from it.
func (o *observation) assetOf() *asset {
	switch {
	case o.unit != nil:
		return o.unit.asset
	case o.mac != nil && o.key.mac.isStation():
		return o.mac.asset
	}
	return nil
}

// touchObservation is called when an agent told something new of o.
func (b *Book) touchObservation(o *observation) {
	b.touched[o] = true
	b.records.mark(o.num, o)
}

// touchParts is called when a new part of o was told of.
func (b *Book) touchParts(o *observation) {
	if o.unit != nil {
		b.dirty.nodes[o.unit] = true
	} else if o.mac != nil {
		b.dirty.nodes[o.mac] = true
	}
}

// touchPlacement is called when it changed where o stands.
func (b *Book) touchPlacement(o *observation) {
	if o.ep == nil {
		b.touchConns(o)
		return
	}
	for _, x := range o.ep.seen {
		b.touchConns(x)
	}
}

func (b *Book) touchConns(o *observation) {
	for _, r := range o.conns {
		if r.link != nil {
			b.changedConns[r.link.id] = true
		}
	}
}

// touchRaw is called when r changed: with it its connection and the assets at
// both ends.
func (b *Book) touchRaw(r *rawConn) {
	if r.link != nil {
		b.changedConns[r.link.id] = true
		b.touchedLinks[r.link] = true
	}
	b.touched[r.key.client], b.touched[r.key.server] = true, true
}
