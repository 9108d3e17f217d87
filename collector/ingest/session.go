package ingest

import (
	"fmt"
	"sync"

	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// session is one Report stream. Its handler submits records; the committer
// answers them.
type session struct {
	id    pki.Identity
	epoch store.Epoch
	stop  chan struct{} // closed when it ends
	acked chan struct{} // holds one when through moved
	// ordered holds one when what people want of active reads changed.
	ordered chan struct{}
	// wanted holds one when it changed whose frames are.
	wanted chan struct{}

	mu      sync.Mutex
	settled sync.Cond // in flight went down
	refusal *demarcv1.Refusal
	failure error
	ended   bool
	through uint64
	batches int // in flight
	bytes   int
}

func newSession(id pki.Identity) *session {
	x := &session{id: id, stop: make(chan struct{}), acked: make(chan struct{}, 1), ordered: make(chan struct{}, 1), wanted: make(chan struct{}, 1)}
	x.settled.L = &x.mu
	return x
}

// begin counts a record in flight; a refusal when the window is full, and
// false when the session has ended.
func (x *session) begin(size int) (*demarcv1.Refusal, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.ended:
		return nil, false
	case x.batches >= demarcv1.WindowBatches, x.bytes >= demarcv1.WindowBytes:
		return refuse(demarcv1.Refusal_CODE_MALFORMED, x.through,
			"more in flight than the window of %d batches and %d bytes", demarcv1.WindowBatches, demarcv1.WindowBytes), false
	}
	x.batches++
	x.bytes += size
	return nil, true
}

// done takes back what begin counted, with the store's answer; nil for a
// record that was not committed.
func (x *session) done(size int, a *store.Answer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.batches--
	x.bytes -= size
	x.settled.Broadcast()
	if a == nil {
		return
	}
	switch a.Outcome {
	case store.Taken, store.Again:
		if a.Through > x.through || a.Outcome == store.Again {
			x.through = max(x.through, a.Through)
			select {
			case x.acked <- struct{}{}:
			default: // one is due already
			}
		}
	case store.Forked:
		x.end(refuse(demarcv1.Refusal_CODE_FORKED, a.Through, "%s", forkedReason), nil)
	case store.Gap:
		x.end(refuse(demarcv1.Refusal_CODE_GAP, a.Through, "sequence %d is the next one: send it, or a Lost in its place", a.Through+1), nil)
	}
}

const forkedReason = "this epoch has other content here: begin a new epoch (was the spool restored or copied?)"

// finish ends the session from outside its handler, with a refusal or an error.
func (x *session) finish(r *demarcv1.Refusal, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.end(r, err)
}

func (x *session) end(r *demarcv1.Refusal, err error) {
	if x.ended {
		return
	}
	x.ended, x.refusal, x.failure = true, r, err
	close(x.stop)
}

// settle waits until nothing is in flight. Nothing can be submitted after an
// ended session has settled.
func (x *session) settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.batches > 0 {
		x.settled.Wait()
	}
}

// over reports whether the session was refused or failed.
func (x *session) over() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.refusal != nil || x.failure != nil
}

func (x *session) acknowledged() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.through
}

func refuse(code demarcv1.Refusal_Code, through uint64, format string, args ...any) *demarcv1.Refusal {
	return &demarcv1.Refusal{Code: code, Reason: fmt.Sprintf(format, args...), Through: through}
}
