package dissect

import (
	"testing"
	"time"
)

func TestRecent(t *testing.T) {
	var r recent
	const second = int64(time.Second)
	at := 900_000 * second
	for range recentTrials {
		if !r.fresh(at, 1) {
			t.Fatal("the first calls are all answered with true: the engine may ask again before it counts")
		}
	}
	for n, want := range []bool{true, false, false} {
		if got := r.fresh(at, 1); got != want {
			t.Errorf("call %d: %v", n, got)
		}
	}
	if !r.fresh(at, 0) || r.fresh(at, 0) {
		t.Error("a key of zero is one like others")
	}
	if r.fresh(at+899*second, 1) || !r.fresh(at+900*second, 1) || r.fresh(at+901*second, 1) {
		t.Error("a quarter hour later it is told again, once")
	}
	for n := range uint64(100) {
		r.fresh(at, n)
	}
	if r.fresh(at, 99) || !r.fresh(at, 1) {
		t.Error("the last keys are remembered, no more")
	}
}
