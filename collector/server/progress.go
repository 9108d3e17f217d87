package server

import "sync/atomic"

// progress is how far a judgement of many connections is. It may be read while
// it goes on.
type progress struct{ done, of atomic.Int64 }

func (p *progress) begin(of int) {
	p.done.Store(0)
	p.of.Store(int64(of))
}

func (p *progress) step(done int) { p.done.Store(int64(done)) }

func (p *progress) end() { p.of.Store(0) }
