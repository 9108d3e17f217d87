package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/agent/config"
	"demarc/agent/probe"
	"demarc/agent/uplink"
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
}

// newReads is nil where the settings do not turn active reads on.
func newReads(cfg config.Config, spool *uplink.Spool, log *slog.Logger) (*reads, error) {
	r := &reads{log: log, file: probe.OpenLog(cfg.State), spool: spool, segment: cfg.Probe.Segment, beat: make(chan struct{}, 1)}
	p, err := newProber(cfg, r)
	if errors.Is(err, probe.ErrOff) {
		return nil, nil //nolint:nilnil // off is no fault
	}
	if err != nil {
		return nil, err
	}
	r.runner = &probe.Runner{Prober: p}
	r.runner.Gate.Pause("not heard from the collector yet: it could not stop what is asked")
	return r, nil
}

// attach lets the uplink carry orders down and the state up. Without its
// collector the agent asks nothing: nobody could stop it.
func (r *reads) attach(c *uplink.Client) {
	c.Orders = func(o *demarcv1.ProbeOrders) {
		if err := r.runner.Order(ordersOf(o, r.log)); err != nil {
			r.log.Error("what was ordered of active reads holds until this agent ends: it cannot be kept", "error", err)
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
	s := &demarcv1.ProbeState{Enabled: true, Interface: r.runner.Settings.Interface, Source: r.runner.Settings.Source, Killed: r.runner.Gate.Killed()}
	for _, x := range r.runner.Gate.Stops() {
		s.Stops = append(s.Stops, &demarcv1.ProbeStop{Address: x.Address.String(), Since: timestamppb.New(x.Since), Why: x.Why})
	}
	return s
}

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
	why := strings.ToValidUTF8(e.Error[:min(len(e.Error), maxErrorText)], "")
	return &demarcv1.Body{Probes: []*demarcv1.ProbeEntry{{
		TimeNs: e.Time.UnixNano(), Schedule: e.Schedule, Target: e.Target.String(), What: e.What, Sent: e.Sent, Answer: e.Answer,
		Received: uint64(max(e.Received, 0)), LatencyNs: int64(e.Latency), Error: why,
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

// ordersOf reads orders. What this agent cannot read, or its settings do not
// allow, is asked of nobody.
func ordersOf(o *demarcv1.ProbeOrders, log *slog.Logger) probe.Orders {
	out := probe.Orders{Killed: o.GetKilled()}
	for _, s := range o.GetSchedules() {
		x := probe.Schedule{ID: s.GetId(), Every: time.Duration(s.GetEverySeconds()) * time.Second}
		for _, a := range s.GetAddresses() {
			t := config.ProbeTarget{Address: a, Modbus: modbusOf(s.GetReads().GetModbus()), OPCUA: opcuaOf(s.GetReads().GetOpcua())}
			if err := t.CheckReads(); err != nil {
				log.Warn("schedule not taken", "schedule", s.GetId(), "address", a, "error", err)
				continue
			}
			x.Targets = append(x.Targets, t)
		}
		out.Schedules = append(out.Schedules, x)
	}
	for _, s := range o.GetResumed() {
		if a, err := netip.ParseAddr(s.GetAddress()); err == nil {
			out.Resumed = append(out.Resumed, probe.Stop{Address: a.Unmap(), Since: s.GetSince().AsTime()})
		}
	}
	return out
}

func modbusOf(m *demarcv1.ProbeModbusReads) *config.ProbeModbus {
	if m == nil {
		return nil
	}
	return &config.ProbeModbus{Port: int(m.GetPort()), Units: m.GetUnits(), Identification: m.GetIdentification(), ServerID: m.GetServerId(), SunSpec: m.GetSunSpec()}
}

func opcuaOf(o *demarcv1.ProbeOpcuaReads) *config.ProbeOPCUA {
	if o == nil {
		return nil
	}
	session := "none"
	if o.GetSession() {
		session = "anonymous"
	}
	return &config.ProbeOPCUA{Port: int(o.GetPort()), Session: session, Security: o.GetSecurity()}
}
