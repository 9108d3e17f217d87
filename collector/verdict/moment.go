package verdict

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/internal/ot"
	"demarc/internal/quarter"
)

// moment is what the documents are held to: now, or quarter hours of the window
// that they treat alike, by the latest of them.
type moment struct {
	classes  ot.Classes // operations that were counted
	opener   quarter.Opener
	security ot.SecurityMode
	tls      string
	cover    time.Time // when papers must stand
	// What was active from when to when; of several quarter hours in the latest.
	first, last time.Time
	past        bool   // a quarter hour of the window, not now
	folded      bool   // what was active when between first and last is not kept
	held        uint64 // which schedules and windows it kept to
}

// present is the moment of now: what was counted in the newest quarter hour,
// with the latest of everything else. Without quarter hours, what was ever
// counted.
func (k *judge) present() moment {
	s := &k.seen
	m := moment{classes: s.classes, opener: s.opener, security: s.security, tls: s.tls, cover: k.today, first: s.last, last: s.last}
	until := k.today.Add(ahead).UnixNano()
	if newest := k.c.Quarters.Last(until); newest > 0 {
		m.classes, m.first = 0, time.Unix(0, newest).UTC()
		m.last = m.first
		k.c.Quarters.Runs(newest, newest, func(r *quarter.Run) { m.classes |= r.Classes })
	}
	return m
}

// ahead is by how much the clock of an agent may run ahead of the collector's
// for its quarter hours to count as those of now.
const ahead = 24 * time.Hour

// moments lists what of the window is not as now is. now is the ruling on the
// present.
func (k *judge) moments(now *ruling) []moment {
	h := k.c.Quarters
	if h.Empty() {
		return nil
	}
	k.window = boundary.DefaultWindow
	if now.ok && now.best.Window > 0 {
		k.window = now.best.Window
	}
	s := k.sweep(k.pair(now.client, now.server).moves)
	if now.whole != "" && !s.moved() {
		if _, rules := k.rules(now.client, now.server, now.whole); rules == nil {
			return nil // nothing that was counted makes a difference inside
		}
	}
	h.Runs(s.from, s.to, s.run)
	slices.SortFunc(s.found, moment.compare)
	return s.found
}

// sweep looks for moments in a window.
type sweep struct {
	k        *judge
	from, to int64 // Unix nanoseconds
	moves    []int64
	now      moment
	timed    []timed
	found    []moment
}

// timed is an agreement over both ends that may be used at some times only.
type timed struct {
	boundary.Offer
	zone *time.Location
}

func (k *judge) sweep(moves []int64) *sweep {
	s := &k.round.swept
	*s = sweep{
		k: k, from: k.today.Add(-k.window).Truncate(quarter.Span).UnixNano(), to: k.today.Add(ahead).UnixNano(), moves: moves, now: k.at,
		timed: s.timed[:0], found: s.found[:0],
	}
	for _, cb := range sides(&k.out.Client) {
		for _, sb := range sides(&k.out.Server) {
			x := k.pair(cb, sb)
			if !x.timed {
				continue
			}
			for _, o := range x.offers {
				if o.Schedule == nil && !o.PerWindow {
					continue
				}
				if _, misses := k.ends(o, false, false); misses == 0 {
					s.timed = append(s.timed, timed{o, k.zone(o)})
				}
			}
		}
	}
	s.now.held = s.holds(s.now.first, s.now.last)
	return s
}

// moved reports whether what covers the connection changed in the window.
func (s *sweep) moved() bool {
	i, _ := slices.BinarySearch(s.moves, s.from)
	return i < len(s.moves) && s.moves[i] <= s.k.today.UnixNano()
}

// run takes one run of quarter hours.
func (s *sweep) run(r *quarter.Run) {
	span := int64(quarter.Span)
	first, last := max(r.First, s.from), min(r.Last, s.to)
	m := moment{classes: r.Classes, opener: r.Opener, security: r.Security, tls: r.TLS.Value(), past: true, folded: r.Folded}
	m.fill(&s.now)
	if (len(s.timed) > 0 || s.k.timed) && !r.Folded {
		for q := first / span; q <= last/span; q++ {
			s.piece(m, max(first, q*span), min(last, (q+1)*span-1))
		}
		return
	}
	s.piece(m, first, last)
}

// fill takes what did not show then from what is known now.
func (m *moment) fill(now *moment) {
	if m.opener == quarter.Unknown {
		m.opener = now.opener
	}
	if m.security == ot.SecurityUnknown {
		m.security = now.security
	}
	if m.tls == "" {
		m.tls = now.tls
	} else {
		m.security = ot.SignAndEncrypt
	}
}

// piece cuts a time of activity where what covers it changes. What came at the
// very instant of a change is held to what stood before.
func (s *sweep) piece(m moment, first, last int64) {
	m.first, m.last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
	m.held = s.holds(m.first, m.last)
	end := min(last, s.k.today.UnixNano())
	i, _ := slices.BinarySearch(s.moves, first+1)
	for ; i < len(s.moves) && s.moves[i] < end; i++ {
		before := m
		before.last = time.Unix(0, s.moves[i]-1).UTC()
		before.cover = before.last
		s.note(before)
	}
	if _, at := slices.BinarySearch(s.moves, end); at {
		end--
	}
	m.cover = time.Unix(0, end).UTC()
	s.note(m)
}

// holds sums up which of the timed agreements a time of activity keeps to.
func (s *sweep) holds(first, last time.Time) (sum uint64) {
	for i := range s.timed {
		t := &s.timed[i]
		bit := uint64(1)
		if t.PerWindow && s.k.p.OpenFor(t.Name, first, last) || !t.PerWindow && t.Schedule.Holds(first, t.zone) && t.Schedule.Holds(last, t.zone) {
			bit = 2
		}
		sum = sum*0x9e3779b97f4a7c15 + bit
	}
	if s.k.timed && s.k.astray(first, last) >= 0 {
		sum++
	}
	return sum
}

// note keeps a moment, unless it is as now or as one that is kept.
func (s *sweep) note(m moment) {
	if s.covered(m.cover) == s.covered(s.now.cover) && m.like(&s.now) && !m.folded {
		return
	}
	for i := range s.found {
		f := &s.found[i]
		if s.covered(m.cover) == s.covered(f.cover) && m.like(f) && m.folded == f.folded {
			if c := m.last.Compare(f.last); c > 0 || c == 0 && m.first.Before(f.first) {
				*f = m
			}
			return
		}
	}
	s.found = append(s.found, m)
}

// covered is the era of an instant.
func (s *sweep) covered(at time.Time) int { return eraOf(s.moves, at) }

// compare orders moments, the latest first, so that the order of agents does not
// matter.
func (m moment) compare(n moment) int {
	return cmp.Or(n.last.Compare(m.last), cmp.Compare(n.classes, m.classes), cmp.Compare(m.opener, n.opener),
		cmp.Compare(m.security, n.security), strings.Compare(m.tls, n.tls), m.cover.Compare(n.cover), cmp.Compare(m.held, n.held))
}

func (m *moment) like(n *moment) bool {
	return m.classes == n.classes && m.opener == n.opener && m.security == n.security && m.tls == n.tls && m.held == n.held
}

// remember says of a verdict that stands on a quarter hour that is over which it
// is, and when it leaves the window.
func (k *judge) remember() {
	v := k.out.Verdict
	begin := k.at.last.Truncate(quarter.Span)
	clears := begin.Add(quarter.Span + k.window)
	v.Reason += "; that was in the quarter hour of " + minute(begin)
	v.Quarter, v.Clears = timestamppb.New(begin), timestamppb.New(clears)
	k.wake(clears)
}
