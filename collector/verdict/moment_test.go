package verdict

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/ot"
	"demarc/internal/quarter"
)

// acted adds a quarter hour to c's history: minutes from at on, with what was
// counted in it.
func acted(c *inventory.Connection, at time.Time, minutes int, operations ...ot.Operation) {
	if len(c.Quarters) == 0 {
		c.Quarters = quarter.History{new(quarter.Line)}
	}
	counts := make([]uint64, ot.NumOperations)
	for _, o := range operations {
		counts[o] = 1
	}
	end := at.Add(time.Duration(minutes)*time.Minute - time.Second)
	for q := at.Truncate(quarter.Span); !q.After(end); q = q.Add(quarter.Span) {
		first, last := q, q.Add(quarter.Span-time.Second)
		if first.Before(at) {
			first = at
		}
		if last.After(end) {
			last = end
		}
		c.Quarters[0].Add(quarter.Delta{
			First: first.UnixNano(), Last: last.UnixNano(), State: quarter.State{TLS: quarter.None, Outcome: ot.Exchanged, Opener: quarter.Client},
			Bytes: [2]uint64{1000, 1000}, Operations: counts,
		})
	}
	c.Data.LastSeen = timestamppb.New(end)
}

const historian = "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read"

func TestOneWriteCountsForItsWindow(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc))
	c := link(t, historian+",write")
	acted(&c, start, 15, ot.Read)
	acted(&c, start.Add(15*time.Minute), 5, ot.Read, ot.Write)
	acted(&c, start.Add(30*time.Minute), 24*60, ot.Read)
	got := Judge(p, c, start.Add(20*time.Hour))
	if got.Verdict.Verdict != OutOfTerms || !strings.Contains(got.Verdict.Reason, "write is not agreed") || !strings.Contains(got.Verdict.Reason, "that was in the quarter hour of 2026-11-23 15:15 UTC") {
		t.Fatalf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
	clears := start.Add(24*time.Hour + 30*time.Minute)
	if !got.Again.Equal(clears) || !got.Verdict.GetClears().AsTime().Equal(clears) {
		t.Errorf("judged again at %s, want %s", got.Again, clears)
	}
	if got := Judge(p, c, clears.Add(-time.Nanosecond)); got.Verdict.Verdict != OutOfTerms {
		t.Errorf("at the end of the window: %s", got.Verdict.Verdict)
	}
	if got := Judge(p, c, clears); got.Verdict.Verdict != Authorized || !got.Again.IsZero() {
		t.Errorf("after the window: %s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
	long := compile(t, plan+agreement("hist", opc+", window: 7d"))
	if got := Judge(long, c, clears); got.Verdict.Verdict != OutOfTerms || !got.Again.Equal(clears.Add(6*24*time.Hour)) {
		t.Errorf("with a window of a week: %s until %s", got.Verdict.Verdict, got.Again)
	}
}

// Each quarter hour is held to the papers of its own time.
func TestCoverOfItsOwnTime(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc+`, sides: [{boundary: dmz, approval: approved, granted: 2026-11-24}]`))
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	c := link(t, historian)
	acted(&c, midnight, 60, ot.Read)
	if got := Judge(p, c, midnight.Add(time.Hour)); got.Verdict.Verdict != Authorized {
		t.Errorf("granted before it began: %s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
	c = link(t, historian)
	acted(&c, midnight.Add(-time.Hour), 120, ot.Read) // one steady run across the edge
	got := Judge(p, c, midnight.Add(time.Hour))
	if got.Verdict.Verdict != Unauthorized || !got.Again.Equal(midnight.Add(24*time.Hour)) || !strings.Contains(got.Verdict.Reason, "begins 2026-11-24") {
		t.Errorf("before it was granted: %s until %s: %s", got.Verdict.Verdict, got.Again, got.Verdict.Reason)
	}
	ended := compile(t, plan+agreement("hist", opc+`, agreement: {type: isa, expires: 2026-11-23}`))
	c = link(t, historian)
	acted(&c, midnight.Add(-time.Hour), 60, ot.Read)
	if got := Judge(ended, c, midnight.Add(-time.Second)); got.Verdict.Verdict != Authorized {
		t.Errorf("before the end: %s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
	if got := Judge(ended, c, midnight); got.Verdict.Verdict != Lapsed || got.Verdict.Quarter != nil {
		t.Errorf("after the end: %s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
}

// Schedules by the clock of the site, at every quarter hour: over midnight, the
// hour that comes twice, and the one that does not come.
func TestSchedulesByTheQuarterHour(t *testing.T) {
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, chicago)
	}
	night := `, schedule: {days: [fri], from: "22:00", until: "06:00"}`
	twice, missing := `, schedule: {from: "01:00", until: "02:00"}`, `, schedule: {from: "02:00", until: "03:00"}`
	fallBack := at(time.November, 1, 0, 0) // 01:00 to 02:00 comes twice
	springOn := at(time.March, 8, 1, 0)    // 02:00 to 03:00 does not come
	for _, c := range []struct {
		name, schedule string
		from           time.Time
		minutes        int
		want           string
	}{
		{"the night of friday", night, at(time.November, 27, 22, 0), 8 * 60, Authorized},
		{"a quarter hour too early", night, at(time.November, 27, 21, 45), 15, OutOfTerms},
		{"a quarter hour too long", night, at(time.November, 27, 22, 0), 8*60 + 15, OutOfTerms},
		{"the night before", night, at(time.November, 27, 0, 0), 60, OutOfTerms},
		{"both hours that are 01:00", twice, fallBack.Add(time.Hour), 120, Authorized},
		{"before them", twice, fallBack.Add(45 * time.Minute), 15, OutOfTerms},
		{"after them", twice, fallBack.Add(3 * time.Hour), 15, OutOfTerms},
		{"the hour before the one that is missing", missing, springOn, 60, OutOfTerms},
		{"the hour after it", missing, springOn.Add(time.Hour), 60, OutOfTerms},
		{"that hour on another day", missing, springOn.Add(25 * time.Hour), 60, OutOfTerms},
		{"the same hour of the next day", missing, at(time.March, 9, 2, 0), 60, Authorized},
	} {
		p := compile(t, plan+agreement("hist", opc+c.schedule))
		x := link(t, historian)
		acted(&x, c.from, c.minutes, ot.Read)
		end := c.from.Add(time.Duration(c.minutes) * time.Minute)
		if got := Judge(p, x, end); got.Verdict.Verdict != c.want {
			t.Errorf("%s: %s: %s, want %s", c.name, got.Verdict.Verdict, got.Verdict.Reason, c.want)
		}
	}
}

// A session outside its schedule breaks it after it went on inside, too, and
// only for the window.
func TestOneHourOutsideTheSchedule(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc+`, schedule: {from: "22:00", until: "06:00"}`))
	six := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) // 06:00 in Chicago
	c := link(t, historian)
	acted(&c, six.Add(-8*time.Hour), 8*60+30, ot.Read)
	acted(&c, six.Add(16*time.Hour), 60, ot.Read)
	got := Judge(p, c, six.Add(17*time.Hour))
	if got.Verdict.Verdict != OutOfTerms || len(got.Broken) != 1 || got.Broken[0] != "schedule" || !got.Again.Equal(six.Add(24*time.Hour+30*time.Minute)) {
		t.Errorf("%s of %v until %s: %s", got.Verdict.Verdict, got.Broken, got.Again, got.Verdict.Reason)
	}
	if got := Judge(p, c, got.Again); got.Verdict.Verdict != Authorized {
		t.Errorf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
}

func TestWindowsByTheQuarterHour(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc+", activation: per-window")+
		"{apiVersion: demarc/v1, kind: Window, metadata: {name: w}, spec: {type: vendor-session, interconnection: hist, approvedBy: A, from: 2026-11-23T15:07Z, until: 2026-11-23T16:00Z}}\n")
	for _, c := range []struct {
		after, minutes int
		want           string
	}{{7, 30, Authorized}, {5, 30, OutOfTerms}, {7, 60, OutOfTerms}} {
		x := link(t, historian)
		acted(&x, start.Add(time.Duration(c.after)*time.Minute), c.minutes, ot.Read)
		if got := Judge(p, x, start.Add(3*time.Hour)); got.Verdict.Verdict != c.want {
			t.Errorf("%d minutes from %d past on: %s: %s", c.minutes, c.after, got.Verdict.Verdict, got.Verdict.Reason)
		}
	}
}

// Quarter hours of clocks that run far ahead or behind, and in no order, neither
// break nor slow anything.
func TestWrongClocks(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc+`, schedule: {from: "08:00", until: "18:00"}`))
	c := link(t, historian)
	acted(&c, start, 60, ot.Read)
	seen := c.Data.LastSeen
	acted(&c, start.AddDate(20, 0, 0), 15, ot.Write)
	acted(&c, start.AddDate(-20, 0, 0), 15, ot.Write)
	acted(&c, start.Add(15*time.Minute), 15, ot.Read)
	c.Data.LastSeen = seen
	if got := Judge(p, c, start.Add(time.Hour)); got.Verdict.Verdict != Authorized {
		t.Errorf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
}

// BenchmarkJudgeWindow: as BenchmarkJudgeAmongThousands, with a day of quarter
// hours in the window: steady, with a pause each hour, and under a schedule.
func BenchmarkJudgeWindow(b *testing.B) {
	for _, c := range []struct {
		name, terms   string
		every, length int
	}{{"steady", "", 15, 15}, {"hourly", "", 60, 15}, {"scheduled", `, schedule: {from: "00:00", until: "24:00"}`, 60, 15}} {
		p := manyPlants(b, 1000, c.terms)
		x := link(b, "10.2.1.20>10.2.0.10 tcp/4840 opcua ops=read,subscribe")
		for m := 0; m < 24*60; m += c.every {
			acted(&x, start.Add(time.Duration(m)*time.Minute), c.length, ot.Read, ot.Subscribe)
		}
		now := start.Add(24 * time.Hour)
		if got := Judge(p, x, now); got.Verdict.Verdict != Authorized {
			b.Fatalf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Judge(p, x, now)
			}
		})
	}
}

// Thousands of schedules between two boundaries: each connection is held to
// those over its own ends alone.
func TestThousandsOfSchedules(t *testing.T) {
	files := []boundary.File{{Path: "plan.yaml", Content: []byte(plan)}}
	for i := range 2 {
		var docs strings.Builder
		for j := range 1000 {
			n := 1000*i + j
			fmt.Fprintf(&docs, "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: x%d}, spec: {purpose: p, from: {boundary: line4, cidrs: [10.20.4.10/32]}, to: {boundary: dmz, cidrs: [10.50.1.%d/32]}, services: [{protocol: opcua, ports: [%d]}], schedule: {from: \"%02d:00\", until: \"%02d:45\"}}}\n---\n", n, n%250, n+1, n%24, n%24)
		}
		files = append(files, boundary.File{Path: fmt.Sprintf("x%d.yaml", i), Content: []byte(docs.String())})
	}
	d, err := boundary.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := link(t, "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read")
	acted(&c, start, 24*60, ot.Read)
	begun := time.Now()
	got := Judge(p, c, start.Add(24*time.Hour))
	if got.Verdict.Verdict != OutOfTerms {
		t.Errorf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("one verdict took %s", took)
	}
}
