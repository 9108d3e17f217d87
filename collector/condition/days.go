package condition

import "slices"

// Segment is a segment of a site.
type Segment struct{ Site, Name string }

// Days lists, for each segment, the days since 1970 (UTC) that are over before
// an instant's day, Unix nanoseconds, and on which it was in sight: heard in
// nearly all of its quarter hours, of each the agent that heard it best, by a
// mirror without fault, and with no more than one packet in a hundred lost.
// Only the newest days are kept here: who needs more remembers them.
func (l *Ledger) Days(before int64) map[Segment][]int64 {
	type key struct {
		at  Segment
		day int64
	}
	days := make(map[key]map[int64]listened)
	for e, h := range l.ears {
		if e.Segment == "" {
			continue
		}
		for number, d := range h.days {
			if number >= before/(perDay*span) {
				continue
			}
			k := key{Segment{e.Site, e.Segment}, number}
			best := days[k]
			if best == nil {
				best = make(map[int64]listened, len(d.Quarters))
				days[k] = best
			}
			for _, q := range d.Quarters {
				q = l.with(Ear{e.Site, e.Agent, ""}, q)
				if b, there := best[q.N]; !there || q.better(b) {
					best[q.N] = q
				}
			}
		}
	}
	all := make(map[Segment][]int64)
	for k, best := range days {
		if inSight(best) {
			all[k.at] = append(all[k.at], k.day)
		}
	}
	for _, list := range all {
		slices.Sort(list)
	}
	return all
}

// inSight judges the quarter hours of a day.
func inSight(day map[int64]listened) bool {
	heard := 0
	var packets, lost uint64
	for _, q := range day {
		if q.Heard && len(q.Faults) == 0 {
			heard++
		}
		packets, lost = packets+q.Packets, lost+q.Lost
	}
	return float64(heard) >= Heard*perDay && float64(lost) <= lossyShare*float64(packets+lost)
}
