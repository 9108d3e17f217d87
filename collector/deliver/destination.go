package deliver

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/collector/config"
	"demarc/collector/store"
)

// destination is one of them, with how far it is.
type destination struct {
	config.Destination
	sink   sink
	format format
	wake   chan struct{}

	mu      sync.Mutex
	at      store.Delivery
	dirty   bool // at is not saved
	flight  Mark // up to here events are being sent
	flying  uint64
	sent    uint64
	failing bool
	last    time.Time // when something was taken
	err     string
	errAt   time.Time
}

// message is an event in the form of a destination.
type message struct {
	*Event
	text []byte
}

func (d *destination) message(e *Event, a *About) message { return message{e, fit(d.format, e, a)} }

func (d *destination) asks(what string) bool { return slices.Contains(d.What, what) }

// wants reports whether an event is one of those that are asked for.
func (d *destination) wants(e *Event) bool {
	return d.asks(e.What) &&
		(e.What != config.Findings || max(e.Severity, e.Was) >= level[d.Least]) &&
		(len(d.Sites) == 0 || e.Site == "" || slices.Contains(d.Sites, e.Site)) &&
		(len(d.Boundaries) == 0 || len(e.Boundaries) == 0 || slices.ContainsFunc(e.Boundaries, func(b string) bool { return slices.Contains(d.Boundaries, b) }))
}

// Wanted reports whether an event is one of those that a destination asks for.
func Wanted(d config.Destination, e *Event) bool { return (&destination{Destination: d}).wants(e) }

// knock wakes who delivers.
func (d *destination) knock() {
	select {
	case d.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (d *destination) position() store.Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *destination) through() Mark {
	p := d.position()
	return Mark{p.Position, p.N}
}

// pass moves the position to m, never back.
func (d *destination) pass(m Mark) {
	if m.compare(Mark{d.at.Position, d.at.N}) > 0 {
		d.at.Position, d.at.N, d.dirty = m.Position, m.N, true
	}
}

// dropped counts an event that no longer waits. One that is on its way may still
// arrive.
func (d *destination) dropped(e *Event) {
	if !d.wants(e) || d.through().compare(e.Mark) >= 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at.Dropped++
	if e.Mark.compare(d.flight) <= 0 {
		d.flying++
	}
	d.pass(e.Mark)
}

// flies notes what is on its way.
func (d *destination) flies(b batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flight, d.flying = b.through, 0
	if len(b.messages) == 0 {
		d.pass(b.through) // nothing of it was asked for
	}
}

// took moves the position behind a batch that was taken.
func (d *destination) took(now time.Time, b batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pass(b.through)
	d.at.Dropped -= d.flying
	d.at.Told = min(b.told, d.at.Dropped)
	d.at.Audit = max(d.at.Audit, b.audit)
	d.flying, d.dirty = 0, true
	d.sent += uint64(len(b.messages))
	d.failing, d.last = false, now
}

// moved is the position if it is to be saved.
func (d *destination) moved() (store.Delivery, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.dirty
	d.dirty = false
	return d.at, was
}

func (d *destination) unsaved() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirty = true
}

// failed notes an error, and reports whether it is news.
func (d *destination) failed(now time.Time, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	words := Clean(err.Error(), maxText)
	news := !d.failing || d.err != words
	d.failing, d.err, d.errAt = true, words, now
	return news
}

func (d *destination) shown() Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	to, _, _ := strings.Cut(d.To, "?")
	return Health{
		Name: d.Name, To: to, Format: d.Format, Failing: d.failing, Sent: d.sent, Dropped: d.at.Dropped, LastSent: d.last, Error: d.err, ErrorAt: d.errAt,
	}
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
