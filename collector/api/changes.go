package api

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Things that change, each with the lists that then show something else.
const (
	ChangedAgents      = "agents"
	ChangedAssets      = "assets"
	ChangedConnections = "connections"
	ChangedFindings    = "findings"
	ChangedConditions  = "conditions"
	ChangedSlices      = "slices"
	ChangedSight       = "sight" // what was heard, how long and with what loss
)

// listsOf names lists by the last part of their REST path.
var listsOf = map[string][]string{
	ChangedAgents:      {"agents"},
	ChangedAssets:      {"assets", "sites", "boundaries", "second-paths", "reconcile"},
	ChangedConnections: {"connections", "crossings", "agreements", "paths", "regulated", "remote-access", "second-paths", "reconcile", "explain", "calendar"},
	ChangedFindings:    {"findings", "drift", "boundaries", "crossings", "agreements", "remote-access", "second-paths", "calendar", "notices", "explain"},
	ChangedConditions:  {"conditions", "gate", "calendar", "notices", "explain", "authorizations", "boundaries"},
	ChangedSlices:      {"slices", "explain"},
	ChangedSight:       {"boundaries", "sites", "agreements"},
}

// Changes counts changes and wakes who waits for the next one.
type Changes struct {
	mu   sync.Mutex
	n    uint64
	at   map[string]uint64 // of each thing, when it changed last
	all  uint64            // when anything may have
	next chan struct{}     // closed at the next change
}

// NewChanges begins at a number that is higher than those of earlier runs, so
// that a page that outlived a restart notices.
func NewChanges() *Changes {
	return &Changes{n: uint64(time.Now().UnixMicro()), at: map[string]uint64{}, next: make(chan struct{})}
}

// Bump counts one change, of these things; of any when none is named.
func (c *Changes) Bump(things ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	for _, x := range things {
		c.at[x] = c.n
	}
	if len(things) == 0 {
		c.all = c.n
	}
	close(c.next)
	c.next = make(chan struct{})
}

// Now is the number of the last change, and a channel that is closed at the
// next one.
func (c *Changes) Now() (n uint64, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.next
}

// Since is Now with the lists that changed after change n until then, sorted;
// none means that any may have.
func (c *Changes) Since(n uint64) (now uint64, names []string, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all > n {
		return c.n, nil, c.next
	}
	lists := map[string]bool{}
	for thing, at := range c.at {
		if at > n {
			for _, l := range listsOf[thing] {
				lists[l] = true
			}
		}
	}
	return c.n, slices.Sorted(maps.Keys(lists)), c.next
}
