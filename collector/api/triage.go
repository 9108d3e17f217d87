package api

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// triage says who may do which act on a finding: an analyst sorts, an official
// lives with a risk, a system owner plans.
var triage = map[string][]store.Role{
	finding.Assign:  {store.Analyst, store.ISSM, store.SystemOwner, store.Official, store.Representative},
	finding.Comment: {store.Engineer, store.Analyst, store.ISSM, store.SystemOwner, store.Official, store.Representative},
	finding.Status:  {store.Analyst, store.SystemOwner, store.Official, store.Representative},
	finding.Accept:  {store.Official, store.Representative},
	finding.Close:   {store.Analyst, store.Official, store.Representative},
	finding.Reopen:  {store.Analyst, store.ISSM, store.SystemOwner, store.Official, store.Representative},
	finding.Poam:    {store.SystemOwner, store.Official, store.Representative},
}

// officials may close an item of a plan without evidence.
var officials = []store.Role{store.Official, store.Representative}

// allowed refuses an act that the caller has no role for over every boundary
// that a finding names. It notes on the act whether an official does it.
func (s *Service) allowed(ctx context.Context, kind string, body *demarcv1.FindingAct) error {
	p := Caller(ctx)
	body.Official = true
	for _, t := range body.GetTargets() {
		f, ok := s.Plant.Finding(t.GetId())
		if !ok {
			continue // the act itself says so
		}
		if !holds(p, f, triage[kind]) {
			return status.Errorf(codes.PermissionDenied, "%s may not %s %s: it needs %s over %s, and %s %s", p.Who(), kind, f.GetId(), roleWords(triage[kind]), concerned(f), p.Who(), p.words())
		}
		body.Official = body.Official && holds(p, f, officials)
	}
	return nil
}

// holds reports whether p has one of roles over all that a finding concerns.
func holds(p Principal, f *demarcv1.Finding, roles []store.Role) bool {
	over := boundariesOf(f)
	if len(over) == 0 {
		return p.At(f.GetSite(), roles...)
	}
	var sites []string
	if f.GetSite() != "" {
		sites = []string{f.GetSite()}
	}
	return !slices.ContainsFunc(over, func(b string) bool { return !p.Over(b, sites, roles...) })
}

// boundariesOf names the plant's boundaries that a finding concerns.
func boundariesOf(f *demarcv1.Finding) (all []string) {
	for _, b := range []string{f.GetFromBoundary(), f.GetToBoundary()} {
		if b != "" && b != boundary.Internet && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

func concerned(f *demarcv1.Finding) string {
	if all := boundariesOf(f); len(all) > 0 {
		return strings.Join(all, " and ")
	}
	return "site " + f.GetSite()
}
