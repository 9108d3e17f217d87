package condition

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// Sight is what was heard of a boundary's segments over a window.
type Sight struct {
	Boundary string
	From, To time.Time
	Segments []SegmentSight
	// Gaps say why there is no full sight; none when there is.
	Gaps []string
}

// SegmentSight is what was heard on one segment, by all agents together: of
// each quarter hour the agent counts that heard it best.
type SegmentSight struct {
	Site, Segment   string
	Agents          []string
	VLANs           []uint32
	Since, Last     time.Time // first and last heard; Last is the end of its quarter hour
	Heard, Of       int       // quarter hours
	Packets, Lost   uint64
	Undecoded       uint64
	OneSided, TCP   int // connections
	Faults          []string
	FaultedQuarters int
}

// eye looks at boundaries; it is made once for a World.
type eye struct {
	w        World
	index    *index
	segments map[string][]Segment // by boundary
	named    map[Segment]bool     // segments that some document gives to a boundary
}

func newEye(w World) *eye {
	if w.Ledger == nil {
		w.Ledger = NewLedger()
	}
	y := &eye{w: w, index: newIndex(&w), segments: map[string][]Segment{}, named: map[Segment]bool{}}
	if w.Documents != nil {
		for _, b := range w.Documents.Boundaries {
			for _, m := range b.Members {
				if m.Segment.Name != "" {
					y.add(b.Name, Segment{m.Site.Name, m.Segment.Name})
					y.named[Segment{m.Site.Name, m.Segment.Name}] = true
				}
			}
		}
	}
	for name, at := range y.index.Segments() {
		if !y.named[at] { // documents give it to a boundary
			y.add(name, at)
		}
	}
	return y
}

func (y *eye) add(name string, p Segment) {
	if !slices.Contains(y.segments[name], p) {
		y.segments[name] = append(y.segments[name], p)
	}
}

// of looks at a boundary, with its parts, from one instant to another. What it
// returns is shared: only to be read.
func (y *eye) of(name string, from, to time.Time) Sight {
	key := overlook{name, from, to}
	s, known := y.index.sights[key]
	if !known {
		s = y.look(name, from, to)
		s.Segments, s.Gaps = slices.Clip(s.Segments), slices.Clip(s.Gaps)
		y.index.sights[key] = s
	}
	return s
}

func (y *eye) look(name string, from, to time.Time) Sight {
	s := Sight{Boundary: name, From: from, To: to}
	var all []Segment
	for b, places := range y.segments {
		if b == name || y.w.Policy.Holds(name, b) {
			all = append(all, places...)
		}
	}
	slices.SortFunc(all, compareSegments)
	for _, p := range slices.Compact(all) {
		s.Segments = append(s.Segments, y.segment(p, from, to))
	}
	if len(s.Segments) == 0 {
		s.Gaps = append(s.Gaps, "no agent was heard on a segment of "+name+", and no member of it names one")
	}
	for i := range s.Segments {
		s.Gaps = append(s.Gaps, s.Segments[i].gaps()...)
	}
	return s
}

// segment adds up what its agents heard.
func (y *eye) segment(p Segment, from, to time.Time) SegmentSight {
	s := SegmentSight{Site: p.Site, Segment: p.Name}
	first, last := from.UnixNano()/span, (to.UnixNano()-1)/span
	s.Of = int(max(last-first+1, 0))
	best := map[int64]listened{}
	vlans := map[uint32]bool{}
	for e, h := range y.w.Ledger.ears {
		if e.Site != p.Site || e.Segment != p.Name {
			continue
		}
		heard := false
		for _, d := range h.days {
			for _, q := range d.Quarters {
				if q.Heard {
					s.Last = later(s.Last, time.Unix(0, (q.N+1)*span).UTC())
				}
				if q.N < first || q.N > last {
					continue
				}
				heard = heard || q.Heard
				q = y.w.Ledger.with(Ear{e.Site, e.Agent, ""}, q)
				if b, there := best[q.N]; !there || q.better(b) {
					best[q.N] = q
				}
			}
			for _, v := range d.VLANs {
				vlans[v] = true
			}
		}
		if heard {
			s.Agents = append(s.Agents, e.Agent)
		}
		if t := time.Unix(0, h.since*span).UTC(); h.since > 0 && (s.Since.IsZero() || t.Before(s.Since)) {
			s.Since = t
		}
	}
	slices.Sort(s.Agents)
	s.VLANs = slices.Sorted(maps.Keys(vlans))
	s.sum(best)
	s.count(y.index.TCP(p), from, to)
	return s
}

// with adds to a quarter what its agent lost without naming a segment.
func (l *Ledger) with(e Ear, q listened) listened {
	h := l.ears[e]
	if h == nil || e.Segment != "" {
		return q
	}
	d := h.days[q.N/perDay]
	if d == nil {
		return q
	}
	if i, there := slices.BinarySearchFunc(d.Quarters, q.N, func(q listened, n int64) int { return cmp.Compare(q.N, n) }); there {
		x := d.Quarters[i]
		q.Lost, q.Undecoded, q.Faults = q.Lost+x.Lost, q.Undecoded+x.Undecoded, slices.Concat(q.Faults, x.Faults)
	}
	return q
}

// better reports whether q tells more of its time than o.
func (q listened) better(o listened) bool {
	return cmp.Or(
		compareBool(q.Heard, o.Heard), cmp.Compare(len(o.Faults), len(q.Faults)), cmp.Compare(o.Lost, q.Lost),
		cmp.Compare(o.Undecoded, q.Undecoded), cmp.Compare(q.Packets, o.Packets)) > 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (s *SegmentSight) sum(best map[int64]listened) {
	for _, q := range best {
		if q.Heard {
			s.Heard++
		}
		s.Packets, s.Lost, s.Undecoded = s.Packets+q.Packets, s.Lost+q.Lost, s.Undecoded+q.Undecoded
		if len(q.Faults) > 0 {
			s.FaultedQuarters++
		}
		for _, f := range q.Faults {
			if !slices.Contains(s.Faults, f) {
				s.Faults = append(s.Faults, f)
			}
		}
	}
	slices.Sort(s.Faults)
}

// count counts the segment's TCP connections, and those of which one side alone
// shows.
func (s *SegmentSight) count(all iter.Seq[*demarcv1.Connection], from, to time.Time) {
	for d := range all {
		if !within(d, from, to) {
			continue
		}
		s.TCP++
		if d.GetOutcome() == "one-sided" {
			s.OneSided++
		}
	}
}

// oneSided reports whether one side alone showed of connections on a segment.
func (s *Sight) oneSided(at Segment) bool {
	return slices.ContainsFunc(s.Segments, func(x SegmentSight) bool { return x.OneSided > 0 && x.Site == at.Site && x.Segment == at.Name })
}

// Loss is the share of packets that were lost.
func (s *SegmentSight) Loss() float64 {
	if s.Packets+s.Lost == 0 {
		return 0
	}
	return float64(s.Lost) / float64(s.Packets+s.Lost)
}

// gaps say what of the window was not seen, whatever loss is allowed.
func (s *SegmentSight) gaps() []string {
	var all []string
	switch {
	case s.Since.IsZero():
		return []string{"no agent was heard on segment " + s.Segment + " yet"}
	case s.Heard == 0:
		return []string{"nothing was heard on segment " + s.Segment + " since " + moment(s.Last)}
	case float64(s.Heard) < Heard*float64(s.Of):
		all = append(all, fmt.Sprintf("segment %s was heard for %s of %s", s.Segment, hours(s.Heard), hours(s.Of)))
	}
	if s.FaultedQuarters > 0 {
		all = append(all, fmt.Sprintf("segment %s was not seen whole for %s: %s", s.Segment, hours(s.FaultedQuarters), strings.Join(s.Faults, ", ")))
	}
	if s.TCP >= 4 && 2*s.OneSided > s.TCP {
		all = append(all, fmt.Sprintf("one side alone shows of %d of %d TCP connections on segment %s: its SPAN port mirrors one direction", s.OneSided, s.TCP, s.Segment))
	}
	return all
}

// lossy says where more was lost than most allows, as a share.
func (s *Sight) lossy(most float64) []string {
	var all []string
	for i := range s.Segments {
		if x := &s.Segments[i]; x.Loss() > most {
			all = append(all, fmt.Sprintf("%.3g%% of the packets on segment %s were lost, more than %.3g%%", 100*x.Loss(), x.Segment, 100*most))
		}
	}
	return all
}

// last is when the segment that was heard the longest ago was heard last.
func (s *Sight) last() time.Time {
	var t time.Time
	for i := range s.Segments {
		if x := s.Segments[i].Last; i == 0 || x.Before(t) {
			t = x
		}
	}
	return t
}

// Words are all of s in one line.
func (s *Sight) Words() string {
	var parts []string
	for i := range s.Segments {
		parts = append(parts, s.Segments[i].words())
	}
	if len(parts) == 0 {
		return strings.Join(s.Gaps, "; ")
	}
	return strings.Join(parts, "; ")
}

func (s *SegmentSight) words() string {
	if s.Since.IsZero() {
		return "segment " + s.Segment + ": no agent"
	}
	if s.Heard == 0 {
		return "segment " + s.Segment + ": silent since " + moment(s.Last)
	}
	words := fmt.Sprintf("segment %s: by %s", s.Segment, strings.Join(s.Agents, ", "))
	if len(s.VLANs) > 0 {
		words += ", VLANs " + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(s.VLANs)), " "), "[]")
	}
	words += fmt.Sprintf(", heard for %s of %s since %s, loss %.3g%%", hours(s.Heard), hours(s.Of), moment(s.Since), 100*s.Loss())
	if s.Undecoded > 0 {
		words += fmt.Sprintf(", %d not decoded", s.Undecoded)
	}
	if s.OneSided > 0 {
		words += fmt.Sprintf(", %d of %d TCP connections one-sided", s.OneSided, s.TCP)
	}
	if len(s.Faults) > 0 {
		words += ", " + strings.Join(s.Faults, " ") + " for " + hours(s.FaultedQuarters)
	}
	return words
}

// hours words a number of quarter hours.
func hours(quarters int) string {
	if quarters < 4 {
		return fmt.Sprintf("%d min", 15*quarters)
	}
	return fmt.Sprintf("%.4g h", float64(quarters)/4)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// within reports whether d was active in a window.
func within(d *demarcv1.Connection, from, to time.Time) bool {
	last, first := d.GetLastSeen(), d.GetFirstSeen()
	return last != nil && !last.AsTime().Before(from) && (first == nil || !first.AsTime().After(to))
}
