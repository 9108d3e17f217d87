package server

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// preview is what a policy that is not in force would make of connections: only
// those that it may touch.
type preview struct {
	policy *boundary.Policy
	list   []*judgement
	spaces bool // addresses would mean something else
	// at is when it is judged; zero for now, each connection at its own time. Then
	// only live ones are judged.
	at time.Time
}

// foreseen is what one connection would come to.
type foreseen struct {
	of    *judgement
	after verdict.Judged // without a verdict: it would be gone
	there bool           // it was judged
}

// rehearse says which verdicts documents in place of those in force would
// change.
func (e *engine) rehearse(docs *boundary.Documents, p *boundary.Policy, resolved any) (changes []*demarcv1.VerdictChange) {
	e.foresee(func() preview { return e.preview(docs, p, resolved) }, func(f *foreseen) {
		if c := f.change(); c != nil {
			changes = append(changes, c)
		}
	})
	return changes
}

// preview previews a policy that would stand with docs in place of those in
// force.
func (e *engine) preview(docs *boundary.Documents, p *boundary.Policy, resolved any) preview {
	t := e.touched(docs, p.Version(), resolved)
	x := preview{policy: p.With(e.acts), spaces: t.spaces}
	x.list = e.lean.every()
	if !t.spaces && !t.all {
		x.list, _ = e.leaningOn(t.documents, e.policy, x.policy)
	}
	return x
}

// foresee judges what a preview is about, on every core, and lets records and
// readers in between two batches; what they change meanwhile is judged as it is
// then. Nothing is changed. Where addresses would mean something else nobody
// gets in: the inventory is another one for that time.
func (e *engine) foresee(make func() preview, each func(*foreseen)) {
	e.whole.Lock()
	defer e.whole.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	x, now := make(), e.clock()
	if x.spaces {
		e.book.SetSpace(x.policy.Space)
		defer func() { e.book.SetSpace(e.space()) }()
		x.list = slices.Clone(x.list)
		for c := range e.book.Connections() {
			if e.judged[c.ID] == nil {
				x.list = append(x.list, &judgement{id: c.ID})
			}
		}
		slices.SortFunc(x.list, byID)
	}
	var bench []*verdict.Round
	for range runtime.GOMAXPROCS(0) {
		bench = append(bench, verdict.NewRound(x.policy))
	}
	for n := 0; n < len(x.list); n += batch {
		if n > 0 && !x.spaces {
			e.mu.Unlock()
			e.whole.Unlock()
			e.whole.Lock()
			e.mu.Lock()
		}
		all := e.foreseeBatch(&x, bench, x.list[n:min(n+batch, len(x.list))], now)
		for i := range all {
			if all[i].there {
				each(&all[i])
			}
		}
	}
}

func (e *engine) foreseeBatch(x *preview, bench []*verdict.Round, list []*judgement, now time.Time) []foreseen {
	all := make([]foreseen, len(list))
	e.book.Settle() // then it is only read
	devices := &inTurn{Devices: e.book.Devices()}
	workers := min(len(bench), max(1, len(list)/alone))
	share := (len(list) + workers - 1) / workers
	var wg sync.WaitGroup
	for i := range workers {
		first, last := min(i*share, len(list)), min((i+1)*share, len(list))
		wg.Go(func() { e.foreseePart(x, bench[i], all[first:last], list[first:last], now, devices) })
	}
	wg.Wait()
	return all
}

func (e *engine) foreseePart(x *preview, round *verdict.Round, part []foreseen, list []*judgement, now time.Time, devices inventory.Devices) {
	for i, j := range list {
		f := &part[i]
		f.of = j
		c, ok := e.connection(j, x.spaces)
		if !ok {
			f.there = x.spaces && j.data != nil // it would be told under another key
			continue
		}
		c.Devices = devices
		at := judgedAt(c, now)
		if !x.at.IsZero() {
			if !at.Equal(now) {
				continue
			}
			at = x.at
		}
		f.after, f.there = round.Judge(c, at), true
	}
}

// change is how the verdict turns, nil when it does not.
func (f *foreseen) change() *demarcv1.VerdictChange {
	is := f.after.Verdict
	if f.of.verdict == is.GetVerdict() {
		return nil
	}
	return &demarcv1.VerdictChange{Connection: f.of.id, Before: f.of.verdict, After: is.GetVerdict(), Reason: is.GetReason()}
}

// shown is the connection as it would be shown.
func (f *foreseen) shown() *demarcv1.JudgedConnection {
	j := f.of
	return &demarcv1.JudgedConnection{
		Id: j.id, Site: j.site, Connection: j.data, Agents: j.agents, Findings: j.findings, OperationsLast: lastOf(j.counted),
		ClientBoundary: f.after.Client.Boundary, ServerBoundary: f.after.Server.Boundary, Verdict: f.after.Verdict,
	}
}
