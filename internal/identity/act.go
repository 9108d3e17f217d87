package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// Verb is what a person does to assets.
type Verb uint8

// Verbs.
const (
	Together Verb = iota + 1 // the addresses are one device, whatever is seen
	Apart                    // the addresses are a device of their own
	Set                      // a field has a value that a person knows
)

// Said is what a person decided of some addresses. It names addresses and no
// asset, so that it holds whatever becomes of the assets, and in whatever order
// it and the observations come.
type Said struct {
	Order  uint64 // the later of two that contradict each other wins; unique
	At     int64  // Unix nanoseconds
	By     string
	Reason string
	Verb   Verb
	Of     []Of
	Field  string // of Set
	Value  string // of Set; empty takes it back
}

// Of is one address, or a part behind it.
type Of struct {
	Site    string
	Address *demarcv1.Address
	Part    string
	// Anchor: of Together, one address of each asset stands for it, so that an
	// address which moves on takes nothing along.
	Anchor bool
}

// said is what was decided of one address.
type said struct {
	together []markKey
	apart    *cut
	notes    []note
}

// cut tells a group of addresses that a person took out of an asset.
type cut struct {
	order uint64
	why   string
}

// note is a field that a person set.
type note struct {
	part, field, value, by string
	at                     int64
	order                  uint64
}

// Say takes what a person decided. Addresses that were not seen yet are
// remembered.
func (b *Book) Say(s Said) {
	why := fmt.Sprintf("by %s on %s", s.By, when(s.At))
	if s.Reason != "" {
		why += ": " + s.Reason
	}
	for _, of := range s.Of {
		k, ok := keyOf(mk(clip(of.Site, maxLabel)), of.Address)
		if !ok {
			continue
		}
		x := b.said[k]
		if x == nil {
			x = &said{}
			b.said[k] = x
		}
		x.take(&s, of, why)
		if o := b.observed[k]; o != nil {
			b.hear(o, x)
		}
	}
}

func (x *said) take(s *Said, of Of, why string) {
	switch s.Verb {
	case Together:
		if of.Anchor {
			x.together = append(x.together, markKey{site: none, kind: saidMark, vendor: why, value: fmt.Sprintf("%020d", s.Order)})
		}
		if x.apart != nil && x.apart.order < s.Order {
			x.apart = nil
		}
	case Apart:
		x.together = slices.DeleteFunc(x.together, func(k markKey) bool { return k.value < fmt.Sprintf("%020d", s.Order) })
		if x.apart == nil || x.apart.order < s.Order {
			x.apart = &cut{s.Order, why}
		}
	case Set:
		n := note{of.Part, s.Field, s.Value, s.By, s.At, s.Order}
		for i := range x.notes {
			if old := &x.notes[i]; old.part == of.Part && old.field == s.Field {
				if old.order < n.order {
					*old = n
				}
				return
			}
		}
		x.notes = append(x.notes, n)
	}
}

// hear brings what was decided of o's address to it.
func (b *Book) hear(o *observation, x *said) {
	o.said = x
	b.setMarks(o)
	b.touched[o] = true
	b.touchConns(o)
	switch {
	case o.ep != nil:
		b.unsettle(o.ep, nil)
	case o.mac != nil:
		b.dirty.nodes[o.mac] = true
	}
}

// cutOf is the group that a person put n in; nil for none.
func cutOf(n node) *cut {
	var at []*observation
	switch n := n.(type) {
	case *unit:
		at = n.seen
	case *macNode:
		at = n.links
	}
	var latest *cut
	for _, o := range at {
		if o.said != nil && o.said.apart != nil && (latest == nil || o.said.apart.order > latest.order) {
			latest = o.said.apart
		}
	}
	return latest
}

// sameSide reports whether no person put n and m apart.
func sameSide(n, m node) bool {
	x, y := cutOf(n), cutOf(m)
	return x == y || x != nil && y != nil && x.order == y.order
}

// cuts tells of what a person took out of another asset.
func (a *asset) cuts() []string {
	var out []string
	add := func(n node) {
		if c := cutOf(n); c != nil {
			out = append(out, "taken out of another asset "+c.why)
		}
	}
	for _, u := range a.units {
		add(u)
	}
	for _, m := range a.macs {
		add(m)
	}
	return out
}

// notes lists the fields that people set of one path, each once, the latest.
func (a *asset) notes(path string) []note {
	var all []note
	for _, o := range a.observations() {
		if o.said == nil {
			continue
		}
		for _, n := range o.said.notes {
			if n.part != path {
				continue
			}
			i := slices.IndexFunc(all, func(x note) bool { return x.field == n.field })
			switch {
			case i < 0:
				all = append(all, n)
			case all[i].order < n.order:
				all[i] = n
			}
		}
	}
	slices.SortFunc(all, func(x, y note) int { return strings.Compare(x.field, y.field) })
	return slices.DeleteFunc(all, func(n note) bool { return n.value == "" })
}

// annotate puts what people said on top of what was seen.
func annotate(out *demarcv1.Asset, notes []note) {
	for _, n := range notes {
		out.Annotations = append(out.Annotations, &demarcv1.Annotation{Field: n.field, Value: n.value, By: n.by, At: stamp(n.at)})
		switch n.field {
		case "name":
			out.Names = append([]string{n.value}, slices.DeleteFunc(out.Names, func(s string) bool { return s == n.value })...)
		case "role":
			out.Roles = append([]*demarcv1.AssetRole{{Role: n.value, Grade: "person", Why: fmt.Sprintf("%s said so on %s", n.by, when(n.at))}},
				slices.DeleteFunc(out.Roles, func(r *demarcv1.AssetRole) bool { return r.GetRole() == n.value })...)
		case "retired":
			if last := out.GetLastSeen(); last != nil && last.AsTime().UnixNano() > n.at {
				out.Joins = append(out.Joins, fmt.Sprintf("was retired by %s on %s and is heard since", n.by, when(n.at)))
			}
		}
	}
}

// Addresses lists every address of an asset, or the part behind its first:
// what a Said of it names. Nil when there is no such asset.
func (b *Book) Addresses(id string) []Of {
	b.settle()
	part := ""
	a := b.assets[id]
	if p, ok := b.parts[id]; ok {
		a, part = p.asset, p.path
	}
	if a == nil {
		return nil
	}
	all := slices.DeleteFunc(a.observations(), func(o *observation) bool { return part != "" && o.part(part) == nil })
	slices.SortFunc(all, func(x, y *observation) int { // what lasts first: a card, then its addresses
		return cmp.Or(boolRank(x.mac == nil)-boolRank(y.mac == nil), compareObservation(x, y))
	})
	var out []Of
	for _, o := range all {
		out = append(out, Of{Site: o.key.site.Value(), Address: o.key.proto(), Part: part, Anchor: len(out) == 0})
	}
	return out
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
