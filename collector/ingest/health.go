package ingest

import (
	"strings"
	"time"
	"unicode"

	demarcv1 "demarc/proto/demarc/v1"
)

// Health is how an agent is, as far as this run of the collector heard.
type Health struct {
	Connected   bool
	LastHeard   time.Time
	LastFrame   time.Time
	ClockOffset time.Duration // its clock less ours
	Frames      uint64
	Drops       uint64
	SpoolBytes  uint64
	MemoryBytes uint64
	DiskFree    uint64 // bytes, of DiskSize
	DiskSize    uint64
	Remote      string
	Span        *demarcv1.SpanReport // nil until it was heard; never changed, only replaced
	Probe       *demarcv1.ProbeState // nil where active reads are off; never changed, only replaced
	Slices      string               // what of frames it keeps: headers, all; empty is none
}

// Health returns every agent's health by name.
func (s *Server) Health() map[string]Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Health, len(s.health))
	for name, h := range s.health {
		all[name] = *h
	}
	return all
}

// heard changes an agent's health under the lock.
func (s *Server) heard(agent string, change func(*Health)) {
	s.mu.Lock()
	h := s.health[agent]
	if h == nil {
		h = &Health{}
		s.health[agent] = h
	}
	h.LastHeard = s.Clock()
	change(h)
	s.mu.Unlock()
}

func (s *Server) heartbeat(agent string, b *demarcv1.Heartbeat) {
	s.heard(agent, func(h *Health) {
		if b.GetClock() != nil {
			h.ClockOffset = b.GetClock().AsTime().Sub(h.LastHeard)
		}
		if b.GetLastFrame() != nil {
			h.LastFrame = b.GetLastFrame().AsTime()
		}
		h.Frames, h.Drops = b.GetFrames(), b.GetDrops()
		h.SpoolBytes, h.MemoryBytes = b.GetSpoolBytes(), b.GetMemoryBytes()
		h.DiskFree, h.DiskSize = b.GetDiskFreeBytes(), b.GetDiskBytes()
		h.Probe, h.Slices = probeOf(b.GetProbe()), oneLine(b.GetSlices())
		if b.GetSpan() != nil {
			h.Span = spanOf(b.GetSpan())
		}
	})
	s.Changed()
}

// Limits of a SPAN report: what goes beyond is cut.
const (
	maxSpanChecks = 256
	maxSpanText   = 1000
)

// spanOf copies a SPAN report within its limits.
func spanOf(r *demarcv1.SpanReport) *demarcv1.SpanReport {
	out := &demarcv1.SpanReport{Word: oneLine(r.GetWord()), At: r.GetAt()}
	for _, c := range r.GetChecks()[:min(len(r.GetChecks()), maxSpanChecks)] {
		out.Checks = append(out.Checks, &demarcv1.SpanCheck{
			Interface: oneLine(c.GetInterface()), Id: oneLine(c.GetId()), Verdict: oneLine(c.GetVerdict()), Evidence: oneLine(c.GetEvidence()), Cure: oneLine(c.GetCure()),
		})
	}
	return out
}

// oneLine is text of an agent as one line of bounded length.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), maxSpanText)], ""))
}
