package spancheck

import (
	"slices"

	"demarc/agent/capture"
)

// Fault is what is told in band while the mirror shows less than it should, in
// words that stay the same, so that one fault is one loss.
type Fault struct {
	ID, Text string
}

// Due reports whether it is time to publish. now is packet time, Unix
// nanoseconds, also in silence.
func (k *Checker) Due(now int64) bool {
	k.tick = now
	if k.publishAt == 0 {
		k.began, k.n.From = now, now
		k.publishAt = now + int64(firstPublish)
	}
	return k.rolling && now >= k.publishAt
}

// Publish makes what was counted readable through Latest; stats is what the
// source counted since it was opened. A rolling Checker begins a new window
// when it has seen enough.
func (k *Checker) Publish(now int64, stats capture.Stats) {
	k.turn(max(now, k.last))
	n := k.n
	n.To, n.OverallFrom = now, k.began
	n.Capture = difference(stats, k.stats)
	if k.flows != nil {
		n.Gaps = k.flows.Gaps - k.gaps
	}
	for i, name := range k.names {
		if n.OT[(i+1)/64]&(1<<((i+1)%64)) != 0 {
			n.OTNames = append(n.OTNames, name)
		}
	}
	slices.Sort(n.OTNames)
	k.latest.Store(&n)
	k.publishAt = now - (now-k.began)%int64(nextPublish) + int64(nextPublish)
	if span := n.Span(); k.rolling && (span >= minWindow && n.Frames >= enoughFrames || span >= maxWindow) {
		k.begin(now, stats)
	}
}

// End publishes for the last time. What is of a file spans from its first frame
// to its last.
func (k *Checker) End(stats capture.Stats) {
	at := k.last
	if k.live {
		at = max(at, k.tick)
	} else if k.n.Frames > 0 {
		k.n.From = k.first
	}
	k.Publish(at, stats)
}

// begin starts a window.
func (k *Checker) begin(now int64, stats capture.Stats) {
	k.n = Counts{From: now}
	k.before.bytes, k.before.frames = 0, 0
	k.stats = stats
	if k.flows != nil {
		k.gaps = k.flows.Gaps
	}
	k.window = k.window%255 + 1
}

// Latest is what was published last, nil before that. Any goroutine may call it.
func (k *Checker) Latest() *Counts { return k.latest.Load() }

// SetFaults says what the worker shall tell in band. Any goroutine may call it.
func (k *Checker) SetFaults(f []Fault) { k.faults.Store(&f) }

// Tell returns what was set, once after each call of SetFaults: what is told so
// is as old as the judgement.
func (k *Checker) Tell() []Fault {
	f := k.faults.Load()
	if f == nil || f == k.told {
		return nil
	}
	k.told = f
	return *f
}
