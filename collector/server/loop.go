package server

import (
	"context"
	"time"

	"demarc/collector/store"
)

// chunk is how much of the journal is read at once, in bytes.
const chunk = 4 << 20

// clockTick is how often the loop looks whether something is due.
const clockTick = 200 * time.Millisecond

// news tells the loop that the journal grew.
func (e *engine) news() {
	select {
	case e.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// run applies the journal until ctx ends. caught is called when it has caught
// up with what was there at the start.
func (e *engine) run(ctx context.Context, caught func()) error {
	tick := time.NewTicker(clockTick)
	defer tick.Stop()
	for {
		if err := e.catchUp(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		caught()
		caught = func() {}
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		case <-tick.C:
			if err := e.tick(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("clock record not written", "error", err)
			}
		}
	}
}

// catchUp applies what the journal holds.
func (e *engine) catchUp(ctx context.Context) error {
	for {
		records, err := e.store.Journal(ctx, e.Position(), chunk)
		if err != nil || len(records) == 0 {
			return err
		}
		for i := range records {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := e.apply(&records[i]); err != nil {
				return err
			}
		}
		e.changes.Bump(e.altered.take(e)...)
	}
}

// tick adds a clock record when something is due, so that the order of time
// and reports is fixed like that of reports.
func (e *engine) tick(ctx context.Context) error {
	if !e.ringing(e.clock()) {
		return nil
	}
	_, err := e.store.Append(ctx, []store.Record{{Kind: store.KindClock}})
	if err == nil {
		e.news()
	}
	return err
}
