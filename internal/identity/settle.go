package identity

import (
	"slices"
	"strings"
)

// asset is a set of units, MACs and through them observations that are one
// device.
type asset struct {
	id    string
	key   string     // the smallest of its endpoints; those with IP come first
	units []*unit    // by key
	macs  []*macNode // by address
	parts []string   // paths, sorted; from what was told of its addresses
}

// dirty is what has to be derived again.
type dirty struct {
	eps   map[*endpoint]bool
	macs  map[*macNode]bool
	marks map[*markNode]bool
	nodes map[node]bool // whose component may have changed
}

func newDirty() dirty {
	return dirty{map[*endpoint]bool{}, map[*macNode]bool{}, map[*markNode]bool{}, map[node]bool{}}
}

// node is a *unit or a *macNode.
type node interface {
	component() **asset
	neighbours(visit func(node))
}

func (u *unit) component() **asset    { return &u.asset }
func (m *macNode) component() **asset { return &m.asset }

func (u *unit) neighbours(visit func(node)) {
	for _, m := range u.owners() {
		visit(m)
	}
	for _, o := range u.seen {
		o.join(visit)
	}
}

func (m *macNode) neighbours(visit func(node)) {
	at := func(o *observation) {
		for _, u := range o.ep.units {
			if slices.Contains(u.owners(), m) {
				visit(u)
			}
		}
	}
	for _, o := range m.proven {
		at(o)
	}
	for _, o := range m.unproven {
		if !m.class.shared || m.class.home == o.key.ip {
			at(o)
		}
	}
	for _, o := range m.links {
		o.join(visit)
	}
	m.chassis.join(visit)
}

// join visits what tells the same of its device as o does.
func (o *observation) join(visit func(node)) {
	for _, s := range o.marks {
		s.join(visit)
	}
}

// arrived is called once for an observation that was heard for the first time.
func (b *Book) arrived(o *observation) {
	if o.mac != nil {
		b.dirty.nodes[o.mac] = true
		b.touchConns(o)
		return
	}
	b.unsettle(o.ep, nil)
}

// unsettle marks an endpoint, and a MAC that sent from it, to be derived again.
func (b *Book) unsettle(e *endpoint, m *macNode) {
	b.dirty.eps[e] = true
	if m != nil {
		b.dirty.macs[m] = true
	}
}

// settle derives what is marked, in layers: what a MAC's own traffic says of
// it, who holds each address, which marks count, and then which nodes
// hang together. Each layer reads only the ones before it, so that the result
// does not depend on the order in which observations came.
func (b *Book) settle() {
	d := &b.dirty
	if len(d.eps)+len(d.macs)+len(d.marks)+len(d.nodes) == 0 {
		return
	}
	for m := range d.macs {
		was := m.class
		m.class = m.classify()
		d.nodes[m] = true
		if m.class != was {
			for _, o := range slices.Concat(m.proven, m.unproven) {
				d.eps[o.ep] = true
			}
		}
	}
	for e := range d.eps {
		b.divideAgain(e)
	}
	for s := range d.marks {
		s.settle(d.nodes)
	}
	b.connect(d.nodes)
	b.dirty = newDirty()
}

// divideAgain makes the units of e, and marks all that stood or stands there.
func (b *Book) divideAgain(e *endpoint) {
	mark := func() {
		for _, u := range e.units {
			b.dirty.nodes[u] = true
		}
	}
	mark()
	apart := e.apart
	e.divide()
	mark()
	for _, o := range e.seen {
		for i := range o.claims {
			if m := o.claims[i].mac; m != nil {
				b.dirty.nodes[m] = true
			}
		}
		b.touchConns(o)
		if apart != e.apart {
			b.regroup(o)
		}
	}
}

// connect finds the components of the marked nodes and of all that hung
// together with them before.
func (b *Book) connect(nodes map[node]bool) {
	old := map[*asset]bool{}
	var work []node
	release := func(a *asset) {
		if a == nil || old[a] {
			return
		}
		old[a] = true
		for _, u := range a.units {
			work = append(work, u)
		}
		for _, m := range a.macs {
			work = append(work, m)
		}
	}
	before := map[node]string{}
	for n := range nodes {
		work = append(work, n)
		release(*n.component())
	}
	fresh := map[*asset]bool{}
	for i := 0; i < len(work); i++ { // grows while components are found
		if n := work[i]; fresh[*n.component()] || !stands(n) {
			continue
		}
		a := &asset{}
		fresh[a] = true
		queue := []node{work[i]}
		for len(queue) > 0 {
			n := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			c := n.component()
			if fresh[*c] {
				continue
			}
			if *c != nil {
				before[n] = (*c).id
				release(*c)
			}
			*c = a
			a.add(n)
			n.neighbours(func(m node) {
				if sameSide(n, m) {
					queue = append(queue, m)
				}
			})
		}
	}
	for a := range old {
		b.forget(a)
	}
	for _, n := range work { // a unit that was replaced, a MAC that fell silent
		if c := n.component(); *c != nil && !fresh[*c] {
			*c = nil
		}
	}
	for a := range fresh {
		b.register(a, before)
	}
}

// stands reports whether n is still part of the derivation and was heard.
func stands(n node) bool {
	switch n := n.(type) {
	case *unit:
		return slices.Contains(n.ep.units, n)
	case *macNode:
		return n.mac.isStation() && n.heard()
	}
	return false
}

func (a *asset) add(n node) {
	switch n := n.(type) {
	case *unit:
		a.units = append(a.units, n)
	case *macNode:
		a.macs = append(a.macs, n)
	}
}

// register names a new component and makes it known.
func (b *Book) register(a *asset, before map[node]string) {
	slices.SortFunc(a.units, func(x, y *unit) int { return strings.Compare(x.key(), y.key()) })
	slices.SortFunc(a.macs, compareMAC)
	a.key = a.smallest()
	a.id = makeID("a-", a.key)
	b.assets[a.id] = a
	b.changedAssets[a.id] = true
	b.setParts(a)
	for _, u := range a.units {
		if before[u] != a.id {
			for _, o := range u.seen {
				b.touchConns(o)
			}
		}
	}
	for _, m := range a.macs {
		if before[m] != a.id {
			for _, o := range m.links {
				b.touchConns(o)
			}
		}
	}
}

func (a *asset) smallest() string {
	if len(a.units) > 0 {
		return a.units[0].key()
	}
	m := a.macs[0]
	return "mac\x00" + m.site.Value() + "\x00" + m.mac.String()
}

func (b *Book) forget(a *asset) {
	for _, path := range a.parts {
		id := partID(a.id, path)
		delete(b.parts, id)
		b.changedAssets[id] = true
	}
	if b.assets[a.id] == a {
		delete(b.assets, a.id)
	}
	b.changedAssets[a.id] = true
}

// observations lists all that was observed of a's own addresses.
func (a *asset) observations() []*observation {
	var all []*observation
	for _, u := range a.units {
		all = append(all, u.seen...)
	}
	for _, m := range a.macs {
		all = append(all, m.links...)
	}
	return all
}
