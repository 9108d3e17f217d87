package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/ingest"
	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// silentAfter is how long a connected agent may say nothing: three heartbeats.
const silentAfter = 30 * time.Second

// states that an agent may be in.
var agentStates = []string{"connected", "silent", "by bundle", "revoked", "never"}

var agentList = list[*demarcv1.Agent]{
	order: "name",
	columns: map[string]column[*demarcv1.Agent]{
		"name":         func(k key, a *demarcv1.Agent) key { return k.text(a.GetName()) },
		"site":         func(k key, a *demarcv1.Agent) key { return k.text(a.GetSite()) },
		"state":        func(k key, a *demarcv1.Agent) key { return k.text(a.GetState()) },
		"version":      func(k key, a *demarcv1.Agent) key { return k.text(a.GetVersion()) },
		"enrolled":     func(k key, a *demarcv1.Agent) key { return k.time(a.GetEnrolled()) },
		"last_heard":   func(k key, a *demarcv1.Agent) key { return k.time(a.GetLastHeard()) },
		"frames":       func(k key, a *demarcv1.Agent) key { return k.number(a.GetFrames()) },
		"drops":        func(k key, a *demarcv1.Agent) key { return k.number(a.GetDrops()) },
		"lost_batches": func(k key, a *demarcv1.Agent) key { return k.number(a.GetLostBatches()) },
	},
	id: func(k key, a *demarcv1.Agent) key { return k.exact(a.GetName()) },
}

// ListAgents lists agents by name.
func (s *Service) ListAgents(ctx context.Context, r *demarcv1.ListAgentsRequest) (*demarcv1.ListAgentsResponse, error) {
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("state", r.GetState(), agentStates)); err != nil {
		return nil, err
	}
	shown, err := s.agents(ctx)
	if err != nil {
		return nil, failed(err)
	}
	p, err := agentList.page(r, shown, func(a *demarcv1.Agent) bool {
		return is(r.GetSite(), a.GetSite()) && is(r.GetState(), a.GetState()) &&
			words.in(slices.Values(append([]string{a.GetName(), a.GetSite(), a.GetHostname(), a.GetVersion(), a.GetState()}, a.GetSegments()...)))
	})
	return &demarcv1.ListAgentsResponse{Agents: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// agents are those of the sites that the caller sees.
func (s *Service) agents(ctx context.Context) (seen []*demarcv1.Agent, err error) {
	all, err := s.Store.Agents(ctx)
	if err != nil {
		return nil, err
	}
	health := s.Agents.Health()
	for _, a := range all {
		if !s.sees("Site", a.Site, "") {
			continue
		}
		shown, err := s.agent(ctx, a, health[a.Name])
		if err != nil {
			return nil, err
		}
		seen = append(seen, shown)
	}
	return seen, nil
}

func (s *Service) agent(ctx context.Context, a store.Agent, h ingest.Health) (*demarcv1.Agent, error) {
	c, err := s.Store.Cursor(ctx, a.Name, a.Epoch)
	if err != nil {
		return nil, err
	}
	heard := h.LastHeard
	if heard.IsZero() {
		heard = c.Used // this run of the collector did not hear it
	}
	if a.Carried != nil {
		if h, heard, err = carried(a.Carried, heard); err != nil {
			return nil, err
		}
	}
	return &demarcv1.Agent{
		Name: a.Name, Site: a.Site, Version: a.Version, Hostname: a.Hostname, Segments: a.Segments,
		State: s.state(a, h, heard), Enrolled: stamp(a.Enrolled), LastHeard: stamp(heard), LastFrame: stamp(h.LastFrame),
		Frames: h.Frames, Drops: h.Drops, Through: c.Through, LostBatches: c.Lost,
		ClockOffsetMs: h.ClockOffset.Milliseconds(), CertificateExpires: stamp(a.Expires),
		Span: h.Span, DiskFreeBytes: h.DiskFree, DiskBytes: h.DiskSize,
	}, nil
}

// carried is how an agent was when it wrote the bundle that was taken last, and
// when that was: not later than it was taken, should its clock be ahead.
func carried(c *store.Carried, taken time.Time) (h ingest.Health, written time.Time, err error) {
	var b demarcv1.Heartbeat
	if err := proto.Unmarshal(c.Heartbeat, &b); err != nil {
		return h, written, err
	}
	h = ingest.Health{Frames: b.GetFrames(), Drops: b.GetDrops(), Span: b.GetSpan(), DiskFree: b.GetDiskFreeBytes(), DiskSize: b.GetDiskBytes()}
	if b.GetLastFrame() != nil {
		h.LastFrame = b.GetLastFrame().AsTime()
	}
	if written = c.Written; written.After(taken) {
		written = taken
	}
	return h, written, nil
}

func (s *Service) state(a store.Agent, h ingest.Health, heard time.Time) string {
	switch {
	case !a.Revoked.IsZero():
		return "revoked"
	case a.Carried != nil:
		return "by bundle"
	case h.Connected && s.Clock().Sub(h.LastHeard) < silentAfter:
		return "connected"
	case heard.IsZero():
		return "never"
	}
	return "silent"
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// RevokeAgent takes an agent's certificates back and ends its stream.
func (s *Service) RevokeAgent(ctx context.Context, r *demarcv1.RevokeAgentRequest) (*demarcv1.RevokeAgentResponse, error) {
	a, err := s.Store.Agent(ctx, r.GetAgent())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, status.Errorf(codes.NotFound, "no agent is named %q: see `demarc-collector get agents`", r.GetAgent())
	case err != nil:
		return nil, failed(err)
	}
	if err := s.mayAt(ctx, a.Site, store.Engineer, store.Admin); err != nil {
		return nil, err
	}
	act := s.act(ctx, "agent revoke", r.GetAgent(), r.GetReason())
	err = s.Store.UpdateAgent(ctx, r.GetAgent(), act, func(a *store.Agent) error {
		if a.Revoked.IsZero() {
			a.Revoked = s.Authority.Now().UTC()
		}
		return nil
	})
	if err != nil {
		return nil, failed(err)
	}
	s.Agents.Drop(r.GetAgent(), pki.ErrRevoked.Error())
	s.Log.Info("agent revoked", "agent", r.GetAgent(), "by", act.Who)
	s.Plant.Changes().Bump(ChangedAgents)
	return &demarcv1.RevokeAgentResponse{}, nil
}

// failed is the answer to what went wrong inside.
func failed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Internal, err.Error())
}
