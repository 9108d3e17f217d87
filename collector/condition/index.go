package condition

import (
	"slices"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// index finds what of a World a condition may be about, so that each looks at
// its own connections alone. It is made once for a World, and each part of it
// when it is asked for first.
type index struct {
	w      World
	assets map[string]*demarcv1.Asset
	pairs  map[[2]string][]int // boundaries of client and server -> connections, ascending
	lines  map[place][]int     // segment -> its TCP connections
	about  map[*boundary.Decision][]*demarcv1.JudgedConnection
	edges  map[string][]*demarcv1.JudgedConnection
	sights map[overlook]Sight
}

// overlook is a boundary over a window.
type overlook struct {
	boundary string
	from, to time.Time
}

func newIndex(w World) *index {
	return &index{
		w: w, about: map[*boundary.Decision][]*demarcv1.JudgedConnection{}, edges: map[string][]*demarcv1.JudgedConnection{}, sights: map[overlook]Sight{},
	}
}

func (x *index) asset(id string) *demarcv1.Asset {
	if x.assets == nil {
		x.assets = make(map[string]*demarcv1.Asset, len(x.w.Assets))
		for _, a := range x.w.Assets {
			x.assets[a.GetId()] = a
		}
	}
	return x.assets[id]
}

// between lists the connections of the pairs of boundaries that in holds, in the
// order of the World.
func (x *index) between(in func(client, server string) bool) []*demarcv1.JudgedConnection {
	if x.pairs == nil {
		x.pairs = map[[2]string][]int{}
		for i, c := range x.w.Connections {
			pair := [2]string{c.GetClientBoundary(), c.GetServerBoundary()}
			x.pairs[pair] = append(x.pairs[pair], i)
		}
	}
	var at []int
	for pair, list := range x.pairs {
		if in(pair[0], pair[1]) {
			at = append(at, list...)
		}
	}
	slices.Sort(at)
	all := make([]*demarcv1.JudgedConnection, len(at))
	for i, n := range at {
		all[i] = x.w.Connections[n]
	}
	return all
}

// touching lists the connections with an end in the boundaries of a decision.
func (x *index) touching(d *boundary.Decision, inside func(string) bool) []*demarcv1.JudgedConnection {
	all, known := x.about[d]
	if !known {
		all = x.between(func(client, server string) bool { return inside(client) || inside(server) })
		x.about[d] = all
	}
	return all
}

// across lists the connections of which one end alone stands in a boundary.
func (x *index) across(name string) []*demarcv1.JudgedConnection {
	all, known := x.edges[name]
	if !known {
		all = x.between(func(client, server string) bool {
			return x.w.Policy.Holds(name, client) != x.w.Policy.Holds(name, server)
		})
		x.edges[name] = all
	}
	return all
}

// tcp lists the TCP connections of a segment.
func (x *index) tcp(p place) (all []*demarcv1.JudgedConnection) {
	if x.lines == nil {
		x.lines = map[place][]int{}
		for i, c := range x.w.Connections {
			if d := c.GetConnection(); d.GetTransport() == "tcp" {
				at := place{c.GetSite(), d.GetSegment()}
				x.lines[at] = append(x.lines[at], i)
			}
		}
	}
	for _, i := range x.lines[p] {
		all = append(all, x.w.Connections[i])
	}
	return all
}
