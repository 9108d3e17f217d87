package identity

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// listener is an agent that told of an address, and when it heard it last.
type listener struct {
	agent sym
	last  int64 // Unix nanoseconds, 0 not told
}

// listen notes that agent told of o.
func (o *observation) listen(agent sym, last int64) (news bool) {
	i, found := slices.BinarySearchFunc(o.agents, agent.Value(), func(l listener, v string) int { return strings.Compare(l.agent.Value(), v) })
	if !found {
		o.agents = slices.Insert(o.agents, i, listener{agent: agent})
	}
	o.agents[i].last = max(o.agents[i].last, last)
	return !found
}

// week is the hours of a week, from Thursday 0 h UTC on (the first of 1970), a
// bit each.
type week [3]uint64

const (
	hour        = 60 * 60 * second64
	second64    = int64(1_000_000_000)
	hoursOfWeek = 7 * 24
)

// mark notes that something was heard at a time, in Unix nanoseconds.
func (w *week) mark(ns int64) {
	if ns > 0 {
		h := ns / hour % hoursOfWeek
		w[h/64] |= 1 << (h % 64)
	}
}

func (w *week) unite(v []uint64) {
	for i := range min(len(v), len(w)) {
		w[i] |= v[i]
	}
	w[2] &= 1<<(hoursOfWeek-128) - 1
}

func (w week) has(hourOf int64) bool {
	h := hourOf % hoursOfWeek
	return w[h/64]>>(h%64)&1 != 0
}

func (w week) count() (n int64) {
	for _, hours := range w {
		n += int64(bits.OnesCount64(hours))
	}
	return n
}

// Presence says whether a device is there.
type Presence string

// Presences.
const (
	Active Presence = "active" // heard within the last hour
	Quiet  Presence = "quiet"  // not heard since, which its rhythm allows
	Gone   Presence = "gone"   // silent through hours in which it used to be heard
)

// rhythm is the hours of a week in which a device was heard, and when last.
type rhythm struct {
	hours week
	last  int64
}

// at is the presence at a time up to which the link was listened to, and how
// many of the hours in which it used to be heard have passed in silence. Half
// of what a week holds of them, but 3 at least and 24 at most, make it gone.
// All of that holds until a time, unless it is heard meanwhile.
func (r rhythm) at(now int64) (p Presence, missed, of, until int64) {
	of = r.hours.count()
	if r.last == 0 {
		return Active, 0, of, math.MaxInt64
	}
	if now-r.last < hour {
		return Active, 0, of, r.last + hour
	}
	limit := min(24, max(3, of/2))
	for h := r.last/hour + 1; h < now/hour && missed < limit; h++ {
		if of == 0 || r.hours.has(h) {
			missed++
		}
		if h-r.last/hour > 4*hoursOfWeek { // no rhythm needs longer
			missed = limit
		}
	}
	if missed >= limit {
		return Gone, missed, of, math.MaxInt64
	}
	return Quiet, missed, of, (now/hour + 1) * hour
}

// rhythm sums up all of a's own addresses.
func (a *asset) rhythm() (r rhythm) {
	for _, o := range a.observations() {
		r.hours.unite(o.hours[:])
		_, last := o.span()
		r.last = max(r.last, last)
	}
	return r
}

// Presence says whether an asset is there, when each agent that knows it has
// listened until what until says (Unix nanoseconds, 0 not at all): one that is
// silent itself makes nothing gone. missed hours of the week, of those in which
// it was heard before, went by without it. Nothing of that changes until those
// agents have listened to the time holds, or one hears it.
func (b *Book) Presence(id string, until func(site, agent string) int64) (p Presence, missed, of, holds int64) {
	b.settle()
	a := b.assets[id]
	if a == nil {
		if part, ok := b.parts[id]; ok {
			a = part.asset
		}
	}
	if a == nil {
		return "", 0, 0, 0
	}
	now := int64(0)
	for _, o := range a.observations() {
		for _, l := range o.agents {
			now = max(now, until(o.key.site.Value(), l.agent.Value()))
		}
	}
	return a.rhythm().at(now)
}

// hearers lists the agents that heard a's addresses, each with its last time.
func hearers(at []*observation) (agents []string, heard []*demarcv1.Hearing) {
	last := map[string]int64{}
	for _, o := range at {
		for _, l := range o.agents {
			if l.agent != none {
				last[l.agent.Value()] = max(last[l.agent.Value()], l.last)
			}
		}
	}
	for agent, ns := range last {
		agents = append(agents, agent)
		heard = append(heard, &demarcv1.Hearing{Agent: agent, LastSeen: stamp(ns)})
	}
	slices.Sort(agents)
	slices.SortFunc(heard, func(x, y *demarcv1.Hearing) int { return strings.Compare(x.GetAgent(), y.GetAgent()) })
	return agents, heard
}
