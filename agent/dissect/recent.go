package dissect

import (
	"hash/maphash"
	"slices"
	"time"
)

// recent remembers what was told lately, so that a fact which every message
// repeats is told once a quarter hour: often enough for its last-seen time,
// seldom enough for the packet path. The zero value is ready.
type recent struct {
	quarter int64
	used    uint8 // of keys
	next    uint8
	calls   uint8
	keys    [16]uint64
}

// recentTrials is how many calls are all answered with true: the engine may
// offer the first message of a stream again before it counts.
const recentTrials = 8

// fresh reports whether key was not asked about in this quarter hour, as far
// as the last keys are remembered; at is packet time in Unix nanoseconds.
func (r *recent) fresh(at int64, key uint64) bool {
	if q := at / int64(15*time.Minute); q != r.quarter {
		*r = recent{quarter: q, calls: r.calls}
	}
	if r.calls < recentTrials {
		r.calls++
		return true
	}
	if slices.Contains(r.keys[:r.used], key) {
		return false
	}
	r.keys[r.next] = key
	r.next = (r.next + 1) % uint8(len(r.keys))
	r.used = min(r.used+1, uint8(len(r.keys)))
	return true
}

var recentSeed = maphash.MakeSeed()

// hashOf makes a key of a name.
func hashOf(b []byte) uint64 { return maphash.Bytes(recentSeed, b) }
