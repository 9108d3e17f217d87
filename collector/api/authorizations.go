package api

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// authorizationOf says in words what stands over a boundary now.
func (s *Service) authorizationOf(name string) string {
	return s.Plant.Policy().AuthorityWords(name, s.Clock())
}

// ListAuthorizations lists the authorizations on record by name, with how they
// stand and what leans on them.
func (s *Service) ListAuthorizations(context.Context, *demarcv1.ListAuthorizationsRequest) (*demarcv1.ListAuthorizationsResponse, error) {
	policy, now := s.Plant.Policy(), s.Clock()
	r := &demarcv1.ListAuthorizationsResponse{}
	for _, d := range policy.Decisions() {
		r.Authorizations = append(r.Authorizations, s.authorization(policy, d, now))
	}
	return r, nil
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
	return a
}

// ListNotices lists what people are to be told, the latest first.
func (s *Service) ListNotices(context.Context, *demarcv1.ListNoticesRequest) (*demarcv1.ListNoticesResponse, error) {
	r := &demarcv1.ListNoticesResponse{}
	for _, n := range slices.Backward(s.Plant.Notices()) {
		r.Notices = append(r.Notices, &demarcv1.Notice{At: timestamppb.New(n.At), Kind: n.Kind, Document: n.Document, Due: timestamppb.New(n.Due), Words: n.Words})
	}
	return r, nil
}
