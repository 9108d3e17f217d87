package server

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/finding"
)

// looking holds every agreement and every hardware list against usage, and
// changes nothing.
type looking struct {
	*engine
	now   time.Time
	sight *inSight
	shown map[string]bool // boundaries whose edge shows
	since map[used]int64  // of what stands
	named map[used]bool   // that the documents name, in force or not
	all   []finding.Idle
}

func (e *engine) looking(now time.Time) *looking {
	l := &looking{engine: e, now: now, sight: newInSight(e), shown: e.edges(), since: map[used]int64{}, named: map[used]bool{}}
	agreed := e.policy.Agreed()
	for len(agreed) > 0 {
		n := slices.IndexFunc(agreed, func(a *boundary.Agreement) bool { return a.Document != agreed[0].Document })
		if n < 0 {
			n = len(agreed)
		}
		l.agreement(agreed[:n])
		agreed = agreed[n:]
	}
	for _, x := range e.policy.HardwareLists() {
		l.list(x)
	}
	return l
}

// stands is since when x stands without a break.
func (l *looking) stands(x used) int64 {
	if l.since[x] = l.usage.since[x]; l.since[x] == 0 {
		l.since[x] = l.now.UnixNano()
	}
	return l.since[x]
}

// silence is for how many days of sight something was not used.
type silence struct {
	what  string
	since int64 // last use, or since when it stands
	last  int64 // use; 0 is none
	days  int
}

func silenceOf(what string, stands, last int64, days []int64) silence {
	return silence{what: what, since: max(stands, last), last: last, days: after(days, max(stands, last))}
}

// agreement looks at a document that agrees to something, with each consumer
// where it has any.
func (l *looking) agreement(parties []*boundary.Agreement) {
	a := parties[0]
	x := finding.Idle{Document: a.Document, From: a.From.Boundary, To: a.To.Boundary, Need: need(a.Use)}
	if len(parties) > 1 {
		x.To = ""
	}
	standing := slices.DeleteFunc(slices.Clone(parties), func(a *boundary.Agreement) bool {
		for i := range a.Services {
			l.named[used{a.Document, a.Consumer, a.Services[i].Line}] = true
		}
		return !l.policy.Stands(a, l.now)
	})
	var whole, parts []silence
	for _, a := range standing {
		whole = append(whole, silenceOf("for "+a.Consumer, l.stands(used{a.Document, a.Consumer, ""}), l.lastUse(a, ""), l.conduit(a)))
	}
	if len(parties) > 1 {
		parts = slices.Clone(whole)
	}
	parts = append(parts, l.lines(standing)...)
	switch {
	case len(standing) == 0:
		x.State, x.Why = finding.Exempt, "not in force"
	case a.Use.Mode == boundary.Standby:
		x.State, x.Why = finding.Exempt, "standby: silence is what is expected of it"
	default:
		settle(&x, whole, parts)
	}
	l.all = append(l.all, x)
}

// need is how many days of sight an agreement may be silent.
func need(u boundary.Use) int {
	switch u.Mode {
	case boundary.OnDemand:
		return finding.TerminateAfter
	case boundary.Every:
		return max(finding.IdleAfter, int((u.Every+usageDay-1)/usageDay))
	}
	return finding.IdleAfter
}

// lines looks at each line of a document, where it has more than one.
func (l *looking) lines(parties []*boundary.Agreement) []silence {
	byLine := map[string]*silence{}
	var order []string
	for _, a := range parties {
		for i := range a.Services {
			line := a.Services[i].Line
			if byLine[line] == nil {
				byLine[line] = &silence{what: line, days: math.MaxInt}
				order = append(order, line)
			}
			byLine[line].last = max(byLine[line].last, l.lastUse(a, line))
		}
	}
	if len(order) < 2 {
		return nil
	}
	var all []silence
	for _, line := range order {
		one := byLine[line]
		for _, a := range parties { // of several conduits the one that was seen least
			s := silenceOf(line, l.stands(used{a.Document, a.Consumer, line}), one.last, l.conduit(a))
			one.days, one.since = min(one.days, s.days), max(one.since, s.since)
		}
		all = append(all, *one)
	}
	return all
}

// lastUse is that of an agreement, or of a line of it: a use of its partner in a
// redundant group counts.
func (l *looking) lastUse(a *boundary.Agreement, line string) int64 {
	last := l.usage.lastOf(a, line)
	if l.policy.Groups() {
		for _, b := range l.policy.Agreed() {
			if l.policy.Partners(a, b) {
				last = max(last, l.usage.lastOf(b, line))
			}
		}
	}
	return last
}

func (u *usage) lastOf(a *boundary.Agreement, line string) (last int64) {
	for i := range a.Services {
		if s := &a.Services[i]; line == "" || s.Line == line {
			last = max(last, u.last[used{a.Document, a.Consumer, s.Line}])
		}
	}
	return last
}

// conduit lists the days on which a use would have shown: on every segment of
// one side whose edge shows.
func (l *looking) conduit(a *boundary.Agreement) []int64 {
	var days []int64
	for _, side := range []string{a.From.Boundary, a.To.Boundary} {
		if l.shown[side] {
			days = append(days, l.sight.of(side)...)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// settle says what the silence of a document comes to: of all of it, or of
// parts.
func settle(x *finding.Idle, whole, parts []silence) {
	long := longer(whole, x.Need)
	if len(long) < len(whole) {
		long = longer(parts, x.Need)
		x.What = names(long)
	}
	last := int64(0)
	for _, s := range whole {
		last = max(last, s.last)
	}
	switch {
	case len(long) > 0:
		unused(x, long)
	case last > 0:
		x.State, x.Since, x.Ever, x.Why = finding.Used, last, true, "used"
	default:
		pend(x, whole)
	}
}

// unused makes a finding of what was silent for long enough.
func unused(x *finding.Idle, long []silence) {
	x.State, x.Days = finding.Unused, math.MaxInt
	for _, s := range long {
		x.Days, x.Since, x.Ever = min(x.Days, s.days), max(x.Since, s.since), x.Ever || s.last > 0
	}
}

// pend says that there was too little sight for one.
func pend(x *finding.Idle, all []silence) {
	unused(x, all)
	x.State = finding.NotObservable
	x.Why = fmt.Sprintf("not observable yet: %d of %d days of sight since %s", x.Days, x.Need, day(time.Unix(0, x.Since)))
}

func longer(all []silence, days int) []silence {
	return slices.DeleteFunc(slices.Clone(all), func(s silence) bool { return s.days < days })
}

func names(all []silence) (what []string) {
	for _, s := range all {
		what = append(what, s.what)
	}
	return what
}

// list looks at a hardware list: a redundant group is there when one of it is.
func (l *looking) list(a boundary.Authorized) {
	x := finding.Idle{Document: a.Document, Inventory: true, Need: finding.IdleAfter}
	days := l.sight.ofAll(a.Boundaries)
	if len(a.Boundaries) > 0 {
		x.From = a.Boundaries[0]
	}
	seen, silent := map[string]bool{}, []silence(nil)
	for i := range a.Rows {
		row := used{a.Document, "", a.Rows[i].Words()}
		l.named[row] = true
		if l.usage.last[row] > 0 {
			seen[l.groupOf(&a.Rows[i])] = true
		}
	}
	for i := range a.Rows {
		row := used{a.Document, "", a.Rows[i].Words()}
		group := l.groupOf(&a.Rows[i])
		if s := silenceOf(row.Line, l.stands(row), 0, days); l.usage.last[row] == 0 && (group == "" || !seen[group]) {
			silent = append(silent, s)
		}
	}
	switch long := longer(silent, x.Need); {
	case len(silent) == 0:
		x.State, x.Why, x.Since = finding.Used, "every device of it was seen", l.now.UnixNano()
	case len(long) == 0:
		x.What = names(silent)
		pend(&x, silent)
	default:
		x.What = names(long)
		unused(&x, long)
	}
	l.all = append(l.all, x)
}

func (l *looking) groupOf(r *boundary.Row) string {
	var addrs []netip.Addr
	for _, a := range r.IPs {
		addrs = append(addrs, a.Addr)
	}
	return l.policy.Redundant(r.Name, addrs)
}
