package verdict

import (
	"slices"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// common is the boundary inside which a connection from boundary a to b stays:
// their own, or the nearest one above both that an authorization names. Empty
// when it crosses.
func (k *judge) common(a, b string) string {
	if a == b {
		return a
	}
	if home := k.p.Home(a, k.at.cover); home != "" && home == k.p.Home(b, k.at.cover) {
		return home
	}
	return ""
}

// rules are the internal rules for a connection from boundary a to b within
// whole: those of the nearest boundary that holds both ends and has any.
func (k *judge) rules(a, b, whole string) (name string, rules *boundary.InternalRules) {
	for name = a; name != ""; {
		if k.p.Holds(name, b) {
			if rules = k.p.Internal(name); rules != nil {
				return name, rules
			}
		}
		if name == whole {
			break
		}
		i, _ := k.p.Boundary(name)
		name = i.Parent
	}
	return whole, nil
}

// internal holds a moment within one boundary to its internal rules.
func (k *judge) internal(r *ruling) {
	name, rules := k.rules(r.client, r.server, r.whole)
	if rules == nil {
		r.verdict = Internal
		return
	}
	a := insideAgreement(name, rules.Document)
	for i := range rules.Rules {
		rule := &rules.Rules[i]
		ends := k.insideEnds(rule)
		if ends.state == broken {
			continue
		}
		for s := range rule.Services {
			x := candidate{Offer: boundary.Offer{Agreement: a, ClientFrom: true}, service: &rule.Services[s], ends: ends}
			k.hold(&x)
			x.states[endpoints] = ends.state
			x.rank = k.rank(&x)
			if !r.ok || x.better(&r.best) {
				r.best, r.ok = x, true
			}
		}
	}
	switch {
	case !r.ok:
		r.verdict = OutOfTerms
	case r.best.rank == rankAuthorized:
		r.verdict = Internal
	default:
		r.verdict = ranked[r.best.rank]
	}
}

// inside words the verdict on a connection within one boundary. That it lost its
// authorization does not change the verdict; the reason says it.
func (k *judge) inside(r *ruling) {
	name, rules := k.rules(r.client, r.server, r.whole)
	v := k.out.Verdict
	if rules == nil {
		p := k.under("", "")
		v.Documents = p.documents
		k.stay("", "stays inside ", name, p.words)
		return
	}
	p := k.under(rules.Document, "")
	k.out.Document, v.Documents = rules.Document, p.documents
	if !r.ok {
		k.out.Broken = []string{termNames[endpoints]}
		v.Terms = []*demarcv1.Term{{Term: termNames[endpoints], State: stateNames[broken], Why: "no internal rule names these ends"}}
		k.decide(OutOfTerms, "; ", name, " denies inside what no rule allows, and none names these ends")
		return
	}
	t := k.told(&r.best)
	v.Terms, v.NotObservable, k.out.Broken = t.terms, t.notObservable, t.broken
	switch r.best.rank {
	case rankUndecided:
		k.wake(early(k.data))
		k.decide(Undecided, "; ", name, " denies inside what no rule allows, and ", t.service)
	case rankAuthorized:
		k.stay("", "stays inside ", name, ", as its internal rules allow", p.words)
	default:
		k.decide(OutOfTerms, "; against the internal rules of ", name, ": ", t.brokenWhy)
	}
}

func insideAgreement(name, document string) *boundary.Agreement {
	end := boundary.AgreementEnd{Boundary: name}
	return &boundary.Agreement{Document: document, Name: name, From: end, To: end, BothWays: true}
}

func (k *judge) insideEnds(r *boundary.InternalRuleSet) term {
	for _, e := range []struct {
		rule boundary.InternalEnd
		addr int
	}{{r.From, 0}, {r.To, 1}} {
		end := k.c.Client
		if e.addr == 1 {
			end = k.c.Server
		}
		if len(e.rule.CIDRs) > 0 && !slices.ContainsFunc(e.rule.CIDRs, func(p boundary.Prefix) bool { return end.Addr.IsValid() && p.Prefix.Contains(end.Addr.Unmap()) }) {
			return term{state: broken}
		}
		if len(e.rule.Segments) > 0 && !slices.ContainsFunc(e.rule.Segments, func(s boundary.Ref) bool { return s.Name == end.Segment }) {
			return term{state: broken}
		}
		if len(e.rule.Roles) > 0 && !slices.Contains(r.Known[e.addr], end.Addr.Unmap()) {
			return term{state: broken}
		}
	}
	return term{state: met, why: "an internal rule names these ends"}
}
