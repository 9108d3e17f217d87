package ingest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Enroll trades a token for a certificate: the one call without one.
func (s *Server) Enroll(ctx context.Context, r *demarcv1.EnrollRequest) (*demarcv1.EnrollResponse, error) {
	if !s.enrolments.Allow() {
		return nil, status.Error(codes.ResourceExhausted, "too many enrolments at once: try again in a second")
	}
	response, err := s.enrol(ctx, r)
	if err != nil {
		s.Log.Warn("enrolment refused", "from", remote(ctx), "host", cut(r.GetHostname()), "reason", err)
		return nil, enrolStatus(err)
	}
	s.Log.Info("agent enrolled", "agent", response.GetAgent(), "site", response.GetSite(), "from", remote(ctx))
	s.Changed()
	return response, nil
}

func (s *Server) enrol(ctx context.Context, r *demarcv1.EnrollRequest) (*demarcv1.EnrollResponse, error) {
	token, err := pki.ParseToken(r.GetToken())
	if err != nil {
		return nil, err
	}
	if token.Authority != s.Authority.Fingerprint() {
		return nil, pki.ErrForeignToken
	}
	key, err := pki.RequestFingerprint(r.GetCsr())
	if err != nil {
		return nil, err
	}
	e := enrolment{server: s, token: token, request: r, key: key}
	act := store.Act{
		Who: "token " + token.Name(), What: "agent enrol",
		Detail: fmt.Sprintf("host %q at %s", cut(r.GetHostname()), remote(ctx)),
	}
	if err := s.Store.Enrol(ctx, token.Name(), act, e.decide); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil, pki.ErrUnknownToken
		}
		return nil, err
	}
	if e.replaced {
		s.Drop(e.agent.Name, "another machine enrolled under this name")
	}
	return &demarcv1.EnrollResponse{
		Agent: e.agent.Name, Site: e.agent.Site,
		Certificate: e.certificate.Raw, Authority: s.Authority.Certificate().Raw,
		Expires: timestamppb.New(e.certificate.NotAfter),
	}, nil
}

// enrolment is one in progress; decide runs in the store's transaction.
type enrolment struct {
	server      *Server
	token       pki.Token
	request     *demarcv1.EnrollRequest
	key         pki.Fingerprint
	agent       store.Agent
	certificate *x509.Certificate
	replaced    bool
}

func (e *enrolment) decide(t *store.Token, known func(string) *store.Agent) (store.Agent, error) {
	now := e.server.Authority.Now().UTC()
	switch {
	case !e.token.Matches(t.Hash):
		return store.Agent{}, pki.ErrUnknownToken
	case !t.Used.IsZero() && t.UsedKey != e.key.String():
		return store.Agent{}, pki.ErrUsedToken
	case now.After(t.Expires):
		return store.Agent{}, pki.ErrExpiredToken
	}
	name, before, err := e.name(t, known)
	if err != nil {
		return store.Agent{}, err
	}
	c, err := e.server.Authority.IssueAgent(e.request.GetCsr(), t.Site, name)
	if err != nil {
		return store.Agent{}, err
	}
	e.certificate = c
	e.agent = store.Agent{
		Name: name, Site: t.Site, Hostname: cut(e.request.GetHostname()), Version: cut(e.request.GetVersion()),
		Enrolled: now, Serial: pki.SerialOf(c), Expires: c.NotAfter,
	}
	if before != nil && t.Used.IsZero() {
		e.replaced = true
		e.agent.RevokedSerials = append(before.RevokedSerials, before.Serial)
	}
	t.Used, t.UsedBy, t.UsedKey = now, name, e.key.String()
	return e.agent, nil
}

// name chooses the agent's name. Who holds a token that names no agent cannot
// take over one that is there.
func (e *enrolment) name(t *store.Token, known func(string) *store.Agent) (string, *store.Agent, error) {
	name := t.Agent
	if !t.Used.IsZero() {
		name = t.UsedBy // the same key asks again: its answer was lost
	} else if name == "" {
		name = pki.CleanName(e.request.GetHostname())
	}
	if err := pki.CheckName(name); err != nil {
		return "", nil, fmt.Errorf("%w: name the agent with `demarc-collector token create --agent NAME`", err)
	}
	before := known(name)
	switch {
	case before == nil:
		return name, nil, nil
	case before.Site != t.Site:
		return "", nil, fmt.Errorf("an agent named %s stands at site %s already: use another name with `demarc-collector token create --agent NAME`", name, before.Site)
	case t.Used.IsZero() && t.Agent == "" && before.Revoked.IsZero():
		return "", nil, fmt.Errorf("an agent named %s is enrolled already: to replace it use a token of `demarc-collector token create --agent %s`", name, name)
	}
	return name, before, nil
}

func enrolStatus(err error) error {
	code := codes.PermissionDenied
	switch {
	case errors.Is(err, pki.ErrNotToken):
		code = codes.InvalidArgument
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, context.Canceled):
		code = codes.Internal
	}
	return status.Error(code, err.Error())
}

// Renew trades a certificate that is good for the next one.
func (s *Server) Renew(ctx context.Context, r *demarcv1.RenewRequest) (*demarcv1.RenewResponse, error) {
	id, err := s.admit(ctx)
	if err != nil {
		s.Log.Warn("renewal refused", "from", remote(ctx), "agent", id.Agent, "reason", err)
		return nil, status.Error(codes.PermissionDenied, err.Error())
	}
	c, err := s.Authority.IssueAgent(r.GetCsr(), id.Site, id.Agent)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	act := store.Act{Who: "agent " + id.Agent, What: "certificate renew", On: id.Agent, Detail: "until " + c.NotAfter.UTC().Format("2006-01-02")}
	err = s.Store.UpdateAgent(ctx, id.Agent, act, func(a *store.Agent) error {
		a.Serial, a.Expires = pki.SerialOf(c), c.NotAfter
		return nil
	})
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	s.Log.Info("certificate renewed", "agent", id.Agent, "until", c.NotAfter)
	return &demarcv1.RenewResponse{
		Certificate: c.Raw, Authority: s.Authority.Certificate().Raw, Expires: timestamppb.New(c.NotAfter),
	}, nil
}

// admit names the caller by its certificate and checks that it is still
// believed.
func (s *Server) admit(ctx context.Context) (pki.Identity, error) {
	id, err := callerIdentity(ctx)
	if err != nil {
		return id, err
	}
	return id, s.believed(ctx, id)
}

// believed checks that what a certificate says is so still.
func (s *Server) believed(ctx context.Context, id pki.Identity) error {
	a, err := s.Store.Agent(ctx, id.Agent)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return pki.ErrUnknownAgent
	case err != nil:
		return err
	case !a.Revoked.IsZero(), slices.Contains(a.RevokedSerials, id.Serial):
		return pki.ErrRevoked
	case a.Site != id.Site:
		return fmt.Errorf("%w (the certificate is for site %s, the agent stands at %s)", pki.ErrUnknownAgent, id.Site, a.Site)
	}
	return nil
}

func callerIdentity(ctx context.Context) (pki.Identity, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return pki.Identity{}, pki.ErrNoIdentity
	}
	t, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return pki.Identity{}, pki.ErrNoIdentity
	}
	return pki.PeerIdentity(t.State)
}

func remote(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return "unknown"
}

// cut bounds what a peer says of itself.
func cut(s string) string {
	if len(s) > 255 {
		return s[:255]
	}
	return s
}
