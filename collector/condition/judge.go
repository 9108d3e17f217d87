package condition

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
)

// need is the sight that a check stands on.
type need uint8

const (
	papers   need = iota // none: documents alone tell
	segments             // every segment of the boundaries
	edges                // and proof that what crosses their edge would show
)

// outcome is what a check found.
type outcome struct {
	violated    []string // in words
	unknown     []string // in words
	connections []string
	assets      []string
	subject     bool      // it is about traffic that must be there to try it
	tried       int       // connections in the window that did
	lastTried   time.Time // also before the window
}

func (o *outcome) breaks(id, words string) {
	o.violated = append(o.violated, words)
	o.connections = append(o.connections, id)
}

func (o *outcome) hide(id, words string) {
	o.unknown = append(o.unknown, words)
	o.connections = append(o.connections, id)
}

// judge is one condition under way.
type judge struct {
	w        World
	eye      *eye
	d        *boundary.Decision
	c        *boundary.Condition
	from, to time.Time
	sights   []Sight
	out      outcome
}

func (k *judge) judge() Result {
	r := Result{Authorization: k.d.Name, Condition: k.c, Check: k.c.Check}
	switch {
	case k.c.Attest != nil:
		r.Check = "attest"
		k.attest(&r)
		return r
	case k.c.Require != "":
		r.Check = "require"
	}
	k.look(&r)
	needs := edges
	if k.c.Require != "" {
		k.require()
	} else if x, built := checks[k.c.Check]; built {
		needs = x.need
		x.run(k)
	} else {
		k.out.unknown = append(k.out.unknown, "check "+k.c.Check+" is not built")
	}
	k.settle(&r, needs)
	return r
}

// attest says until when a person's word counts.
func (k *judge) attest(r *Result) {
	last, ok := k.w.Policy.Attested(k.d.Name, k.c.ID.Name)
	if ok {
		r.Until = last.At.Add(k.c.Attest.Every.Duration)
	}
	switch {
	case !ok:
		r.State, r.Words, r.Reason = AttestationDue, "attestation due", "nobody has attested it; the "+k.c.Attest.By+" is to"
	case !k.w.Now.Before(r.Until):
		r.State, r.Words, r.Reason = AttestationDue, "attestation due since "+moment(r.Until), "attested last on "+moment(last.At)+" by "+last.By
	default:
		r.State, r.Words, r.Reason = Attested, "attested until "+moment(r.Until), "by "+last.By+" on "+moment(last.At)+": "+last.Statement
	}
}

// look takes the window and the sight. Where nothing was heard within the last
// window, the condition is looked at as of when something was heard last.
func (k *judge) look(r *Result) {
	window := k.c.Window.Duration
	if window <= 0 {
		window = Window
	}
	k.to = k.w.Now
	k.sight(window)
	var heard time.Time
	for i := range k.sights {
		for j := range k.sights[i].Segments {
			heard = later(heard, k.sights[i].Segments[j].Last)
		}
	}
	if !heard.IsZero() && heard.Before(k.to.Add(-window)) {
		k.to = heard
		k.sight(window)
	}
	k.from = k.to.Add(-window)
	r.From, r.To, r.Sight = k.from, k.to, k.sights
}

func (k *judge) sight(window time.Duration) {
	k.sights = nil
	for _, b := range k.d.Boundaries {
		k.sights = append(k.sights, k.eye.of(b, k.to.Add(-window), k.to))
	}
}

// settle turns what was found and what was seen into a state.
func (k *judge) settle(r *Result, needs need) {
	stale := k.c.StaleAfter.Duration
	if stale <= 0 {
		stale = StaleAfter
	}
	last := k.lastHeard()
	gaps := k.gaps(needs)
	r.Connections, r.Assets, r.Evidence = k.out.connections, k.out.assets, slices.Concat(k.out.violated, k.out.unknown, gaps)
	switch {
	case len(k.out.violated) > 0:
		r.State, r.Words, r.Reason = Violated, "violated", some(k.out.violated)
		if !k.to.Equal(k.w.Now) {
			r.Words += ", as far as anything was heard: until " + moment(k.to)
		}
	case needs != papers && !last.IsZero() && k.w.Now.Sub(last) > stale:
		r.State, r.Words, r.Reason = Stale, "stale since "+moment(last.Add(stale)), "nothing was heard since "+moment(last)
	case needs != papers && !k.to.Equal(k.w.Now):
		r.State, r.Words, r.Reason = NotObservable, "not observable", "nothing was heard since "+moment(k.to)
	case len(gaps) > 0 || len(k.out.unknown) > 0:
		r.State, r.Words, r.Reason = NotObservable, "not observable", some(slices.Concat(gaps, k.out.unknown))
	case k.out.subject && k.out.tried == 0 && !k.out.lastTried.IsZero() && k.w.Now.Sub(k.out.lastTried) > stale:
		r.State, r.Words, r.Reason = Stale, "stale since "+moment(k.out.lastTried.Add(stale)), "what it is about was seen last on "+moment(k.out.lastTried)
	case k.out.subject && k.out.tried == 0:
		since := k.out.lastTried
		r.Reason = "full sight, and nothing that it is about in the window"
		if since.IsZero() {
			since = k.sightSince()
		}
		r.State, r.Words = NotExercised, "holds, not exercised since "+moment(since)
	default:
		r.State, r.Words, r.Reason = Holds, "holds", "full sight from "+moment(k.from)+" to "+moment(k.to)
		if needs == papers {
			r.Reason = "as the documents say"
		}
		if k.out.subject {
			r.Reason += ", " + plural(k.out.tried, "connection") + " seen"
		}
	}
}

// gaps say why there is not the sight that a check needs.
func (k *judge) gaps(needs need) []string {
	if needs == papers {
		return nil
	}
	var all []string
	for i := range k.sights {
		s := &k.sights[i]
		all = append(all, s.Gaps...)
		all = append(all, s.lossy(k.maxLoss())...)
		if needs == edges && len(s.Gaps) == 0 && !k.edge(s) {
			all = append(all, "nothing shows that traffic across the edge of "+s.Boundary+" would be seen: no sensors of its access points were heard, and nothing that crosses was")
		}
	}
	if len(k.sights) == 0 {
		all = append(all, k.d.Name+" names no boundary")
	}
	return all
}

// maxLoss is the share of packets that may be lost.
func (k *judge) maxLoss() float64 {
	if k.c.MaxLoss.Line != 0 {
		return k.c.MaxLoss.Share
	}
	return MaxLoss
}

// edge reports whether what crosses the edge of a boundary would show: the
// sensors inside its access points were heard, or something was seen to cross.
func (k *judge) edge(s *Sight) bool {
	if k.w.Documents != nil {
		for _, b := range k.w.Documents.Boundaries {
			for _, p := range b.AccessPoints {
				if b.Name == s.Boundary && len(p.Sensors.Inside) > 0 && s.sensed(p.Sensors.Inside) {
					return true
				}
			}
		}
	}
	for _, c := range k.eye.index.touching(k.d, k.inside) {
		at := func(x SegmentSight) bool { return x.Site == c.GetSite() && x.Segment == c.GetConnection().GetSegment() }
		if within(c.GetConnection(), k.from, k.to) && passed(c) && slices.ContainsFunc(s.Segments, at) &&
			crosses(k.w.Policy, s.Boundary, c.GetClientBoundary(), c.GetServerBoundary()) {
			return true
		}
	}
	return false
}

// sensed reports whether every name is a segment or an agent that was heard.
func (s *Sight) sensed(names []string) bool {
	for _, n := range names {
		if !slices.ContainsFunc(s.Segments, func(x SegmentSight) bool {
			return x.Heard > 0 && (x.Segment == n || slices.Contains(x.Agents, n))
		}) {
			return false
		}
	}
	return true
}

// lastHeard is when the segment that was heard the longest ago was heard last;
// zero if one never was.
func (k *judge) lastHeard() time.Time {
	var t time.Time
	for i := range k.sights {
		if x := k.sights[i].last(); i == 0 || x.Before(t) {
			t = x
		}
	}
	return t
}

func (k *judge) sightSince() time.Time {
	var t time.Time
	for i := range k.sights {
		for j := range k.sights[i].Segments {
			t = later(t, k.sights[i].Segments[j].Since)
		}
	}
	return t
}

// some are the first three lines of many.
func some(all []string) string {
	all = slices.Compact(slices.Clone(all))
	if len(all) > 3 {
		return strings.Join(all[:3], "; ") + fmt.Sprintf("; and %d more", len(all)-3)
	}
	return strings.Join(all, "; ")
}
