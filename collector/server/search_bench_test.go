package server

import (
	"context"
	"fmt"
	"testing"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// BenchmarkSearch is what a search costs the collector, among 20,000
// connections and as many assets unless DEMARC_BENCH_CONNECTIONS says otherwise.
func BenchmarkSearch(b *testing.B) {
	n := wanted(b)
	l := busyLab(b, n, 1)
	for i := 0; i < n; i += 1000 {
		body := &demarcv1.Body{}
		for j := i; j < min(i+1000, n); j++ {
			ip := fmt.Sprintf("10.%d.%d.%d", 128+j/62500, j/250%250, j%250+1)
			body.Endpoints = append(body.Endpoints, &demarcv1.EndpointDelta{Address: addr(ip), Mac: mac(ip), OwnLink: true, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano()})
			body.Facts = append(body.Facts, &demarcv1.FactDelta{Of: addr(ip), Attribute: "serial", Value: fmt.Sprintf("S-%d", j), Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano()})
		}
		l.send("a", body)
	}
	s := api.New(api.Config{Plant: l.engine, Store: l.store, Clock: l.clock})
	ask := func(words string) func(context.Context) (uint32, error) {
		return func(ctx context.Context) (uint32, error) {
			a, err := s.ListAssets(ctx, &demarcv1.ListAssetsRequest{Search: words, PageSize: 12})
			if err != nil {
				return 0, err
			}
			c, err := s.ListConnections(ctx, &demarcv1.ListConnectionsRequest{Search: words, PageSize: 12})
			return a.GetTotal() + c.GetTotal(), err
		}
	}
	for name, of := range map[string]struct {
		find func(context.Context) (uint32, error)
		want func(uint32) bool
	}{
		"one":     {ask("s-1234 "), func(n uint32) bool { return n > 0 && n < 1000 }},
		"none":    {ask("nowhere"), func(n uint32) bool { return n == 0 }},
		"address": {ask("10.128.7"), func(n uint32) bool { return n > 100 }},
		"most":    {ask("10.128"), func(n uint32) bool { return n > 1000 }},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			_, err := of.find(owner(b)) // the first makes what is kept
			l.must(err)
			used := processor()
			for b.Loop() {
				got, err := of.find(owner(b))
				if err != nil || !of.want(got) {
					b.Fatalf("%d found, %v", got, err)
				}
			}
			b.ReportMetric(float64((processor()-used).Milliseconds())/float64(b.N), "cpu-ms/search")
		})
	}
}
