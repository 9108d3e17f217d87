package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/propose"
	demarcv1 "demarc/proto/demarc/v1"
)

// Propose drafts documents. A draft that would not be taken beside the documents
// in force is not handed out.
func (s *Service) Propose(ctx context.Context, r *demarcv1.ProposeRequest) (*demarcv1.ProposeResponse, error) {
	s = s.within(ctx)
	policy, now := s.Plant.Policy(), s.Clock()
	assets := s.Plant.Assets()
	if r.GetSite() != "" {
		if err := oneOf("site", r.GetSite(), sitesOf(policy, assets)); err != nil {
			return nil, err
		}
	}
	out := &demarcv1.ProposeResponse{PolicyVersion: policy.Version(), At: timestamppb.New(now)}
	out.Candidates, out.LeftOut = propose.Draft(propose.World{
		Policy: policy, Documents: s.Plant.Documents(), Connections: s.Plant.Connections(), Assets: assets, Now: now, All: r.GetAll(), Site: r.GetSite(),
	})
	return out, s.taken(ctx, policy.Version(), out.GetCandidates()...)
}

// ProposeReuse drafts how another system takes over what was decided on a provider.
func (s *Service) ProposeReuse(ctx context.Context, r *demarcv1.ProposeReuseRequest) (*demarcv1.ProposeReuseResponse, error) {
	s = s.within(ctx)
	policy, docs, now := s.Plant.Policy(), s.Plant.Documents(), s.Clock()
	lender := policy.Decision(r.GetAuthorization())
	if lender == nil || !s.sees("Authorization", lender.Name, "") {
		return nil, status.Errorf(codes.NotFound, "authorization %q is in no document: see demarc-collector get authorizations", cut(r.GetAuthorization(), 100))
	}
	system := slices.IndexFunc(docs.Boundaries, func(b *boundary.Boundary) bool { return b.Name == r.GetBoundary() })
	if err := s.knownBoundary(r.GetBoundary()); err != nil || system < 0 {
		return nil, cmp.Or(err, status.Error(codes.InvalidArgument, "boundary: name that of the system that is to take over"))
	}
	out := propose.Reuse{
		Policy: policy, Documents: docs, Lender: lender.Source(), System: docs.Boundaries[system], Organization: r.GetOrganization(), Now: now,
	}.Draft()
	out.PolicyVersion, out.At = policy.Version(), timestamppb.New(now)
	if out.GetDraft() == nil {
		return out, nil
	}
	return out, s.taken(ctx, policy.Version(), out.GetDraft())
}

// taken reports a draft that would not be taken beside the documents in force:
// it must not be handed out.
func (s *Service) taken(ctx context.Context, version uint64, drafts ...*demarcv1.Candidate) error {
	var files []boundary.File
	if version > 0 {
		p, err := s.Store.Policy(ctx, version)
		if err != nil {
			return failed(err)
		}
		for _, d := range p.Documents {
			files = append(files, boundary.File{Path: d.Path, Content: d.Content})
		}
	}
	for _, c := range drafts {
		files = append(files, boundary.File{Path: "propose/" + c.GetKind() + "/" + c.GetName() + ".yaml", Content: []byte(c.GetText())})
	}
	both, err := boundary.Read(files)
	if err == nil {
		err = both.CheckAt(s.Clock())
	}
	if err == nil {
		_, err = boundary.Compile(both, version+1)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "what was drafted would not be taken: %v", err)
	}
	return nil
}

// sitesOf names the sites of documents and agents.
func sitesOf(policy *boundary.Policy, assets []*demarcv1.Asset) []string {
	var all []string
	for _, x := range policy.Sites() {
		all = append(all, x.Name)
	}
	for _, a := range assets {
		all = append(all, a.GetSite())
	}
	slices.SortFunc(all, strings.Compare)
	return slices.Compact(all)
}
