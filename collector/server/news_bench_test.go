package server

import (
	"fmt"
	"strings"
	"testing"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// BenchmarkConditionNews is from a batch of 50 changed connections of one line, of
// which one wrote, until what it touches is judged, or everything as at the end of
// a quarter hour: among twenty lines with five conditions each, and as many
// connections as DEMARC_BENCH_CONNECTIONS says.
func BenchmarkConditionNews(b *testing.B) {
	const lines = 20
	n := wanted(b) / lines
	var docs strings.Builder
	docs.WriteString(strings.Replace(widePlant, "10.20.4.0/24", "10.19.4.0/24", 1))
	for i := range lines {
		name := fmt.Sprintf("cell%d", i)
		fmt.Fprintf(&docs, "---\n{apiVersion: demarc/v1, kind: Boundary, metadata: {name: %s}, spec: {title: L, domain: ot, members: [{site: houston, cidrs: [10.20.%d.0/24]}]}}\n", name, i)
		docs.WriteString(strings.NewReplacer("line4-to-historian", name+"-to-historian", "boundary: line4", "boundary: "+name).Replace(agreement))
		fmt.Fprintf(&docs, `---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: %s-ato}, spec: {decision: ato-with-conditions, boundaries: [%s], granted: 2026-01-01, conditions: [
  {id: C1, statement: S, check: no-internet}, {id: C2, statement: S, check: read-only-from-outside}, {id: C3, statement: S, check: agreement-in-force}, {id: C4, statement: S, check: initiator, with: {initiator: outside}},
  {id: C5, statement: S, require: "connection.operations.write == 0"}]}}
`, name, name)
	}
	l := newLab(b)
	l.must2(l.apply(documents(docs.String()), applyOptions{}))
	news := func(line, from, many int, wrote bool) {
		body := &demarcv1.Body{}
		for j := from; j < from+many; j++ {
			f := flow(busyClient((line*n+j%n)/4), fmt.Sprintf("10.20.%d.%d", line, j%n%4*50+j%n/4%50+1), 4840, "opcua", l.now)
			c := f.Connections[0]
			c.Key.Client.Segment, c.Key.Server.Segment = fmt.Sprintf("cell%d", line), fmt.Sprintf("cell%d", line)
			told(f, ot.Read, 9)
			if wrote && j == from {
				c.Operations[ot.Write] = 1
			}
			if j < 50 {
				f.Endpoints[1].Address.Segment = c.Key.Server.Segment
				body.Endpoints = append(body.Endpoints, f.Endpoints[1])
			}
			body.Connections = append(body.Connections, c)
		}
		l.send("a", body)
	}
	for line := range lines {
		for j := 0; j < n; j += 1000 {
			news(line, j, min(1000, n-j), false)
		}
	}
	l.pass(0)
	run := func(b *testing.B, whole bool) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if whole {
				l.stands.docket.Touch()
			}
			news(i%lines, i*50%n, 50, true)
			l.stands.pace = 0
			l.pass(0)
		}
	}
	b.Run("touched", func(b *testing.B) { run(b, false) })
	b.Run("whole", func(b *testing.B) { run(b, true) })
}
