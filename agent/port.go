package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/agent/capture"
	"demarc/agent/config"
	"demarc/agent/dissect"
	"demarc/agent/pipeline"
	"demarc/agent/recorder"
	"demarc/agent/sighting"
	"demarc/agent/spancheck"
	"demarc/agent/status"
	demarcv1 "demarc/proto/demarc/v1"
)

// port is one SPAN port that is listened on.
type port struct {
	config.Interface
	source capture.Source
	meter  pipeline.Meter
	check  *spancheck.Checker
	watch  *spancheck.Watch
	// answered, when set, is told how long servers took.
	answered func(client, server netip.Addr, took, at time.Duration)
	asker    netip.Addr // that this agent asks from
	recorder *recorder.Recorder
}

// newPort prepares the check of a source that has just been opened. own are
// the addresses of this machine and its collector.
func newPort(in config.Interface, src capture.Source, own spancheck.Own, rolling bool) *port {
	p := &port{Interface: in, source: src}
	s := spancheck.Source{Name: in.Name, Live: true, RingMB: in.RingMB}
	for id := range in.VLANs {
		s.VLANs = append(s.VLANs, id)
	}
	slices.Sort(s.VLANs)
	o := spancheck.Options{Own: own, Live: true, Rolling: rolling, Protocols: dissect.Protocols()}
	if b, err := spancheck.Look(in.Name); err == nil {
		s.Box, o.Speed, o.MTU = b, b.Speed, b.MTU
	}
	p.check = spancheck.New(o)
	p.watch = spancheck.NewWatch(s, p.check, time.Now())
	return p
}

// listen brings what is seen to sink until ctx ends, and closes the source.
func (p *port) listen(ctx context.Context, sink sighting.Sink) error {
	defer func() { _ = p.source.Close() }()
	_, err := pipeline.Run(ctx, pipeline.Config{
		Interfaces: []pipeline.Interface{{Segment: p.Segment, VLANs: p.VLANs}},
		Default:    p.Segment, News: newsDelay, Meter: &p.meter, Check: p.check, Answered: p.answered, Asker: p.asker, Recorder: p.recorder,
	}, p.source, sink)
	if err != nil {
		return fmt.Errorf("interface %s: %w", p.Name, err)
	}
	return nil
}

func (p *port) lastFrame() time.Time {
	if at := p.meter.LastFrame.Load(); at > 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

func (p *port) status() status.Interface {
	all := p.watch.Results()
	return status.Interface{
		Name: p.Name, Segment: p.Segment, Frames: p.meter.Frames.Load(), Drops: p.meter.Drops.Load(), LastFrame: p.lastFrame(),
		Span: spancheck.Word(all), Checks: all,
	}
}

// ownAddresses are this machine's, and its collector's where its name is known.
func ownAddresses(ctx context.Context, collector string) spancheck.Own {
	own := spancheck.ThisMachine()
	host, service, err := net.SplitHostPort(collector)
	if err != nil {
		return own
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return own
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return own
	}
	for _, a := range addrs {
		own.Collector = append(own.Collector, netip.AddrPortFrom(a.Unmap(), uint16(number))) // a port
	}
	return own
}

// spans keeps what the collector is told of the SPAN checks: the same report
// while nothing of weight changed.
type spans struct {
	ports   []*port
	changed chan struct{} // holds a value when told is new
	mu      sync.Mutex
	told    *demarcv1.SpanReport
}

// newNumbers is how often evidence that changed in its numbers alone is told.
const newNumbers = 15 * time.Minute

// keep judges as long as ctx lives.
func (s *spans) keep(ctx context.Context) {
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-beat.C:
			judged := false
			for _, p := range s.ports {
				judged = p.watch.Update(now, spancheck.Look) || judged
			}
			if judged {
				s.tell(now)
			}
		}
	}
}

func (s *spans) tell(now time.Time) {
	next := &demarcv1.SpanReport{At: timestamppb.New(now)}
	var all []spancheck.Result
	for _, p := range s.ports {
		for _, r := range p.watch.Results() {
			all = append(all, r)
			next.Checks = append(next.Checks, &demarcv1.SpanCheck{Interface: p.Name, Id: r.ID, Verdict: r.Verdict.String(), Evidence: r.Evidence, Cure: r.Cure})
		}
	}
	next.Word = spancheck.Word(all)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil || !sameVerdicts(s.told, next) || now.Sub(s.told.GetAt().AsTime()) >= newNumbers {
		s.told = next
		select {
		case s.changed <- struct{}{}:
		default: // one waits already
		}
	}
}

func sameVerdicts(a, b *demarcv1.SpanReport) bool {
	return slices.EqualFunc(a.GetChecks(), b.GetChecks(), func(x, y *demarcv1.SpanCheck) bool {
		return x.GetInterface() == y.GetInterface() && x.GetId() == y.GetId() && x.GetVerdict() == y.GetVerdict()
	})
}

// report is what the collector shall know; nil before anything was judged.
func (s *spans) report() *demarcv1.SpanReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// word sums all ports up.
func (s *spans) word() string {
	var all []spancheck.Result
	for _, p := range s.ports {
		all = append(all, p.watch.Results()...)
	}
	return spancheck.Word(all)
}
