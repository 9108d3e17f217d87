package boundary

import (
	"slices"
	"time"
)

// Opening is a time in which an agreement that is active per window may be used.
type Opening struct {
	Document    string // "Window/abb-2026-04-12"
	From, Until time.Time
}

// Alive is how long after its last reported packet a session may still go on
// unseen: counters come at most this late.
const Alive = time.Minute

// setOpenings compiles the windows of p's documents and of acts.
func (p *Policy) setOpenings(acts []WindowAct) {
	p.openings = make(map[string][]Opening)
	of := make(map[string]string) // window -> interconnection
	for _, w := range p.docs.Windows {
		if w.Opens() {
			of[w.Name] = w.Interconnection.Name
			p.openings[w.Interconnection.Name] = append(p.openings[w.Interconnection.Name], Opening{w.Meta.String(), w.From.Time, w.Until.End()})
		}
	}
	for _, a := range acts {
		name := "Window/" + a.Window
		if a.Interconnection != "" {
			of[a.Window] = a.Interconnection
			p.openings[a.Interconnection] = append(p.openings[a.Interconnection], Opening{name, a.From, a.Until})
			continue
		}
		list := p.openings[of[a.Window]]
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
