package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"demarc/collector/finding"
	demarcv1 "demarc/proto/demarc/v1"
)

// nobody lists findings that nobody is assigned to.
const nobody = "none"

// ListFindings lists findings, the most severe first.
func (s *Service) ListFindings(ctx context.Context, r *demarcv1.ListFindingsRequest) (*demarcv1.ListFindingsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	all, err := s.findings(r)
	if err != nil {
		return nil, err
	}
	p, err := findingList.page(r, all, func(*demarcv1.Finding) bool { return true })
	return &demarcv1.ListFindingsResponse{AsOf: as, Findings: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// findings are all that pass the filters.
func (s *Service) findings(r *demarcv1.ListFindingsRequest) ([]*demarcv1.Finding, error) {
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("kind", r.GetKind(), finding.Kinds()), oneOf("status", r.GetStatus(), finding.Statuses()),
		s.knownBoundary(r.GetBoundary()), s.knownAuthorization(r.GetAuthorization())); err != nil {
		return nil, err
	}
	among, err := s.named(r)
	if err != nil {
		return nil, err
	}
	var all []*demarcv1.Finding
	for _, f := range among {
		s.dress(f)
		if fits(r, f) && words.in(findingTexts(f)) {
			all = append(all, f)
		}
	}
	return all, nil
}

// named are the findings that a request names, or those about the connection
// that it names; all where it names nothing.
func (s *Service) named(r *demarcv1.ListFindingsRequest) ([]*demarcv1.Finding, error) {
	ids, err := idSet(r.GetIds())
	switch {
	case err != nil:
		return nil, err
	case r.GetConnection() != "":
		_, j, ok := s.Plant.Connection(r.GetConnection())
		if !ok {
			return nil, status.Errorf(codes.InvalidArgument, "no connection has the id %q: see `demarc-collector get connections`", r.GetConnection())
		}
		return kept(s.findingsAbout(j, s.conditions()), func(f *demarcv1.Finding) bool { return ids == nil || ids[f.GetId()] }), nil
	case ids == nil:
		return s.Plant.Findings(), nil
	}
	var all []*demarcv1.Finding
	for id := range ids {
		if f, ok := s.Plant.Finding(id); ok {
			all = append(all, f)
		}
	}
	return all, nil
}

// fits reports whether a finding passes every filter that is set.
func fits(r *demarcv1.ListFindingsRequest, f *demarcv1.Finding) bool {
	assignee := r.GetAssignee()
	return is(r.GetKind(), f.GetKind()) && is(r.GetStatus(), f.GetStatus()) && f.GetSeverity() >= r.GetSeverity() &&
		(is(r.GetBoundary(), f.GetFromBoundary()) || is(r.GetBoundary(), f.GetToBoundary())) &&
		(is(assignee, f.GetAssignee()) || assignee == nobody && f.GetAssignee() == "") &&
		(!r.GetOpen() || f.GetStatus() != finding.Closed) && is(r.GetSite(), f.GetSite()) && is(r.GetAuthorization(), f.GetAuthorization()) &&
		(r.Survey == nil || r.GetSurvey() == f.GetSurvey()) &&
		(r.Ceased == nil || r.GetCeased() == (f.GetCeased() != "")) && (r.Drift == nil || r.GetDrift() == strings.HasPrefix(f.GetKind(), finding.Drift))
}

// ActOnFindings does one thing to every finding that is named or filtered, or
// to none of them.
func (s *Service) ActOnFindings(ctx context.Context, r *demarcv1.ActOnFindingsRequest) (*demarcv1.ActOnFindingsResponse, error) {
	if err := oneOf("act", cmp.Or(r.GetKind(), "?"), finding.Acts()); err != nil {
		return nil, err
	}
	body := &demarcv1.FindingAct{}
	if r.GetAct() != nil {
		body = proto.CloneOf(r.GetAct())
	}
	if err := digest(body.GetPoam().GetSha256()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.within(ctx).aim(body, r.GetFilter()); err != nil {
		return nil, err
	}
	if err := s.allowed(ctx, r.GetKind(), body); err != nil {
		return nil, err
	}
	all, err := s.Plant.DecideFindings(ctx, r.GetKind(), body, r.GetDryRun(), s.act(ctx, "finding "+r.GetKind(), targets(body), findingWords(body)))
	if err != nil {
		return nil, answer(err)
	}
	return &demarcv1.ActOnFindingsResponse{Findings: all}, nil
}

// aim names what a filter lists, each finding as it is now.
func (s *Service) aim(body *demarcv1.FindingAct, filter *demarcv1.ListFindingsRequest) error {
	switch {
	case filter == nil:
		return nil
	case len(body.GetTargets()) > 0:
		return status.Error(codes.InvalidArgument, "name findings or filter them, not both")
	case proto.Equal(filter, &demarcv1.ListFindingsRequest{}):
		return status.Error(codes.InvalidArgument, "a filter that lets everything pass: name at least one thing to filter by")
	case filter.GetAsOf() != nil:
		return status.Error(codes.InvalidArgument, "an act is on what is there now: leave as_of out")
	case filter.GetPageToken() != "" || filter.GetPageSize() != 0:
		return status.Error(codes.InvalidArgument, "an act is on everything that the filter lists: leave page_size and page_token out")
	}
	list, err := s.findings(filter)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return status.Error(codes.NotFound, "no finding passes this filter")
	}
	for _, f := range list {
		body.Targets = append(body.Targets, &demarcv1.FindingTarget{Id: f.GetId(), Revision: f.GetRevision()})
	}
	return nil
}

// targets names some of many findings for the audit log.
func targets(body *demarcv1.FindingAct) string {
	var ids []string
	for _, t := range body.GetTargets() {
		ids = append(ids, t.GetId())
	}
	if n := len(ids); n > 20 {
		return strings.Join(ids[:20], " ") + fmt.Sprintf(" and %d more", n-20)
	}
	return strings.Join(ids, " ")
}

func findingWords(b *demarcv1.FindingAct) string {
	until := ""
	if b.GetAcceptance().GetUntil() != nil {
		until = when(b.GetAcceptance().GetUntil().AsTime())
	}
	return words("assignee", b.GetAssignee(), "status", b.GetStatus(), "owner", b.GetAcceptance().GetOwner(), "reason", b.GetAcceptance().GetReason(), "until", until,
		"mitigations", strings.Join(b.GetAcceptance().GetMitigations(), ", "), "closed as", b.GetClosure().GetReason(), "of", b.GetClosure().GetDuplicateOf(),
		"plan", strings.TrimSpace(b.GetPoam().GetId()+" "+b.GetPoam().GetTitle()), "evidence", b.GetPoam().GetEvidence(), "sha256", b.GetPoam().GetSha256(), "comment", b.GetComment())
}

// GetFinding returns a finding with its history.
func (s *Service) GetFinding(ctx context.Context, r *demarcv1.GetFindingRequest) (*demarcv1.GetFindingResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	f, ok := s.Plant.Finding(r.GetId())
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no finding has the id %q: see `demarc-collector get findings`", r.GetId())
	}
	s.dress(f)
	out := &demarcv1.GetFindingResponse{AsOf: as, Finding: f}
	out.Events, out.LeftOff = s.Plant.FindingEvents(f.GetId())
	return out, nil
}

// historyLines tell what was done to a finding.
func (s *Service) historyLines(f *demarcv1.Finding) []string {
	var lines []string
	if f.GetAssignee() != "" {
		lines = append(lines, "Assigned to "+f.GetAssignee()+".")
	}
	if x := f.GetAcceptance(); x != nil {
		lines = append(lines, fmt.Sprintf("Accepted by %s for %s until %s: %s", x.GetBy(), x.GetOwner(), when(x.GetUntil().AsTime()), x.GetReason()))
		for _, m := range x.GetMitigations() {
			lines = append(lines, "Mitigated by "+m)
		}
	}
	for _, i := range f.GetPoam() {
		lines = append(lines, fmt.Sprintf("Plan %s, %s: %s, %s, due %s", i.GetId(), i.GetStatus(), i.GetTitle(), i.GetResponsible(), when(i.GetDue().AsTime())))
	}
	events, leftOff := s.Plant.FindingEvents(f.GetId())
	for i, e := range events {
		if i == 1 && leftOff > 0 {
			lines = append(lines, fmt.Sprintf("History: %d events that are kept in the audit log alone", leftOff))
		}
		lines = append(lines, fmt.Sprintf("History: %s %d %s by %s: %s", when(e.GetAt().AsTime()), e.GetRevision(), e.GetKind(), e.GetActor(), e.GetWords()))
	}
	return slices.Clip(lines)
}
