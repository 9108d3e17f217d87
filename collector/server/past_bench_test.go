package server

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/store"
	"demarc/collector/store/bolt"
	demarcv1 "demarc/proto/demarc/v1"
)

// BenchmarkPast rebuilds a moment 2,000 records of 10 connections after a kept
// state of 20,000 connections between 20,200 assets, and tells what such a state
// takes on disk.
func BenchmarkPast(b *testing.B) {
	const connections, records = 20_000, 2_000
	now := time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	log := slog.New(slog.DiscardHandler)
	s, err := bolt.Open(filepath.Join(b.TempDir(), "demarc.db"), bolt.Options{Clock: clock, NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is read from it again
	fence, err := s.Lease(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	e := newEngine(s, clock, "bench", log)
	policy := store.Policy{Version: 1, Applied: now}
	for _, f := range documents(plantDocs, agreement) {
		policy.Documents = append(policy.Documents, store.Document{Path: f.Path, Content: f.Content})
	}
	if _, err := s.PutPolicy(b.Context(), policy, store.Act{}); err != nil {
		b.Fatal(err)
	}
	sequence := uint64(0)
	send := func(from, n int) {
		body := &demarcv1.Body{}
		for j := from; j < from+n; j++ {
			i := j % connections
			f := flow(fmt.Sprintf("10.60.%d.%d", i/250, i%250+1), fmt.Sprintf("10.20.4.%d", i%200+1), 102, "s7comm", now)
			body.Endpoints, body.Connections = append(body.Endpoints, f.Endpoints...), append(body.Connections, f.Connections...)
		}
		raw, err := proto.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		sequence++
		if _, err := s.Append(b.Context(), []store.Record{{
			Kind: store.KindBatch, Site: "houston", Agent: "a", From: sequence, Sequence: sequence, Digest: store.BatchDigest(store.Epoch{}, sequence, raw), Body: raw,
		}}); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; i < connections; i += 500 {
		send(i, 500)
	}
	if err := e.catchUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	k := keeper{store: s, fence: fence, every: time.Hour, most: 1 << 40, log: log}
	begun := time.Now()
	c, err := e.cutState(true)
	if err == nil {
		err = k.keep(b.Context(), c)
	}
	if err != nil {
		b.Fatal(err)
	}
	kept := time.Since(begun)
	for i := range records {
		now = now.Add(time.Second)
		send(i*10, 10)
	}
	p := newPasts(s, clock, "bench", log)
	for b.Loop() {
		if _, as, err := p.build(b.Context(), now); err != nil || as.GetReplayed() != records {
			b.Fatal(err, as)
		}
	}
	b.ReportMetric(float64(k.bytes())/connections, "B/connection")
	b.ReportMetric(float64(kept.Milliseconds()), "ms/keep")
}
