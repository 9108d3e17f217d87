package boundary

import (
	"cmp"
	"slices"
	"time"
)

// Decision is an Authorization with the events on it, ready to judge by.
type Decision struct {
	Document, Name string
	Organization   string
	Granted        time.Time
	Boundaries     []string // with those of a provider that it consolidates
	Consolidated   bool
	standings      []Standing // by From; the first since ever
	leans          []lean
	connect        []Connect
	source         *Authorization
}

// lean is what a decision takes over from another.
type lean struct {
	lender   string
	services []string
	own      []string // of a foreign lender: decisions of which one must be in force
}

// Standing is how a decision stands from an instant on.
type Standing struct {
	From     time.Time
	Kind     string // the decision: "ato"
	InForce  bool   // by its dates and events, whatever its kind
	Fell     bool   // it was in force before
	Why      string // why it is not in force: "line4-ato ended 2029-03-01"
	Until    time.Time
	Replaced bool // superseded
	Final    bool // rescinded or superseded: nothing brings it back
}

// Operates reports whether a boundary may operate under s.
func (s *Standing) Operates() bool { return s.InForce && s.Kind != Pato && !Denies(s.Kind) }

// At is how d stands at an instant.
func (d *Decision) At(at time.Time) *Standing {
	for i := len(d.standings) - 1; i > 0; i-- {
		if !at.Before(d.standings[i].From) {
			return &d.standings[i]
		}
	}
	return &d.standings[0]
}

// Source is the document behind d. Do not change it.
func (d *Decision) Source() *Authorization { return d.source }

// history is all that moves the standing of one decision.
type history struct {
	name, kind  string
	from, until time.Time
	events      []Event // by At
}

// standings evaluates a history at each instant at which it moves.
func (h *history) standings() []Standing {
	instants := []time.Time{h.from, h.until}
	for _, e := range h.events {
		instants = append(instants, e.At, e.Until)
	}
	slices.SortFunc(instants, time.Time.Compare)
	list := []Standing{h.at(time.Time{})}
	for _, t := range instants {
		s, last := h.at(t), list[len(list)-1]
		s.Fell = s.Fell || !s.InForce && (last.InForce || last.Fell)
		if last.From = s.From; !t.IsZero() && s != last {
			list = append(list, s)
		}
	}
	return list
}

// at is how the decision stands at t, as far as t alone tells it.
func (h *history) at(t time.Time) Standing {
	s := Standing{From: t, Kind: h.kind, Until: h.until}
	suspended := ""
	for _, e := range h.events {
		if e.At.After(t) {
			break
		}
		switch e.Kind {
		case Rescind:
			s.Why, s.Fell, s.Final = h.name+" was rescinded "+date(e.At), true, true
			return s
		case Supersede:
			s.Why, s.Fell, s.Replaced, s.Final = h.name+" was superseded by "+e.Successor+" "+date(e.At), true, true, true
			return s
		case Suspend:
			if suspended = "is suspended since " + date(e.At); !e.Until.IsZero() && !t.Before(e.Until) {
				suspended = ""
			}
		case Revise:
			suspended = ""
			s.Kind = cmp.Or(e.Decision, s.Kind)
			if !e.Until.IsZero() && (s.Until.IsZero() || e.Until.Before(s.Until)) {
				s.Until = e.Until
			}
		case Extend: // only what was signed before the end extends it
			if !s.Until.IsZero() && e.At.Before(s.Until) && (e.Until.IsZero() || e.Until.After(s.Until)) {
				s.Until = e.Until
			}
		}
	}
	switch {
	case h.from.IsZero():
		s.Why = h.name + " is not granted yet"
	case t.Before(h.from):
		s.Why = h.name + " begins " + date(h.from)
	case !s.Until.IsZero() && !t.Before(s.Until):
		s.Why = h.name + " ended " + lastDay(s.Until)
	case suspended != "":
		s.Why = h.name + " " + suspended
	default:
		s.InForce = true
	}
	s.Fell = !s.InForce && !h.from.IsZero() && !t.Before(h.from)
	return s
}

// date words an instant: a whole day without its time.
func date(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04 MST")
}

// lastDay words an end, the first instant after what it ends: the day before
// where days count whole.
func lastDay(until time.Time) string {
	if day := until.UTC(); day.Equal(day.Truncate(24 * time.Hour)) {
		return date(day.AddDate(0, 0, -1))
	}
	return date(until)
}

// setDecisions compiles the authorizations of p's documents with events.
func (p *Policy) setDecisions(events map[string][]Event) {
	p.decisions, p.over = make(map[string]*Decision), make(map[string][]*Decision)
	for _, a := range p.docs.Authorizations {
		if old := a.Supersedes.Name; old != "" && !a.Granted.Time.IsZero() {
			events[old] = append(events[old], Event{Kind: Supersede, At: a.Granted.Time, Successor: a.Name})
		}
	}
	for _, a := range p.docs.Authorizations {
		d := p.decisionOf(a, events[a.Name])
		p.decisions[a.Name] = d
		for _, b := range d.Boundaries {
			p.over[b] = append(p.over[b], d)
		}
	}
	for _, list := range p.over { // the latest first
		slices.SortFunc(list, func(a, b *Decision) int {
			return cmp.Or(b.Granted.Compare(a.Granted), cmp.Compare(a.Name, b.Name))
		})
	}
}

func (p *Policy) decisionOf(a *Authorization, events []Event) *Decision {
	h := history{name: a.Name, kind: a.Decision, from: a.Granted.Time, events: events}
	if !a.Expires.Time.IsZero() {
		h.until = a.Expires.End()
	}
	slices.SortStableFunc(h.events, func(a, b Event) int { return a.At.Compare(b.At) })
	d := &Decision{
		Document: a.Meta.String(), Name: a.Name, Organization: a.organization(), Granted: a.Granted.Time,
		Consolidated: len(a.Consolidates) > 0, connect: a.Connect, source: a, standings: h.standings(),
	}
	for _, r := range slices.Concat(a.Boundaries, a.Consolidates) {
		d.Boundaries = append(d.Boundaries, r.Name)
	}
	for _, l := range a.Leverages {
		one := lean{lender: l.Authorization.Name}
		for _, s := range l.Services {
			one.services = append(one.services, s.Name)
		}
		if lender := p.source(one.lender); lender != nil && (lender.Decision == Pato || lender.organization() != a.organization() && lender.Issuer != nil && a.Issuer != nil) {
			for _, o := range ownDecisions(p.docs, a, lender) {
				one.own = append(one.own, o.Name)
			}
		}
		d.leans = append(d.leans, one)
	}
	return d
}

func (p *Policy) source(name string) *Authorization {
	for _, a := range p.docs.Authorizations {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Decisions lists every authorization by name.
func (p *Policy) Decisions() []*Decision {
	list := make([]*Decision, 0, len(p.decisions))
	for _, a := range p.docs.Authorizations {
		list = append(list, p.decisions[a.Name])
	}
	slices.SortFunc(list, func(a, b *Decision) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Decision returns an authorization by name, nil without such a document.
func (p *Policy) Decision(name string) *Decision { return p.decisions[name] }

// Leverages names the authorizations that d takes over from, sorted.
func (d *Decision) Leverages() []string {
	var names []string
	for _, l := range d.leans {
		names = append(names, l.lender)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// LeanedOnBy names the authorizations that lean on one, also through others,
// sorted.
func (p *Policy) LeanedOnBy(name string) []string {
	all := map[string]bool{name: true}
	for grown := true; grown; {
		grown = false
		for _, d := range p.decisions {
			leans := slices.ContainsFunc(d.leans, func(l lean) bool {
				return all[l.lender] || slices.ContainsFunc(l.own, func(o string) bool { return all[o] })
			})
			if leans && !all[d.Name] {
				all[d.Name], grown = true, true
			}
		}
	}
	delete(all, name)
	return keys(all)
}
