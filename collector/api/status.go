package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// GetStatus tells the collector's state.
func (s *Service) GetStatus(ctx context.Context, _ *demarcv1.GetStatusRequest) (*demarcv1.GetStatusResponse, error) {
	s = s.within(ctx)
	last, err := s.Store.Last(ctx)
	if err != nil {
		return nil, failed(err)
	}
	done, of := s.Plant.Judging()
	return &demarcv1.GetStatusResponse{
		JudgingDone: done, JudgingOf: of,
		Version: s.Version, Authority: s.AuthorityMode, PolicyVersion: s.Plant.Policy().Version(),
		Journal: last, Applied: s.Plant.Applied(), Clock: timestamppb.New(s.Clock()), Pages: s.Pages, Uplink: s.Uplink,
		Surveys: s.surveys(), Pending: uint32(len(s.Plant.Proposals())), Fingerprint: s.fingerprint(),
		Deliveries: s.deliveries(ctx),
	}, nil
}

// fingerprint is that of the collector's authority.
func (s *Service) fingerprint() string {
	if s.Authority == nil {
		return ""
	}
	return s.Authority.Fingerprint().String()
}

// surveys names the boundaries in survey.
func (s *Service) surveys() []string {
	var names []string
	for _, b := range s.Plant.Policy().Boundaries() {
		if s.Clock().Before(b.Survey) && s.sees("Boundary", b.Name, "") {
			names = append(names, b.Name)
		}
	}
	return names
}

// Limits of one apply.
const (
	maxDocuments = 10_000
	maxPath      = 1024
)

// Apply takes all documents or none.
func (s *Service) Apply(ctx context.Context, r *demarcv1.ApplyRequest) (*demarcv1.ApplyResponse, error) {
	switch n := len(r.GetDocuments()); {
	case n == 0:
		return nil, status.Error(codes.InvalidArgument, "no documents: give a file or a directory with .yaml files")
	case n > maxDocuments:
		return nil, status.Errorf(codes.InvalidArgument, "%d documents, at most %d are taken", n, maxDocuments)
	}
	files := make([]boundary.File, len(r.GetDocuments()))
	for i, d := range r.GetDocuments() {
		if len(d.GetPath()) > maxPath || strings.ContainsAny(d.GetPath(), "\n\r\x00") {
			return nil, status.Errorf(codes.InvalidArgument, "a path of %d characters, or with line breaks", len(d.GetPath()))
		}
		files[i] = boundary.File{Path: d.GetPath(), Content: d.GetContent()}
	}
	answer, err := s.Plant.Apply(ctx, files, ApplyOptions{
		DryRun: r.GetDryRun(), Prune: r.GetPrune(), Resolve: r.GetResolve(), By: s.act(ctx, "policy apply", "", ""),
	})
	var problems boundary.Problems
	switch {
	case err == nil:
		return answer, nil
	case errors.As(err, &problems):
		return nil, status.Error(codes.InvalidArgument, problems.Error())
	}
	return nil, s.refused(ctx, err, "Apply")
}

// ErrRefused is wrapped by a Plant's Apply for documents that are right and
// cannot be taken now.
var ErrRefused = errors.New("nothing was applied")

// ErrDenied is what a Plant answers to a caller whose roles do not reach as far
// as the act does.
var ErrDenied = errors.New("the caller may not")

// watchEvery is the shortest time between two change numbers.
const watchEvery = 50 * time.Millisecond

// Watch sends the change number now and whenever it moved, at most 20 times a
// second, with the lists that changed.
func (s *Service) Watch(_ *demarcv1.WatchRequest, stream grpc.ServerStreamingServer[demarcv1.WatchResponse]) error {
	pace := time.NewTicker(watchEvery)
	defer pace.Stop()
	changes := s.Plant.Changes()
	n, next := changes.Now()
	var lists []string // at first any
	for {
		if err := stream.Send(&demarcv1.WatchResponse{Change: n, Lists: lists}); err != nil {
			return err
		}
		select {
		case <-next:
		case <-stream.Context().Done():
			return nil
		}
		select {
		case <-pace.C:
		case <-stream.Context().Done():
			return nil
		}
		n, lists, next = changes.Since(n)
	}
}

// act is what the caller does, for the audit log.
func (s *Service) act(ctx context.Context, what, on, detail string) store.Act {
	return store.Act{Who: Caller(ctx).Who(), What: what, On: on, Detail: detail}
}
