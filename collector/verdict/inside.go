package verdict

import (
	"slices"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// inside judges a connection within one boundary by its internal rules.
func (k *judge) inside(name string) {
	rules := k.p.Internal(name)
	if rules == nil {
		k.decide(Internal, k.line("", "stays inside "+name+"; no authorization on record"))
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
			x.rank, _ = k.rank(&x)
			if best == nil || x.better(best) {
				best = &x
			}
		}
	}
	v := k.out.Verdict
	v.Documents = []string{rules.Document}
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
		k.decide(Internal, k.line("", "stays inside "+name+", as its internal rules allow; no authorization on record"))
	default:
		k.decide(OutOfTerms, k.sentence()+"; against the internal rules of "+name+": "+whys)
	}
}

func insideAgreement(name, document string) *boundary.Agreement {
	end := boundary.AgreementEnd{Boundary: name}
	return &boundary.Agreement{Document: document, Name: name, From: end, To: end, BothWays: true}
}

func (k *judge) insideEnds(r *boundary.InternalRuleSet) term {
	t := term{met, "an internal rule names these ends"}
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
		if len(e.rule.Roles) > 0 {
			t = term{hidden, "roles in internal rules are not resolved yet"}
		}
	}
	return t
}
