package boundary

import (
	"slices"
	"time"
)

// Authority is what stands over a boundary at an instant.
type Authority struct {
	// Home is the nearest boundary that an authorization names: the boundary
	// itself or one that it is a part of. Empty: no authorization on record.
	Home string
	// In is the decision in force over Home that lets it operate, nil without.
	In *Decision
	// Lost is the decision to name when there is none in force.
	Lost *Decision
	Fell bool   // there was one in force before
	Why  string // why there is none
}

// Operates reports whether the boundary may operate, as far as the record
// goes: also where there is none.
func (a *Authority) Operates() bool { return a.Home == "" || a.In != nil }

// Authority tells what stands over a boundary at an instant.
func (p *Policy) Authority(name string, at time.Time) Authority {
	home, list := p.home(name, at)
	a := Authority{Home: home}
	var denial *Decision
	for _, d := range list { // the latest first
		s := d.At(at)
		switch {
		case s.Operates() && a.In == nil:
			if denial != nil {
				continue
			}
			a.In = d
			return a
		case s.InForce && (s.Kind == Dato || s.Kind == Decommissioned):
			if denial == nil {
				denial = d
			}
			a.lose(d, d.Name+" denies it ("+s.Kind+")", true)
		case s.InForce && s.Kind == Pato:
			a.lose(d, d.Name+" is a pato, which authorizes nobody to operate", false)
		case s.InForce:
			a.lose(d, d.Name+" is "+s.Kind, false)
		default:
			a.lose(d, s.Why, s.Fell && s.Kind != Pato && !Denies(s.Kind))
		}
	}
	if denial != nil {
		a.Fell = slices.ContainsFunc(list, func(d *Decision) bool { s := d.At(at); return s.Operates() || s.Fell })
		a.Lost, a.Why = denial, denial.Name+" denies it ("+denial.At(at).Kind+")"
	}
	return a
}

// lose keeps why a decision does not stand: of several the latest that was in
// force once.
func (a *Authority) lose(d *Decision, why string, fell bool) {
	if a.Lost == nil || fell && !a.Fell {
		a.Lost, a.Why, a.Fell = d, why, fell
	}
}

// home finds the nearest boundary that a decision names, and its decisions. One
// that was superseded names nothing any more, unless no other does: a boundary
// does not lose its record.
func (p *Policy) home(name string, at time.Time) (string, []*Decision) {
	old := ""
	for i := p.boundaries[name]; i != nil; i = p.boundaries[i.Parent] {
		list := p.over[i.Name]
		if slices.ContainsFunc(list, func(d *Decision) bool { return !d.At(at).Replaced }) {
			return i.Name, list
		}
		if old == "" && len(list) > 0 {
			old = i.Name
		}
		if i.Isolated {
			break
		}
	}
	return old, p.over[old]
}

// Home is the nearest boundary that an authorization names, the boundary itself
// or one that it is a part of; empty without.
func (p *Policy) Home(name string, at time.Time) string {
	home, _ := p.home(name, at)
	return home
}

// Gap is what keeps an agreement from covering, beside its own papers.
type Gap struct {
	Why      string
	Document string // the paper that fell, or that never stood
	Fell     bool   // it stood before
}

// Gap tells what of the authorizations behind an agreement between client's and
// server's boundary does not stand at an instant; ok when all of it does.
func (p *Policy) Gap(o Offer, client, server string, at time.Time) (g Gap, ok bool) {
	a, b := p.Authority(client, at), p.Authority(server, at)
	for _, side := range []*Authority{&a, &b} {
		if !side.Operates() {
			return Gap{side.Why, side.Lost.Document, side.Fell}, false
		}
	}
	if o.Under != "" {
		user := &a
		if o.ClientFrom { // a SharedService flows from its provider
			user = &b
		}
		if g, ok := p.lent(o.Name, o.Under, user, at); !ok {
			return g, false
		}
	}
	if g, ok := p.connected(&a, server, at); !ok {
		return g, false
	}
	return p.connected(&b, client, at)
}

// lent tells whether a shared service reaches its user: the decision that it is
// lent under stands, and the user's own takes the service over from it.
func (p *Policy) lent(service, under string, user *Authority, at time.Time) (Gap, bool) {
	if g, ok := p.lends(p.decisions[under], at); !ok {
		return g, false
	}
	if user.In == nil || user.In.Name == under {
		return Gap{}, true
	}
	for _, l := range user.In.leans {
		if l.lender != under || !slices.Contains(l.services, service) {
			continue
		}
		if len(l.own) == 0 {
			return Gap{}, true
		}
		return p.anyOf(l, at)
	}
	return Gap{Why: user.In.Name + " does not take " + service + " over from " + under, Document: user.In.Document}, false
}

// anyOf tells whether one of the decisions of one's own, beneath which a
// foreign one is leveraged, stands.
func (p *Policy) anyOf(l lean, at time.Time) (g Gap, ok bool) {
	for _, name := range l.own {
		d := p.decisions[name]
		s := d.At(at)
		if s.Operates() {
			return Gap{}, true
		}
		g = Gap{Why: s.Why + ", beneath which " + l.lender + " is leveraged", Document: d.Document, Fell: s.Fell}
	}
	return g, false
}

// Lends tells whether an authorization stands at an instant as what others lean
// on, and why not.
func (p *Policy) Lends(authorization string, at time.Time) (why string, ok bool) {
	g, ok := p.lends(p.decisions[authorization], at)
	return g.Why, ok
}

// lends tells whether d stands as what others lean on, and all that it leans on
// itself. A pato stands by its dates.
func (p *Policy) lends(d *Decision, at time.Time) (Gap, bool) {
	if d == nil {
		return Gap{}, true
	}
	s := d.At(at)
	switch {
	case !s.InForce:
		return Gap{s.Why, d.Document, s.Fell}, false
	case Denies(s.Kind):
		return Gap{d.Name + " is " + s.Kind, d.Document, true}, false
	}
	for _, l := range d.leans {
		if g, ok := p.lends(p.decisions[l.lender], at); !ok {
			g.Why += ", on which " + d.Name + " leans"
			return g, false
		}
	}
	return Gap{}, true
}

// connected tells whether the decision over one side lets it connect to the
// other: only where it says anything of that network.
func (p *Policy) connected(a *Authority, other string, at time.Time) (g Gap, ok bool) {
	if a.In == nil {
		return Gap{}, true
	}
	denied, said := time.Time{}, false
	for i := range a.In.connect {
		c := &a.In.connect[i]
		if c.Decision == "datc" && p.reaches(c.To.Name, other) && !at.Before(c.Granted.Time) && c.Granted.Time.After(denied) {
			denied = c.Granted.Time
		}
	}
	for i := range a.In.connect {
		c := &a.In.connect[i]
		if !p.reaches(c.To.Name, other) {
			continue
		}
		paper := "the " + c.Decision + " of " + a.In.Name + " to " + c.To.Name
		switch {
		case c.Decision == "datc":
			if !said && !denied.IsZero() {
				said, g = true, Gap{"the connection of " + a.In.Name + " to " + c.To.Name + " was denied " + date(denied) + " (datc)", a.In.Document, len(a.In.connect) > 1}
			}
		case c.Granted.Time.Before(denied):
		case at.Before(c.Granted.Time):
			said, g = true, Gap{paper + " begins " + date(c.Granted.Time), a.In.Document, false}
		case !c.Expires.Time.IsZero() && !at.Before(c.Expires.End()):
			said, g = true, Gap{paper + " ended " + c.Expires.day(), a.In.Document, true}
		default:
			return Gap{}, true
		}
	}
	return g, !said
}

// reaches reports whether boundary other is network or a part of it.
func (p *Policy) reaches(network, other string) bool {
	return network == other || p.above(network, other)
}

// Holds reports whether boundary part is whole or a part of it, at any depth.
func (p *Policy) Holds(whole, part string) bool { return p.reaches(whole, part) }

// AuthorityWords says in words what stands over a boundary at an instant. Only
// where something is seen does anything operate.
func (p *Policy) AuthorityWords(name string, at time.Time, seen bool) string {
	a := p.Authority(name, at)
	words := ""
	switch {
	case a.Home == "":
		return "no authorization on record"
	case a.In == nil && seen:
		words = "operates without authorization: " + a.Why
	case a.In == nil:
		words = "not authorized to operate, and nothing is seen there: " + a.Why
	default:
		s := a.In.At(at)
		words = a.In.Name + " (" + s.Kind + ")"
		if !s.Until.IsZero() {
			words += " to " + lastDay(s.Until)
		}
	}
	if a.Home != name {
		words += ", as a part of " + a.Home
	}
	return words
}
