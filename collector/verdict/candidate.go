package verdict

import (
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Names of the terms, in the order of their index.
var termNames = [...]string{"endpoints", "service", "initiator", "operations", "security", "schedule", "path"}

const (
	endpoints = iota
	service
	initiator
	operations
	security
	schedule
	path
	numTerms
)

type state uint8

const (
	met state = iota
	broken
	hidden
)

var stateNames = [...]string{"met", "broken", "not-observable"}

// term is the state of one term; why stays empty until somebody asks.
type term struct {
	state       state
	why         string
	unconfirmed bool // an end has the agreed role now, and had it not when the documents were applied
}

// states are those of all terms, without words.
type states [numTerms]state

func (s *states) broken() int {
	n := 0
	for _, one := range s {
		if one == broken {
			n++
		}
	}
	return n
}

// Ranks of what an agreement over both ends comes to, the best last.
const (
	rankElsewhere  = iota // it joins the boundaries, not these ends
	rankBeside            // a term is broken, and it is not approved
	rankNotInForce        // it would cover, and is not approved
	rankOutOfTerms
	rankUndecided // too early, or sight too poor
	rankLapsed
	rankAuthorized
)

// ranked is the verdict that a rank comes to.
var ranked = [...]string{
	rankElsewhere: Unauthorized, rankBeside: OutOfTerms, rankNotInForce: Unauthorized, rankOutOfTerms: OutOfTerms, rankUndecided: Undecided,
	rankLapsed: Lapsed, rankAuthorized: Authorized,
}

// candidate is one service of one agreement held against the connection.
type candidate struct {
	boundary.Offer
	service *boundary.AgreedService
	states  states
	rank    int
	misses  int  // ends that are not the agreed ones
	gap     gap  // what is not in force
	ends    term // of an internal rule, in words
}

// inside reports whether x is an internal rule.
func (x *candidate) inside() bool { return x.ends.why != "" }

// gap is what keeps an agreement from covering; without words it is in force.
type gap struct {
	why      string
	document string // the paper that does not stand
	fell     bool   // it stood before
	unlisted string // asset that stands on no list
}

// better orders candidates: rank, more agreed ends, fewer broken terms, a service that fits, and
// then the document's name, so that the order of documents does not matter.
func (x *candidate) better(y *candidate) bool {
	if x.rank != y.rank {
		return x.rank > y.rank
	}
	if x.misses != y.misses {
		return x.misses < y.misses
	}
	if a, b := x.states.broken(), y.states.broken(); a != b {
		return a < b
	}
	if a, b := x.states[service], y.states[service]; a != b {
		return a == met || b == broken
	}
	return x.Document < y.Document
}

// best holds the moment against every service of every offer and returns the
// best candidate; there is none without offers. Of an agreement that joins the
// two boundaries but not these ends it returns one only if there is nothing
// better.
func (k *judge) best(offers []boundary.Offer, group bool) (best candidate, ok bool) {
	for _, o := range offers {
		ends, misses := k.ends(o, group, false)
		x := candidate{Offer: o, misses: misses}
		if ends.state != broken {
			x.gap = k.cover(o)
		}
		for i := range o.Services {
			x.service = &o.Services[i]
			if ends.state != broken {
				k.hold(&x)
			}
			x.states[endpoints] = ends.state
			x.rank = k.rank(&x)
			if !ok || x.better(&best) {
				best, ok = x, true
			}
		}
	}
	return best, ok
}

// hold takes the state of every term but that of the ends.
func (k *judge) hold(x *candidate) {
	for i := range x.states {
		if i != endpoints {
			x.states[i] = k.term(i, x, false).state
		}
	}
}

// term holds the moment to one term.
func (k *judge) term(i int, x *candidate, explain bool) term {
	switch i {
	case service:
		return k.serviceTerm(x, explain)
	case initiator:
		return k.initiatorTerm(x, explain)
	case operations:
		return k.operationsTerm(x, explain)
	case security:
		return k.securityTerm(x, explain)
	case schedule:
		return k.scheduleTerm(x, explain)
	case path:
		return k.pathTerm(x, explain)
	}
	t, _ := k.ends(x.Offer, k.out.Server.Group, explain)
	return t
}

// explained makes the terms of a candidate, in words.
func (k *judge) explained(x *candidate) (t [numTerms]term) {
	for i := range t {
		t[i] = k.term(i, x, true)
	}
	return t
}

// show makes terms as a verdict lists them.
func show(t *[numTerms]term) []*demarcv1.Term {
	all, list := make([]demarcv1.Term, numTerms), make([]*demarcv1.Term, numTerms)
	for i := range t {
		list[i] = &all[i]
		list[i].Term, list[i].State, list[i].Why = termNames[i], stateNames[t[i].state], t[i].why
	}
	return list
}

func (k *judge) rank(x *candidate) int {
	t := &x.states
	switch {
	case t[endpoints] == broken:
		return rankElsewhere
	case t.broken() > 0 && x.gap.why != "" && !x.gap.fell:
		return rankBeside
	case t.broken() > 0:
		return rankOutOfTerms
	case k.tooPoor(x):
		return rankUndecided
	case x.gap.why == "":
		return rankAuthorized
	case x.gap.fell:
		return rankLapsed
	}
	return rankNotInForce
}

// tooPoor reports whether the service shows too little to speak of an agreed
// one: not identified yet within its first seconds, or at all where the port
// does not say it either.
func (k *judge) tooPoor(x *candidate) bool {
	if x.states[service] != hidden {
		return false
	}
	until := early(k.data)
	return k.seen.protocol == "" && k.at.cover.Before(until) || x.service.Ports.Any || !x.service.Ports.Holds(k.data.Port)
}

// cover says what of an agreement, or of the authorizations behind it, is not in
// force at now, and whether it was once: a paper that fell, not one that was
// never given.
func (k *judge) cover(o boundary.Offer) gap {
	u := k.unlisted()
	if u.why == "" {
		return k.gap(o)
	}
	if g := k.papers(o.Agreement); g.why != "" && !g.fell {
		return g
	}
	return u
}

// gap is cover for what the papers say.
func (k *judge) gap(o boundary.Offer) gap {
	key := gapKey{o.Agreement, o.ClientFrom, k.out.Client.Boundary, k.out.Server.Boundary, k.era()}
	if known, ok := k.round.gaps.of(&key); ok {
		return known
	}
	g := k.papers(o.Agreement)
	if g.why == "" || g.fell {
		under, ok := k.p.Gap(o, k.out.Client.Boundary, k.out.Server.Boundary, k.at.cover)
		if !ok && (g.why == "" || !under.Fell) { // of two papers that fell the nearer one is named
			g = gap{why: under.Why, document: under.Document, fell: under.Fell}
		}
	}
	return k.round.gaps.keep(&key, g)
}

// papers is cover for what the agreement says of itself.
func (k *judge) papers(a *boundary.Agreement) gap {
	g := gap{document: a.Document}
	for _, c := range a.Cover {
		switch {
		case c.Approval == "pending" || c.Approval == "denied":
			return gap{why: c.What + " is " + c.Approval, document: a.Document}
		case !c.From.IsZero() && k.at.cover.Before(c.From):
			return gap{why: c.What + " begins " + day(c.From), document: a.Document}
		case c.Approval == "withdrawn":
			g.why, g.fell = c.What+" is withdrawn", true
		case !c.Until.IsZero() && !k.at.cover.Before(c.Until):
			g.why, g.fell = c.What+" ended "+day(c.Until.Add(-time.Nanosecond)), true
		}
	}
	return g
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// settle turns the best candidate into the verdict.
func (k *judge) settle(x *candidate) {
	v := k.out.Verdict
	group := k.out.Server.Group
	k.out.Document = x.Document
	if x.rank == rankElsewhere {
		ends, misses := k.ends(x.Offer, group, true)
		if ends.unconfirmed && misses == 1 && k.serviceTerm(x, false).state != broken {
			k.decide(Unauthorized, "; unauthorized (matches ", x.Name, ", not confirmed): ", ends.why)
			return
		}
		k.decide(Unauthorized, "; ", x.Name, " joins ", x.From.Boundary, " and ", x.To.Boundary, ", but ", ends.why)
		return
	}
	if state := x.states[service]; state != broken {
		k.out.Agreement, k.out.Line, k.out.LineShown = x.Agreement, x.service, state == met
	}
	t := k.told(x)
	v.Terms, v.NotObservable, k.out.Broken = t.terms, t.notObservable, t.broken
	switch x.rank {
	case rankAuthorized:
		p := k.under(x.Document, x.Under)
		v.Documents = p.documents
		if t.hidden != "" {
			k.decide(Authorized, ", as ", x.Name, " agrees as far as can be seen (not observable: ", t.hidden, ")", p.words)
			return
		}
		k.decide(Authorized, ", as ", x.Name, " agrees", p.words)
	case rankLapsed:
		v.Documents = k.round.only(x.Document)
		if k.out.Document = x.gap.document; x.gap.document != x.Document {
			v.Documents = []string{x.Document, x.gap.document}
		}
		k.decide(Lapsed, "; ", x.Name, " covered it, but ", x.gap.why)
	case rankNotInForce:
		k.out.Broken, k.out.Unlisted = nil, x.gap.unlisted
		k.decide(Unauthorized, "; ", x.Name, " would cover it, but ", x.gap.why)
	case rankUndecided:
		k.wake(early(k.data))
		k.decide(Undecided, "; ", x.Name, " joins ", x.From.Boundary, " and ", x.To.Boundary, ", and ", t.service)
	default:
		v.Documents = k.round.only(x.Document)
		and := ""
		if x.gap.why != "" {
			and = ", and "
		}
		k.decide(OutOfTerms, "; against ", x.Name, ": ", t.brokenWhy, and, x.gap.why)
	}
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
