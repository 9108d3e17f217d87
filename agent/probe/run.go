package probe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"demarc/internal/reading"
)

// Schedule is what a collector has had approved for this agent.
type Schedule struct {
	ID      string
	Every   time.Duration // 0 is once
	Targets []reading.Target
}

// Orders are what people want of this agent, as its collector tells.
type Orders struct {
	Killed    string // why nothing may be sent; "" when it may
	Schedules []Schedule
	Resumed   []Stop // stops that a person took back
}

// Runner asks when something is due: the settings' own targets and the
// collector's schedules, one after the other.
type Runner struct {
	*Prober
	// Ended, when set, is told what came of each job.
	Ended func(Job, error)

	mu     sync.Mutex
	orders Orders
	wake   chan struct{}
	once   sync.Once
}

// lookEvery is how often it is looked for what is due.
const lookEvery = time.Second

// Order takes new orders. A kill has happened when it returns.
func (r *Runner) Order(o Orders) error {
	var errs []error
	if o.Killed != "" {
		errs = append(errs, r.Gate.Kill(o.Killed))
	} else {
		errs = append(errs, r.Gate.Open())
	}
	for _, s := range o.Resumed {
		if ok, err := r.Gate.Resume(s.Address, s.Since); err != nil {
			errs = append(errs, err)
		} else if ok {
			r.Log.Info("device may be asked again", "address", s.Address)
		}
	}
	r.mu.Lock()
	r.orders = o
	r.mu.Unlock()
	select {
	case r.woken() <- struct{}{}:
	default:
	}
	return errors.Join(errs...)
}

func (r *Runner) woken() chan struct{} {
	r.once.Do(func() { r.wake = make(chan struct{}, 1) })
	return r.wake
}

// Run asks until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	go r.Gate.watch(ctx)
	for {
		all := r.jobs()
		for _, j := range all {
			if ctx.Err() != nil {
				return nil
			}
			r.turn(ctx, j, all)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		case <-r.woken():
		}
	}
}

// job is what is due with how often it comes.
type job struct {
	Job
	every time.Duration
}

// jobs lists what is asked now and then.
func (r *Runner) jobs() []job {
	r.mu.Lock()
	schedules := slices.Clone(r.orders.Schedules)
	r.mu.Unlock()
	var all []job
	for _, j := range r.Jobs() {
		all = append(all, job{j, r.every})
	}
	for _, s := range schedules {
		for _, t := range s.Targets {
			all = append(all, job{Job{Schedule: s.ID, Target: t}, s.Every})
		}
	}
	return all
}

// turn asks one target of all, if it is due and fine now.
func (r *Runner) turn(ctx context.Context, j job, all []job) {
	if !r.Gate.due(j) {
		return
	}
	unlock, err := lock(r.State)
	if err != nil {
		return // somebody asks by hand: the next look comes soon
	}
	defer unlock()
	if err := r.Gate.begin(j, all); err != nil {
		r.Log.Error("not asked: when it was asked last cannot be kept", "error", err)
		return
	}
	err = r.Ask(ctx, j.Job)
	switch {
	case errors.Is(err, ErrClosed):
		r.Log.Warn("asking stopped", "target", j.Target.Address, "schedule", j.Schedule, "reason", err)
	case err != nil:
		r.Log.Warn("asked in part", "target", j.Target.Address, "schedule", j.Schedule, "error", err)
	default:
		r.Log.Info("asked", "target", j.Target.Address, "schedule", j.Schedule)
	}
	if r.Ended != nil {
		r.Ended(j.Job, err)
	}
}

// key names a job over restarts.
func (j Job) key() string { return j.Schedule + "|" + j.Target.Address }

// due reports whether a job's time has come and nothing bars it.
func (g *Gate) due(j job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	addr, err := parse(j.Target.Address)
	now := g.now()
	if err != nil || g.barred(addr, now) != nil {
		return false
	}
	if p := g.devices[addr]; p != nil && p.failed > 0 && p.free.After(now) {
		return false // it rests
	}
	last, asked := g.kept.Asked[j.key()]
	return !asked || (j.every > 0 && now.Sub(last) >= j.every)
}

// begin notes that a job is asked, before it is: a crash does not ask again.
// What is no job any more is forgotten a day after it was asked: what is
// ordered, taken back and ordered again is not asked twice.
func (g *Gate) begin(j job, all []job) error {
	keys := map[string]bool{}
	for _, j := range all {
		keys[j.key()] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now().UTC()
	return g.keep(func(k *kept) {
		if k.Asked == nil {
			k.Asked = map[string]time.Time{}
		}
		maps.DeleteFunc(k.Asked, func(key string, at time.Time) bool { return !keys[key] && now.Sub(at) > 24*time.Hour })
		k.Asked[j.key()] = now
	})
}
