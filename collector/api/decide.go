package api

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// DecideAuthorization records what was decided on an authorization, or says
// what would come of it.
func (s *Service) DecideAuthorization(ctx context.Context, r *demarcv1.DecideAuthorizationRequest) (*demarcv1.DecideAuthorizationResponse, error) {
	a := r.GetAct()
	if err := errors.Join(reason(a.GetReason()), digest(a.GetSha256())); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	act := s.act(ctx, "authorization "+a.GetKind(), a.GetAuthorization(), words("reason", a.GetReason(), "official", a.GetOfficial(), "sha256", a.GetSha256()))
	c, err := s.Plant.Decide(ctx, a, r.GetDryRun(), act)
	if err != nil {
		return nil, s.refused(ctx, err, act.What+" "+act.On)
	}
	return c, nil
}

// MoveWindow opens or closes a window.
func (s *Service) MoveWindow(ctx context.Context, r *demarcv1.MoveWindowRequest) (*demarcv1.MoveWindowResponse, error) {
	a := r.GetAct()
	if a.GetKind() == "close" {
		if err := reason(a.GetReason()); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	act := s.act(ctx, "window "+a.GetKind(), a.GetWindow(), words("interconnection", a.GetInterconnection(), "approved by", a.GetApprovedBy(), "ticket", a.GetTicket(), "reason", a.GetReason()))
	c, err := s.Plant.MoveWindow(ctx, a, r.GetDryRun(), act)
	if err != nil {
		return nil, s.refused(ctx, err, act.What+" "+act.On)
	}
	return &demarcv1.MoveWindowResponse{Consequences: c}, nil
}

// Attest records a person's word that a condition holds.
func (s *Service) Attest(ctx context.Context, r *demarcv1.AttestRequest) (*demarcv1.AttestResponse, error) {
	a := r.GetAttestation()
	if a.GetStatement() == "" {
		return nil, status.Error(codes.InvalidArgument, "say what you attest, and how you know: --statement")
	}
	if err := digest(a.GetSha256()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	act := s.act(ctx, "attest", a.GetAuthorization()+"/"+a.GetCondition(), words("statement", a.GetStatement(), "sha256", a.GetSha256()))
	until, err := s.Plant.Attest(ctx, a, act)
	if err != nil {
		return nil, s.refused(ctx, err, act.What+" "+act.On)
	}
	return &demarcv1.AttestResponse{Until: timestamppb.New(until)}, nil
}

func answer(err error) error {
	switch {
	case errors.Is(err, ErrRefused):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, ErrDenied):
		return status.Error(codes.PermissionDenied, err.Error())
	}
	return failed(err)
}

func reason(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("an act on authority needs its reason: --reason")
	}
	return nil
}

func digest(s string) error {
	if raw, err := hex.DecodeString(s); s != "" && (err != nil || len(raw) != 32) {
		return errors.New("sha256: write 64 hexadecimal digits, or name the file")
	}
	return nil
}

// words puts pairs of a name and a text that is there into one line.
func words(pairs ...string) string {
	var list []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, pairs[i]+": "+pairs[i+1])
		}
	}
	return strings.Join(list, "; ")
}
