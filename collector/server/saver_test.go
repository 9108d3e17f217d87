package server

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"demarc/collector/store"
)

// recorder is a store that remembers how it was saved to, and can fail.
type recorder struct {
	store.Store
	fail  error
	whole []bool
}

func (r *recorder) Save(ctx context.Context, fence, position uint64, whole bool, changes []store.Change) error {
	if r.fail != nil {
		return r.fail
	}
	r.whole = append(r.whole, whole)
	return r.Store.Save(ctx, fence, position, whole, changes)
}

func TestSavesAreIncrementalUntilOneFails(t *testing.T) {
	l := newLab(t)
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	r := &recorder{Store: l.store}
	s := &saver{engine: l.engine, store: r, fence: fence, log: slog.New(slog.DiscardHandler)}
	step := func() error {
		l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
		return s.save(t.Context(), false)
	}
	l.must(step())
	l.must(step())
	l.must(s.save(t.Context(), false)) // nothing new: nothing to save
	r.fail = errors.New("disk full")
	if err := step(); err == nil {
		t.Error("a failed save was not told")
	}
	r.fail = nil
	l.must(step())
	l.must(step())
	if len(r.whole) != 4 || r.whole[0] || r.whole[1] || !r.whole[2] || r.whole[3] {
		t.Errorf("whole: %v: the changes of a save that failed are in no later one", r.whole)
	}
	l.same("after a save that failed", l.restarted())
	s.grown = 4*s.size + 10_001
	l.must(step())
	if !r.whole[len(r.whole)-1] {
		t.Error("the log of changes grows past the state")
	}
	l.same("after a whole one", l.restarted())
}

// Who lost the lease must stop, not go on judging.
func TestSaverStopsWithoutTheLease(t *testing.T) {
	l := newLab(t)
	fence, err := l.store.Lease(t.Context(), "one")
	l.must(err)
	_, err = l.store.Lease(t.Context(), "two")
	l.must(err)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	s := &saver{engine: l.engine, store: l.store, fence: fence, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.run(ctx, time.Millisecond, l.clock); !errors.Is(err, store.ErrFence) {
		t.Errorf("%v", err)
	}
}

// A version of the program that judges otherwise judges everything anew, once.
func TestAnotherVersionJudgesAnew(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	c, err := l.cutState(true)
	l.must(err)
	for i := range c.changes { // as a version that found nothing left it
		if c.changes[i].Table == tableFindings {
			c.changes[i].Value = nil
		}
	}
	l.must(l.store.Save(t.Context(), fence, c.position, true, c.changes))
	e := l.fresh()
	e.software = "newer"
	l.must(e.restore(t.Context()))
	if len(e.Findings()) != 0 {
		t.Fatal("the test saved the findings")
	}
	for range 2 { // the second start finds its own judgement
		l.must(e.judgeAnew(t.Context()))
		l.catch(e)
		if len(e.Findings()) != 1 {
			t.Errorf("%v", e.Findings())
		}
		e.judgedBy = e.software
	}
	if last, _ := l.store.Last(t.Context()); last != 3 {
		t.Errorf("%d records, want 3", last)
	}
}
