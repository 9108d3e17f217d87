package boundary

import (
	"fmt"
	"slices"
	"time"
)

// Fired is a review trigger that fired. It makes a review due and lapses
// nothing.
type Fired struct {
	Authorization string
	At            time.Time
	What          string // in words
}

// Triggered lists the triggers that fire when after takes the place of before:
// of decisions that stand in both.
func Triggered(before, after *Documents, at time.Time) []Fired {
	var fired []Fired
	had := byName(before.Authorizations)
	old := byName(before.Boundaries)
	for _, a := range after.Authorizations {
		if had[a.Name] == nil {
			continue
		}
		for _, t := range a.Triggers {
			switch t.On {
			case "new-interconnection":
				for _, name := range newAgreements(before, after, a) {
					fired = append(fired, Fired{a.Name, at, "a new agreement: " + name})
				}
			case "members-changed":
				for _, b := range after.Boundaries {
					if share := changedShare(old[b.Name], b); contains(a.Boundaries, b.Name) && old[b.Name] != nil && share > 0 && share >= t.Over.Share {
						fired = append(fired, Fired{a.Name, at, fmt.Sprintf("%.0f%% of the members of %s changed", 100*share, b.Name)})
					}
				}
			}
		}
	}
	return fired
}

// newAgreements names the agreements of after that before does not have and that
// touch a's boundaries.
func newAgreements(before, after *Documents, a *Authorization) []string {
	var names []string
	had, shared := byName(before.Interconnections), byName(before.SharedServices)
	for _, x := range after.Interconnections {
		if had[x.Name] == nil && (contains(a.Boundaries, x.From.Boundary.Name) || contains(a.Boundaries, x.To.Boundary.Name)) {
			names = append(names, x.Meta.String())
		}
	}
	for _, s := range after.SharedServices {
		touches := slices.ContainsFunc(s.Consumers, func(r Ref) bool { return contains(a.Boundaries, r.Name) })
		if shared[s.Name] == nil && (touches || contains(a.Boundaries, s.Provider.Boundary.Name)) {
			names = append(names, s.Meta.String())
		}
	}
	return names
}

// changedShare is how many of the member entries before and after stand on one
// side alone, of all of them.
func changedShare(before, after *Boundary) float64 {
	if before == nil {
		return 0
	}
	was, is := make(map[string]bool), make(map[string]bool)
	for c := range before.claims {
		was[c.key] = true
	}
	for c := range after.claims {
		is[c.key] = true
	}
	all, changed := len(is), 0
	for key := range is {
		if !was[key] {
			changed++
		}
	}
	for key := range was {
		if !is[key] {
			all++
			changed++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(changed) / float64(all)
}

// Review tells when a decision is to be reviewed next, zero when never, and
// which triggers fired since its last review.
func (p *Policy) Review(name string) (due time.Time, fired []Fired) {
	d := p.decisions[name]
	if d == nil {
		return time.Time{}, nil
	}
	last := d.Granted
	if r := d.source.Review; r != nil {
		if r.Last.Time.After(last) {
			last = r.Last.Time
		}
		if r.Every.Duration > 0 && !last.IsZero() {
			due = last.Add(r.Every.Duration)
		}
	}
	for _, f := range slices.Concat(p.fired, p.firing(d)) {
		if f.Authorization != name || !f.At.After(last) {
			continue
		}
		fired = append(fired, f)
		if due.IsZero() || f.At.Before(due) {
			due = f.At
		}
	}
	return due, fired
}

// firing lists the triggers of d that fire by dates alone: a lender that fell,
// an emergency.
func (p *Policy) firing(d *Decision) []Fired {
	var fired []Fired
	for _, t := range d.source.Triggers {
		switch t.On {
		case "leveraged-lapsed":
			for _, l := range d.leans {
				if lender := p.decisions[l.lender]; lender != nil {
					for _, s := range lender.standings {
						if s.Fell {
							fired = append(fired, Fired{d.Name, s.From, s.Why})
						}
					}
				}
			}
		case "emergency":
			for x, list := range p.openings {
				for _, o := range list {
					if o.Emergency && p.touches(d, x) {
						fired = append(fired, Fired{d.Name, o.From, "an emergency: " + o.Document})
					}
				}
			}
		}
	}
	slices.SortFunc(fired, func(a, b Fired) int { return a.At.Compare(b.At) })
	return fired
}

// touches reports whether an interconnection has an end in d's boundaries.
func (p *Policy) touches(d *Decision, interconnection string) bool {
	for _, x := range p.docs.Interconnections {
		if x.Name == interconnection {
			return slices.Contains(d.Boundaries, x.From.Boundary.Name) || slices.Contains(d.Boundaries, x.To.Boundary.Name)
		}
	}
	return false
}
