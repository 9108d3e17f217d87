package api

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"demarc/collector/finding"
	"demarc/collector/paper"
	demarcv1 "demarc/proto/demarc/v1"
)

type agreement = *demarcv1.Agreement

var agreementList = list[agreement]{
	order: "name, to",
	columns: map[string]column[agreement]{
		"name":      func(k key, x agreement) key { return k.text(x.GetName()) },
		"from":      func(k key, x agreement) key { return k.text(x.GetFrom()) },
		"to":        func(k key, x agreement) key { return k.text(x.GetTo()) },
		"owner":     func(k key, x agreement) key { return k.text(x.GetOwner()) },
		"reference": func(k key, x agreement) key { return k.text(x.GetReference()) },
		"state": func(k key, x agreement) key {
			return k.number(uint64(slices.Index(paper.AgreementStates, x.GetState())))
		},
		"until":       func(k key, x agreement) key { return k.time(x.GetUntil()) },
		"connections": func(k key, x agreement) key { return k.number(uint64(standingOn(x))) },
		"last_seen":   func(k key, x agreement) key { return k.time(x.GetLastSeen()) },
	},
	id: func(k key, x agreement) key { return k.exact(x.GetDocument()).exact(x.GetTo()) },
}

// standingOn counts the connections whose verdict names an agreement.
func standingOn(x agreement) (n uint32) {
	for _, of := range x.GetVerdicts() {
		n += of
	}
	return n
}

// ListAgreements lists what is agreed to by name, with how it stands and what was
// seen of it.
func (s *Service) ListAgreements(ctx context.Context, r *demarcv1.ListAgreementsRequest) (*demarcv1.ListAgreementsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("state", r.GetState(), paper.AgreementStates), s.knownBoundary(r.GetBoundary())); err != nil {
		return nil, err
	}
	p, err := agreementList.page(r, s.agreements(s.Plant.Connections()), func(x agreement) bool {
		return (is(r.GetBoundary(), x.GetFrom()) || is(r.GetBoundary(), x.GetTo())) && is(r.GetState(), x.GetState()) && words.in(agreementTexts(x))
	})
	return &demarcv1.ListAgreementsResponse{AsOf: as, Agreements: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// agreements are those that the caller sees, with what stands on them of the
// connections given.
func (s *Service) agreements(connections []judgedConnection) []agreement {
	w := paper.World{Policy: s.Plant.Policy(), Documents: s.Plant.Documents(), Connections: connections}
	activity := s.Plant.Activity(w.Connections, s.Clock())
	findings, open := s.open()
	unused := map[string]string{}
	for _, x := range s.Plant.Unused() {
		if !x.Inventory && x.State != finding.Used {
			unused[x.Document] = x.Words()
		}
	}
	all := paper.Agreements(w, s.Clock(), func(i int) bool { return activity[i].State == Live }, findings, open, unused)
	return kept(all, func(x agreement) bool { return s.sees("Agreement", x.GetName(), x.GetFrom()+" "+x.GetTo()) })
}

func agreementTexts(x agreement) func(func(string) bool) {
	texts := []string{x.GetDocument(), x.GetFrom(), x.GetTo(), x.GetPurpose(), x.GetOwner(), x.GetContact(), x.GetType(), x.GetReference(), x.GetState(), x.GetWhy()}
	for _, side := range x.GetSides() {
		texts = append(texts, side.GetOfficial(), side.GetApproval())
	}
	return slices.Values(slices.Concat(texts, x.GetServices(), x.GetCarries(), slices.Sorted(maps.Keys(x.GetVerdicts()))))
}
