package condition

import (
	"cmp"
	"slices"
	"strings"
)

// Hearing is what an ear was able to hear.
type Hearing struct {
	Ear
	VLANs []uint32
	// Lossy: over the last day that it was heard it lost more than one packet
	// in a hundred, or its mirror was faulty.
	Lossy bool
}

// lossyShare is how much of what passed an ear may miss and still count as one
// that heard.
const lossyShare = 0.01

// Ears lists every ear that heard something, sorted. What an agent lost without
// naming a segment counts for each of its ears.
func (l *Ledger) Ears() []Hearing {
	var all []Hearing
	for e, h := range l.ears {
		x := Hearing{Ear: e}
		var last int64
		for _, d := range h.days {
			for _, q := range d.Quarters {
				if q.Heard {
					last = max(last, q.N)
				}
			}
			for _, v := range d.VLANs {
				if i, there := slices.BinarySearch(x.VLANs, v); !there {
					x.VLANs = slices.Insert(x.VLANs, i, v)
				}
			}
		}
		if last == 0 {
			continue
		}
		x.Lossy = l.lossy(e, h, last)
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Hearing) int {
		return cmp.Or(strings.Compare(a.Site, b.Site), strings.Compare(a.Agent, b.Agent), strings.Compare(a.Segment, b.Segment))
	})
	return all
}

// lossy looks at the day up to a quarter hour.
func (l *Ledger) lossy(e Ear, h *hearing, last int64) bool {
	var packets, lost uint64
	for _, d := range h.days {
		for _, q := range d.Quarters {
			if q.N > last-perDay && q.N <= last {
				q = l.with(Ear{e.Site, e.Agent, ""}, q)
				packets, lost = packets+q.Packets, lost+q.Lost
				if len(q.Faults) > 0 {
					return true
				}
			}
		}
	}
	return float64(lost) > lossyShare*float64(packets+lost)
}
