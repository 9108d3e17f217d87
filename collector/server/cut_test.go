package server

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// crowd is n connections, each between two hosts of its own.
func (l *lab) crowd(n int) {
	for i := 0; i < n; i += 500 {
		body := &demarcv1.Body{}
		for j := i; j < min(i+500, n); j++ {
			f := flow(busyClient(j), fmt.Sprintf("10.20.4.%d", j%200+1), 4840, "opcua", l.now)
			f.Connections[0].Operations = []uint64{900}
			body.Endpoints, body.Connections = append(body.Endpoints, f.Endpoints[0]), append(body.Connections, f.Connections...)
		}
		l.send("a", body)
	}
}

// A state that is copied in pieces, while records are applied, is that of one
// instant: what the journal tells after it makes it the living one.
func TestStateIsCutWhileRecordsCome(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 3))
		l := newLab(t)
		l.must2(l.apply(documents(widePlant, agreement, lineATO), applyOptions{}))
		l.crowd(1500)
		fence, err := l.store.Lease(t.Context(), "test")
		l.must(err)
		for n := range 2 {
			within, busy := 0, false
			l.between = func() {
				if busy { // a record of its own is judged in batches
					return
				}
				busy = true
				within++
				switch {
				case within == 5:
					l.now = l.now.Add(20 * time.Minute)
					l.crowd(1200) // more than is copied at once changes again
				case r.IntN(8) == 0:
					l.anyDecision(r)
				default:
					l.send([]string{"a", "b"}[r.IntN(2)], anyBody(r, l.now))
				}
				busy = false
			}
			c, err := l.cutState(n == 0 || r.IntN(2) == 0)
			l.between = func() {}
			l.must(err)
			if n == 0 && within < 6 {
				t.Fatalf("%d pieces", within)
			}
			if c.position != l.Position() {
				t.Fatalf("cut at %d, and the last record is %d", c.position, l.Position())
			}
			l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
			l.same("from the cut", l.restarted())
			l.send("b", anyBody(r, l.now))
			l.same("from the cut and a record", l.restarted())
			l.crowd(1200)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// BenchmarkCut copies the state of every connection that there is, while
// somebody asks again and again for what both an agent's report and a reader
// wait for: ms-wait is how long that takes at most.
func BenchmarkCut(b *testing.B) {
	n := wanted(b)
	l := busyLab(b, n, 1)
	for _, whole := range []bool{true, false} {
		b.Run(map[bool]string{true: "whole", false: "changed"}[whole], func(b *testing.B) {
			var longest []time.Duration
			var records int
			for b.Loop() {
				b.StopTimer()
				if !whole { // a policy change touches every verdict
					l.must2(l.decide(&demarcv1.AuthorizationAct{Kind: []string{"suspend", "revise"}[len(longest)%2], Authorization: "line4-ato", Reason: "bench"}, false))
				}
				stop, done := make(chan struct{}), make(chan time.Duration)
				b.StartTimer()
				go func() { done <- l.waits(stop) }()
				c, err := l.cutState(whole)
				l.must(err)
				close(stop)
				longest, records = append(longest, <-done), len(c.changes)
			}
			b.ReportMetric(float64(slices.Max(longest).Microseconds())/1000, "ms-wait")
			b.ReportMetric(float64(records)/float64(n), "changes/connection")
		})
	}
}

// waits is the longest time that it takes to get in, until stop.
func (l *lab) waits(stop chan struct{}) (longest time.Duration) {
	for {
		select {
		case <-stop:
			return longest
		case <-time.After(100 * time.Microsecond):
			begun := time.Now()
			l.must(l.still(func() error { return nil }))
			longest = max(longest, time.Since(begun))
		}
	}
}
