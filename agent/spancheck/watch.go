package spancheck

import (
	"sync"
	"time"
)

// keep is how long an answer stands in for one that cannot be told.
const keep = 30 * time.Minute

// Watch keeps the answers of one interface current while an agent runs. Its
// methods may be called from any goroutine.
type Watch struct {
	source  Source
	checker *Checker

	mu      sync.Mutex
	seen    *Counts
	cards   []reading // oldest first
	results []Result
	told    map[string]time.Time // when a check was answered last
}

// reading is the card's counters at a time.
type reading struct {
	at   time.Time
	card Card
}

// NewWatch watches what k counts of an interface; s.Box is its state at the start.
func NewWatch(s Source, k *Checker, now time.Time) *Watch {
	w := &Watch{source: s, checker: k, told: map[string]time.Time{}}
	if s.Box != nil {
		w.cards = []reading{{now, s.Box.Card}}
	}
	return w
}

// Update judges what was counted since it was called last, if the Checker has
// published anew; look reads the interface, usually Look. It reports whether it
// judged.
func (w *Watch) Update(now time.Time, look func(string) (*Box, error)) bool {
	n := w.checker.Latest()
	w.mu.Lock()
	defer w.mu.Unlock()
	if n == nil || n == w.seen {
		return false
	}
	w.seen = n
	s := w.source
	if b, err := look(s.Name); err == nil {
		s.Box, s.Since = b, w.since(now, b.Card)
	} else {
		s.Box = nil
	}
	w.results = w.merge(now, Judge(n, s))
	w.checker.SetFaults(faults(w.results))
	return true
}

// since is what the card counted in about the last quarter hour.
func (w *Watch) since(now time.Time, c Card) Card {
	w.cards = append(w.cards, reading{now, c})
	for len(w.cards) > 2 && now.Sub(w.cards[1].at) > 15*time.Minute {
		w.cards = w.cards[1:]
	}
	return c.less(w.cards[0].card)
}

// merge lets an earlier answer stand where there is none now.
func (w *Watch) merge(now time.Time, all []Result) []Result {
	before := map[string]Result{}
	for _, r := range w.results {
		before[r.ID] = r
	}
	for i, r := range all {
		if r.Verdict != CannotTell {
			w.told[r.ID] = now
		} else if old, ok := before[r.ID]; ok && old.Verdict != CannotTell && now.Sub(w.told[r.ID]) < keep {
			all[i] = old
		}
	}
	return all
}

// Results are the answers now; none before the first is judged.
func (w *Watch) Results() []Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Result(nil), w.results...)
}

// blind says, of each check that can fail, what is not seen while it does.
var blind = map[string]string{
	Traffic:    "the mirror is silent",
	Unicast:    "the mirror shows broadcast and multicast only",
	Directions: "the mirror shows one direction only",
	VLANTags:   "the mirror strips VLAN tags: segments are mixed up",
	Whole:      "the mirror cuts frames",
	Capacity:   "the mirror loses frames",
	Clock:      "the agent's clock is wrong",
}

// faults are the bad answers that limit what is seen. Drops are told by count,
// elsewhere.
func faults(all []Result) (f []Fault) {
	for _, r := range all {
		if text := blind[r.ID]; r.Verdict == Bad && text != "" {
			f = append(f, Fault{r.ID, text})
		}
	}
	return f
}
