package api

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"
)

// throttle makes who fails again and again wait longer and longer. It knows
// accounts by the names that were tried, so that a name that does not exist
// waits like one that does. The zero value is ready; safe for concurrent use.
type throttle struct {
	mu    sync.Mutex
	tries map[string]*tries
}

// tries of one account or address.
type tries struct {
	failed int
	last   time.Time
}

// Tries that cost no wait: of an account, and of an address, behind which many
// people may sit. After them the wait doubles from a second up to maxWait; who
// keeps still for forgetAfter begins anew.
const (
	freeOfAccount = 5
	freeOfAddress = 20
	maxWait       = 15 * time.Minute
	forgetAfter   = time.Hour
	maxTries      = 10_000 // remembered; the stillest are forgotten first
)

// wait is how long until the next try of all keys is taken.
func (t *throttle) wait(now time.Time, keys ...string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, k := range keys {
		if x := t.tries[k]; x != nil {
			longest = max(longest, x.last.Add(x.wait(k)).Sub(now))
		}
	}
	return longest
}

func (x *tries) wait(k string) time.Duration {
	over := x.failed - free(k)
	switch {
	case over < 0:
		return 0
	case over > 20:
		return maxWait
	}
	return min(time.Second<<over, maxWait)
}

func free(k string) int {
	if strings.HasPrefix(k, "address ") {
		return freeOfAddress
	}
	return freeOfAccount
}

// failed counts a failure of all keys, and reports whether it made one wait for
// the first time.
func (t *throttle) failed(now time.Time, keys ...string) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tries == nil {
		t.tries = map[string]*tries{}
	}
	for _, k := range keys {
		x := t.tries[k]
		if x == nil || now.Sub(x.last) > forgetAfter {
			t.makeRoom(now)
			x = &tries{}
			t.tries[k] = x
		}
		x.failed++
		x.last = now
		first = first || x.failed == free(k)
	}
	return first
}

// passed forgets the failures of an account.
func (t *throttle) passed(k string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, k)
}

// makeRoom forgets who has been still, and if that is nobody, half.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.tries) < maxTries {
		return
	}
	for _, still := range []time.Duration{forgetAfter, maxWait, time.Minute, 0} {
		for k, x := range t.tries {
			if now.Sub(x.last) >= still && (still > 0 || len(t.tries) > maxTries/2) {
				delete(t.tries, k)
			}
		}
		if len(t.tries) < maxTries {
			return
		}
	}
}

// network is what of an address counts: of IPv6 the /64 that one machine can
// choose from.
func network(from string) string {
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return cut(host, 64)
	}
	if a = a.Unmap(); a.Is6() {
		p, _ := a.Prefix(64) // of an address of 128 bits
		return p.String()
	}
	return a.String()
}

// printable keeps what a stranger typed from steering who reads the log.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
