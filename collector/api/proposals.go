package api

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// ListProposals lists what is pending, the first first.
func (s *Service) ListProposals(ctx context.Context, r *demarcv1.ListProposalsRequest) (*demarcv1.ListProposalsResponse, error) {
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err != nil {
		return nil, err
	}
	all := s.Plant.Proposals()
	p, err := proposalList(all).page(r, all, func(x *demarcv1.Proposal) bool {
		texts := append([]string{x.GetId(), x.GetAuthor(), x.GetWords(), x.GetAct(), x.GetNeeds()}, x.GetBoundaries()...)
		for _, d := range x.GetDocuments() {
			texts = append(texts, d.GetDocument())
		}
		return words.in(slices.Values(texts))
	})
	return &demarcv1.ListProposalsResponse{Proposals: p.rows, NextPageToken: p.next, Total: p.total}, err
}

func proposalList(all []*demarcv1.Proposal) list[*demarcv1.Proposal] {
	return list[*demarcv1.Proposal]{
		columns: map[string]column[*demarcv1.Proposal]{
			"proposed": func(k key, x *demarcv1.Proposal) key { return k.time(x.GetProposed()) },
			"author":   func(k key, x *demarcv1.Proposal) key { return k.text(x.GetAuthor()) },
		},
		id: position(all),
	}
}

// ConfirmProposal puts a proposal in force, or records the signed paper on
// which another person may confirm it.
func (s *Service) ConfirmProposal(ctx context.Context, r *demarcv1.ConfirmProposalRequest) (*demarcv1.ConfirmProposalResponse, error) {
	if p := r.GetPaper(); p != nil {
		if p.GetSha256() == "" || strings.TrimSpace(p.GetSigner()) == "" || p.GetSigned() == nil {
			return nil, status.Error(codes.InvalidArgument, "a signed paper needs its SHA-256, its signer and the day of signing: --artefact, --signer and --date")
		}
		if err := digest(p.GetSha256()); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		if len(p.GetSigner()) > maxMark {
			return nil, status.Errorf(codes.InvalidArgument, "a signer of %d bytes: at most %d", len(p.GetSigner()), maxMark)
		}
	}
	a, err := s.Plant.Confirm(ctx, r.GetId(), r.GetPaper(), s.act(ctx, "proposal confirm", r.GetId(), ""))
	if err != nil {
		return nil, s.refused(ctx, err, "ConfirmProposal "+r.GetId())
	}
	s.Plant.Changes().Bump()
	return a, nil
}

// RejectProposal ends a proposal without effect.
func (s *Service) RejectProposal(ctx context.Context, r *demarcv1.RejectProposalRequest) (*demarcv1.RejectProposalResponse, error) {
	if err := reason(r.GetReason()); err != nil || len(r.GetReason()) > maxText {
		return nil, status.Errorf(codes.InvalidArgument, "say why in at most %d bytes: --reason", maxText)
	}
	if err := s.Plant.Reject(ctx, r.GetId(), r.GetReason(), s.act(ctx, "proposal reject", r.GetId(), "")); err != nil {
		return nil, s.refused(ctx, err, "RejectProposal "+r.GetId())
	}
	s.Plant.Changes().Bump()
	return &demarcv1.RejectProposalResponse{}, nil
}

// refused is the answer to an act that was not taken; one that the caller may
// not do leaves its mark in the audit log, as the guard's refusals do.
func (s *Service) refused(ctx context.Context, err error, what string) error {
	out := answer(err)
	if status.Code(out) == codes.PermissionDenied {
		if err := s.Store.AppendAudit(ctx, store.Act{Who: Caller(ctx).Who(), What: "refused", On: what, Detail: err.Error()}); err != nil {
			return failed(err)
		}
	}
	return out
}
