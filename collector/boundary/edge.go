package boundary

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Edge is an instant at which a document begins or ceases to stand.
type Edge struct {
	At       time.Time
	Document string // "Authorization/line4-ato"
}

// NoticeEdge stands in the place of a document where a notice is due and no
// verdict changes.
const NoticeEdge = "notice"

// Edges lists every edge of p's documents by time.
func (p *Policy) Edges() []Edge {
	var edges []Edge
	add := func(document string, times ...time.Time) {
		for _, t := range times {
			if !t.IsZero() {
				edges = append(edges, Edge{t, document})
			}
		}
	}
	for _, d := range p.decisions {
		for _, s := range d.standings {
			add(d.Document, s.From)
		}
		for _, c := range d.connect {
			add(d.Document, c.Granted.Time, end(c.Expires))
		}
	}
	for _, list := range p.agreements {
		for _, o := range list {
			for _, c := range o.Cover {
				add(o.Document, c.From, c.Until)
			}
		}
	}
	for x, list := range p.openings {
		for _, o := range list {
			add("Interconnection/"+x, o.From, o.Until, o.Until.Add(2*Alive))
		}
	}
	for _, n := range p.Notices() {
		add(NoticeEdge, n.At)
	}
	slices.SortFunc(edges, func(a, b Edge) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Document, b.Document)) })
	return slices.Compact(edges)
}

func end(d Date) time.Time {
	if d.Time.IsZero() {
		return time.Time{}
	}
	return d.End()
}

// Reach is what leans on a document: the connections that have an end in one of
// some boundaries, or that join one of some pairs of them.
type Reach struct {
	any   map[string]bool
	pairs map[[2]string]bool
}

// Holds reports whether a connection from client's to server's boundary leans on
// the document.
func (r *Reach) Holds(client, server string) bool {
	return r.any[client] || r.any[server] || r.pairs[[2]string{client, server}] || r.pairs[[2]string{server, client}]
}

// Boundaries lists, sorted, the boundaries in which everything leans on the
// document.
func (r *Reach) Boundaries() []string { return keys(r.any) }

// Leaning tells what leans on a document, "Kind/name": of an authorization its
// boundaries with all their parts, and what uses a service that is lent under
// it or under what leans on it; of an agreement the boundaries that it joins.
func (p *Policy) Leaning(document string) Reach {
	r := Reach{any: make(map[string]bool), pairs: make(map[[2]string]bool)}
	kind, name, _ := strings.Cut(document, "/")
	if kind != "Authorization" {
		for pair, list := range p.agreements {
			if slices.ContainsFunc(list, func(o Offer) bool { return o.Document == document }) {
				r.pairs[pair] = true
			}
		}
		for sender, list := range p.published { // to a group, which needs no boundary
			if slices.ContainsFunc(list, func(o Offer) bool { return o.Document == document }) {
				r.pairs[[2]string{sender, ""}] = true
			}
		}
		return r
	}
	d := p.decisions[name]
	if d == nil {
		return r
	}
	for _, b := range d.Boundaries {
		r.any[b] = true
		for _, n := range p.names {
			if p.above(b, n) {
				r.any[n] = true
			}
		}
	}
	under := p.leaners(name)
	for pair, list := range p.agreements {
		if slices.ContainsFunc(list, func(o Offer) bool { return o.Under != "" && under[o.Under] }) {
			r.pairs[pair] = true
		}
	}
	return r
}

// leaners names every decision that leans on name, also through others or
// because name stands above what it leans on, and name itself.
func (p *Policy) leaners(name string) map[string]bool {
	all := map[string]bool{name: true}
	for grown := true; grown; {
		grown = false
		for _, d := range p.decisions {
			for _, l := range d.leans {
				if all[l.lender] && !all[d.Name] {
					all[d.Name], grown = true, true
				}
				// What is lent under l.lender reaches d beneath its own decisions.
				if slices.ContainsFunc(l.own, func(o string) bool { return all[o] }) && !all[l.lender] {
					all[l.lender], grown = true, true
				}
			}
		}
	}
	return all
}
