package verdict

import (
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/quarter"
)

// roaming is an end whose device roams, and may be connected at some times only.
type roaming struct {
	times    *boundary.Times // nil: at any time
	zone     *time.Location
	document string
}

// Stray is an end that was connected outside the times of its group.
type Stray struct {
	Document string // "Group/laptops"; empty without one
	Server   bool   // it is the server's end
}

// roam finds the ends whose devices may be connected at some times only.
func (k *judge) roam() {
	if !k.p.Roams() || k.c.Devices == nil {
		return
	}
	for i, e := range []inventory.End{k.c.Client, k.c.Server} {
		home := [2]boundary.Placement{k.out.Client, k.out.Server}[i].Boundary
		if e.Asset == "" || home == "" || home == boundary.Internet {
			continue
		}
		r := &k.roams[i]
		if r.times, r.document = k.p.ConnectTimes(k.p.DeviceOf(k.c.Site, k.c.Devices.Known(e.Asset))); r.times != nil {
			r.zone, k.timed = k.p.Zone(home, k.c.Site), true
		}
	}
}

// keeps reports whether activity between two instants keeps to the times of
// an end.
func (r *roaming) keeps(first, last time.Time) bool {
	return r.times == nil || r.times.Holds(first, r.zone) && r.times.Holds(last, r.zone)
}

// astray is the end that does not keep to its times from first to last, -1 when
// both do.
func (k *judge) astray(first, last time.Time) int {
	for i := range k.roams {
		if !k.roams[i].keeps(first, last) {
			return i
		}
	}
	return -1
}

// roamTerm is broken where a device that roams was connected outside its times.
func (k *judge) roamTerm(explain bool) (t term, out bool) {
	last := k.at.last
	if last.IsZero() {
		last = k.today
	}
	first := last
	if k.at.past {
		first = k.at.first
	}
	i := k.astray(first, last)
	if i < 0 {
		return term{}, false
	}
	t.state = broken
	if k.at.folded {
		t.state = hidden
	}
	if explain {
		t.why = k.strayWords(i, last)
	}
	return t, true
}

func (k *judge) strayWords(i int, at time.Time) string {
	r := &k.roams[i]
	at = at.In(r.zone)
	return address([2]inventory.End{k.c.Client, k.c.Server}[i]) + " roams, and " + r.document + " lets it connect " + r.times.Words +
		"; it was active " + strings.ToLower(at.Format("Mon")) + at.Format(" 2006-01-02 15:04 MST")
}

// strayed notes on a connection that crosses nothing that one of its ends was
// connected outside its times: the latest quarter hour of the day before.
func (k *judge) strayed() (words string) {
	end, at := -1, time.Time{}
	see := func(first, last time.Time) {
		if i := k.astray(first, last); i >= 0 && !last.Before(at) {
			end, at = i, last
		}
	}
	if k.c.Quarters.Empty() {
		see(k.seen.last, k.seen.last)
	}
	span, window := int64(quarter.Span), k.today.Add(-boundary.DefaultWindow).Truncate(quarter.Span).UnixNano()
	k.c.Quarters.Runs(window, k.today.Add(ahead).UnixNano(), func(r *quarter.Run) {
		if r.Folded {
			return
		}
		for q := max(r.First, window) / span; q <= r.Last/span; q++ {
			see(time.Unix(0, max(r.First, q*span)).UTC(), time.Unix(0, min(r.Last, (q+1)*span-1)).UTC())
		}
	})
	if end < 0 {
		return ""
	}
	k.out.Stray = Stray{k.roams[end].document, end == 1}
	k.wake(at.Truncate(quarter.Span).Add(quarter.Span + boundary.DefaultWindow))
	return "; " + k.strayWords(end, at)
}
