package server

import (
	"maps"
	"slices"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// usage is when what the documents agree to was used last, which rows of
// hardware lists were seen, and on which days each segment was in sight.
// Judgements and assets tell it as they are made; it is held against the
// documents once a day, when agents have told of the day before, and soon after
// something is used of which a finding says that nothing uses it.
type usage struct {
	last  map[used]int64                // packet time, Unix nanoseconds
	since map[used]int64                // since when it stands without a break, by the collector's clock
	days  map[condition.Segment][]int64 // since 1970, ascending
	due   time.Time                     // zero: no document asks for it
	told  map[string]bool               // documents of which a finding says that something is unused
	dirty map[used]bool                 // of last, what the saved state lacks
	moved bool                          // of everything else
}

// used is what a document names: an agreement (of a shared service with one
// consumer), a line of it, or a row of a list.
type used struct{ Document, Consumer, Line string }

// A day ends at midnight UTC, and agents have told of it usageLate after.
const (
	usageDay  = 24 * time.Hour
	usageLate = time.Hour
	usageSoon = time.Second
	maxDays   = 400 // that are kept of a segment
)

func (u *usage) init() {
	u.last, u.since, u.days = map[used]int64{}, map[used]int64{}, map[condition.Segment][]int64{}
	u.told, u.dirty = map[string]bool{}, map[used]bool{}
}

func (u *usage) ringing(now time.Time) bool { return !u.due.IsZero() && !u.due.After(now) }

// use is what a connection uses by its verdict: a line of an agreement, shown or
// only taken for it.
type use struct {
	of    *boundary.Agreement // nil: none
	line  *boundary.AgreedService
	shown bool
}

// judged takes what a connection uses. What was tried in vain used nothing.
func (u *usage) judged(c *demarcv1.Connection, x use, now time.Time) {
	if x.of == nil {
		return
	}
	if o := ot.ParseOutcome(c.GetOutcome()); o == ot.Refused || o == ot.Unanswered {
		return
	}
	at := nanos(c.GetLastSeen())
	if x.shown {
		u.mark(used{x.of.Document, x.of.Consumer, x.line.Line}, at, now)
		return
	}
	for i := range x.of.Services { // whichever it may be
		if s := &x.of.Services[i]; s == x.line || s.Ports.Holds(c.GetPort()) {
			u.mark(used{x.of.Document, x.of.Consumer, s.Line}, at, now)
		}
	}
}

func (u *usage) mark(x used, at int64, now time.Time) {
	if at <= u.last[x] {
		return
	}
	u.last[x], u.dirty[x] = at, true
	if soon := now.Add(usageSoon); u.told[x.Document] && soon.Before(u.due) {
		u.due, u.moved = soon, true
	}
}

// noteRow takes an asset: the row that names it was seen, wherever it stands.
func (e *engine) noteRow(id string, now time.Time) {
	lists := e.policy.HardwareLists()
	if len(lists) == 0 {
		return
	}
	device := e.policy.DeviceOf(e.book.SiteOf(id), e.book.Known(id))
	for _, l := range lists {
		here := device
		here.Addrs = slices.DeleteFunc(slices.Clone(device.Addrs), func(a boundary.Placed) bool {
			return !slices.ContainsFunc(l.Boundaries, func(b string) bool { return e.policy.Holds(b, a.Boundary) })
		})
		if len(here.Addrs) == 0 {
			here.Names = nil
		}
		if i := l.Row(here); i >= 0 {
			if x := (used{l.Document, "", l.Rows[i].Words()}); e.usage.last[x] == 0 {
				e.usage.mark(x, now.UnixNano(), now)
			}
		}
	}
}

// look holds the documents against what was used and seen.
func (e *engine) look(now time.Time) {
	u := &e.usage
	u.remember(e.ledger.Days(now.Add(-usageLate).UnixNano()))
	l := e.looking(now)
	u.due = time.Time{}
	if len(l.all) > 0 {
		u.due = now.Add(-usageLate).Truncate(usageDay).Add(usageDay + usageLate)
	}
	for x := range u.last {
		if !l.named[x] {
			delete(u.last, x)
			u.dirty[x] = true
		}
	}
	u.since, u.moved = l.since, true
	e.findings.Idle(l.all, e.policy.Domain)
	clear(u.told)
	for i := range l.all {
		if l.all[i].State == finding.Unused {
			u.told[l.all[i].Document] = true
		}
	}
}

// remember keeps days in sight for longer than the ledger does.
func (u *usage) remember(days map[condition.Segment][]int64) {
	for s, list := range days {
		all := slices.Concat(u.days[s], list)
		slices.Sort(all)
		all = slices.Compact(all)
		u.days[s] = slices.Clone(all[max(0, len(all)-maxDays):])
	}
}

// Unused implements api.Plant.
func (e *engine) Unused() []finding.Idle {
	e.mu.Lock() // the inventory may settle itself when it is asked
	defer e.mu.Unlock()
	return e.looking(e.clock()).all
}

// inSight tells, for each boundary that is asked for, the days on which all of
// its segments were in sight.
type inSight struct {
	e     *engine
	known map[string][]int64
	named map[condition.Segment]bool // segments that documents give to a boundary
}

func newInSight(e *engine) *inSight {
	s := &inSight{e: e, known: map[string][]int64{}, named: map[condition.Segment]bool{}}
	for _, b := range e.docs.Boundaries {
		for _, m := range b.Members {
			if m.Segment.Name != "" {
				s.named[condition.Segment{Site: m.Site.Name, Name: m.Segment.Name}] = true
			}
		}
	}
	return s
}

func (s *inSight) of(name string) []int64 {
	days, known := s.known[name]
	if known {
		return days
	}
	for i, at := range s.segments(name) {
		if i == 0 {
			days = s.e.usage.days[at]
		} else {
			days = both(days, s.e.usage.days[at])
		}
	}
	s.known[name] = days
	return days
}

// ofAll are the days on which several boundaries were in sight.
func (s *inSight) ofAll(names []string) (days []int64) {
	for i, name := range names {
		if i == 0 {
			days = s.of(name)
		} else {
			days = both(days, s.of(name))
		}
	}
	return days
}

// segments lists those of a boundary and its parts: that documents name, and
// others on which a device of it is on its own link.
func (s *inSight) segments(name string) []condition.Segment {
	all := map[condition.Segment]bool{}
	for _, b := range s.e.docs.Boundaries {
		if !s.e.policy.Holds(name, b.Name) {
			continue
		}
		for _, m := range b.Members {
			if m.Segment.Name != "" {
				all[condition.Segment{Site: m.Site.Name, Name: m.Segment.Name}] = true
			}
		}
		for id := range s.e.lean.assets[b.Name] {
			for _, end := range s.e.book.Ends(id) {
				if at := (condition.Segment{Site: s.e.book.SiteOf(id), Name: end.Segment}); end.OwnLink && end.Segment != "" && !s.named[at] {
					all[at] = true
				}
			}
		}
	}
	return slices.Collect(maps.Keys(all))
}

// both are the days that stand in two lists.
func both(a, b []int64) (all []int64) {
	for _, d := range a {
		if _, there := slices.BinarySearch(b, d); there {
			all = append(all, d)
		}
	}
	return all
}

// after counts the days that begin after an instant, Unix nanoseconds.
func after(days []int64, since int64) int {
	i, _ := slices.BinarySearch(days, since/int64(usageDay)+1)
	return len(days) - i
}

// edges names the boundaries of which it shows that what crosses their edge is
// seen: something was, or the sensors inside an access point were heard.
func (e *engine) edges() map[string]bool {
	shown := map[string]bool{}
	for pair, at := range e.lean.conns {
		if pair[0] == "" || pair[1] == "" || !anyPassed(at.in) {
			continue
		}
		for i, name := range pair {
			for b, ok := e.policy.Boundary(name); ok && !e.policy.Holds(b.Name, pair[1-i]); b, ok = e.policy.Boundary(b.Parent) {
				shown[b.Name] = true
			}
		}
	}
	heard := map[string]bool{}
	for _, x := range e.ledger.Ears() {
		heard[x.Agent], heard[x.Segment] = true, true
	}
	for _, b := range e.docs.Boundaries {
		for _, p := range b.AccessPoints {
			if len(p.Sensors.Inside) > 0 && !slices.ContainsFunc(p.Sensors.Inside, func(n string) bool { return !heard[n] }) {
				shown[b.Name] = true
			}
		}
	}
	return shown
}

func anyPassed(in map[*judgement]bool) bool {
	for j := range in {
		if o := ot.ParseOutcome(j.data.GetOutcome()); o != ot.Refused && o != ot.Unanswered {
			return true
		}
	}
	return false
}
