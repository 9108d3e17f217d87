package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/agent/config"
	"demarc/agent/probe"
	"demarc/agent/uplink"
	"demarc/internal/reading"
	demarcv1 "demarc/proto/demarc/v1"
)

// reads are the active reads of a running agent: what devices say goes to the
// collector as what is overheard does, and so does every request.
type reads struct {
	runner  *probe.Runner
	log     *slog.Logger
	file    *probe.Log
	spool   *uplink.Spool
	segment string
	beat    chan struct{} // holds one when the state changed

	mu       sync.Mutex
	outcomes []*demarcv1.ProbeOutcome // of schedules, the latest last
}

// Limits of what a heartbeat tells of active reads.
const (
	maxToldStops = 1024
	maxOutcomes  = 256
	maxWhy       = 300
)

// newReads is nil where the settings do not turn active reads on.
func newReads(cfg config.Config, spool *uplink.Spool, log *slog.Logger) (*reads, error) {
	r := &reads{log: log, file: probe.OpenLog(cfg.State), spool: spool, segment: cfg.Probe.Segment, beat: make(chan struct{}, 1)}
	p, err := newProber(cfg, r, false)
	if errors.Is(err, probe.ErrOff) {
		return nil, nil //nolint:nilnil // off is no fault
	}
	if err != nil {
		return nil, err
	}
	r.runner = &probe.Runner{Prober: p, Ended: r.ended}
	r.runner.Gate.Pause("not heard from the collector yet: it could not stop what is asked")
	return r, nil
}

// attach lets the uplink carry orders down and the state up. Without its
// collector the agent asks nothing: nobody could stop it.
func (r *reads) attach(c *uplink.Client) {
	c.Orders = func(o *demarcv1.ProbeOrders) {
		if err := r.runner.Order(r.ordersOf(o)); err != nil {
			r.log.Error("what was ordered of active reads holds until this agent ends: it cannot be kept", "error", err)
		}
		if err := keepOrders(r.runner.State, o); err != nil {
			r.log.Warn("schedules of the collector cannot be looked at here", "error", err)
		}
		r.runner.Gate.Pause("")
		r.changed()
	}
	c.Unlinked = func() { r.runner.Gate.Pause("the collector cannot be reached: it could not stop what is asked") }
	c.Probe = r.state
}

func (r *reads) changed() {
	select {
	case r.beat <- struct{}{}:
	default:
	}
}

// state is what the collector is told.
func (r *reads) state() *demarcv1.ProbeState {
	g, settings := r.runner.Gate, r.runner.Settings
	s := &demarcv1.ProbeState{Enabled: true, Interface: settings.Interface, Source: settings.Source, Networks: settings.Networks, Killed: g.Killed(), Waits: g.Waits()}
	budgets := settings.Budget.Filled()
	s.DeviceBudget, s.NetworkBudget = uint32(budgets.Device), uint32(budgets.Network) // config bounds both
	stops := g.Stops()
	for _, x := range stops[:min(len(stops), maxToldStops)] {
		s.Stops = append(s.Stops, &demarcv1.ProbeStop{Address: x.Address.String(), Since: timestamppb.New(x.Since), Why: clip(x.Why, maxWhy)})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Outcomes = slices.Clone(r.outcomes)
	return s
}

// ended takes what came of a device of a schedule.
func (r *reads) ended(j probe.Job, err error) {
	if j.Schedule == "" {
		return
	}
	o := &demarcv1.ProbeOutcome{Schedule: j.Schedule, Address: j.Target.Address, Time: timestamppb.Now()}
	if err != nil {
		o.Error = clip(err.Error(), maxWhy)
	}
	r.mu.Lock()
	r.outcomes = slices.DeleteFunc(r.outcomes, func(x *demarcv1.ProbeOutcome) bool {
		return x.GetSchedule() == o.GetSchedule() && x.GetAddress() == o.GetAddress()
	})
	r.outcomes = append(r.outcomes, o)
	r.outcomes = slices.Delete(r.outcomes, 0, max(0, len(r.outcomes)-maxOutcomes))
	r.mu.Unlock()
	r.changed()
}

// clip is the front of a text, of at most n bytes.
func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// run asks until ctx ends.
func (r *reads) run(ctx context.Context) error {
	r.log.Info("active reads are on", "interface", r.runner.Settings.Interface, "source", r.runner.Settings.Source)
	return r.runner.Run(ctx)
}

// Sent implements probe.Sink.
func (r *reads) Sent(e probe.Entry) {
	if err := r.file.Write(e); err != nil {
		r.log.Error("request not logged here", "error", err)
	}
	if err := r.spool.Emit(sentBody(e), true); err != nil { // the spool is broken: what cannot be told is not asked on
		r.log.Error("request not told to the collector: active reads end", "error", err)
		_ = r.runner.Gate.Kill("its requests cannot be told to the collector") // in memory at least
	}
}

// Told implements probe.Sink.
func (r *reads) Told(target netip.Addr, at time.Time, facts []probe.Fact) {
	if err := r.spool.Emit(toldBody(r.segment, target, at, facts), true); err != nil {
		r.log.Error("what a device said is not told to the collector", "error", err)
	}
	r.changed()
}

// maxErrorText bounds the words of an error that the collector is told.
const maxErrorText = 512

// sentBody is a request as the collector is told of it.
func sentBody(e probe.Entry) *demarcv1.Body {
	return &demarcv1.Body{Probes: []*demarcv1.ProbeEntry{{
		TimeNs: e.Time.UnixNano(), Schedule: e.Schedule, Target: e.Target.String(), What: e.What, Sent: e.Sent, Answer: e.Answer,
		Received: uint64(max(e.Received, 0)), LatencyNs: int64(e.Latency), Error: clip(e.Error, maxErrorText),
	}}}
}

// toldBody is what a device said, as the collector is told of it.
func toldBody(segment string, target netip.Addr, at time.Time, facts []probe.Fact) *demarcv1.Body {
	ns := at.UnixNano()
	address := &demarcv1.Address{Segment: segment, Ip: target.AsSlice()}
	b := &demarcv1.Body{Endpoints: []*demarcv1.EndpointDelta{{Address: address, FirstNs: ns, LastNs: ns}}}
	for _, f := range facts {
		b.Facts = append(b.Facts, &demarcv1.FactDelta{
			Of: address, Part: f.Part, Attribute: f.Attribute, Value: f.Value, Source: f.Source, Grade: demarcv1.Grade(f.Grade), FirstNs: ns, LastNs: ns,
		})
	}
	return b
}

// ordersOf reads orders. What this agent cannot read is asked of nobody, and the
// collector is told.
func (r *reads) ordersOf(o *demarcv1.ProbeOrders) probe.Orders {
	out := probe.Orders{Killed: o.GetKilled()}
	for _, s := range o.GetSchedules() {
		x := probe.Schedule{ID: s.GetId(), Every: time.Duration(s.GetEverySeconds()) * time.Second}
		for _, a := range s.GetAddresses() {
			t := reading.Of(s.GetReads())
			t.Address = a
			if err := t.Check(); err != nil {
				r.log.Warn("schedule not taken", "schedule", s.GetId(), "address", a, "error", err)
				r.ended(probe.Job{Schedule: s.GetId(), Target: t}, fmt.Errorf("not taken: %w", err))
				continue
			}
			x.Targets = append(x.Targets, t)
		}
		out.Schedules = append(out.Schedules, x)
	}
	r.mu.Lock()
	r.outcomes = slices.DeleteFunc(r.outcomes, func(x *demarcv1.ProbeOutcome) bool { // of what was withdrawn
		return !slices.ContainsFunc(o.GetSchedules(), func(s *demarcv1.ProbeSchedule) bool { return s.GetId() == x.GetSchedule() })
	})
	r.mu.Unlock()
	for _, s := range o.GetResumed() {
		if a, err := netip.ParseAddr(s.GetAddress()); err == nil {
			out.Resumed = append(out.Resumed, probe.Stop{Address: a.Unmap(), Since: s.GetSince().AsTime()})
		}
	}
	return out
}
