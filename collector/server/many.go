package server

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// Judging many connections again: so many at once, between which readers come
// in, and so many by one goroutine at least.
const (
	batch = 4096
	alone = 256
)

// tellEvery is how often it is told how far a long judgement is.
const tellEvery = 2 * time.Second

// reckoned is a connection with its verdict and what follows from it, before it
// is filed.
type reckoned struct {
	taken     // without data: it is gone, or past and keeps its verdict
	of        *judgement
	gone      bool
	at, again time.Time
	from, to  boundary.Placement // of client and server
	entry     finding.Entry
	use       use
}

// judge is what one goroutine judges with. What it makes once for many
// connections it keeps as long as the policy stands.
type judge struct {
	policy  *boundary.Policy
	round   *verdict.Round
	sorter  finding.Sorter
	verdict *demarcv1.Verdict // that is under way
}

// judges are so many for the policy in force.
func (e *engine) judges(n int) []*judge {
	for len(e.bench) < n {
		e.bench = append(e.bench, &judge{})
	}
	for _, x := range e.bench[:n] {
		if x.policy != e.policy {
			*x = judge{policy: e.policy, round: verdict.NewRound(e.policy), verdict: &demarcv1.Verdict{}}
		}
	}
	return e.bench[:n]
}

// take takes the verdict on a connection as of at.
func (x *judge) take(r *reckoned, c inventory.Connection, at time.Time) {
	before := &r.of.taken
	x.verdict.Reset()
	v := x.round.JudgeInto(x.verdict, c, at)
	r.at, r.again, r.from, r.to = at, v.Again, v.Client, v.Server
	r.use = use{v.Agreement, v.Line, v.LineShown}
	r.entry = x.sorter.Sort(x.policy, c, &v, at, len(before.findings) > 0)
	r.data, r.site, r.agents, r.classes, r.counted = c.Data, c.Site, c.Agents, c.Classes, count(c.Data, before)
	r.client, r.server = v.Client.Boundary, v.Server.Boundary
	r.rule(v.Verdict)
	if r.since = r.judged; before.verdict == r.verdict {
		r.since = before.since
	}
}

// scope is which of some connections are judged again, and what they are judged
// by.
type scope struct {
	told bool     // their agents told something, else what was shown of them still holds
	past bool     // past ones too
	of   []source // whose packets each is judged after: none of anybody's, one of all
}

// from is whose packets the nth is judged after.
func (s *scope) from(n int) source {
	switch len(s.of) {
	case 0:
		return source{}
	case 1:
		return s.of[0]
	}
	return s.of[n]
}

// judgeMany judges connections again, in their order, and returns the verdicts
// that turned. Verdicts depend on nothing that another one changes, so they are
// taken on every core; what follows from them is done one after the other, while
// the verdicts of the next batch are taken. Between two batches readers come in
// and may find some judged and some not: each verdict names its policy.
func (e *engine) judgeMany(list []*judgement, now time.Time, s scope) (turned []*demarcv1.VerdictChange) {
	begun := time.Now() // for the log alone
	told := begun
	e.progress.begin(len(list))
	defer e.progress.end()
	next := e.begin(list[:min(batch, len(list))], now, s)
	for n := 0; n < len(list); n += batch {
		done := next
		e.complete(done)
		if n > 0 {
			e.tidy()
			e.letIn()
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			e.log.Info("judging again", "done", n, "of", len(list), "policy_version", e.policy.Version())
		}
		left := list[min(n+batch, len(list)):]
		next = e.begin(left[:min(batch, len(left))], now, s)
		more := e.fileAll(done)
		if turned == nil && len(more) > 0 {
			turned = make([]*demarcv1.VerdictChange, 0, len(more)*(1+len(left)/batch)+len(more))
		}
		turned = append(turned, more...)
		e.progress.step(len(list) - len(left))
	}
	e.tidy()
	for _, b := range e.shifts {
		clear(b.all[:cap(b.all)])
	}
	if took := time.Since(begun); took >= tellEvery {
		e.log.Info("judged again", "connections", len(list), "in", took.Round(time.Millisecond))
	}
	return turned
}

// letIn lets readers in between two batches.
func (e *engine) letIn() {
	e.mu.Unlock()
	e.between()
	e.mu.Lock()
}

// judgeBatch judges connections again, and lets nobody in meanwhile.
func (e *engine) judgeBatch(list []*judgement, now time.Time, s scope) {
	b := e.begin(list, now, s)
	e.complete(b)
	e.fileAll(b)
	e.tidy()
	clear(b.all)
}

// fileAll files a batch.
func (e *engine) fileAll(b *shift) (turned []*demarcv1.VerdictChange) {
	var changes []demarcv1.VerdictChange // made together: they are kept together
	for i := range b.all {
		r := &b.all[i]
		was, is, reason := r.of.verdict, "", ""
		switch {
		case r.gone:
			e.forget(r.of, b.now)
		case r.data == nil:
			continue
		default:
			e.file(r, b.now, b.from(i))
			is, reason = r.verdict, r.reason
		}
		if was == is {
			continue
		}
		if len(changes) == 0 {
			changes = make([]demarcv1.VerdictChange, len(b.all)-i)
		}
		c := &changes[0]
		changes = changes[1:]
		c.Connection, c.Before, c.After, c.Reason = r.of.id, was, is, reason
		turned = append(turned, c)
	}
	e.shifts = append(e.shifts, b)
	return turned
}

// shift is a batch of connections on which verdicts are taken, by several
// goroutines. That changes nothing but what these hold.
type shift struct {
	scope
	now     time.Time
	list    []*judgement
	all     []reckoned
	devices inventory.Devices // nil: only one goroutine asks
	next    atomic.Int64      // of list
	wg      sync.WaitGroup
}

// begin begins to take the verdicts on connections, on every core but this one.
// Until they are complete the inventory is only read.
func (e *engine) begin(list []*judgement, now time.Time, s scope) *shift {
	b := &shift{}
	if n := len(e.shifts); n > 0 {
		b, e.shifts = e.shifts[n-1], e.shifts[:n-1]
	}
	b.scope, b.now, b.list, b.devices = s, now, list, nil
	b.all = slices.Grow(b.all[:0], max(len(list), alone))[:len(list)]
	b.next.Store(0)
	e.book.Settle() // then it is only read
	bench := e.judges(min(runtime.GOMAXPROCS(0), max(1, len(list)/alone)))
	if len(bench) > 1 {
		b.devices = &inTurn{Devices: e.book.Devices()}
	}
	for _, x := range bench[1:] {
		b.wg.Go(func() { e.work(x, b) })
	}
	return b
}

// complete takes the verdicts that are left, and waits until all are taken.
func (e *engine) complete(b *shift) {
	e.work(e.judges(1)[0], b)
	b.wg.Wait()
}

// tidy does what filing leaves for when no verdict is being taken.
func (e *engine) tidy() {
	for i, x := range e.bench {
		x.sorter.Reuse(e.findings, len(e.bench)-i)
	}
	for _, id := range e.moved {
		if j := e.judged[id]; j != nil {
			j.findings, j.shown = e.findings.OfConnection(id), nil
		}
	}
	e.moved = e.moved[:0]
}

// work takes some of the verdicts of a shift.
func (e *engine) work(x *judge, b *shift) {
	for {
		last := int(b.next.Add(alone))
		first := last - alone
		if first >= len(b.list) {
			return
		}
		last = min(last, len(b.list))
		e.reckonPart(x, b, b.all[first:last], b.list[first:last])
	}
}

func (e *engine) reckonPart(x *judge, b *shift, part []reckoned, list []*judgement) {
	for i, j := range list {
		r := &part[i]
		*r = reckoned{of: j}
		c, ok := e.connection(j, b.told)
		if r.gone = !ok; r.gone {
			continue
		}
		at := judgedAt(c, b.now)
		if !b.past && !at.Equal(b.now) {
			continue
		}
		if b.devices != nil {
			c.Devices = b.devices
		}
		x.take(r, c, at)
	}
}

// connection is one of the inventory. What was shown of it is taken over where
// its agents told nothing since.
func (e *engine) connection(j *judgement, told bool) (inventory.Connection, bool) {
	if told || j.data == nil {
		return e.book.Connection(j.id)
	}
	c, ok := e.book.Placed(j.id, &j.at)
	c.Data, c.Agents, c.Classes = j.data, j.agents, j.classes
	return c, ok
}

// inTurn asks for devices one after the other.
type inTurn struct {
	mu sync.Mutex
	inventory.Devices
}

func (d *inTurn) Known(asset string) inventory.Known {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Devices.Known(asset)
}

func (d *inTurn) Roles(asset string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Devices.Roles(asset)
}
