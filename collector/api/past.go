package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// ErrPast is wrapped by what a Past refuses: a moment that lies ahead, or of
// which nothing is kept.
var ErrPast = errors.New("no such past")

// Past tells what the collector had come to at a moment. The Plant that it
// returns is for reading alone.
type Past interface {
	At(ctx context.Context, at time.Time) (Plant, *demarcv1.AsOf, error)
}

// asOf is the service at a moment of the past, and which one it is; the service
// itself and nil where none was asked for.
func (s *Service) asOf(ctx context.Context, at *timestamppb.Timestamp) (*Service, *demarcv1.AsOf, error) {
	if at == nil {
		return s, nil, nil
	}
	if err := at.CheckValid(); err != nil {
		return nil, nil, status.Errorf(codes.InvalidArgument, "as_of: %v", err)
	}
	if s.Past == nil {
		return nil, nil, status.Error(codes.Unimplemented, "this collector keeps no past")
	}
	plant, as, err := s.Past.At(ctx, at.AsTime())
	switch {
	case errors.Is(err, ErrPast):
		return nil, nil, status.Error(codes.OutOfRange, strings.TrimPrefix(err.Error(), ErrPast.Error()+": "))
	case err != nil:
		return nil, nil, failed(err)
	}
	then := &Service{Config: s.Config, texts: s.texts}
	then.Plant = plant
	then.Clock = at.AsTime
	return then, as, nil
}
