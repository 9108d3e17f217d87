package condition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// timeWindow: what crosses is active only in the schedule, by the clock of the
// server's site.
func (k *judge) timeWindow() {
	k.out.subject = true
	times := boundary.TimesOf(k.with().Schedule)
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		zone := k.w.Policy.Zone(c.GetServerBoundary(), c.GetSite())
		holds, at := k.keeps(c, times, zone)
		why := " when it was active: not every quarter hour is kept"
		if holds == no {
			why = " was active " + strings.ToLower(at.In(zone).Format("Mon 2006-01-02 15:04 MST")) + ", outside " + times.Words
		}
		k.hold(c, a, holds, why)
	})
}

// keeps reports whether c was active at those times alone in the window, and
// when last it was not.
func (k *judge) keeps(c *demarcv1.JudgedConnection, times *boundary.Times, zone *time.Location) (holds answer, out time.Time) {
	h := k.quarters(c)
	holds = sure(!h.Empty() && !h.Cut(k.from.UnixNano()))
	if holds == no {
		holds = maybe
	}
	h.Runs(k.from.UnixNano(), k.to.UnixNano(), func(r *quarter.Run) {
		if r.Folded {
			return
		}
		first, last := max(r.First, k.from.Truncate(quarter.Span).UnixNano()), min(r.Last, k.to.UnixNano())
		for q := first / span; q <= last/span; q++ {
			for _, ns := range [...]int64{max(first, q*span), min(last, (q+1)*span-1)} {
				if at := time.Unix(0, ns).UTC(); !times.Holds(at, zone) && at.After(out) {
					holds, out = no, at
				}
			}
		}
	})
	return holds, out
}

// volumeLimit: what crosses moves no more bytes in the window, all together and
// both ways.
func (k *judge) volumeLimit() {
	k.out.subject = true
	limit := k.with().Bytes.Count
	var low, high uint64
	var largest []share
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		from, to := k.bytes(c)
		if a == yes {
			low += from
		}
		high += to
		largest = append(largest, share{c, to})
	})
	slices.SortFunc(largest, func(x, y share) int {
		return cmp.Or(cmp.Compare(y.bytes, x.bytes), strings.Compare(x.c.GetId(), y.c.GetId()))
	})
	switch words := fmt.Sprintf("%d to %d bytes in the window, and %d are allowed", low, high, limit); {
	case low > limit:
		k.out.violated = append(k.out.violated, words)
	case high > limit:
		k.out.unknown = append(k.out.unknown, words)
	default:
		return
	}
	for _, s := range largest[:min(len(largest), 10)] {
		k.out.connections = append(k.out.connections, s.c.GetId())
	}
}

// share is how much of a volume a connection has.
type share struct {
	c     *demarcv1.JudgedConnection
	bytes uint64
}

// bytes bounds how many c moved in the window.
func (k *judge) bytes(c *demarcv1.JudgedConnection) (low, high uint64) {
	d, h := c.GetConnection(), k.quarters(c)
	total := d.GetClientBytes() + d.GetServerBytes()
	if h.Empty() {
		if first := d.GetFirstSeen(); first != nil && !first.AsTime().Before(k.from) {
			return total, total
		}
		return 0, total
	}
	up, down := h.Bytes(true, k.from.UnixNano(), k.to.UnixNano()), h.Bytes(false, k.from.UnixNano(), k.to.UnixNano())
	if low, high = up.Low+down.Low, up.High+down.High; up.Cut || down.Cut {
		high = max(high, total)
	}
	return low, high
}

// cadence: in each "atLeast" there is an exchange, of all that crosses together;
// in each "atMost" no connection begins more than one session.
func (k *judge) cadence() {
	w := k.with()
	k.out.subject = w.AtLeast.Duration <= 0 // silence breaks atLeast, and is no want of trying
	var times [][2]int64
	whole := true
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		h := k.quarters(c)
		whole = whole && a == yes && !h.Empty() && !h.Cut(k.from.UnixNano())
		if a == yes {
			h.Runs(k.from.UnixNano(), k.to.UnixNano(), func(r *quarter.Run) { times = append(times, [2]int64{r.First, r.Last}) })
		}
		if w.AtMost.Duration > 0 {
			k.oftener(c, a, h)
		}
	})
	if w.AtLeast.Duration > 0 {
		k.silent(times, whole, len(k.gaps(edges)) == 0)
	}
}

// silent files the longest time without an exchange, where it is too long.
// whole says that every exchange is known, sight that all would have shown.
func (k *judge) silent(times [][2]int64, whole, sight bool) {
	slices.SortFunc(times, func(x, y [2]int64) int { return cmp.Compare(x[0], y[0]) })
	last, from, longest := k.from.UnixNano(), int64(0), int64(0)
	for _, t := range append(times, [2]int64{k.to.UnixNano(), k.to.UnixNano()}) {
		if gap := t[0] - last; gap > longest {
			longest, from = gap, last
		}
		last = max(last, t[1])
	}
	if time.Duration(longest) <= k.with().AtLeast.Duration {
		return
	}
	words := fmt.Sprintf("no exchange from %s for %s, and one in each %s is asked for", moment(time.Unix(0, from)), time.Duration(longest).Round(time.Second), k.with().AtLeast.Duration)
	if whole && sight {
		k.out.violated = append(k.out.violated, words)
	} else {
		k.out.unknown = append(k.out.unknown, words)
	}
}

// oftener files a connection that began more than one session in a time.
func (k *judge) oftener(c *demarcv1.JudgedConnection, a answer, h quarter.History) {
	most := k.with().AtMost.Duration
	if h.Empty() || h.Cut(k.from.UnixNano()) {
		k.hold(c, a, maybe, " how often it began")
		return
	}
	surely := most / quarter.Span // quarter hours that lie within one such time, however they fall
	holds, at := yes, int64(0)
	h.Runs(k.from.UnixNano(), k.to.UnixNano(), func(r *quarter.Run) {
		first := max(r.First, k.from.Truncate(quarter.Span).UnixNano()) / span
		for q := first; q <= min(r.Last, k.to.UnixNano())/span; q++ {
			sessions := h.Sessions(q*span, (q+int64(max(surely, 1))-1)*span)
			if allowed := uint64(max(1, (quarter.Span+most-1)/most+1)); surely == 0 && sessions.Low > allowed || surely > 0 && sessions.Low > 1 {
				holds, at = no, q*span
				continue
			}
			if near := h.Sessions(q*span, (q+int64(surely))*span); near.High > 1 && holds == yes {
				holds, at = maybe, q*span
			}
		}
	})
	k.hold(c, a, holds, fmt.Sprintf(" whether it began more than once in %s, from %s on", most, moment(time.Unix(0, at))))
}
