package api

import (
	"sync"
	"time"
)

// Changes counts changes and wakes who waits for the next one.
type Changes struct {
	mu   sync.Mutex
	n    uint64
	next chan struct{} // closed at the next change
}

// NewChanges begins at a number that is higher than those of earlier runs, so
// that a page that outlived a restart notices.
func NewChanges() *Changes {
	return &Changes{n: uint64(time.Now().UnixMicro()), next: make(chan struct{})}
}

// Bump counts one change.
func (c *Changes) Bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
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
