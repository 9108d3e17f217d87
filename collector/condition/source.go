package condition

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Source finds what there is, so that each condition looks at its own
// connections and devices alone. What it returns is only to be read.
type Source interface {
	// Between lists the connections of the pairs of boundaries that in holds,
	// always in the same order.
	Between(in func(client, server string) bool) []*demarcv1.JudgedConnection
	// TCP ranges over the TCP connections of a segment.
	TCP(at Segment) iter.Seq[*demarcv1.Connection]
	// Asset is nil where there is none.
	Asset(id string) *demarcv1.Asset
	// Within lists the assets that stand in a boundary that in holds, always in
	// the same order.
	Within(in func(boundary string) bool) []*demarcv1.Asset
	// Segments ranges over the boundaries with the segments on which a device of
	// them was heard on its own link.
	Segments() iter.Seq2[string, Segment]
}

// lists is the Source of a World that lists what there is.
type lists struct {
	connections []*demarcv1.JudgedConnection
	assets      []*demarcv1.Asset

	// Made when they are asked for first.
	byID  map[string]*demarcv1.Asset
	pairs map[[2]string][]int // boundaries of client and server -> connections, ascending
	lines map[Segment][]int   // TCP connections
}

func (w *World) source() Source {
	if w.Source != nil {
		return w.Source
	}
	return &lists{connections: w.Connections, assets: w.Assets}
}

func (l *lists) Asset(id string) *demarcv1.Asset {
	if l.byID == nil {
		l.byID = make(map[string]*demarcv1.Asset, len(l.assets))
		for _, a := range l.assets {
			l.byID[a.GetId()] = a
		}
	}
	return l.byID[id]
}

func (l *lists) Between(in func(client, server string) bool) []*demarcv1.JudgedConnection {
	if l.pairs == nil {
		l.pairs = map[[2]string][]int{}
		for i, c := range l.connections {
			pair := [2]string{c.GetClientBoundary(), c.GetServerBoundary()}
			l.pairs[pair] = append(l.pairs[pair], i)
		}
	}
	var at []int
	for pair, list := range l.pairs {
		if in(pair[0], pair[1]) {
			at = append(at, list...)
		}
	}
	slices.Sort(at)
	all := make([]*demarcv1.JudgedConnection, len(at))
	for i, n := range at {
		all[i] = l.connections[n]
	}
	return all
}

func (l *lists) TCP(at Segment) iter.Seq[*demarcv1.Connection] {
	if l.lines == nil {
		l.lines = map[Segment][]int{}
		for i, c := range l.connections {
			if d := c.GetConnection(); d.GetTransport() == "tcp" {
				at := Segment{c.GetSite(), d.GetSegment()}
				l.lines[at] = append(l.lines[at], i)
			}
		}
	}
	return func(yield func(*demarcv1.Connection) bool) {
		for _, i := range l.lines[at] {
			if !yield(l.connections[i].GetConnection()) {
				return
			}
		}
	}
}

func (l *lists) Within(in func(boundary string) bool) (all []*demarcv1.Asset) {
	for _, a := range l.assets {
		if slices.ContainsFunc(a.GetPlaces(), func(p *demarcv1.Place) bool { return in(p.GetBoundary()) }) {
			all = append(all, a)
		}
	}
	return all
}

func (l *lists) Segments() iter.Seq2[string, Segment] {
	return func(yield func(string, Segment) bool) {
		for _, a := range l.assets {
			if len(a.GetMacs()) == 0 || a.GetSegment() == "" {
				continue
			}
			for _, p := range a.GetPlaces() {
				if b := p.GetBoundary(); b != "" && b != boundary.Internet && !yield(b, Segment{a.GetSite(), a.GetSegment()}) {
					return
				}
			}
		}
	}
}

func compareSegments(a, b Segment) int {
	return cmp.Or(strings.Compare(a.Site, b.Site), strings.Compare(a.Name, b.Name))
}
