package api

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// ListDocuments lists the documents of a policy version, as they were applied.
func (s *Service) ListDocuments(ctx context.Context, r *demarcv1.ListDocumentsRequest) (*demarcv1.ListDocumentsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if err := oneOf("kind", r.GetKind(), boundary.Kinds()); err != nil {
		return nil, err
	}
	version := r.GetPolicyVersion()
	switch then := as.GetPolicyVersion(); {
	case as != nil && version > then:
		return nil, status.Errorf(codes.NotFound, "there was no policy version %d then: the newest was %d", version, then)
	case as != nil && version == 0 && then == 0:
		return &demarcv1.ListDocumentsResponse{AsOf: as}, nil
	case version == 0:
		version = then
	}
	p, err := s.Store.Policy(ctx, version)
	switch {
	case errors.Is(err, store.ErrNotFound) && version == 0:
		return &demarcv1.ListDocumentsResponse{}, nil
	case errors.Is(err, store.ErrNotFound):
		return nil, status.Errorf(codes.NotFound, "there is no policy version %d: the newest is %d", version, s.Plant.Policy().Version())
	case err != nil:
		return nil, failed(err)
	}
	answer := &demarcv1.ListDocumentsResponse{AsOf: as, PolicyVersion: p.Version, Applied: timestamppb.New(p.Applied)}
	files := make([]boundary.File, len(p.Documents))
	for i, d := range p.Documents {
		files[i] = boundary.File{Path: d.Path, Content: d.Content}
	}
	var all []*demarcv1.PolicyDocument
	for _, d := range boundary.Pieces(files) {
		all = append(all, &demarcv1.PolicyDocument{
			Kind: d.Kind, Name: d.Name, Path: d.Path, Text: strings.Trim(string(d.Content), "\n \t") + "\n",
		})
	}
	r = proto.CloneOf(r)
	r.PolicyVersion = p.Version // the next page is of the same version, or there is none
	pg, err := documentList(all).page(r, all, func(d *demarcv1.PolicyDocument) bool {
		return is(r.GetKind(), d.GetKind()) && is(r.GetName(), d.GetName()) && s.sees(d.GetKind(), d.GetName(), d.GetText())
	})
	answer.Documents, answer.NextPageToken, answer.Total = pg.rows, pg.next, pg.total
	return answer, err
}

func documentList(all []*demarcv1.PolicyDocument) list[*demarcv1.PolicyDocument] {
	return list[*demarcv1.PolicyDocument]{
		columns: map[string]column[*demarcv1.PolicyDocument]{
			"kind": func(k key, d *demarcv1.PolicyDocument) key { return k.text(d.GetKind()) },
			"name": func(k key, d *demarcv1.PolicyDocument) key { return k.text(d.GetName()) },
			"path": func(k key, d *demarcv1.PolicyDocument) key { return k.text(d.GetPath()) },
		},
		id: position(all),
	}
}
