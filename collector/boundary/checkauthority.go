package boundary

import (
	"fmt"
	"slices"
	"strings"
)

// authorization checks what a names, and the rules that hold for every decision
// whatever its dates.
func (c *checker) authorization(a *Authorization) {
	c.named(a)
	for i := range a.Leverages {
		c.leverage(a, &a.Leverages[i])
	}
	for _, x := range a.Connect {
		known(c, x.To, "boundary", c.boundaries, Internet)
		if contains(a.Boundaries, x.To.Name) {
			c.problem(x.To.At, a.Name+" connects "+x.To.Name+" to itself", "name the network beyond the boundary")
		}
	}
	if old := c.authorizations[a.Supersedes.Name]; known(c, a.Supersedes, "Authorization", c.authorizations) && old != nil && a.Granted.Time.Before(old.Granted.Time) && !a.Granted.Time.IsZero() {
		c.problem(a.Supersedes.At, a.Name+" ("+a.Granted.day()+") was granted before "+old.Name+" ("+old.Granted.day()+"), which it supersedes", "correct the dates, or swap the two")
	}
	for i := range a.Conditions {
		c.condition(&a.Conditions[i])
	}
}

// named checks the boundaries and sites of a decision, and that their
// environment is one that it covers.
func (c *checker) named(a *Authorization) {
	sites := make(map[string]bool)
	for _, s := range a.Sites {
		known(c, s, "site", c.sites)
		sites[s.Name] = true
	}
	first := make(map[string]bool)
	for _, r := range slices.Concat(a.Boundaries, a.Consolidates) {
		if first[r.Name] && r.Name != "" {
			c.problem(r.At, "boundary "+r.Name+" stands twice in "+a.Name, "keep one")
		}
		first[r.Name] = true
		if r.Name == Internet {
			c.problem(r.At, "nobody authorizes the Internet", "describe the part that was authorized as a boundary of its own")
			continue
		}
		if !known(c, r, "boundary", c.boundaries) {
			continue
		}
		b := c.boundaries[r.Name]
		if len(a.Environments) > 0 && (b.Environment != "" || a.Decision == Iatt) && !slices.Contains(a.Environments, b.Environment) {
			c.problem(r.At, a.Name+" covers "+strings.Join(a.Environments, ", ")+", and "+b.Name+" is "+or(b.Environment, "of no environment"), "name boundaries of that environment alone, or set environment: in "+b.Name)
		}
		for _, m := range b.Members {
			if a.Scope == "type" && m.Site.Name != "" && !sites[m.Site.Name] {
				c.problem(r.At, a.Name+" is for a type at "+strings.Join(keys(sites), ", ")+", and "+b.Name+" has members at "+m.Site.Name, "add the site, or take the boundary out")
				break
			}
		}
	}
}

// leverage checks that what a takes over can be lent at all.
func (c *checker) leverage(a *Authorization, l *Leverage) {
	for _, s := range l.Services {
		if !known(c, s, "SharedService", c.shared) {
			continue
		}
		if u := c.shared[s.Name].Provider.Under; u.Name != l.Authorization.Name {
			c.problem(s.At, s.Name+" is lent under "+or(u.Name, "no authorization")+", not under "+l.Authorization.Name, "write provider: {under: "+l.Authorization.Name+"} in "+s.Name+", or take it out here")
		}
	}
	if !known(c, l.Authorization, "Authorization", c.authorizations) {
		return
	}
	lender := c.authorizations[l.Authorization.Name]
	if what, cure := lends(c.docs, a, lender); what != "" {
		c.problem(l.Authorization.At, what, cure)
	} else if Denies(lender.Decision) { // a denial must get on record, whoever leans on what it denies
		c.warn(l.Authorization.At, lender.LendsNothing()+", and "+a.Name+" leverages it", "take it out, or leverage a decision that stands")
	}
}

// Lends says why an organization cannot take over from lender, whatever the
// date, and what would let it; empty when it can.
func (d *Documents) Lends(lender *Authorization, organization string) (what, cure string) {
	return lends(d, &Authorization{Issuer: &Issuer{organization}}, lender)
}

// lends says why a cannot take over from lender, whatever the date.
func lends(docs *Documents, a, lender *Authorization) (what, cure string) {
	own := func() bool { return len(ownDecisions(docs, a, lender)) > 0 }
	switch {
	case len(lender.Consolidates) > 0:
		return lender.LendsNothing(), "let an official decide on " + names(lender.Consolidates) + " alone (ato or atu), and leverage that decision"
	case lender.Decision == Iatt:
		return lender.LendsNothing(), "leverage an ato, or take it out"
	case lender.Decision == Pato && !own():
		return lender.Name + " is a pato: it authorizes nobody to operate, and no decision of " + a.organization() + " over " + names(lender.Boundaries) + " stands above it",
			"record the ato or atu that " + a.organization() + " gave for " + names(lender.Boundaries)
	case lender.organization() != a.organization() && lender.Issuer != nil && a.Issuer != nil && !own():
		return lender.Name + " binds " + lender.organization() + ", and no decision of " + a.organization() + " over " + names(lender.Boundaries) + " is on record",
			"record the ato or atu that " + a.organization() + " gave for " + names(lender.Boundaries)
	}
	return "", ""
}

// LendsNothing says why nobody can take over anything from a, whatever the date;
// empty when it can be leveraged.
func (a *Authorization) LendsNothing() string {
	switch {
	case len(a.Consolidates) > 0:
		return a.Name + " is consolidated: one decision over " + names(a.Consolidates) + " and " + names(a.Boundaries) + " together, of which no part can be lent"
	case a.Decision == Iatt:
		return a.Name + " is an iatt: it covers its test and lends nothing"
	case Denies(a.Decision):
		return a.Name + " is " + a.Decision + ": it covers nothing that could be lent"
	}
	return ""
}

// ownDecisions lists the decisions of a's organization over the boundaries of
// lender, a's own among them.
func ownDecisions(docs *Documents, a, lender *Authorization) []*Authorization {
	var own []*Authorization
	for _, d := range docs.Authorizations {
		operates := d.Decision == "ato" || d.Decision == "ato-with-conditions" || d.Decision == "atu"
		if operates && d != lender && d.organization() == a.organization() && len(d.Consolidates) == 0 &&
			slices.ContainsFunc(lender.Boundaries, func(r Ref) bool { return contains(d.Boundaries, r.Name) }) {
			own = append(own, d)
		}
	}
	return own
}

func (a *Authorization) organization() string {
	if a.Issuer == nil {
		return "its own organization"
	}
	return a.Issuer.Organization
}

// circles tells leverages and supersessions that lead back to themselves, each
// circle once.
func (c *checker) circles() {
	for _, kind := range []struct {
		word string
		next func(*Authorization) []Ref
	}{
		{"leverages", func(a *Authorization) []Ref {
			var refs []Ref
			for _, l := range a.Leverages {
				refs = append(refs, l.Authorization)
			}
			return refs
		}},
		{"supersedes", func(a *Authorization) []Ref { return []Ref{a.Supersedes} }},
	} {
		w := walk{checker: c, word: kind.word, next: kind.next, done: make(map[string]bool)}
		for _, a := range c.docs.Authorizations {
			w.from(a)
		}
	}
}

// walk follows references depth first.
type walk struct {
	*checker
	word string
	next func(*Authorization) []Ref
	done map[string]bool
	path []string
}

func (w *walk) from(a *Authorization) {
	if w.done[a.Name] {
		return
	}
	w.path = append(w.path, a.Name)
	for _, r := range w.next(a) {
		if i := slices.Index(w.path, r.Name); i >= 0 {
			w.problem(r.At, w.word+" form a circle: "+strings.Join(append(slices.Clone(w.path[i:]), r.Name), " "+w.word+" "), "take one out")
		} else if to := w.authorizations[r.Name]; to != nil {
			w.from(to)
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.done[a.Name] = true
}

func (c *checker) condition(x *Condition) {
	if s := x.Scope; s != nil {
		c.selector(s.From)
		c.selector(s.To)
		for _, r := range s.Interconnections {
			known(c, r, "Interconnection", c.interconnections)
		}
	}
	if w := x.With; w != nil {
		c.selector(w.From)
		c.selector(w.To)
		for _, r := range w.Except {
			known(c, r, "Interconnection", c.interconnections)
		}
		if _, point := c.points[w.Via.Name]; !point && w.Via.Name != "" {
			known(c, w.Via, "boundary or access point", c.boundaries, keys(c.points)...)
		}
	}
}

func (c *checker) selector(s *Selector) {
	if s != nil && s.Boundary.Name != "" {
		known(c, s.Boundary, "boundary", c.boundaries, Internet)
	}
}

func (c *checker) window(w *Window) {
	for _, r := range w.Boundaries {
		known(c, r, "boundary", c.boundaries)
	}
	if w.Interconnection.Name == "" || !known(c, w.Interconnection, "Interconnection", c.interconnections) {
		return
	}
	x := c.interconnections[w.Interconnection.Name]
	if x.Activation != "per-window" {
		if w.Opens() {
			c.warn(w.Interconnection.At, x.Name+" is standing: window "+w.Name+" opens nothing", "write activation: per-window in it, or take the window out")
		}
		return
	}
	if length := w.Until.End().Sub(w.From.Time); x.MaxLength.Duration > 0 && length > x.MaxLength.Duration {
		c.problem(w.Until.At, fmt.Sprintf("window %s lasts %s, and %s allows %s", w.Name, length, x.Name, x.MaxLength.Duration), "end it earlier")
	}
	if len(x.Openers) > 0 && w.ApprovedBy != "" && !slices.Contains(x.Openers, w.ApprovedBy) {
		c.problem(w.At, quote(w.ApprovedBy)+" may not open "+x.Name, "its openers are "+strings.Join(x.Openers, ", "))
	}
}

func (c *checker) group(g *Group) {
	if g.Type == "transient" && len(g.MayStandIn) == 0 {
		c.warn(g.At, "transient group "+g.Name+" says not where its members may stand: they are judged as any device", "add mayStandIn: [...]")
	}
	for _, r := range g.MayStandIn {
		known(c, r, "boundary", c.boundaries)
	}
	for _, m := range g.Members {
		for _, o := range c.docs.Groups {
			if o != g && o.Name < g.Name && o.Type == g.Type && slices.Contains(o.Members, m) {
				c.problem(g.At, quote(m)+" is a member of "+o.Name+" and of "+g.Name, "name it in one of them")
			}
		}
	}
}

func contains(refs []Ref, name string) bool {
	return slices.ContainsFunc(refs, func(r Ref) bool { return r.Name == name })
}

func names(refs []Ref) string {
	list := make([]string, len(refs))
	for i, r := range refs {
		list[i] = r.Name
	}
	return strings.Join(list, ", ")
}

func or(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

func keys[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
