package server

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// wanted is how many connections a benchmark is about:
// DEMARC_BENCH_CONNECTIONS, 20,000 unless set.
func wanted(b *testing.B) int {
	s := os.Getenv("DEMARC_BENCH_CONNECTIONS")
	if s == "" {
		return 20_000
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// widePlant has room for every client of a benchmark in its dmz.
var widePlant = strings.Replace(plantDocs, "10.50.1.0/24", "10.128.0.0/9", 1)

// busyLab is a collector whose line answers n connections from its dmz, each
// active in so many quarter hours. An agreement covers them, and lineATO.
func busyLab(b *testing.B, n, quarters int) *lab {
	l := newLab(b)
	begin := l.now
	l.must2(l.apply(documents(widePlant, agreement, lineATO), applyOptions{}))
	for q := range quarters {
		l.now = begin.Add(time.Duration(q-quarters+1) * 15 * time.Minute)
		for i := 0; i < n; i += 1000 {
			body := &demarcv1.Body{}
			for j := i; j < min(i+1000, n); j++ {
				f := flow(busyClient(j/4), fmt.Sprintf("10.20.4.%d", (j/4+j%4*50)%200+1), 4840, "opcua", l.now)
				d := f.Connections[0]
				d.ClientBytes += uint64((j * q) % 97)
				d.Operations = []uint64{900}
				body.Connections = append(body.Connections, d)
			}
			l.send("a", body)
		}
	}
	return l
}

// busyClient is the nth client of a busyLab; each speaks to four servers.
func busyClient(n int) string { return fmt.Sprintf("10.%d.%d.%d", 128+n/62500, n/250%250, n%250+1) }

func (l *lab) must2(_ any, err error) {
	l.t.Helper()
	l.must(err)
}

// BenchmarkRescission is from the act on one authorization until every live
// connection that leans on it has its verdict, with the list of them.
func BenchmarkRescission(b *testing.B) {
	n := wanted(b)
	l := busyLab(b, n, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c, err := l.decide(&demarcv1.AuthorizationAct{Kind: []string{"suspend", "revise"}[i%2], Authorization: "line4-ato", Reason: "bench"}, false)
		l.must(err)
		if got := len(c.GetVerdicts()); got != n {
			b.Fatalf("%d verdicts changed, want %d", got, n)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "connections/s")
}

// BenchmarkPolicyChange is from an apply that touches every live connection
// until each has its verdict. It tells the heap that a connection takes, with
// its quarter hours of up to eight steady hours.
func BenchmarkPolicyChange(b *testing.B) {
	n := wanted(b)
	before := inHeap()
	l := busyLab(b, n, max(2, min(32, 2_000_000/n)))
	all, held := inHeap()-before, 0
	for c := range l.book.Connections() {
		held += c.Quarters.Size()
	}
	b.ReportAllocs()
	used := processor()
	for i := 0; b.Loop(); i++ {
		other := strings.Replace(agreement, "4840", []string{"4841", "4840"}[i%2], 1)
		answer, err := l.apply(documents(widePlant, other, lineATO), applyOptions{})
		l.must(err)
		if got := len(answer.GetVerdicts()); got != n {
			b.Fatalf("%d verdicts changed, want %d", got, n)
		}
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
