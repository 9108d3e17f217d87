package server

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// BenchmarkRescission judges again every live connection that leans on one
// authorization: DEMARC_BENCH_CONNECTIONS of them, 20,000 unless set. A policy
// change judges as many.
func BenchmarkRescission(b *testing.B) {
	n := 20_000
	if s := os.Getenv("DEMARC_BENCH_CONNECTIONS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)
	e := newEngine(nil, func() time.Time { return now }, "bench", slog.New(slog.DiscardHandler))
	docs, err := boundary.Read(documents(strings.Replace(plantDocs, "10.50.1.0/24", "10.128.0.0/9", 1), agreement, lineATO))
	if err != nil {
		b.Fatal(err)
	}
	policy, err := boundary.Compile(docs, 1)
	if err != nil {
		b.Fatal(err)
	}
	e.docs = docs
	e.setPolicy(policy)
	e.book.SetSpace(e.space())
	position := uint64(0)
	apply := func(kind store.Kind, m proto.Message) {
		raw, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		position++
		if err := e.apply(&store.Record{Position: position, Recorded: now, Kind: kind, Site: "houston", Agent: "a", Body: raw}); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; i < n; i += 500 {
		body := &demarcv1.Body{}
		for j := i; j < min(i+500, n); j++ {
			f := flow(fmt.Sprintf("10.%d.%d.%d", 128+j/62500, j/250%250, j%250+1), fmt.Sprintf("10.20.4.%d", j%200+1), 4840, "opcua", now)
			body.Connections = append(body.Connections, f.Connections...)
		}
		apply(store.KindBatch, body)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		kind := []string{"suspend", "revise"}[i%2]
		text, err := proto.Marshal(&demarcv1.AuthorizationAct{Kind: kind, Authorization: "line4-ato"})
		if err != nil {
			b.Fatal(err)
		}
		apply(store.KindAct, &demarcv1.Act{Kind: actAuthorization, Body: text})
		if got := len(e.deeds.told.consequences.GetVerdicts()); got != n {
			b.Fatalf("%d verdicts changed, want %d", got, n)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "connections/s")
}
