package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"demarc/collector/store"
)

// saver writes checkpoints. Between two it appends what changed; when that has
// grown past the state itself it writes the whole.
type saver struct {
	engine *engine
	store  store.Store
	fence  uint64
	bases  keeper
	log    *slog.Logger

	mu     sync.Mutex
	saved  uint64 // position of the last checkpoint
	grown  int    // changes written since the last whole
	size   int    // changes in the last whole
	broken bool   // a save failed: its changes are in no later one
}

const trimEvery = time.Hour

// run saves at intervals until ctx ends. The last checkpoint is its owner's to
// write, when nothing changes any more.
func (s *saver) run(ctx context.Context, every time.Duration, clock func() time.Time) error {
	save, trim := time.NewTicker(every), time.NewTicker(trimEvery)
	defer save.Stop()
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-save.C:
			if err := s.save(ctx, true); errors.Is(err, store.ErrFence) {
				return err
			} else if err != nil && ctx.Err() == nil {
				s.log.Error("state not saved: a restart will replay more of the journal", "error", err)
			}
		case <-trim.C:
			if n, err := s.store.Trim(ctx, clock().Add(-replayPeriod)); err != nil && ctx.Err() == nil {
				s.log.Error("journal not trimmed", "error", err)
			} else if n > 0 {
				s.log.Info("journal trimmed", "records", n)
			}
			if err := s.bases.thin(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("old states not dropped", "error", err)
			}
		}
	}
}

// last writes the checkpoint of a shutdown.
func (s *saver) last() error {
	if err := s.save(context.Background(), false); err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	s.log.Info("state saved", "position", s.saved)
	return nil
}

// save writes what changed, or everything; base lets it keep a whole state for
// views of the past when one is due.
func (s *saver) save(ctx context.Context, base bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	position := s.engine.Position()
	if position == s.saved {
		return nil
	}
	base = base && s.bases.due(position, s.engine.clock())
	c, err := s.engine.cutState(base || s.broken || s.grown > 4*s.size+10_000)
	if err == nil {
		err = s.store.Save(ctx, s.fence, c.position, c.whole, c.changes)
	}
	if err != nil {
		s.broken = true
		return err
	}
	s.saved, s.broken = c.position, false
	s.grown += len(c.changes)
	if c.whole {
		s.grown, s.size = 0, len(c.changes)
	}
	if !base {
		return nil
	}
	if err := s.bases.keep(ctx, c); errors.Is(err, store.ErrFence) {
		return err
	} else if err != nil && ctx.Err() == nil {
		s.log.Error("views of the past take longer", "error", err)
	}
	return nil
}
