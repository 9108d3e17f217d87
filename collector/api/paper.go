package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/collector/paper"
	demarcv1 "demarc/proto/demarc/v1"
)

func (s *Service) paperWorld() paper.World {
	return paper.World{Policy: s.Plant.Policy(), Documents: s.Plant.Documents(), Connections: s.Plant.Connections(), Assets: s.Plant.Assets()}
}

// Reconcile holds the lists of a boundary against what was seen.
func (s *Service) Reconcile(ctx context.Context, r *demarcv1.ReconcileRequest) (*demarcv1.ReconcileResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if r.GetBoundary() == "" {
		return nil, status.Error(codes.InvalidArgument, "reconcile needs a boundary, as `get boundaries` shows it")
	}
	if err := s.knownBoundary(r.GetBoundary()); err != nil {
		return nil, err
	}
	if err := oneOf("list", r.GetList(), paper.Lists); err != nil {
		return nil, err
	}
	out := &demarcv1.ReconcileResponse{AsOf: as}
	out.Rows, out.Missing = paper.Reconcile(s.paperWorld(), r.GetBoundary(), r.GetList())
	s.tellUnused(out.Rows)
	sight := condition.Sights(s.world())[r.GetBoundary()]
	out.Sight = sight.Words()
	return out, nil
}

// tellUnused says beside agreements, and beside devices that were never seen,
// how long that shows.
func (s *Service) tellUnused(rows []*demarcv1.ReconcileRow) {
	of := make(map[string]*finding.Idle)
	all := s.Plant.Unused()
	for i := range all {
		of[all[i].Document] = &all[i]
	}
	for _, row := range rows {
		x := of[row.GetDocument()]
		switch {
		case x == nil:
		case !x.Inventory:
			row.Unused = x.Words()
		case row.GetBucket() != paper.NeverSeen:
		case slices.Contains(x.What, row.GetName()) && x.State == finding.Unused:
			row.Unused = fmt.Sprintf("in %d days of sight", x.Days)
		case x.State == finding.NotObservable:
			row.Unused = x.Why
		case x.State == finding.Used:
			row.Unused = "its redundant partner was seen, or it was once"
		default:
			row.Unused = "not observable yet"
		}
	}
}

// ListPaths lists chains of live flows.
func (s *Service) ListPaths(ctx context.Context, r *demarcv1.ListPathsRequest) (*demarcv1.ListPathsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if r.GetFrom() == "" {
		return nil, status.Error(codes.InvalidArgument, "paths need the boundary that they begin in: --from")
	}
	if err := cmp.Or(s.knownBoundary(r.GetFrom()), s.knownBoundary(r.GetTo())); err != nil {
		return nil, err
	}
	hops := int(r.GetHops())
	switch {
	case hops == 0:
		hops = 3
	case hops < 2 || hops > 8:
		return nil, status.Errorf(codes.InvalidArgument, "%d hops: a chain has 2 to 8", hops)
	}
	w := s.paperWorld()
	w.Connections = paper.Live(w.Connections, s.Clock())
	out := &demarcv1.ListPathsResponse{AsOf: as}
	out.Paths, out.LeftOff = paper.Paths(w, paper.In(w.Policy, r.GetFrom()), paper.In(w.Policy, r.GetTo()), hops)
	return out, nil
}

// ListRegulated lists what leaves boundaries that hold regulated records.
func (s *Service) ListRegulated(ctx context.Context, r *demarcv1.ListRegulatedRequest) (*demarcv1.ListRegulatedResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if err := s.knownBoundary(r.GetBoundary()); err != nil {
		return nil, err
	}
	out := &demarcv1.ListRegulatedResponse{AsOf: as}
	out.Flows, out.Quiet = paper.Regulated(s.paperWorld(), r.GetBoundary())
	return out, nil
}
