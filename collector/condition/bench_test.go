package condition

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// BenchmarkConditions judges five conditions of each of twenty lines, among
// 100,000 connections of 20,000 devices.
func BenchmarkConditions(b *testing.B) {
	const lines, each = 20, 5000
	var text strings.Builder
	text.WriteString("{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}, spec: {}}\n---\n{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: D, domain: dmz, members: [{site: houston, cidrs: [10.50.0.0/16]}]}}\n")
	w := World{Ledger: NewLedger(), Now: noon}
	at := timestamppb.New(noon.Add(-10 * time.Minute))
	for i := range lines {
		name := fmt.Sprintf("line%d", i)
		fmt.Fprintf(&text, "---\n{apiVersion: demarc/v1, kind: Boundary, metadata: {name: %s}, spec: {title: L, domain: ot, members: [{site: houston, cidrs: [10.20.%d.0/24]}]}}\n", name, i)
		fmt.Fprintf(&text, `---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: %s-ato}, spec: {decision: ato-with-conditions, boundaries: [%s], granted: 2026-01-01, conditions: [
  {id: C1, statement: S, check: no-internet}, {id: C2, statement: S, check: read-only-from-outside}, {id: C3, statement: S, check: agreement-in-force}, {id: C4, statement: S, check: initiator, with: {initiator: outside}},
  {id: C5, statement: S, require: "connection.operations.write == 0"}]}}
`, name, name)
		hear(w.Ledger, "a", name, noon.Add(-Window), noon)
		for j := range each {
			client, server := fmt.Sprintf("a-%d-%d", i, j/5), fmt.Sprintf("a-%d-s%d", i, j%50)
			w.Connections = append(w.Connections, &demarcv1.JudgedConnection{
				Id: fmt.Sprintf("c-%d-%d", i, j), Site: "houston", ClientBoundary: "dmz", ServerBoundary: name, Verdict: &demarcv1.Verdict{Verdict: "authorized"},
				Connection: &demarcv1.Connection{
					Client: "10.50.1.2", Server: fmt.Sprintf("10.20.%d.%d", i, j%50+1), ClientAsset: client, ServerAsset: server, Segment: name, Transport: "tcp", Port: 4840, Protocol: "opcua", Grade: "content",
					DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged", ClientPackets: 9, ServerPackets: 9, Operations: map[string]uint64{"read": 9}, FirstSeen: at, LastSeen: at, Security: "none",
				},
			})
			if j%5 == 0 {
				w.Assets = append(w.Assets, &demarcv1.Asset{Id: client, Site: "houston", Places: []*demarcv1.Place{{Address: "10.50.1.2", Boundary: "dmz"}}})
			}
		}
	}
	var err error
	if w.Documents, err = boundary.Read([]boundary.File{{Path: "p.yaml", Content: []byte(text.String())}}); err != nil {
		b.Fatal(err)
	}
	if w.Policy, err = boundary.Compile(w.Documents, 1); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got := Judge(w); len(got) != 5*lines {
			b.Fatalf("%d results", len(got))
		}
	}
	b.ReportMetric(float64(5*lines*b.N)/b.Elapsed().Seconds(), "conditions/s")
}
