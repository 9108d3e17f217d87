package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// confirmers are the roles that confirm what was decided on.
var confirmers = []store.Role{store.SystemOwner, store.ISSM, store.Official, store.Representative}

// TakeSnapshot keeps what stands in an authorization's boundaries as what was
// decided on, or says what that would be.
func (s *Service) TakeSnapshot(ctx context.Context, r *demarcv1.TakeSnapshotRequest) (*demarcv1.TakeSnapshotResponse, error) {
	if err := s.confirms(ctx, r.GetAuthorization(), r.GetReason()); err != nil {
		return nil, err
	}
	act := s.act(ctx, "snapshot take", r.GetAuthorization(), words("reason", r.GetReason()))
	x, err := s.Plant.TakeSnapshot(ctx, &demarcv1.SnapshotAct{Authorization: r.GetAuthorization(), Reason: r.GetReason()}, r.GetDryRun(), act)
	if err != nil {
		return nil, answer(err)
	}
	return &demarcv1.TakeSnapshotResponse{Snapshot: shownSnapshot(x, false)}, nil
}

// confirms refuses who may not confirm a snapshot over every boundary of an
// authorization.
func (s *Service) confirms(ctx context.Context, authorization, why string) error {
	if authorization == "" {
		return status.Error(codes.InvalidArgument, "name an authorization, as `get authorizations` shows it")
	}
	if err := s.within(ctx).knownAuthorization(authorization); err != nil {
		return err
	}
	if strings.TrimSpace(why) == "" {
		return status.Error(codes.InvalidArgument, "a snapshot needs its reason, such as the decision that it belongs to: --reason")
	}
	p := Caller(ctx)
	for _, b := range s.Plant.Policy().Decision(authorization).Boundaries {
		if !p.Over(b, s.sitesOf(b), confirmers...) {
			return status.Errorf(codes.PermissionDenied, "%s may not confirm what %s was decided on: it needs %s over %s, and %s %s", p.Who(), authorization, roleWords(confirmers), b, p.Who(), p.words())
		}
	}
	return nil
}

// sitesOf lists the sites at which a boundary has members.
func (s *Service) sitesOf(name string) (sites []string) {
	for _, b := range s.Plant.Documents().Boundaries {
		if b.Name != name {
			continue
		}
		for _, m := range b.Members {
			if !slices.Contains(sites, m.Site.Name) {
				sites = append(sites, m.Site.Name)
			}
		}
	}
	return sites
}

// MergeSnapshot takes what became newly visible over into the latest snapshot.
func (s *Service) MergeSnapshot(ctx context.Context, r *demarcv1.MergeSnapshotRequest) (*demarcv1.MergeSnapshotResponse, error) {
	if err := oneOf("cause", r.GetCause(), []string{finding.Sight, finding.Software}); err != nil {
		return nil, err
	}
	if err := s.confirms(ctx, r.GetAuthorization(), r.GetReason()); err != nil {
		return nil, err
	}
	act := s.act(ctx, "snapshot merge", r.GetAuthorization(), words("cause", r.GetCause(), "reason", r.GetReason()))
	all, err := s.Plant.MergeSnapshot(ctx, &demarcv1.SnapshotAct{Authorization: r.GetAuthorization(), Reason: r.GetReason(), Cause: r.GetCause()}, r.GetDryRun(), act)
	if err != nil {
		return nil, answer(err)
	}
	out := &demarcv1.MergeSnapshotResponse{}
	for i := range all {
		out.Merged = append(out.Merged, s.shownDrift(&all[i]))
	}
	return out, nil
}

// ListSnapshots lists snapshots, the latest of each authorization first.
func (s *Service) ListSnapshots(ctx context.Context, r *demarcv1.ListSnapshotsRequest) (*demarcv1.ListSnapshotsResponse, error) {
	s = s.within(ctx)
	if err := s.knownAuthorization(r.GetAuthorization()); err != nil {
		return nil, err
	}
	all := s.Plant.Snapshots()
	p, err := snapshotList(all).page(r, all, func(x *finding.Snapshot) bool { return is(r.GetAuthorization(), x.Authorization) })
	out, latest := &demarcv1.ListSnapshotsResponse{NextPageToken: p.next, Total: p.total}, map[string]*finding.Snapshot{}
	for _, x := range all {
		if latest[x.Authorization] == nil {
			latest[x.Authorization] = x
		}
	}
	for _, x := range p.rows {
		out.Snapshots = append(out.Snapshots, shownSnapshot(x, r.GetItems() && latest[x.Authorization] == x))
	}
	return out, err
}

func snapshotList(all []*finding.Snapshot) list[*finding.Snapshot] {
	return list[*finding.Snapshot]{
		columns: map[string]column[*finding.Snapshot]{
			"authorization": func(k key, x *finding.Snapshot) key { return k.text(x.Authorization) },
			"taken":         func(k key, x *finding.Snapshot) key { return k.number(uint64(x.Taken)) },
		},
		id: position(all),
	}
}

func shownSnapshot(x *finding.Snapshot, items bool) *demarcv1.Snapshot {
	assets, connections := x.Count()
	out := &demarcv1.Snapshot{
		Id: x.ID(), Authorization: x.Authorization, Taken: timestamppb.New(time.Unix(0, x.Taken)), By: x.By, Reason: x.Reason,
		Boundaries: x.Boundaries, PolicyVersion: x.Policy, Assets: uint32(assets), Connections: uint32(connections),
	}
	for _, m := range x.Merges {
		out.Merges = append(out.Merges, &demarcv1.SnapshotMerge{At: timestamppb.New(time.Unix(0, m.At)), By: m.By, Reason: m.Reason, Items: uint32(m.Items)})
	}
	for _, e := range x.Ears {
		words := e.Agent + " at " + e.Site
		if e.Segment != "" {
			words += " on " + e.Segment
		}
		if len(e.VLANs) > 0 {
			words += fmt.Sprintf(", VLANs %v", e.VLANs)
		}
		if e.Lossy {
			words += ", with losses: what it hears now may have been there then"
		}
		out.Sight = append(out.Sight, words)
	}
	if items {
		out.Items = snapshotItems(x)
	}
	return out
}

func snapshotItems(x *finding.Snapshot) (all []*demarcv1.SnapshotItem) {
	for id, k := range x.Kept {
		kind := "connection"
		if k.Asset {
			kind = "asset"
		}
		words := []string{k.Words}
		for _, name := range []string{"model", "firmware", "serial"} {
			if v := k.Attributes[name]; v != "" {
				words = append(words, name+" "+v)
			}
		}
		all = append(all, &demarcv1.SnapshotItem{Kind: kind, Id: id, Boundary: strings.Join(k.Boundaries, " -> "), Words: strings.Join(words, ", ")})
	}
	slices.SortFunc(all, func(a, b *demarcv1.SnapshotItem) int {
		return cmp.Or(strings.Compare(a.GetKind(), b.GetKind()), strings.Compare(a.GetBoundary(), b.GetBoundary()), strings.Compare(a.GetWords(), b.GetWords()), strings.Compare(a.GetId(), b.GetId()))
	})
	return all
}

// ListDrift compares what is there with the latest snapshots: what calls for a
// decision first, the most severe before others, what a window explains last.
func (s *Service) ListDrift(ctx context.Context, r *demarcv1.ListDriftRequest) (*demarcv1.ListDriftResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if err := cmp.Or(oneOf("cause", r.GetCause(), finding.Causes()), s.knownAuthorization(r.GetAuthorization()), s.knownBoundary(r.GetBoundary())); err != nil {
		return nil, err
	}
	words, err := newSearch(r.GetSearch())
	if err != nil {
		return nil, err
	}
	out, differences := &demarcv1.ListDriftResponse{AsOf: as, Causes: map[string]uint32{}}, []*demarcv1.Drift(nil)
	for _, d := range s.Plant.Policy().Decisions() {
		if !is(r.GetAuthorization(), d.Name) || len(d.Boundaries) == 0 || !s.sees("Authorization", d.Name, "") {
			continue
		}
		all, ok := s.Plant.Drift(d.Name, s.Clock())
		if !ok && d.At(s.Clock()).Operates() {
			out.Without = append(out.Without, d.Name)
		}
		for i := range all {
			if r.GetBoundary() == "" || slices.Contains(all[i].Thing.Boundaries, r.GetBoundary()) {
				differences = append(differences, s.shownDrift(&all[i]))
			}
		}
	}
	slices.SortStableFunc(differences, func(a, b *demarcv1.Drift) int {
		return cmp.Or(
			slices.Index(finding.Causes(), a.GetCause())-slices.Index(finding.Causes(), b.GetCause()),
			min(1, len(a.GetExplainedBy()))-min(1, len(b.GetExplainedBy())),
			cmp.Compare(b.GetSeverity(), a.GetSeverity()), strings.Compare(a.GetWords(), b.GetWords()))
	})
	p, err := driftList(differences).page(r, differences, func(x *demarcv1.Drift) bool {
		if !words.in(slices.Values([]string{x.GetKind(), x.GetWords(), x.GetWhy(), x.GetBoundary(), x.GetAuthorization(), x.GetStatus(), x.GetId()})) {
			return false
		}
		out.Causes[x.GetCause()]++
		return is(r.GetCause(), x.GetCause())
	})
	out.Drift, out.NextPageToken, out.Total = p.rows, p.next, p.total
	return out, err
}

func driftList(all []*demarcv1.Drift) list[*demarcv1.Drift] {
	return list[*demarcv1.Drift]{
		columns: map[string]column[*demarcv1.Drift]{
			"severity":  func(k key, x *demarcv1.Drift) key { return k.number(uint64(x.GetSeverity())) },
			"kind":      func(k key, x *demarcv1.Drift) key { return k.text(x.GetKind()) },
			"words":     func(k key, x *demarcv1.Drift) key { return k.text(x.GetWords()) },
			"boundary":  func(k key, x *demarcv1.Drift) key { return k.text(x.GetBoundary()) },
			"last_seen": func(k key, x *demarcv1.Drift) key { return k.time(x.GetLastSeen()) },
		},
		id: position(all),
	}
}

func (s *Service) shownDrift(d *finding.Difference) *demarcv1.Drift {
	x := &demarcv1.Drift{
		Kind: d.Kind, Cause: d.Cause, Words: d.Words, Why: d.Why, Authorization: d.Snapshot.Authorization, Snapshot: d.Snapshot.ID(),
		Boundary: strings.TrimSuffix(strings.Join(d.Thing.Boundaries, " -> "), " -> "), Id: d.Thing.ID,
	}
	if d.Thing.First != 0 {
		x.FirstSeen, x.LastSeen = timestamppb.New(time.Unix(0, d.Thing.First)), timestamppb.New(time.Unix(0, d.Thing.Last))
	}
	if d.Cause == finding.Reality {
		if f, ok := s.Plant.Finding(d.Finding()); ok {
			x.Finding, x.Status, x.Severity = f.GetId(), f.GetStatus(), f.GetSeverity()
		}
		x.ExplainedBy = s.explaining(d.Thing.Boundaries...)
	}
	return x
}

// explains are the types of windows that explain what is seen meanwhile; they
// authorize nothing.
var explains = []string{"change", "maintenance", "outage", "emergency"}

// explaining names the windows over one of boundaries that are open now.
func (s *Service) explaining(boundaries ...string) (names []string) {
	return explaining(s.Plant.Documents(), s.Clock(), boundaries)
}

func explaining(docs *boundary.Documents, now time.Time, boundaries []string) (names []string) {
	for _, w := range docs.Windows {
		if !slices.Contains(explains, w.Type) || now.Before(w.From.Time) || !now.Before(w.Until.End()) ||
			!slices.ContainsFunc(w.Boundaries, func(b boundary.Ref) bool { return slices.Contains(boundaries, b.Name) }) {
			continue
		}
		words := w.Name
		if w.Ticket != "" {
			words += " (" + w.Ticket + ")"
		}
		names = append(names, words)
	}
	return names
}

// dress fills in what the time and the documents say of a finding.
func (s *Service) dress(f *demarcv1.Finding) {
	f.Survey = s.surveyed(f)
	if strings.HasPrefix(f.GetKind(), finding.Drift) {
		f.ExplainedBy = s.explaining(boundariesOf(f)...)
	}
}

// Held reports whether nobody is to be alarmed by a finding: it stands in a
// survey, or is a drift that a window explains.
func Held(policy *boundary.Policy, docs *boundary.Documents, now time.Time, f *demarcv1.Finding) bool {
	return Surveyed(policy, now, f) || strings.HasPrefix(f.GetKind(), finding.Drift) && len(explaining(docs, now, boundariesOf(f))) > 0
}
