package server

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// BenchmarkPolicyChange judges every live connection again:
// DEMARC_BENCH_CONNECTIONS of them, 20,000 unless set. It tells the heap that a
// connection takes, with its quarter hours of eight steady hours.
func BenchmarkPolicyChange(b *testing.B) {
	n := 20_000
	if s := os.Getenv("DEMARC_BENCH_CONNECTIONS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)
	e := newEngine(nil, func() time.Time { return now }, "bench", slog.New(slog.DiscardHandler))
	use := func(version uint64, texts ...string) {
		docs, err := boundary.Read(documents(texts...))
		if err != nil {
			b.Fatal(err)
		}
		policy, err := boundary.Compile(docs, version)
		if err != nil {
			b.Fatal(err)
		}
		e.docs = docs
		e.setPolicy(policy)
	}
	plant := strings.Replace(plantDocs, "10.50.1.0/24", "10.128.0.0/9", 1)
	use(1, plant, agreement, lineATO)
	e.book.SetSpace(e.space())
	before := inHeap()
	position := uint64(0)
	const quarters = 32
	for q := range quarters {
		at := now.Add(time.Duration(q-quarters) * 15 * time.Minute)
		for i := 0; i < n; i += 500 {
			body := &demarcv1.Body{}
			for j := i; j < min(i+500, n); j++ {
				f := flow(fmt.Sprintf("10.%d.%d.%d", 128+j/62500, j/250%250, j%250+1), fmt.Sprintf("10.20.4.%d", j%200+1), 4840, "opcua", at)
				f.Connections[0].ClientBytes += uint64((j * q) % 97)
				f.Connections[0].Operations = []uint64{900}
				body.Connections = append(body.Connections, f.Connections...)
			}
			raw, err := proto.Marshal(body)
			if err != nil {
				b.Fatal(err)
			}
			position++
			if err := e.apply(&store.Record{Position: position, Recorded: at, Kind: store.KindBatch, Site: "houston", Agent: "a", Body: raw}); err != nil {
				b.Fatal(err)
			}
		}
	}
	all, held := inHeap()-before, 0
	for c := range e.book.Connections() {
		held += c.Quarters.Size()
	}
	ids := e.leaners(e.policy, touch{all: true}).Connections
	b.ReportAllocs()
	used := processor()
	for i := 0; b.Loop(); i++ {
		use(uint64(2+i), plant, strings.Replace(agreement, "4840", []string{"4841", "4840"}[i%2], 1), lineATO)
		e.whole.Lock()
		e.mu.Lock()
		if got := len(e.judgeMany(ids, now, source{}, true)); got != n {
			b.Fatalf("%d verdicts changed, want %d", got, n)
		}
		e.mu.Unlock()
		e.whole.Unlock()
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "connections/s")
	b.ReportMetric(float64(all)/float64(n), "B/connection")
	b.ReportMetric(float64(held)/float64(n), "B-quarters/connection")
	b.ReportMetric(float64(processor()-used)/float64(n*b.N), "cpu-ns/connection")
}

func inHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
