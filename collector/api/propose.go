package api

import (
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
	policy, docs, now := s.Plant.Policy(), s.Plant.Documents(), s.Clock()
	assets := s.Plant.Assets()
	if r.GetSite() != "" {
		if err := oneOf("site", r.GetSite(), sitesOf(policy, assets)); err != nil {
			return nil, err
		}
	}
	out := &demarcv1.ProposeResponse{PolicyVersion: policy.Version(), At: timestamppb.New(now)}
	out.Candidates, out.LeftOut = propose.Draft(propose.World{
		Policy: policy, Documents: docs, Connections: s.Plant.Connections(), Assets: assets, Now: now, All: r.GetAll(), Site: r.GetSite(),
	})
	var files []boundary.File
	if v := policy.Version(); v > 0 {
		p, err := s.Store.Policy(ctx, v)
		if err != nil {
			return nil, failed(err)
		}
		for _, d := range p.Documents {
			files = append(files, boundary.File{Path: d.Path, Content: d.Content})
		}
	}
	for _, c := range out.GetCandidates() {
		files = append(files, boundary.File{Path: "propose/" + c.GetKind() + "/" + c.GetName() + ".yaml", Content: []byte(c.GetText())})
	}
	both, err := boundary.Read(files)
	if err == nil {
		err = both.CheckAt(now)
	}
	if err == nil {
		_, err = boundary.Compile(both, policy.Version()+1)
	}
	if err != nil {
		return nil, status.Errorf(codes.Internal, "what was drafted would not be taken: %v", err)
	}
	return out, nil
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
