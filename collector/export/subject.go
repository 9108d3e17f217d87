package export

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// subject is what a package is of, as it stood at a moment.
type subject struct {
	lists          *api.Service
	at             *timestamppb.Timestamp
	as             *demarcv1.AsOf
	authorizations []*demarcv1.Authorization
	lenders        []*demarcv1.Authorization   // that those lean on, and so on
	boundaries     []*demarcv1.BoundarySummary // with their parts
	whole          bool                        // of all that whoever asks may see, in a boundary or not
}

// everything is the subject of a list that is not narrowed.
func (s *Service) everything(ctx context.Context, at *timestamppb.Timestamp) (x *subject, err error) {
	x = &subject{lists: s.Lists, at: at, whole: true}
	if x.authorizations, err = all(ctx, at, s.Lists.ListAuthorizations, &demarcv1.ListAuthorizationsRequest{}, func(a *demarcv1.ListAuthorizationsResponse) []*demarcv1.Authorization {
		x.as = a.GetAsOf()
		return a.GetAuthorizations()
	}); err != nil {
		return nil, err
	}
	x.boundaries, err = all(ctx, at, s.Lists.ListBoundaries, &demarcv1.ListBoundariesRequest{}, (*demarcv1.ListBoundariesResponse).GetBoundaries)
	return x, err
}

// asked are the boundaries that lists are asked for, "" for any and none.
func (x *subject) asked() []string {
	if x.whole {
		return []string{""}
	}
	return x.places()
}

// named says what an export is of.
type named interface {
	GetAuthorization() string
	GetBoundary() string
	GetAsOf() *timestamppb.Timestamp
}

// find looks up what a request to a method names. Its errors are for who asked.
func (s *Service) find(ctx context.Context, method string, r named) (*subject, error) {
	if r.GetAuthorization() == "" && r.GetBoundary() == "" {
		return nil, status.Error(codes.InvalidArgument, "name an authorization or a boundary, as `get authorizations` and `get boundaries` show them")
	}
	at := r.GetAsOf()
	if at == nil {
		at = timestamppb.New(s.Clock())
	}
	x, err := s.everything(ctx, at)
	if err != nil {
		return nil, err
	}
	decisions, boundaries := x.authorizations, x.boundaries
	x.authorizations, x.whole = nil, false
	var roots []string
	if r.GetAuthorization() != "" {
		i := slices.IndexFunc(decisions, func(a *demarcv1.Authorization) bool { return a.GetName() == r.GetAuthorization() })
		if i < 0 {
			return nil, status.Errorf(codes.NotFound, "no authorization is named %q: known are %s", cut(r.GetAuthorization()), names(decisions, (*demarcv1.Authorization).GetName))
		}
		x.authorizations, roots = decisions[i:i+1], decisions[i].GetBoundaries()
	}
	under := parts(boundaries, roots)
	if b := r.GetBoundary(); b != "" {
		i := slices.IndexFunc(boundaries, func(x *demarcv1.BoundarySummary) bool { return x.GetName() == b })
		switch {
		case i < 0:
			return nil, status.Errorf(codes.NotFound, "no boundary is named %q: known are %s", cut(b), names(boundaries, (*demarcv1.BoundarySummary).GetName))
		case roots != nil && !slices.Contains(under, b):
			return nil, status.Errorf(codes.InvalidArgument, "%s is not over %s: it is over %s", r.GetAuthorization(), b, strings.Join(under, ", "))
		case roots == nil:
			x.authorizations = slices.DeleteFunc(slices.Clone(decisions), func(a *demarcv1.Authorization) bool {
				return !slices.Contains(a.GetBoundaries(), b) && !slices.Contains(a.GetBoundaries(), boundaries[i].GetRecord().GetAuthorizedAs())
			})
		}
		under = parts(boundaries, []string{b})
	}
	if out := s.Lists.Unreached(ctx, method, under); len(out) > 0 {
		return nil, status.Errorf(codes.PermissionDenied, "an export is of all that it names, and your roles do not reach %s: name what they reach with --boundary", strings.Join(out, ", "))
	}
	x.lenders = lenders(decisions, x.authorizations)
	x.boundaries = slices.DeleteFunc(boundaries, func(b *demarcv1.BoundarySummary) bool { return !slices.Contains(under, b.GetName()) })
	return x, nil
}

// eachAgreement hands on the agreements of the boundaries, each once.
func (x *subject) eachAgreement(ctx context.Context, do func(*demarcv1.Agreement) error) error {
	do = once(func(a *demarcv1.Agreement) string { return a.GetDocument() + " " + a.GetFrom() + " " + a.GetTo() }, do)
	for _, b := range x.asked() {
		if err := each(ctx, x.at, x.lists.ListAgreements, &demarcv1.ListAgreementsRequest{Boundary: b}, (*demarcv1.ListAgreementsResponse).GetAgreements, do); err != nil {
			return err
		}
	}
	return nil
}

// eachFinding hands on the findings of the boundaries and the decisions, or
// those that are not closed, each once.
func (x *subject) eachFinding(ctx context.Context, open bool, do func(*demarcv1.Finding) error) error {
	var asked []*demarcv1.ListFindingsRequest
	for _, b := range x.asked() {
		asked = append(asked, &demarcv1.ListFindingsRequest{Boundary: b, Open: open})
	}
	for _, a := range x.decisions() { // of a condition, and of no boundary
		asked = append(asked, &demarcv1.ListFindingsRequest{Authorization: a, Open: open})
	}
	do = once((*demarcv1.Finding).GetId, do)
	for _, q := range asked {
		if err := each(ctx, x.at, x.lists.ListFindings, q, (*demarcv1.ListFindingsResponse).GetFindings, do); err != nil {
			return err
		}
	}
	return nil
}

// lenders are the decisions that others lean on, and those that they lean on.
func lenders(all, of []*demarcv1.Authorization) []*demarcv1.Authorization {
	var found []string
	for _, a := range of {
		found = append(found, a.GetLeverages()...)
	}
	for i := 0; i < len(found); i++ {
		for _, a := range all {
			if a.GetName() == found[i] {
				found = append(found, slices.DeleteFunc(slices.Clone(a.GetLeverages()), func(n string) bool { return slices.Contains(found, n) })...)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(a *demarcv1.Authorization) bool {
		return !slices.Contains(found, a.GetName()) || slices.Contains(of, a)
	})
}

// parts are boundaries with their parts, and the parts of those, as far as the
// same authorization reaches.
func parts(all []*demarcv1.BoundarySummary, roots []string) []string {
	by := map[string]*demarcv1.BoundaryRecord{}
	for _, b := range all {
		by[b.GetName()] = b.GetRecord()
	}
	names := slices.Clone(roots)
	for i := 0; i < len(names); i++ {
		r := by[names[i]]
		for _, p := range r.GetParts() {
			part := by[p]
			if !slices.Contains(names, p) && !part.GetIsolated() && part.GetAuthorizedAs() == r.GetAuthorizedAs() {
				names = append(names, p)
			}
		}
	}
	slices.Sort(names)
	return names
}

func names[T any](all []T, name func(T) string) string {
	if len(all) == 0 {
		return "none"
	}
	list := namesOf(all, name)
	if n := len(list); n > 50 {
		list = append(list[:50], fmt.Sprintf("and %d more", n-50))
	}
	return strings.Join(list, ", ")
}

// title names the subject in words.
func (x *subject) title(r named) string {
	switch {
	case r.GetAuthorization() == "":
		return "boundary " + r.GetBoundary()
	case r.GetBoundary() == "":
		return "authorization " + r.GetAuthorization()
	}
	return "boundary " + r.GetBoundary() + " under authorization " + r.GetAuthorization()
}

func (x *subject) decisions() []string {
	return namesOf(x.authorizations, (*demarcv1.Authorization).GetName)
}

func (x *subject) places() []string {
	return namesOf(x.boundaries, (*demarcv1.BoundarySummary).GetName)
}

func namesOf[T any](all []T, name func(T) string) []string {
	list := make([]string, len(all))
	for i, x := range all {
		list[i] = name(x)
	}
	return list
}
