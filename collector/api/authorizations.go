package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// ListAuthorizations lists the authorizations on record by name, with how they
// stand and what leans on them.
func (s *Service) ListAuthorizations(ctx context.Context, r *demarcv1.ListAuthorizationsRequest) (*demarcv1.ListAuthorizationsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, s.knownBoundary(r.GetBoundary())); err != nil {
		return nil, err
	}
	policy, now := s.Plant.Policy(), s.Clock()
	var all []*demarcv1.Authorization
	for _, d := range policy.Decisions() {
		if !s.sees("Authorization", d.Name, "") {
			continue
		}
		all = append(all, s.authorization(policy, d, now))
	}
	p, err := authorizationList.page(r, all, func(a *demarcv1.Authorization) bool {
		return (r.GetBoundary() == "" || slices.Contains(a.GetBoundaries(), r.GetBoundary())) &&
			words.in(slices.Values(append([]string{a.GetName(), a.GetDecision(), a.GetOrganization(), a.GetState(), a.GetWhy()}, a.GetBoundaries()...)))
	})
	return &demarcv1.ListAuthorizationsResponse{AsOf: as, Authorizations: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// overdue reports whether a decision in force was to be reviewed before now.
func overdue(a *demarcv1.Authorization, now time.Time) bool {
	return a.GetState() == "in force" && a.GetReviewDue() != nil && !a.GetReviewDue().AsTime().After(now)
}

var authorizationList = list[*demarcv1.Authorization]{
	order: "name",
	columns: map[string]column[*demarcv1.Authorization]{
		"name":         func(k key, a *demarcv1.Authorization) key { return k.text(a.GetName()) },
		"decision":     func(k key, a *demarcv1.Authorization) key { return k.text(a.GetDecision()) },
		"organization": func(k key, a *demarcv1.Authorization) key { return k.text(a.GetOrganization()) },
		"state":        func(k key, a *demarcv1.Authorization) key { return k.text(a.GetState()) },
		"granted":      func(k key, a *demarcv1.Authorization) key { return k.time(a.GetGranted()) },
		"until":        func(k key, a *demarcv1.Authorization) key { return k.time(a.GetUntil()) },
		"review_due":   func(k key, a *demarcv1.Authorization) key { return k.time(a.GetReviewDue()) },
	},
	id: func(k key, a *demarcv1.Authorization) key { return k.exact(a.GetName()) },
}

func (s *Service) authorization(policy *boundary.Policy, d *boundary.Decision, now time.Time) *demarcv1.Authorization {
	st, doc := d.At(now), d.Source()
	a := &demarcv1.Authorization{
		Name: d.Name, Decision: st.Kind, Boundaries: slices.Sorted(slices.Values(d.Boundaries)), State: "in force", Why: st.Why,
		Conditions: uint32(len(doc.Conditions)), Leverages: d.Leverages(), LeanedOnBy: policy.LeanedOnBy(d.Name),
	}
	if doc.Issuer != nil {
		a.Organization = doc.Issuer.Organization
	}
	switch {
	case st.Replaced:
		a.State = "superseded"
	case !st.InForce && st.Fell:
		a.State = "lapsed"
	case !st.InForce:
		a.State = "not in force"
	case st.Kind == boundary.Pato:
		a.Why = "a pato authorizes nobody to operate"
	case boundary.Denies(st.Kind):
		a.State, a.Why = "denies", d.Name+" is "+st.Kind
	}
	if !d.Granted.IsZero() {
		a.Granted = timestamppb.New(d.Granted)
	}
	if !st.Until.IsZero() {
		a.Until = timestamppb.New(st.Until)
	}
	due, fired := policy.Review(d.Name)
	if !due.IsZero() {
		a.ReviewDue = timestamppb.New(due)
	}
	for _, f := range fired {
		if !f.At.After(now) {
			a.Triggers = append(a.Triggers, f.What)
		}
	}
	a.Acts = s.Plant.ActsOn(d.Name)
	a.Record = authorizationRecord(policy, d, now)
	for _, x := range a.GetRecord().GetResidualRisks() {
		x.Findings = s.findingsOn(a.GetName(), x.GetMitigatedBy())
	}
	return a
}

// findingsOn lists the findings on some conditions of an authorization that are
// not closed.
func (s *Service) findingsOn(authorization string, conditions []string) (ids []string) {
	if len(conditions) == 0 {
		return nil
	}
	for _, f := range s.Plant.Findings() {
		id, of := strings.CutPrefix(f.GetCondition(), authorization+"/")
		if of && f.GetStatus() != "closed" && slices.Contains(conditions, id) {
			ids = append(ids, f.GetId())
		}
	}
	return ids
}

var noticeList = list[*demarcv1.Notice]{
	order: "at desc",
	columns: map[string]column[*demarcv1.Notice]{
		"at":       func(k key, n *demarcv1.Notice) key { return k.time(n.GetAt()) },
		"kind":     func(k key, n *demarcv1.Notice) key { return k.text(n.GetKind()) },
		"document": func(k key, n *demarcv1.Notice) key { return k.text(n.GetDocument()) },
		"due":      func(k key, n *demarcv1.Notice) key { return k.time(n.GetDue()) },
	},
	id: func(k key, n *demarcv1.Notice) key {
		return k.exact(n.GetKind()).exact(n.GetDocument()).time(n.GetDue())
	},
}

// ListNotices lists what people are to be told, the latest first.
func (s *Service) ListNotices(ctx context.Context, r *demarcv1.ListNoticesRequest) (*demarcv1.ListNoticesResponse, error) {
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("kind", r.GetKind(), boundary.NoticeKinds())); err != nil {
		return nil, err
	}
	var all []*demarcv1.Notice
	for _, n := range s.Plant.Notices() {
		all = append(all, &demarcv1.Notice{At: timestamppb.New(n.At), Kind: n.Kind, Document: n.Document, Due: timestamppb.New(n.Due), Words: n.Words})
	}
	p, err := noticeList.page(r, all, func(n *demarcv1.Notice) bool {
		return is(r.GetKind(), n.GetKind()) && words.in(slices.Values([]string{n.GetKind(), n.GetDocument(), n.GetWords()}))
	})
	return &demarcv1.ListNoticesResponse{Notices: p.rows, NextPageToken: p.next, Total: p.total}, err
}
