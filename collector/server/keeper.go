package server

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"demarc/collector/store"
)

// replayAtMost is how many records of the journal may follow a kept state
// before another one is kept, so that a view of the past is there in seconds to
// few minutes; a busy journal makes them at most every keptApart.
const (
	replayAtMost = 200_000
	keptApart    = time.Hour
)

// keeper keeps whole states of the past, at intervals and within a size: what
// the journal is replayed from.
type keeper struct {
	store    store.Store
	fence    uint64
	software string
	every    time.Duration
	most     uint64 // bytes of all of them
	log      *slog.Logger

	kept []store.Base // by ascending position
}

// open learns what is kept.
func (k *keeper) open(ctx context.Context) (err error) {
	k.kept, err = k.store.Bases(ctx)
	return err
}

// due reports whether the state at a position is to be kept.
func (k *keeper) due(position uint64, now time.Time) bool {
	if k.every == 0 || len(k.kept) == 0 {
		return k.every > 0
	}
	last := k.kept[len(k.kept)-1]
	age := now.Sub(last.Taken).Abs() // a clock that was set back makes it no less due
	return position > last.Position && (age >= k.every || age >= keptApart && position-last.Position >= replayAtMost)
}

// keep keeps a whole state, and makes room for it.
func (k *keeper) keep(ctx context.Context, c checkpoint) error {
	begun := time.Now() // for the log alone
	b, err := k.store.PutBase(ctx, k.fence, store.Base{Position: c.position, Taken: c.taken, Software: k.software}, c.changes)
	if err != nil {
		return fmt.Errorf("keep the state for views of the past: %w", err)
	}
	k.kept = append(k.kept, b)
	k.log.Info("state kept for views of the past", "position", b.Position, "bytes", b.Bytes, "of", k.bytes(), "in", time.Since(begun).Round(time.Millisecond))
	return k.thin(ctx)
}

func (k *keeper) bytes() (n uint64) {
	for _, b := range k.kept {
		n += b.Bytes
	}
	return n
}

// thin drops states that the journal no longer continues, and those that do not
// fit: the one whose absence makes the shortest replay longer, so that what is
// left reaches as far back as before.
func (k *keeper) thin(ctx context.Context) error {
	first, err := k.store.Journal(ctx, 0, 1)
	if err != nil {
		return err
	}
	for len(k.kept) > 1 && len(first) > 0 && k.kept[0].Position+1 < first[0].Position {
		if err := k.drop(ctx, 0); err != nil {
			return err
		}
	}
	for len(k.kept) > 1 && k.bytes() > k.most {
		if err := k.drop(ctx, k.spare()); err != nil {
			return err
		}
	}
	return nil
}

// spare is the state to do without: never the last one, and the first one
// only before the last.
func (k *keeper) spare() int {
	at, least := 0, ^uint64(0)
	for i := 1; i < len(k.kept)-1; i++ {
		if gap := k.kept[i+1].Position - k.kept[i-1].Position; gap < least {
			at, least = i, gap
		}
	}
	return at
}

func (k *keeper) drop(ctx context.Context, i int) error {
	if err := k.store.DropBase(ctx, k.fence, k.kept[i].Position); err != nil {
		return fmt.Errorf("drop a kept state: %w", err)
	}
	k.kept = slices.Delete(k.kept, i, i+1)
	return nil
}
