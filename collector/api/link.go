package api

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// CreateSignInLink makes a one-time link to the pages.
func (s *Service) CreateSignInLink(ctx context.Context, _ *demarcv1.CreateSignInLinkRequest) (*demarcv1.CreateSignInLinkResponse, error) {
	if s.Pages == "" {
		return nil, status.Error(codes.FailedPrecondition, "this collector serves no pages: set pages in its configuration")
	}
	if err := s.Store.AppendAudit(ctx, s.act(ctx, "sign-in link create", "pages", "")); err != nil {
		return nil, failed(err)
	}
	path, expires := s.SignIn.CreateLink(Caller(ctx))
	return &demarcv1.CreateSignInLinkResponse{Url: s.Pages + path, Expires: timestamppb.New(expires)}, nil
}
