package server

import (
	"maps"
	"slices"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// leaning finds what a change of a document touches, so that nothing else is
// judged again: connections by the boundaries of their ends, assets by those
// that they stand in, and the instants at which a document begins or ceases to
// stand.
type leaning struct {
	conns   map[[2]string]*bucket                     // boundaries of client and server -> connections
	pairs   []*bucket                                 // the same, by pair; nil when one came
	assets  map[string]map[string]bool                // boundary -> assets
	of      map[string][]string                       // asset -> its boundaries
	lines   map[condition.Segment]map[*judgement]bool // TCP connections by where they are heard
	edges   []boundary.Edge
	through time.Time // edges up to here are judged
}

func (l *leaning) init() {
	l.conns, l.assets, l.of = map[[2]string]*bucket{}, map[string]map[string]bool{}, map[string][]string{}
	l.lines = map[condition.Segment]map[*judgement]bool{}
}

// pairsOf lists the pairs of boundaries by which a connection is found, in their
// order: of a shared entry every boundary that holds it.
func pairsOf(client, server boundary.Placement) [][2]string {
	if client.Shared == nil && server.Shared == nil {
		return [][2]string{{client.Boundary, server.Boundary}}
	}
	var pairs [][2]string
	for _, a := range holders(client) {
		for _, b := range holders(server) {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	slices.SortFunc(pairs, comparePairs)
	return pairs
}

func comparePairs(a, b [2]string) int { return slices.Compare(a[:], b[:]) }

func holders(p boundary.Placement) []string {
	if p.Shared != nil {
		return p.Shared
	}
	return []string{p.Boundary}
}

// bucket is that of a pair of boundaries.
func (l *leaning) bucket(pair [2]string) *bucket {
	b := l.conns[pair]
	if b == nil {
		b = &bucket{pair: pair, in: map[*judgement]bool{}}
		b.alone = []*bucket{b}
		l.conns[pair], l.pairs = b, nil
	}
	return b
}

// connection files a judgement by the places of its ends, in place of where it
// was filed.
func (l *leaning) connection(j *judgement, client, server boundary.Placement) {
	shared := client.Shared != nil || server.Shared != nil
	pair := [2]string{client.Boundary, server.Boundary}
	if !shared && len(j.pairs) == 1 && j.pairs[0].pair == pair {
		return
	}
	var now []*bucket
	if !shared {
		now = l.bucket(pair).alone
	} else {
		for _, p := range pairsOf(client, server) {
			now = append(now, l.bucket(p))
		}
	}
	l.forget(j)
	for _, b := range now {
		b.put(j)
	}
	j.pairs = now
}

// forget takes a judgement out of where it was filed.
func (l *leaning) forget(j *judgement) {
	for _, b := range j.pairs {
		b.drop(j)
	}
	j.pairs = nil
}

// line files a judgement by where a TCP connection is heard, in place of where it
// was.
func (l *leaning) line(j *judgement, before, now condition.Segment) {
	if before == now {
		return
	}
	if delete(l.lines[before], j); len(l.lines[before]) == 0 {
		delete(l.lines, before)
	}
	if now == (condition.Segment{}) {
		return
	}
	if l.lines[now] == nil {
		l.lines[now] = map[*judgement]bool{}
	}
	l.lines[now][j] = true
}

// asset files id under boundaries.
func (l *leaning) asset(id string, boundaries []string) {
	before := l.of[id]
	if slices.Equal(before, boundaries) {
		return
	}
	for _, b := range before {
		drop(l.assets, b, id)
	}
	for _, b := range boundaries {
		file(l.assets, b, id)
	}
	if l.of[id] = slices.Clone(boundaries); len(boundaries) == 0 {
		delete(l.of, id)
	}
}

// inhabited reports whether an asset stands in a boundary or in one of its
// parts.
func (l *leaning) inhabited(p *boundary.Policy, name string) bool {
	for in := range l.assets {
		if p.Within(in, name) {
			return true
		}
	}
	return false
}

func file[K comparable](index map[K]map[string]bool, key K, id string) {
	if index[key] == nil {
		index[key] = map[string]bool{}
	}
	index[key][id] = true
}

func drop[K comparable](index map[K]map[string]bool, key K, id string) {
	if delete(index[key], id); len(index[key]) == 0 {
		delete(index, key)
	}
}

// on lists the connections and assets that lean on a document, by any of some
// policies.
func (l *leaning) on(reaches ...boundary.Reach) (conns []*judgement, assets []string) {
	a := map[string]bool{}
	for _, r := range reaches {
		for _, b := range r.Boundaries() {
			maps.Copy(a, l.assets[b])
		}
	}
	conns = l.between(func(client, server string) bool {
		return slices.ContainsFunc(reaches, func(r boundary.Reach) bool { return r.Holds(client, server) })
	})
	return conns, slices.Sorted(maps.Keys(a))
}

// every lists every connection.
func (l *leaning) every() []*judgement {
	return l.between(func(string, string) bool { return true })
}

// between lists the connections of the pairs of boundaries that in holds: by
// pair, then by id. The list is only to be read.
func (l *leaning) between(in func(client, server string) bool) []*judgement {
	if l.pairs == nil {
		l.pairs = slices.SortedFunc(maps.Values(l.conns), func(a, b *bucket) int { return comparePairs(a.pair, b.pair) })
	}
	holds := func(b *bucket) bool { return in(b.pair[0], b.pair[1]) }
	var all []*judgement
	for _, b := range l.pairs {
		if len(b.in) == 0 || !holds(b) {
			continue
		}
		if list := b.list(); all == nil {
			all = slices.Clip(list)
			continue
		}
		for _, j := range b.list() {
			if len(j.pairs) == 1 || j.pairs[slices.IndexFunc(j.pairs, holds)] == b { // of a shared entry once
				all = append(all, j)
			}
		}
	}
	return all
}

// due lists the documents that have an edge after through and not after now.
func (l *leaning) due(now time.Time) []string { return l.edgesIn(l.through, now) }

// edgesIn lists the documents that have an edge after one instant and not after
// another.
func (l *leaning) edgesIn(after, until time.Time) []string {
	var documents []string
	for _, e := range l.edges {
		if e.At.After(until) {
			break
		}
		if e.At.After(after) && !slices.Contains(documents, e.Document) {
			documents = append(documents, e.Document)
		}
	}
	return documents
}

// ringing reports whether an edge is due.
func (l *leaning) ringing(now time.Time) bool {
	i, _ := slices.BinarySearchFunc(l.edges, l.through, func(e boundary.Edge, t time.Time) int {
		if e.At.After(t) {
			return 1
		}
		return -1
	})
	return i < len(l.edges) && !l.edges[i].At.After(now)
}

// setPolicy takes documents, with what people did to them, for judging by.
func (e *engine) setPolicy(base *boundary.Policy) {
	e.base = base
	e.policy = base.With(e.acts)
	e.lean.edges = e.policy.Edges()
	more := e.stands.take(e.policy)
	if e.book == nil {
		return
	}
	e.book.KeepQuarters(e.policy.LongestWindow())
	if more {
		e.senseAll()
	}
}

// turn judges what leans on the documents whose edge has come.
func (e *engine) turn(now time.Time) {
	documents := e.lean.due(now)
	if now.After(e.lean.through) {
		e.lean.through = now
	}
	e.redo(documents, now)
	if len(documents) > 0 {
		e.stands.docket.Touch()
		e.notify(now)
		e.unsnapped(now, "collector")
	}
}

// turnBack judges what leans on documents whose edge is ahead again, because the
// clock was moved back over it: when it comes once more, it counts once more.
func (e *engine) turnBack(now time.Time) {
	if !now.Before(e.lean.through) {
		return
	}
	documents := e.lean.edgesIn(now, e.lean.through)
	e.lean.through = now
	if len(documents) > 0 {
		e.log.Warn("the clock was moved back over the edges of documents", "to", now, "documents", len(documents))
		e.redo(documents, now)
		e.stands.docket.Touch()
	}
}

// redo judges again what is live and leans on documents, and returns the
// verdicts that turned. What is past keeps the verdict of its time.
func (e *engine) redo(documents []string, now time.Time) (turned []*demarcv1.VerdictChange) {
	for _, d := range documents {
		conns, assets := e.lean.on(e.policy.Leaning(d))
		turned = append(turned, e.judgeMany(conns, now, scope{})...)
		for _, id := range assets {
			e.assess(id, now)
		}
	}
	return turned
}

// homesOf lists the boundaries that ends stand in, sorted.
func (e *engine) homesOf(site string, ends []inventory.End) []string {
	var all []string
	for _, end := range ends {
		if !end.Addr.IsValid() {
			continue
		}
		for _, b := range holders(e.policy.Place(site, end)) {
			if b != "" && !slices.Contains(all, b) {
				all = append(all, b)
			}
		}
	}
	slices.Sort(all)
	return all
}
