package api

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// AdmitAgent enrols an agent whose request was carried here: with a token that
// is made and used at once, so that names are held to the same rules.
func (s *Service) AdmitAgent(ctx context.Context, r *demarcv1.AdmitAgentRequest) (*demarcv1.AdmitAgentResponse, error) {
	if len(r.GetCsr()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "csr: the agent's signing request is missing")
	}
	made, err := s.CreateToken(ctx, &demarcv1.CreateTokenRequest{Site: r.GetSite(), Agent: r.GetAgent(), ValidSeconds: uint32(time.Minute.Seconds())})
	if err != nil {
		return nil, err
	}
	a, err := s.Agents.Enroll(ctx, &demarcv1.EnrollRequest{Token: made.GetToken(), Csr: r.GetCsr(), Hostname: r.GetHostname()})
	if err != nil {
		return nil, err
	}
	return &demarcv1.AdmitAgentResponse{Agent: a.GetAgent(), Site: a.GetSite(), Certificate: a.GetCertificate(), Authority: a.GetAuthority(), Expires: a.GetExpires()}, nil
}

// ImportBundle takes what an agent without a way here wrote to a file.
func (s *Service) ImportBundle(ctx context.Context, r *demarcv1.ImportBundleRequest) (*demarcv1.ImportBundleResponse, error) {
	return s.Agents.ImportBundle(ctx, r, s.act(ctx, "bundle import", "", ""), func(site string) error {
		return s.mayAt(ctx, site, store.Engineer, store.Admin)
	})
}
