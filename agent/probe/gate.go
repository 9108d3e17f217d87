package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/agent/config"
)

// Errors of a Gate and of what passes it.
var (
	// ErrClosed: nothing may be sent, or not to this device.
	ErrClosed = errors.New("probe: not sent")
	// ErrNoAnswer: the device kept silent too long, or hung up.
	ErrNoAnswer = errors.New("probe: no answer")
)

// Gate decides whether a request may leave now. It is the kill switch, the
// windows, the budgets, and what devices were stopped for. It is safe for
// concurrent use.
type Gate struct {
	now     func() time.Time
	windows []config.ProbeWindow
	device  int    // requests a minute to one device
	file    string // where what is kept outlives the process; "" is nowhere

	mu      sync.Mutex
	network budget
	devices map[netip.Addr]*pace
	lines   map[*line]bool
	changed chan struct{} // closed and made anew when something below changed
	paused  string        // why nothing may be sent for now; "" is no pause
	kept    kept
	seen    os.FileInfo // the file when it was read or written last
	unsaved bool        // kept is newer than the file, which cannot be written
}

// Limits of the gate.
const (
	// stopAfter is how many rounds in a row may fail before a person looks.
	stopAfter = 3
	// restFirst doubles with each round that fails.
	restFirst = time.Minute
	restMost  = 24 * time.Hour
	// gapLeast lies between two requests to one device; a slow one has
	// gapFactor times its last answer's time.
	gapLeast  = 20 * time.Millisecond
	gapFactor = 5
	gapMost   = time.Minute
	// maxStops bounds the list; networks that may be asked are bounded, too.
	maxStops = 4096
)

// pace is how one device is asked.
type pace struct {
	budget
	free   time.Time // not before
	failed int       // rounds in a row
}

// budget counts requests within the last minute.
type budget struct {
	most int
	sent []time.Time
}

// freeAt is when n more requests fit into the minute.
func (b *budget) freeAt(n int, now time.Time) time.Time {
	b.sent = slices.DeleteFunc(b.sent, func(t time.Time) bool { return now.Sub(t).Abs() >= time.Minute }) // a clock may be set back
	if over := len(b.sent) + min(n, b.most) - b.most; over > 0 {                                          // more than the budget waits for an empty minute
		return b.sent[over-1].Add(time.Minute)
	}
	return now
}

// count adds n requests, each with a time of its own.
func (b *budget) count(n int, now time.Time) {
	for i := range n {
		b.sent = append(b.sent, now.Add(time.Duration(i)))
	}
}

// recall adds requests that another process, or this one before a restart, has
// sent.
func (b *budget) recall(sent []time.Time) {
	b.sent = append(b.sent, sent...)
	slices.SortFunc(b.sent, time.Time.Compare)
	b.sent = slices.CompactFunc(b.sent, time.Time.Equal)
}

func newGate(o Options) (*Gate, error) {
	budgets := o.Settings.Budget.Filled()
	g := &Gate{
		now: o.Now, windows: o.Settings.Windows, device: budgets.Device,
		devices: map[netip.Addr]*pace{}, lines: map[*line]bool{}, changed: make(chan struct{}),
	}
	g.network.most = budgets.Network
	if o.State != "" {
		g.file = filepath.Join(o.State, "probe.json")
	}
	_, err := g.load()
	return g, err
}

// Kill closes the gate: when it returns, no byte leaves any more.
func (g *Gate) Kill(why string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.keep(func(k *kept) { k.Killed = why })
}

// Open takes a Kill back: a person said so.
func (g *Gate) Open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.keep(func(k *kept) { k.Killed = "" })
}

// Pause closes the gate until Pause("") or the process's end: nothing that is
// under way goes on.
func (g *Gate) Pause(why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused = why
	g.turned()
}

// Killed says why nothing may be sent; "" when it may.
func (g *Gate) Killed() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kept.Killed
}

// Stops lists the devices that are not asked until a person resumes them.
func (g *Gate) Stops() []Stop {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.kept.Stops)
}

// Stop keeps a device from being asked.
func (g *Gate) Stop(a netip.Addr, why string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	stop := Stop{Address: a, Since: g.now().UTC(), Why: why}
	return g.keep(func(k *kept) {
		if k.stopped(a) == nil && len(k.Stops) < maxStops {
			k.Stops = append(k.Stops, stop)
		}
	})
}

// Resume lets a device be asked again. since names the stop that the person
// has seen: a later one stands. The zero time is any.
func (g *Gate) Resume(a netip.Addr, since time.Time) (resumed bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	err = g.keep(func(k *kept) {
		n := len(k.Stops)
		k.Stops = slices.DeleteFunc(k.Stops, func(s Stop) bool {
			return s.Address == a && (since.IsZero() || s.Since.Equal(since))
		})
		resumed = resumed || len(k.Stops) < n
	})
	return resumed, err
}

func (g *Gate) paceOf(a netip.Addr) *pace {
	p := g.devices[a]
	if p == nil {
		p = &pace{budget: budget{most: g.device}}
		g.devices[a] = p
	}
	return p
}

// barred says why nothing may be sent to a device now; the caller holds mu.
func (g *Gate) barred(a netip.Addr, now time.Time) error {
	switch s := g.kept.stopped(a); {
	case g.kept.Killed != "":
		return fmt.Errorf("%w: stopped for all: %s", ErrClosed, g.kept.Killed)
	case g.paused != "":
		return fmt.Errorf("%w: %s", ErrClosed, g.paused)
	case s != nil:
		return fmt.Errorf("%w: %s is stopped since %s: %s; a person must resume it", ErrClosed, a, s.Since.Format(time.DateTime), s.Why)
	case !g.open(now):
		return fmt.Errorf("%w: %s", ErrClosed, g.shut())
	}
	return nil
}

// open reports whether a window is, or there are none.
func (g *Gate) open(now time.Time) bool {
	return len(g.windows) == 0 || slices.ContainsFunc(g.windows, func(w config.ProbeWindow) bool { return w.Open(now) })
}

// shut says that no window is open.
func (g *Gate) shut() string {
	var all []string
	for _, w := range g.windows {
		all = append(all, w.String())
	}
	return "outside every window of probe.windows: " + strings.Join(all, "; ")
}

// Waits says why nothing may be sent for now, although nobody has stopped it;
// "" when it may.
func (g *Gate) Waits() string {
	if g.open(g.now()) {
		return ""
	}
	return g.shut()
}

// wait returns when n requests may be sent to a device, and counts them; an
// ErrClosed when they may not at all.
func (g *Gate) wait(ctx context.Context, a netip.Addr, n int) error {
	for {
		g.mu.Lock()
		now := g.now()
		if err := g.barred(a, now); err != nil {
			g.mu.Unlock()
			return err
		}
		p := g.paceOf(a)
		at := p.free
		for _, b := range []*budget{&p.budget, &g.network} {
			if t := b.freeAt(n, now); t.After(at) {
				at = t
			}
		}
		if !at.After(now) {
			p.count(n, now)
			g.network.count(n, now)
			g.mu.Unlock()
			return nil
		}
		changed := g.changed
		g.mu.Unlock()
		timer := time.NewTimer(at.Sub(now))
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", ErrClosed, ctx.Err())
		}
		timer.Stop()
	}
}

// pass waits for the gap between two requests that wait has counted.
func (g *Gate) pass(ctx context.Context, a netip.Addr) error {
	for {
		g.mu.Lock()
		now := g.now()
		err, left := g.barred(a, now), g.paceOf(a).free.Sub(now)
		changed := g.changed
		g.mu.Unlock()
		if err != nil || left <= 0 {
			return err
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", ErrClosed, ctx.Err())
		}
		timer.Stop()
	}
}

// answered makes the next request wait: the longer, the slower the device.
func (g *Gate) answered(a netip.Addr, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paceOf(a).free = g.now().Add(min(max(gapLeast, gapFactor*took), gapMost))
}

// ended takes what came of a round: silence makes the device rest, the longer
// the oftener, and stops it in the end.
func (g *Gate) ended(a netip.Addr, err error) {
	g.mu.Lock()
	now, p := g.now(), g.paceOf(a)
	switch {
	case errors.Is(err, ErrNoAnswer):
		p.failed++
		p.free = now.Add(min(restFirst<<min(p.failed-1, 20), restMost))
	case err == nil:
		p.failed = 0
	}
	failed := p.failed
	_ = g.keep(func(k *kept) { k.Sent = g.spent(now) }) // in memory at least
	g.mu.Unlock()
	if errors.Is(err, ErrNoAnswer) && failed >= stopAfter {
		_ = g.Stop(a, fmt.Sprintf("%d rounds in a row without an answer: %v", failed, err)) // kept in memory at least
	}
}

// spent lists the requests of the last minute; the caller holds mu.
func (g *Gate) spent(now time.Time) map[netip.Addr][]time.Time {
	all := map[netip.Addr][]time.Time{}
	for a, p := range g.devices {
		p.freeAt(1, now)
		if len(p.sent) > 0 {
			all[a] = slices.Clone(p.sent)
		}
	}
	return all
}

// add keeps a line so that Kill can cut it, unless the gate is closed.
func (g *Gate) add(l *line) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.barred(l.addr, g.now()); err != nil {
		return err
	}
	for other := range g.lines {
		if other.addr == l.addr {
			return fmt.Errorf("%w: %s is asked already: one connection at a time", ErrClosed, l.addr)
		}
	}
	g.lines[l] = true
	return nil
}

// cut hangs up on a device.
func (g *Gate) cut(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for l := range g.lines {
		if l.addr == a {
			l.cut()
		}
	}
}

func (g *Gate) remove(l *line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.lines, l)
}
