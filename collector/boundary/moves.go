package boundary

import (
	"slices"
	"sync"
	"time"
)

// moves remembers the instants at which what covers a connection may change, for
// each pair of boundaries that was asked for.
type moves struct {
	edges func() []edged
	pairs sync.Map // [2]string -> []int64
}

// edged is a document with its edges and what leans on it.
type edged struct {
	reach Reach
	at    []int64
}

func (p *Policy) setMoves() {
	p.moves = &moves{edges: sync.OnceValue(func() []edged {
		var list []edged
		of := map[string]int{}
		for _, e := range p.Edges() {
			if e.Document == NoticeEdge {
				continue
			}
			i, known := of[e.Document]
			if !known {
				i = len(list)
				of[e.Document] = i
				list = append(list, edged{reach: p.Leaning(e.Document)})
			}
			list[i].at = append(list[i].at, e.At.UnixNano())
		}
		return list
	})}
}

// Moves lists the instants, Unix nanoseconds, at which a document that a
// connection between two boundaries leans on begins or ceases to stand. Do not
// change it.
func (p *Policy) Moves(client, server string) []int64 {
	pair := [2]string{client, server}
	if known, ok := p.moves.pairs.Load(pair); ok {
		return known.([]int64)
	}
	at := []int64{}
	for _, e := range p.moves.edges() {
		if e.reach.Holds(client, server) {
			at = append(at, e.at...)
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	p.moves.pairs.Store(pair, at)
	return at
}

// LongestWindow is the longest time over which the documents judge: what each
// quarter hour held is needed that long.
func (p *Policy) LongestWindow() time.Duration {
	longest := DefaultWindow
	for _, x := range p.docs.Interconnections {
		longest = max(longest, x.Window.Duration)
	}
	for _, a := range p.docs.Authorizations {
		for i := range a.Conditions {
			longest = max(longest, a.Conditions[i].Window.Duration)
		}
	}
	return longest
}
