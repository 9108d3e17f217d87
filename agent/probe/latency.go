package probe

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Latency watches how fast devices answer others, as the capture sees it, and
// stops one that becomes slower while it is asked.
type Latency struct {
	gate    *Gate
	allowed func(netip.Addr) bool
	source  netip.Addr

	mu      sync.Mutex
	devices map[netip.Addr]*speed
}

// speed is a device's own pace: the mean of its answers while it is not asked,
// and of the latest ones while it is.
type speed struct {
	usual, now time.Duration
	known      int // answers in usual
	fresh      int // answers in now
}

// When a device is slower than it was: the mean of so many answers is over
// twice the usual and some milliseconds.
const (
	knownLeast  = 32
	freshLeast  = 8
	slowFactor  = 2
	slowBeyond  = 5 * time.Millisecond
	askedLately = 30 * time.Second
	maxWatched  = 8192
)

func newLatency(g *Gate, allowed func(netip.Addr) bool, source netip.Addr) *Latency {
	return &Latency{gate: g, allowed: allowed, source: source, devices: map[netip.Addr]*speed{}}
}

// Observe takes one answer of a server to a client that is not this agent. It
// never waits: the capture's goroutine calls it.
func (l *Latency) Observe(client, server netip.Addr, took, _ time.Duration) {
	if client == l.source || !l.allowed(server) || !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	asked, sure := l.gate.askedLately(server)
	s := l.devices[server]
	if s == nil {
		if len(l.devices) >= maxWatched {
			return
		}
		s = &speed{}
		l.devices[server] = s
	}
	switch {
	case !sure:
	case !asked:
		s.known, s.fresh = s.known+1, 0
		s.usual += (took - s.usual) / time.Duration(min(s.known, 256))
	default:
		s.fresh++
		s.now += (took - s.now) / time.Duration(min(s.fresh, freshLeast))
		if s.known >= knownLeast && s.fresh >= freshLeast && s.now > slowFactor*s.usual+slowBeyond {
			why := fmt.Sprintf("it answers others in %v since it is asked, and took %v before", s.now.Round(time.Microsecond), s.usual.Round(time.Microsecond))
			go func() { _ = l.gate.Stop(server, why) }() // kept in memory at least
			s.fresh = 0
		}
	}
}

// askedLately reports whether a device has been asked within the last half
// minute; not sure while others use the gate.
func (g *Gate) askedLately(a netip.Addr) (asked, sure bool) {
	if !g.mu.TryLock() {
		return false, false
	}
	defer g.mu.Unlock()
	p := g.devices[a]
	return p != nil && len(p.sent) > 0 && g.now().Sub(p.sent[len(p.sent)-1]) < askedLately, true
}
