package boundary

import (
	"slices"
	"time"
)

// Opening is a time in which an agreement that is active per window may be used.
type Opening struct {
	Document    string // "Window/abb-2026-04-12"
	From, Until time.Time
	Emergency   bool
}

// Alive is how long after its last reported packet a session may still go on
// unseen: counters come at most this late.
const Alive = time.Minute

// setOpenings compiles the windows of p's documents and of acts.
func (p *Policy) setOpenings(acts []WindowAct) {
	p.openings = make(map[string][]Opening)
	for _, w := range p.docs.Windows {
		if w.Opens() {
			p.openings[w.Interconnection.Name] = append(p.openings[w.Interconnection.Name], Opening{w.Meta.String(), w.From.Time, w.Until.End(), w.Type == "emergency"})
		}
	}
	for _, a := range acts {
		name := "Window/" + a.Window
		list := p.openings[a.Interconnection]
		if !a.Close {
			p.openings[a.Interconnection] = append(list, Opening{name, a.From, a.Until, a.Emergency})
			continue
		}
		for i := range list {
			if list[i].Document == name && a.Until.Before(list[i].Until) {
				list[i].Until = a.Until
			}
		}
	}
	for _, list := range p.openings {
		slices.SortStableFunc(list, func(a, b Opening) int { return a.From.Compare(b.From) })
	}
}

// Open returns the window of an interconnection that is open at an instant.
func (p *Policy) Open(interconnection string, at time.Time) (Opening, bool) {
	for _, o := range p.openings[interconnection] {
		if !at.Before(o.From) && at.Before(o.Until) {
			return o, true
		}
	}
	return Opening{}, false
}

// OpenFor reports whether windows of an interconnection were open from one
// instant to another without a break.
func (p *Policy) OpenFor(interconnection string, from, to time.Time) bool {
	for _, o := range p.openings[interconnection] { // by their beginning
		if from.Before(o.From) {
			return false
		}
		if from.Before(o.Until) {
			from = o.Until
		}
		if to.Before(from) {
			return true
		}
	}
	return false
}

// Closed returns the window of an interconnection that closed last before an
// instant.
func (p *Policy) Closed(interconnection string, at time.Time) (last Opening, ok bool) {
	for _, o := range p.openings[interconnection] {
		if !at.Before(o.Until) && o.From.Before(o.Until) && !o.Until.Before(last.Until) {
			last, ok = o, true
		}
	}
	return last, ok
}

// Windows lists the windows of an interconnection by their beginning.
func (p *Policy) Windows(interconnection string) []Opening { return p.openings[interconnection] }

// Window finds a window that opens an agreement by its name.
func (p *Policy) Window(name string) (interconnection string, o Opening, ok bool) {
	for x, list := range p.openings {
		for _, o := range list {
			if o.Document == "Window/"+name {
				return x, o, true
			}
		}
	}
	return "", Opening{}, false
}

// PerWindow returns the interconnection that windows open, nil if there is none
// of that name or it is standing.
func (p *Policy) PerWindow(interconnection string) *Interconnection {
	for _, x := range p.docs.Interconnections {
		if x.Name == interconnection && x.Activation == "per-window" {
			return x
		}
	}
	return nil
}
