package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// The load of BenchmarkPacketToFinding.
const (
	busyFor     = 10 * time.Second
	busyBatches = 20 // a second
	busyChanged = 50 // connections in each
)

// BenchmarkPacketToFinding runs a whole collector under 1,000 changed
// connections a second, among 20,000 that it knows unless
// DEMARC_BENCH_CONNECTIONS says otherwise. One connection of each batch crosses
// where nothing agrees to it, with a service that was never seen: its finding is
// new. Told is how long it takes from that packet until somebody who watches has
// the finding in a list.
func BenchmarkPacketToFinding(b *testing.B) {
	n := wanted(b)
	r := start(b, settings(b.TempDir()))
	r.apply(widePlant, agreement, lineATO)
	agent := r.report(r.enrol("agent-l4"))
	one := func(j int) *demarcv1.ConnectionDelta {
		d := flow(busyClient(j/4), fmt.Sprintf("10.20.4.%d", (j/4+j%4*50)%200+1), 4840, "opcua", time.Now()).Connections[0]
		d.Operations = []uint64{uint64(j%7 + 1)}
		return d
	}
	for i := 0; i < n; i += 1000 {
		body := &demarcv1.Body{}
		for j := i; j < min(i+1000, n); j++ {
			body.Connections = append(body.Connections, one(j))
		}
		agent.send(body)
	}
	r.settle()
	sent := make([]time.Time, int(busyFor.Seconds())*busyBatches)
	for first := 10000; b.Loop(); first += len(sent) { // ports that no round before had
		seen := r.watch(b, first, len(sent))
		pace := time.NewTicker(time.Second / busyBatches)
		for i := range sent {
			<-pace.C
			body := &demarcv1.Body{}
			for j := range busyChanged - 1 {
				body.Connections = append(body.Connections, one((i*busyChanged+j)%n))
			}
			sent[i] = time.Now()
			body.Connections = append(body.Connections, flow("10.60.1.1", "10.20.4.10", uint32(first+i), "", sent[i]).Connections...)
			agent.send(body)
		}
		pace.Stop()
		var took []time.Duration
		for port, at := range <-seen {
			took = append(took, at.Sub(sent[port-first]))
		}
		slices.Sort(took)
		if len(took) < len(sent) {
			b.Fatalf("%d of %d findings were seen", len(took), len(sent))
		}
		b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-p50")
		b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "ms-p99")
		b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-max")
	}
}

// watch lists findings whenever something changed, as the pages do, and tells
// when each of n services, on the ports from first on, was first among them.
func (r *running) watch(b *testing.B, first, n int) <-chan map[int]time.Time {
	changes, err := r.Watch(b.Context(), &demarcv1.WatchRequest{})
	if err != nil {
		b.Fatal(err)
	}
	answer := make(chan map[int]time.Time, 1)
	go func() {
		seen := map[int]time.Time{}
		defer func() { answer <- seen }()
		for end := time.Now().Add(busyFor + 10*time.Second); len(seen) < n && time.Now().Before(end); {
			if _, err := changes.Recv(); err != nil {
				return
			}
			list, err := r.ListFindings(b.Context(), &demarcv1.ListFindingsRequest{OrderBy: "first_seen desc", PageSize: 1000})
			if err != nil {
				return
			}
			now := time.Now()
			for _, f := range list.GetFindings() {
				port, err := strconv.Atoi(strings.TrimPrefix(f.GetService(), "tcp/"))
				if _, known := seen[port]; err == nil && port >= first && !known {
					seen[port] = now
				}
			}
		}
	}()
	return answer
}
