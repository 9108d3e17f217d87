package condition

import (
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// index keeps what several conditions ask of a Source.
type index struct {
	Source
	about  map[*boundary.Decision][]*demarcv1.JudgedConnection
	sights map[overlook]Sight
}

// overlook is a boundary over a window.
type overlook struct {
	boundary string
	from, to time.Time
}

func newIndex(w *World) *index {
	return &index{Source: w.source(), about: map[*boundary.Decision][]*demarcv1.JudgedConnection{}, sights: map[overlook]Sight{}}
}

// forget lets go of the connections of decisions: there may be many.
func (x *index) forget() { clear(x.about) }

// touching lists the connections with an end in the boundaries of a decision.
func (x *index) touching(d *boundary.Decision, inside func(string) bool) []*demarcv1.JudgedConnection {
	all, known := x.about[d]
	if !known {
		all = x.Between(func(client, server string) bool { return inside(client) || inside(server) })
		x.about[d] = all
	}
	return all
}

// crosses reports whether one end alone stands in a boundary.
func crosses(p *boundary.Policy, name, client, server string) bool {
	return p.Holds(name, client) != p.Holds(name, server)
}
