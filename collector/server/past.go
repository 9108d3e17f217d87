package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

const (
	// pastsKept is how many engines of the past are kept for who asks again;
	// each is as large as the living one.
	pastsKept = 2
	// pastIdle is how long one is kept that nobody asks.
	pastIdle = 10 * time.Minute
	// pastTold is how often the log tells how far one is.
	pastTold = 10 * time.Second
)

// pasts are engines of the past, each rebuilt from the last state that was kept
// before its moment and the records of the journal from there. They are built
// one at a time, beside the living engine and without its lock, and write
// nothing.
type pasts struct {
	store    store.Store
	clock    func() time.Time
	software string
	log      *slog.Logger
	turn     chan struct{} // holds one while a past is built
	work     sync.WaitGroup

	mu  sync.Mutex
	all []*past // the one that was asked last is the last
}

// past is the engine of a moment. Its fields past done are set when done is
// closed.
type past struct {
	at      time.Time
	waiting int // for done; nobody, and it is given up
	stop    context.CancelFunc
	idle    *time.Timer

	done   chan struct{}
	engine *engine
	as     *demarcv1.AsOf
	err    error
}

func newPasts(s store.Store, clock func() time.Time, software string, log *slog.Logger) *pasts {
	return &pasts{store: readOnly{s}, clock: clock, software: software, log: log, turn: make(chan struct{}, 1)}
}

// At implements api.Past. Who asks for the same moment shares the answer.
func (p *pasts) At(ctx context.Context, at time.Time) (api.Plant, *demarcv1.AsOf, error) {
	at = at.UTC()
	if now := p.clock(); at.After(now) {
		return nil, nil, fmt.Errorf("%w: %s lies ahead: the collector's clock shows %s", api.ErrPast, stampOf(at), stampOf(now))
	}
	x := p.enter(at)
	select {
	case <-x.done:
	case <-ctx.Done():
	}
	p.leave(x)
	select {
	case <-x.done:
		if x.err != nil {
			return nil, nil, x.err
		}
		return x.engine, x.as, nil
	default:
		return nil, nil, ctx.Err()
	}
}

// close gives up what is being built, and waits for it.
func (p *pasts) close() {
	p.mu.Lock()
	for _, x := range p.all {
		x.stop()
	}
	p.mu.Unlock()
	p.work.Wait()
}

// enter returns the past of a moment, and begins to build it when it is not
// there.
func (p *pasts) enter(at time.Time) *past {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.all, func(x *past) bool { return x.at.Equal(at) })
	if i >= 0 {
		x := p.all[i]
		p.all = append(slices.Delete(p.all, i, i+1), x)
		x.waiting++
		x.idle.Reset(pastIdle)
		return x
	}
	x := &past{at: at, waiting: 1, done: make(chan struct{})}
	var ctx context.Context
	ctx, x.stop = context.WithCancel(context.Background())
	x.idle = time.AfterFunc(pastIdle, func() { p.forget(x) })
	p.all = append(p.all, x)
	p.work.Go(func() {
		defer x.stop()
		if x.engine, x.as, x.err = p.build(ctx, at); x.err != nil {
			p.forget(x)
		}
		close(x.done)
	})
	return x
}

// leave gives a past up for which nobody waits any more.
func (p *pasts) leave(x *past) {
	p.mu.Lock()
	x.waiting--
	alone := x.waiting == 0
	p.mu.Unlock()
	select {
	case <-x.done:
	default:
		if alone {
			p.forget(x)
			x.stop()
		}
	}
}

// forget lets a past go that is done, or fails.
func (p *pasts) forget(x *past) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(y *past) bool { return y == x })
}

// makeRoom lets the pasts go that are one too many once another is there.
func (p *pasts) makeRoom() {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := 0
	for i, x := range slices.Backward(p.all) {
		select {
		case <-x.done:
			if done++; done >= pastsKept {
				p.all = slices.Delete(p.all, i, i+1)
			}
		default:
		}
	}
}

// build makes the engine of a moment.
func (p *pasts) build(ctx context.Context, at time.Time) (*engine, *demarcv1.AsOf, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	p.makeRoom()
	begun := time.Now() // for the log alone
	from, through, err := p.reach(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	e := newEngine(p.store, func() time.Time { return at }, p.software, slog.New(slog.DiscardHandler))
	if err := p.load(ctx, e, from); err != nil {
		return nil, nil, err
	}
	as := &demarcv1.AsOf{At: timestamppb.New(at), Replayed: through.Position - from.Position}
	if from.Position > 0 {
		as.Base = timestamppb.New(from.Taken)
	}
	if from.Software != p.software {
		as.Software = from.Software
	}
	if err := p.replay(ctx, e, through.Position); err != nil {
		return nil, nil, err
	}
	e.passed(through.Recorded, at)
	as.Position, as.PolicyVersion = through.Position, e.Policy().Version()
	if !through.Recorded.IsZero() {
		as.Recorded = timestamppb.New(through.Recorded)
	}
	p.log.Info("past rebuilt", "at", stampOf(at), "position", as.GetPosition(), "replayed", as.GetReplayed(), "in", time.Since(begun).Round(time.Millisecond))
	return e, as, nil
}

// reach says from which kept state and through which record the journal tells
// a moment.
func (p *pasts) reach(ctx context.Context, at time.Time) (from store.Base, through store.Record, err error) {
	all, err := p.store.Bases(ctx)
	if err != nil {
		return from, through, err
	}
	first, err := p.store.Journal(ctx, 0, 1)
	if err != nil {
		return from, through, err
	}
	if len(first) > 0 {
		// The journal's start is a state, too: nothing was seen.
		if first[0].Position == 1 {
			all = slices.Insert(all, 0, store.Base{Taken: first[0].Recorded, Software: p.software})
		}
		all = slices.DeleteFunc(all, func(b store.Base) bool { return b.Position+1 < first[0].Position })
	}
	last := len(all) - 1
	for ; last >= 0 && all[last].Taken.After(at); last-- {
	}
	switch {
	case len(all) == 0:
		return from, through, fmt.Errorf("%w: nothing is recorded yet", api.ErrPast)
	case last < 0:
		return from, through, fmt.Errorf("%w: nothing is kept of %s: what can be told begins at %s", api.ErrPast, stampOf(at), stampOf(all[0].Taken))
	}
	from = all[last]
	until := ^uint64(0)
	if last+1 < len(all) {
		until = all[last+1].Position
	}
	through, err = p.through(ctx, from, until, at)
	return from, through, err
}

// through is the last record of those after from and not after until that was
// recorded by a moment. Where the clock was set back, what was recorded before
// counts as well.
func (p *pasts) through(ctx context.Context, from store.Base, until uint64, at time.Time) (store.Record, error) {
	through := store.Record{Position: from.Position}
	if from.Position > 0 {
		through.Recorded = from.Taken // there was none between it and then, or it is found below
	}
	for position := from.Position; ; {
		records, err := p.store.Journal(ctx, position, chunk)
		if err != nil || len(records) == 0 {
			return through, err
		}
		for i := range records {
			r := &records[i]
			if r.Position > until {
				return through, nil
			}
			if !r.Recorded.After(at) {
				through = store.Record{Position: r.Position, Recorded: r.Recorded}
			}
			position = r.Position
		}
	}
}

// load gives an engine the state that was kept.
func (p *pasts) load(ctx context.Context, e *engine, from store.Base) error {
	if from.Position == 0 {
		return nil
	}
	s := saved{}
	if err := p.store.LoadBase(ctx, from.Position, s.take); err != nil {
		return err
	}
	return e.restoreFrom(ctx, s, from.Position)
}

// replay applies the journal through a position.
func (p *pasts) replay(ctx context.Context, e *engine, through uint64) error {
	told := time.Now() // for the log alone
	for e.Position() < through {
		records, err := p.store.Journal(ctx, e.Position(), chunk)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return fmt.Errorf("the journal ends at %d, before %d", e.Position(), through)
		}
		for i := range records {
			if records[i].Position > through {
				break
			}
			if err := errors.Join(ctx.Err(), e.apply(&records[i])); err != nil {
				return err
			}
		}
		if time.Since(told) >= pastTold {
			told = time.Now()
			p.log.Info("rebuilding a past", "position", e.Position(), "through", through)
		}
	}
	return nil
}

// pastLag is more than a running collector takes to record that something is
// due.
const pastLag = 5 * time.Second

// passed judges what fell due between the last record and a moment for which
// there is none: no collector ran then.
func (e *engine) passed(recorded, at time.Time) {
	if at.Sub(recorded) < pastLag || !e.ringing(at) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.time(at)
	e.ring(at)
	e.stand(at)
}

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// errReadOnly is what an engine of the past comes upon when it would write.
var errReadOnly = errors.New("the past is not written to")

// readOnly is a store without what an engine writes.
type readOnly struct{ store.Store }

func (readOnly) Append(context.Context, []store.Record) ([]store.Answer, error) {
	return nil, errReadOnly
}

func (readOnly) PutAct(context.Context, string, []byte, store.Act) (uint64, error) {
	return 0, errReadOnly
}

func (readOnly) PutPolicy(context.Context, store.Policy, store.Act) (uint64, error) {
	return 0, errReadOnly
}

func (readOnly) Save(context.Context, uint64, uint64, bool, []store.Change) error { return errReadOnly }
