package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// maxValid bounds how long a token may lie about.
const maxValid = 30 * 24 * time.Hour

// CreateToken makes a one-time enrolment token. It is shown here and kept as a
// hash.
func (s *Service) CreateToken(ctx context.Context, r *demarcv1.CreateTokenRequest) (*demarcv1.CreateTokenResponse, error) {
	site, err := s.siteOf(r.GetSite())
	if err != nil {
		return nil, err
	}
	if err := s.mayAt(ctx, site, store.Engineer, store.Admin); err != nil {
		return nil, err
	}
	if r.GetAgent() != "" {
		if err := pki.CheckName(r.GetAgent()); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "agent: %v", err)
		}
	}
	valid := time.Duration(r.GetValidSeconds()) * time.Second
	if valid == 0 {
		valid = time.Hour
	}
	if valid > maxValid {
		return nil, status.Errorf(codes.InvalidArgument, "valid for %v: at most %v, make the token when it is needed", valid, maxValid)
	}
	token, expires, err := s.NewToken(ctx, site, r.GetAgent(), valid)
	if err != nil {
		return nil, failed(err)
	}
	return &demarcv1.CreateTokenResponse{
		Token: token, Expires: timestamppb.New(expires),
		Command: fmt.Sprintf("demarc-agent enroll --collector %s --token %s", s.Uplink, token),
	}, nil
}

// NewToken makes a one-time token for an agent of a site, by whoever the context
// names.
func (s *Service) NewToken(ctx context.Context, site, agent string, valid time.Duration) (text string, expires time.Time, err error) {
	token, err := s.Authority.NewToken()
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.Authority.Now().UTC()
	hash := token.Hash()
	t := store.Token{Name: token.Name(), Hash: hash[:], Site: site, Agent: agent, Created: now, Expires: now.Add(valid)}
	act := s.act(ctx, "token create", t.Name, fmt.Sprintf("site %s, agent %q, until %s", site, t.Agent, t.Expires.Format(time.RFC3339)))
	return token.String(), t.Expires, s.Store.PutToken(ctx, t, act)
}

// siteOf is the site that a request means.
func (s *Service) siteOf(name string) (string, error) {
	var known []string
	for _, x := range s.Plant.Policy().Sites() {
		known = append(known, x.Name)
	}
	if name == "" {
		name = s.Site
	}
	if name == "" && len(known) == 1 {
		name = known[0]
	}
	switch {
	case name == "" && len(known) == 0:
		return "", status.Error(codes.InvalidArgument, "name the site that the agent stands at: --site NAME")
	case name == "":
		return "", status.Errorf(codes.InvalidArgument, "name the site that the agent stands at: --site %s", known[0])
	case len(known) > 0 && !slices.Contains(known, name):
		return "", status.Errorf(codes.InvalidArgument, "site %q is in no document: known are %s", name, orNone(known))
	}
	if err := pki.CheckName(name); err != nil {
		return "", status.Errorf(codes.InvalidArgument, "site: %v", err)
	}
	return name, nil
}
