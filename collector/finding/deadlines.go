package finding

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"demarc/collector/boundary"
)

// deadlines is when acceptances end and items of plans are due, and what is told of
// that beforehand.
type deadlines struct {
	moved   bool // computed anew when somebody asks
	notices []boundary.Notice
	next    []int64 // instants, ascending: ends and notices
	through int64   // they are dealt with up to here
}

// Tick tells the time of what comes next, and ends acceptances whose end has
// come: nothing is accepted any longer than that.
func (b *Book) Tick(now time.Time) []string {
	b.now = now
	if !b.Ringing(now) {
		return nil
	}
	b.ends.through = now.UnixNano()
	var over []*finding
	for _, f := range b.findings {
		if f.Accepted != nil && f.Accepted.Until <= now.UnixNano() {
			over = append(over, f)
		}
	}
	slices.SortFunc(over, func(x, y *finding) int { return cmp.Compare(x.key, y.key) })
	for _, f := range over {
		b.reopen(f, EventEnded, "the acceptance by "+f.Accepted.By+" ended "+lastDay(time.Unix(0, f.Accepted.Until)))
	}
	return b.told()
}

// Ringing reports whether Tick has something to do at now.
func (b *Book) Ringing(now time.Time) bool {
	b.reckon()
	i, there := slices.BinarySearch(b.ends.next, b.ends.through)
	if there {
		i++
	}
	return i < len(b.ends.next) && b.ends.next[i] <= now.UnixNano()
}

// Notices lists what is to be told of ends, by time: acceptances 30 and 7 days
// before their end and at it, plans 7 days before an item is due and then.
func (b *Book) Notices() []boundary.Notice {
	b.reckon()
	return b.ends.notices
}

func (b *Book) reckon() {
	e := &b.ends
	if !e.moved {
		return
	}
	e.moved, e.notices, e.next = false, nil, nil
	accepted := make(map[[2]int64][]*finding) // by the act: its time and its end
	for _, f := range b.findings {
		if x := f.Accepted; x != nil {
			accepted[[2]int64{x.At, x.Until}] = append(accepted[[2]int64{x.At, x.Until}], f)
		}
		for _, i := range f.Poam {
			if i.open() {
				e.notices = append(e.notices, f.dueNotices(i)...)
			}
		}
	}
	for _, together := range accepted {
		e.notices = append(e.notices, acceptanceNotices(together)...)
	}
	slices.SortFunc(e.notices, func(x, y boundary.Notice) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Key(), y.Key())) })
	for _, n := range e.notices {
		e.next = append(e.next, n.At.UnixNano())
	}
	slices.Sort(e.next)
	e.next = slices.Compact(e.next)
}

// acceptanceNotices announces the end of what one act accepted.
func acceptanceNotices(together []*finding) []boundary.Notice {
	slices.SortFunc(together, func(x, y *finding) int { return cmp.Compare(x.id, y.id) })
	first := together[0]
	from, until := time.Unix(0, first.Accepted.At).UTC(), time.Unix(0, first.Accepted.Until).UTC()
	what := "the acceptance of finding " + first.id
	if n := len(together); n > 1 {
		what = fmt.Sprintf("the acceptance of %d findings, %s the first,", n, first.id)
	}
	n := boundary.Notice{Document: "Finding/" + first.id, Due: until, Subject: "accepted " + from.Format(time.RFC3339)}
	var all []boundary.Notice
	for _, days := range []int{30, 7} {
		if n.At = until.AddDate(0, 0, -days); n.At.After(from) {
			n.Kind, n.Words = boundary.AcceptanceEnds, fmt.Sprintf("%s by %s ends %s, in %d days", what, first.Accepted.Owner, lastDay(until), days)
			all = append(all, n)
		}
	}
	n.At, n.Kind, n.Words = until, boundary.AcceptanceEnded, what+" by "+first.Accepted.Owner+" ended "+lastDay(until)
	return append(all, n)
}

func (f *finding) dueNotices(i *item) []boundary.Notice {
	due := time.Unix(0, i.Due).UTC()
	what := fmt.Sprintf("item %s of finding %s (%s, %s)", i.ID, f.id, i.Title, i.Responsible)
	n := boundary.Notice{Kind: boundary.PlanDue, Document: "Finding/" + f.id, Due: due, Subject: i.ID}
	soon, late := n, n
	soon.At, soon.Words = due.AddDate(0, 0, -7), what+" is due "+lastDay(due)
	late.At, late.Words = due, what+" is overdue since "+lastDay(due)
	return []boundary.Notice{soon, late}
}
