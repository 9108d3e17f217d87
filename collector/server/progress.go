package server

import "sync/atomic"

// progress is how far a judgement of many connections is. It is read while it
// goes on.
type progress struct{ done, of atomic.Uint64 }

func (p *progress) begin(of int) {
	p.done.Store(0)
	p.of.Store(uint64(of))
}

func (p *progress) step(done int) { p.done.Store(uint64(done)) }

func (p *progress) end() {
	p.of.Store(0)
	p.done.Store(0)
}

// Judging implements api.Plant. One batch is over before anybody notices.
func (e *engine) Judging() (done, of uint64) {
	if of = e.progress.of.Load(); of <= batch {
		return 0, 0
	}
	return min(e.progress.done.Load(), of), of
}
