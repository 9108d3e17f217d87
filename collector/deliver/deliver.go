// Package deliver tells others what happens: it sends events (findings,
// conditions, authorizations, agents, the audit log) to log servers and SIEMs by
// syslog, and to programs by webhook. Fill an Outbox while the journal is
// applied, and let a Desk bring what it holds to each destination, at least
// once, however long one is away: nobody else waits for it.
//
// A new format is a file with a function of an Event, and a line in formats.
package deliver

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"demarc/collector/config"
	"demarc/collector/store"
)

// Config of a Desk.
type Config struct {
	Destinations []config.Destination
	Store        store.Store
	Outbox       *Outbox
	Log          *slog.Logger
	Clock        func() time.Time
	About        About
	// Retry is the first wait after a failure, Settle how long a connection must
	// stand after what was written to it: a second each if zero.
	Retry, Settle time.Duration
}

// Desk delivers.
type Desk struct {
	Config
	all []*destination
}

// Bounds of one batch, and how often what has no bell of its own is looked at.
const (
	maxBatch  = 200
	lookEvery = time.Second
	maxWait   = 2 * time.Minute
)

// New makes a Desk, or says what is wrong with a destination's files.
func New(c Config) (*Desk, error) {
	c.Retry, c.Settle = cmp.Or(c.Retry, time.Second), cmp.Or(c.Settle, time.Second)
	d := &Desk{Config: c}
	for _, x := range c.Destinations {
		s, err := open(x, c.About, c.Settle)
		if err != nil {
			return nil, err
		}
		d.all = append(d.all, &destination{Destination: x, sink: s, format: formats[x.Format], wake: make(chan struct{}, 1)})
	}
	c.Outbox.subs = d.all
	return d, nil
}

// Begin loads how far each destination is; a new one begins behind position, and
// behind the end of the audit log. It comes before the first Add.
func (x *Desk) Begin(ctx context.Context, position uint64) error {
	known, err := x.Store.Deliveries(ctx)
	if err != nil {
		return err
	}
	last, err := x.Store.LastAudit(ctx)
	if err != nil {
		return err
	}
	for _, d := range x.all {
		p, there := known[d.Name]
		if !there {
			p = store.Delivery{Position: position, N: ^uint32(0), Audit: last.Sequence}
			if err := x.Store.PutDelivery(ctx, d.Name, p); err != nil {
				return err
			}
		}
		d.at = p
		delete(known, d.Name)
	}
	for name := range known {
		if err := x.Store.DropDelivery(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Run delivers until ctx ends.
func (x *Desk) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, d := range x.all {
		all.Go(func() { x.run(ctx, d) })
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			x.Outbox.trim()
			x.keep(ctx)
		case <-ctx.Done():
		}
	}
	all.Wait()
	x.keep(context.WithoutCancel(ctx))
}

// keep saves positions that moved without anything being sent.
func (x *Desk) keep(ctx context.Context) {
	for _, d := range x.all {
		if p, moved := d.moved(); moved {
			if err := x.Store.PutDelivery(ctx, d.Name, p); err != nil && ctx.Err() == nil {
				d.unsaved()
				x.Log.Error("position of a delivery not saved: a restart will repeat events", "destination", d.Name, "error", err)
			}
		}
	}
}

// run delivers to one destination.
func (x *Desk) run(ctx context.Context, d *destination) {
	defer d.sink.close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		b, err := x.take(ctx, d)
		if err != nil {
			d.failed(x.Clock(), err)
		}
		if len(b.messages) == 0 {
			select {
			case <-ctx.Done():
			case <-d.wake:
			case <-tick.C: // the audit log may have grown
			}
			continue
		}
		if !x.insist(ctx, d, b) {
			return
		}
		d.took(x.Clock(), b)
		x.keep(context.WithoutCancel(ctx))
	}
}

// insist sends a batch until it is taken, and reports whether it was before ctx
// ended.
func (x *Desk) insist(ctx context.Context, d *destination, b batch) bool {
	wait := &backoff.ExponentialBackOff{InitialInterval: x.Retry, RandomizationFactor: 0.3, Multiplier: 2, MaxInterval: max(maxWait, x.Retry)}
	wait.Reset()
	for {
		_, err := d.sink.send(ctx, b.messages)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		pause := wait.NextBackOff()
		if later, ok := errors.AsType[*laterError](err); ok {
			pause = later.after
		}
		if d.failed(x.Clock(), err) {
			x.Log.Warn("events not delivered: tried again", "destination", d.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// batch is what is sent at once, and how far that brings a destination.
type batch struct {
	messages []message
	through  Mark
	audit    uint64 // 0: as it was
	told     uint64 // of what was dropped
}

// take is the next batch of a destination.
func (x *Desk) take(ctx context.Context, d *destination) (b batch, err error) {
	p := d.position()
	b.told = p.Told
	if p.Dropped > p.Told {
		b.told = p.Dropped
		b.messages = append(b.messages, d.message(gap(x.Clock(), d.Name, p), &x.About))
	}
	events, through := x.Outbox.after(Mark{p.Position, p.N}, d, maxBatch)
	for _, e := range events {
		b.messages = append(b.messages, d.message(e, &x.About))
	}
	b.through = through
	if d.asks(config.Audit) && len(b.messages) < maxBatch {
		entries, err := x.Store.AuditLog(ctx, p.Audit, maxBatch-len(b.messages))
		if err != nil {
			return b, err
		}
		for i := range entries {
			b.messages = append(b.messages, d.message(OfAudit(&entries[i]), &x.About))
			b.audit = entries[i].Sequence
		}
	}
	d.flies(b)
	return b, nil
}

// gap tells a destination what it will not get.
func gap(now time.Time, name string, p store.Delivery) *Event {
	n := p.Dropped - p.Told
	e := &Event{
		Time: now, Kind: KindGap, What: "delivery", Severity: 70, Count: n, Subject: name, Revision: p.Dropped,
		Title: plural(n, "event was", "events were") + " dropped before this destination could take them",
		Words: "Too much waited for it. What happened is still on the pages, and in the audit log.",
	}
	e.Finish()
	return e
}

// Health is how delivery to a destination goes.
type Health struct {
	Name, To, Format string
	Failing          bool
	Waiting          uint64    // events
	Oldest           time.Time // of those
	Sent             uint64    // in this run of the collector
	Dropped          uint64    // ever
	LastSent         time.Time
	Error            string // the last
	ErrorAt          time.Time
}

// Health tells how each destination does, in the order of the configuration; of
// no Desk, nothing.
func (x *Desk) Health() []Health {
	if x == nil {
		return nil
	}
	all := make([]Health, len(x.all))
	for i, d := range x.all {
		n, oldest := x.Outbox.lag(d)
		all[i] = d.shown()
		if all[i].Waiting = n; oldest != nil {
			all[i].Oldest = oldest.Time
		}
	}
	return all
}
