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
	if home := k.p.Home(a, k.now); home != "" && home == k.p.Home(b, k.now) {
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

// inside judges a connection within one boundary by its internal rules. That it
// lost its authorization does not change the verdict; the reason says it.
func (k *judge) inside(whole string) {
	name, rules := k.rules(k.out.Client.Boundary, k.out.Server.Boundary, whole)
	words, papers := k.authority("")
	k.out.Verdict.Documents = papers
	if rules == nil {
		k.decide(Internal, k.line("", "stays inside "+name+words))
		return
	}
	k.out.Document = rules.Document
	var best *candidate
	for i := range rules.Rules {
		r := &rules.Rules[i]
		ends := k.insideEnds(r)
		if ends.state == broken {
			continue
		}
		for s := range r.Services {
			x := candidate{Offer: boundary.Offer{Agreement: insideAgreement(name, rules.Document), ClientFrom: true}, service: &r.Services[s]}
			x.terms = k.terms(&x, false, true)
			x.terms[endpoints] = ends
			x.rank = k.rank(&x)
			if best == nil || x.better(best) {
				best = &x
			}
		}
	}
	v := k.out.Verdict
	v.Documents = append([]string{rules.Document}, papers...)
	if best == nil {
		k.out.Broken = []string{termNames[endpoints]}
		v.Terms = []*demarcv1.Term{{Term: termNames[endpoints], State: stateNames[broken], Why: "no internal rule names these ends"}}
		k.decide(OutOfTerms, k.sentence()+"; "+name+" denies inside what no rule allows, and none names these ends")
		return
	}
	whys := ""
	for i, one := range best.terms {
		v.Terms = append(v.Terms, &demarcv1.Term{Term: termNames[i], State: stateNames[one.state], Why: one.why})
		if one.state == hidden {
			v.NotObservable = append(v.NotObservable, termNames[i]+": "+one.why)
		}
		if one.state == broken {
			k.out.Broken = append(k.out.Broken, termNames[i])
			whys = join(whys, one.why)
		}
	}
	switch best.rank {
	case rankUndecided:
		k.wake(early(k.data))
		k.decide(Undecided, k.sentence()+"; "+name+" denies inside what no rule allows, and "+best.terms[service].why)
	case rankAuthorized:
		k.decide(Internal, k.line("", "stays inside "+name+", as its internal rules allow"+words))
	default:
		k.decide(OutOfTerms, k.sentence()+"; against the internal rules of "+name+": "+whys)
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
