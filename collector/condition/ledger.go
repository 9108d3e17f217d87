package condition

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// Ledger keeps, for every agent and segment, in which quarter hours of packet
// time something was heard, and what was lost. Agents report counters at least
// once a quarter hour, so an empty one is one in which nothing was heard.
type Ledger struct {
	ears  map[Ear]*hearing
	dirty map[dayKey]bool
	anew  map[Segment]bool // by the report under way
}

// Ear is one segment as one agent hears it. What an agent lost without naming
// a segment is kept under the empty one.
type Ear struct{ Site, Agent, Segment string }

// hearing is what is kept of an ear: whole days, the newest maxDays.
type hearing struct {
	since int64 // first quarter that was heard
	days  map[int64]*day
}

// day holds up to 96 quarters, ascending.
type day struct {
	Quarters []listened `json:"q"`
	VLANs    []uint32   `json:"v,omitempty"`
	Since    int64      `json:"s"` // of the ear, so that it outlives the days
}

// listened is a quarter hour, by its number since 1970, as an ear heard it.
type listened struct {
	N         int64    `json:"n"`
	Packets   uint64   `json:"p,omitempty"`
	Lost      uint64   `json:"l,omitempty"` // packets that the agent did not see
	Undecoded uint64   `json:"u,omitempty"` // what it saw and did not decode
	Faults    []string `json:"f,omitempty"` // reasons for which more than that is missing
	Heard     bool     `json:"h,omitempty"`
}

// Limits: an agent that invents segments or times harms its own sight alone.
const (
	maxEars   = 2048
	maxDays   = 40
	maxVLANs  = 256
	maxFaults = 8
	span      = int64(15 * time.Minute)
	perDay    = 96
)

// NewLedger returns an empty one.
func NewLedger() *Ledger {
	return &Ledger{ears: map[Ear]*hearing{}, dirty: map[dayKey]bool{}, anew: map[Segment]bool{}}
}

// Hear takes what an agent reported, and returns the segments that it was heard
// on for the first time in a quarter hour, or anew in another way: how many
// packets they were waits for the end of that.
func (l *Ledger) Hear(site, agent string, b *demarcv1.Body) (anew []Segment) {
	clear(l.anew)
	for _, e := range b.GetEndpoints() {
		l.heard(Ear{site, agent, e.GetAddress().GetSegment()}, e.GetLastNs(), 0, e.GetVlans())
	}
	for _, c := range b.GetConnections() {
		segment := cmp.Or(c.GetKey().GetClient().GetSegment(), c.GetKey().GetServer().GetSegment())
		l.heard(Ear{site, agent, segment}, c.GetLastNs(), c.GetClientPackets()+c.GetServerPackets(), c.GetVlans())
	}
	for _, x := range b.GetLosses() {
		l.lost(Ear{site, agent, x.GetSegment()}, x)
	}
	if l.anew[Segment{site, ""}] { // what is told of no segment is told of each that the agent hears
		for e := range l.ears {
			if e.Site == site && e.Agent == agent {
				l.anew[Segment{site, e.Segment}] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(l.anew), compareSegments)
}

func (l *Ledger) heard(e Ear, ns int64, packets uint64, vlans []uint32) {
	d, q := l.quarter(e, ns)
	if q == nil {
		return
	}
	anew := !q.Heard
	q.Heard = true
	q.Packets += packets
	for _, v := range vlans {
		if i, there := slices.BinarySearch(d.VLANs, v); !there && len(d.VLANs) < maxVLANs {
			d.VLANs, anew = slices.Insert(d.VLANs, i, v), true
		}
	}
	if anew {
		l.anew[Segment{e.Site, e.Segment}] = true
	}
	if h := l.ears[e]; h.since == 0 || q.N < h.since {
		h.since = q.N
	}
}

// lost takes a loss. Packets that were dropped are counted; what was seen and
// not decoded is counted apart; all else makes the time unheard.
func (l *Ledger) lost(e Ear, x *demarcv1.LossDelta) {
	first, last := x.GetFirstNs()/span, x.GetLastNs()/span
	if first <= 0 || first > last || last-first > maxDays*perDay {
		first = last
	}
	for n := last; n >= first; n-- { // the newest first: a day too old is not kept
		_, q := l.quarter(e, n*span)
		if q == nil {
			return
		}
		l.anew[Segment{e.Site, e.Segment}] = true
		switch x.GetReason() {
		case "kernel-drop":
			q.Lost += x.GetCount()
			return
		case "cut-frame", "stream-gap", "state-shed", "panic", "undecoded":
			q.Undecoded += x.GetCount()
			return
		}
		if !slices.Contains(q.Faults, x.GetReason()) && len(q.Faults) < maxFaults {
			q.Faults = append(slices.Clip(q.Faults), strings.Clone(x.GetReason())) // a Clone may hold the old one
		}
	}
}

// quarter finds or makes the quarter of an instant, nil beyond the limits.
func (l *Ledger) quarter(e Ear, ns int64) (*day, *listened) {
	n := ns / span
	if n <= 0 {
		return nil, nil
	}
	h := l.ears[e]
	if h == nil {
		if len(l.ears) >= maxEars || strings.ContainsRune(e.Site+e.Agent+e.Segment, 0) {
			return nil, nil
		}
		e = Ear{strings.Clone(e.Site), strings.Clone(e.Agent), strings.Clone(e.Segment)}
		h = &hearing{days: map[int64]*day{}}
		l.ears[e] = h
	}
	d := l.day(e, h, n/perDay)
	if d == nil {
		return nil, nil
	}
	i, there := slices.BinarySearchFunc(d.Quarters, n, func(q listened, n int64) int { return cmp.Compare(q.N, n) })
	if !there {
		d.Quarters = slices.Insert(d.Quarters, i, listened{N: n})
	}
	l.dirty[dayKey{e, n / perDay}] = true
	return d, &d.Quarters[i]
}

func (l *Ledger) day(e Ear, h *hearing, number int64) *day {
	d := h.days[number]
	if d != nil {
		return d
	}
	if len(h.days) >= maxDays {
		oldest := number
		for k := range h.days {
			oldest = min(oldest, k)
		}
		if oldest == number {
			return nil
		}
		delete(h.days, oldest)
		l.dirty[dayKey{e, oldest}] = true
	}
	d = &day{}
	h.days[number] = d
	return d
}

// Clone is a copy that can be read while l goes on.
func (l *Ledger) Clone() *Ledger {
	c := NewLedger()
	for e, h := range l.ears {
		x := &hearing{since: h.since, days: make(map[int64]*day, len(h.days))}
		for n, d := range h.days {
			x.days[n] = &day{Quarters: slices.Clone(d.Quarters), VLANs: slices.Clone(d.VLANs), Since: d.Since}
		}
		c.ears[e] = x
	}
	return c
}
