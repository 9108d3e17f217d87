// Package quarter keeps what a connection did in each quarter hour of packet
// time: give every increment that an agent tells to a Line, and ask a History
// what a window holds. Quarter hours that are alike are one Run, so that a
// steady connection takes no more room in a month than in an hour; what had no
// room is told as folded, or as not kept.
package quarter

import (
	"slices"
	"time"
)

// Span is the length of a quarter hour. Agents tell nothing that crosses one.
const Span = 15 * time.Minute

const span = int64(Span)

// Bounds of one Line. Past crowded runs only their state and what acts on
// devices keeps quarter hours apart; past maxRuns the oldest are folded.
const (
	crowded = 16
	maxRuns = 128
	minRuns = 2 // kept however old: they tell the rhythm
)

// Delta is what an agent told of one quarter hour, as increments. Zero fields
// of its state are unchanged.
type Delta struct {
	First, Last int64 // packets, Unix nanoseconds
	State
	Bytes      [2]uint64
	Sessions   uint64
	Operations []uint64 // by class
}

// Line is what one agent told of one connection. Its zero value is empty. It is
// not safe for concurrent use.
type Line struct {
	runs    []Run // by their last quarter hour
	dropped int64 // Unix nanoseconds of the last packet that is not kept any more; 0 is none
}

// Add takes an increment. It belongs to the quarter hour of its last packet;
// deltas of earlier ones may still come.
func (l *Line) Add(d Delta) {
	q := d.Last / span
	if d.Last <= 0 || q <= 0 {
		return
	}
	if d.First <= 0 || d.First > d.Last || d.First < q*span {
		d.First = max(q*span, min(d.First, d.Last))
	}
	i := len(l.runs)
	for i > 0 && l.runs[i-1].end() > q {
		i--
	}
	if i > 0 && l.runs[i-1].end() == q && l.runs[i-1].begin() == q {
		l.runs[i-1].add(&d)
		return
	}
	i = l.close(i)
	r := Run{First: d.First, Last: d.Last, State: State{TLS: None, Outcome: d.Outcome}}
	if i > 0 {
		r.carry(&l.runs[i-1].State)
	}
	r.add(&d)
	if len(l.runs) == cap(l.runs) { // one at a time: most lines stay short
		l.runs = slices.Grow(l.runs, 1)
	}
	l.runs = slices.Insert(l.runs, i, r)
	l.fold()
}

// close makes the run before i one with those before it, now that a later one
// comes, and returns where i is then.
func (l *Line) close(i int) int {
	for i >= 2 && l.runs[i-2].alike(&l.runs[i-1], len(l.runs) > crowded) {
		l.runs[i-2].join(&l.runs[i-1])
		l.runs = slices.Delete(l.runs, i-1, i)
		i--
	}
	return i
}

// fold makes room.
func (l *Line) fold() {
	for len(l.runs) > maxRuns {
		l.runs[0].fold(&l.runs[1])
		l.runs = slices.Delete(l.runs, 1, 2)
	}
}

// Carry takes a state that came without any packet: it counts for what comes
// next, and for the quarter hour of at.
func (l *Line) Carry(s State, at int64) {
	if n := len(l.runs); n > 0 && l.runs[n-1].begin() == l.runs[n-1].end() && l.runs[n-1].end() <= at/span {
		l.runs[n-1].carry(&s)
	}
}

// Trim drops what ended before an instant, Unix nanoseconds, and reports
// whether it did.
func (l *Line) Trim(before int64) bool {
	n := 0
	for n < len(l.runs)-minRuns && l.runs[n].Last < before {
		l.dropped = max(l.dropped, l.runs[n].Last)
		n++
	}
	l.runs = slices.Delete(l.runs, 0, n)
	return n > 0
}

// Newest is when the last packet was, Unix nanoseconds; 0 when there is none.
func (l *Line) Newest() int64 {
	if len(l.runs) == 0 {
		return 0
	}
	return l.runs[len(l.runs)-1].Last
}

// Absorb adds what another line holds, with client and server exchanged if
// turned.
func (l *Line) Absorb(o *Line, turned bool) {
	l.dropped = max(l.dropped, o.dropped)
	for _, r := range o.runs {
		r.Operations = slices.Clone(r.Operations)
		if turned {
			r.Bytes[0], r.Bytes[1] = r.Bytes[1], r.Bytes[0]
			r.Opener = [...]Opener{Unknown, Server, Client}[r.Opener]
			r.Payload = r.Payload.turned()
		}
		i, _ := slices.BinarySearchFunc(l.runs, r.end(), func(x Run, q int64) int {
			if x.end() > q {
				return 1
			}
			return -1
		})
		l.runs = slices.Insert(l.runs, i, r)
		l.fold()
	}
}

// Clone is a copy that can be read while l goes on.
func (l *Line) Clone() *Line {
	c := &Line{runs: slices.Clone(l.runs), dropped: l.dropped}
	for i := range c.runs {
		c.runs[i].Operations = slices.Clone(c.runs[i].Operations)
	}
	return c
}
