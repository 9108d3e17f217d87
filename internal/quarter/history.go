package quarter

import (
	"slices"
	"unsafe"

	"demarc/internal/ot"
)

// History is what several agents told of one connection, a Line each. They may
// have seen the same packets: of every count the largest is taken, never the
// sum.
type History []*Line

// Count is how much fell into a window: between Low and High, which differ
// where a run is in the window in part, or where not everything was kept.
type Count struct {
	Low, High uint64
	// Cut says that what is older than what is kept may lie in the window: High
	// holds for what is kept alone.
	Cut bool
}

func (c *Count) most(d Count) {
	c.Low, c.High, c.Cut = max(c.Low, d.Low), max(c.High, d.High), c.Cut || d.Cut
}

// numbers are those of the quarter hours from the first to the last instant.
// One that the first instant falls into is in the window whole.
func numbers(from, to int64) (first, last int64) { return from / span, to / span }

// Operations counts a class from one instant to another, Unix nanoseconds.
func (h History) Operations(o ot.Operation, from, to int64) Count {
	return h.count(from, to, func(r *Run) Amount {
		if r.Classes.Has(o) {
			for i := range r.Operations {
				if r.Operations[i].Class == o {
					return r.Operations[i].Amount
				}
			}
		}
		return Amount{}
	})
}

// Bytes counts those that the client sent, or else the server.
func (h History) Bytes(client bool, from, to int64) Count {
	side := 1
	if client {
		side = 0
	}
	return h.count(from, to, func(r *Run) Amount { return r.Bytes[side] })
}

// Payload says which ends sent any, and whether it was counted for all of the
// time: what is folded, or not kept, was not.
func (h History) Payload(from, to int64) (p Payload) {
	if h.Empty() || h.Cut(from) {
		p = Uncounted
	}
	h.Runs(from, to, func(r *Run) { p |= r.Payload })
	return p
}

// Sessions counts those that began.
func (h History) Sessions(from, to int64) Count {
	return h.count(from, to, func(r *Run) Amount { return r.Sessions })
}

func (h History) count(from, to int64, of func(*Run) Amount) Count {
	first, last := numbers(from, to)
	var all Count
	for _, l := range h {
		c := Count{Cut: l.dropped >= from && l.dropped > 0}
		for i := range l.runs {
			r := &l.runs[i]
			if r.end() < first || r.begin() > last {
				continue
			}
			low, high := r.within(of(r), first, last)
			c.Low, c.High = add(c.Low, low), add(c.High, high)
		}
		all.most(c)
	}
	return all
}

// Runs calls each run that has a quarter hour between two instants, agent by
// agent. They are only to be read.
func (h History) Runs(from, to int64, each func(*Run)) {
	first, last := numbers(from, to)
	for _, l := range h {
		for i := range l.runs {
			if r := &l.runs[i]; r.end() >= first && r.begin() <= last {
				each(r)
			}
		}
	}
}

// Empty reports whether nothing is kept.
func (h History) Empty() bool {
	return !slices.ContainsFunc(h, func(l *Line) bool { return len(l.runs) > 0 })
}

// Cut reports whether something that is not kept any more may lie at or after
// an instant, or was folded there.
func (h History) Cut(from int64) bool {
	return slices.ContainsFunc(h, func(l *Line) bool {
		return l.dropped > 0 && l.dropped >= from || slices.ContainsFunc(l.runs, func(r Run) bool { return r.Folded && r.Last >= from })
	})
}

// Last is the last packet not after an instant; 0 when there is none.
func (h History) Last(until int64) int64 {
	last := int64(0)
	for _, l := range h {
		for i := range l.runs {
			if r := &l.runs[i]; r.First <= until {
				last = max(last, min(r.Last, until))
			}
		}
	}
	return last
}

// Rhythm is the usual silence between two times of activity: the median of
// those that are kept. 0 when there was none.
func (h History) Rhythm() int64 {
	var gaps []int64
	for _, l := range h {
		for i := 1; i < len(l.runs); i++ {
			if gap := l.runs[i].First - l.runs[i-1].Last; gap > span {
				gaps = append(gaps, gap)
			}
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// Clone is a copy that can be read while h goes on.
func (h History) Clone() History {
	c := make(History, len(h))
	for i, l := range h {
		c[i] = l.Clone()
	}
	return c
}

// Size is about how many bytes h takes.
func (h History) Size() (bytes int) {
	for _, l := range h {
		bytes += int(unsafe.Sizeof(*l)) + cap(l.runs)*int(unsafe.Sizeof(Run{}))
		for i := range l.runs {
			bytes += cap(l.runs[i].Operations) * int(unsafe.Sizeof(Operation{}))
		}
	}
	return bytes
}
