package condition

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// kept is the history of a connection: sessions of some minutes that begin so
// many hours before noon, with a write in each.
func kept(minutes int, hours ...float64) quarter.History {
	line := new(quarter.Line)
	writes := make([]uint64, ot.NumOperations)
	writes[ot.Write] = 1
	for _, h := range hours {
		begin := noon.Add(-time.Duration(h * float64(time.Hour)))
		end, sessions := begin.Add(time.Duration(minutes)*time.Minute), uint64(1)
		for q := begin; q.Before(end); q = q.Truncate(quarter.Span).Add(quarter.Span) {
			last := q.Truncate(quarter.Span).Add(quarter.Span - time.Second)
			if last.After(end) {
				last = end
			}
			line.Add(quarter.Delta{First: q.UnixNano(), Last: last.UnixNano(), State: quarter.State{TLS: quarter.None}, Bytes: [2]uint64{1000, 9000}, Sessions: sessions, Operations: writes})
			sessions = 0
		}
	}
	return quarter.History{line}
}

func TestChecksOfTime(t *testing.T) {
	edge := func() *demarcv1.JudgedConnection {
		return flow("dmz", "line4", "s7comm", map[string]uint64{"write": 900})
	}
	for _, c := range []struct {
		name, condition string
		kept            quarter.History
		state           string
	}{
		{"in its time", `check: time-window, with: {schedule: {from: "02:00", until: "03:00"}}`, kept(30, 10), Holds},
		{"a quarter hour too long", `check: time-window, with: {schedule: {from: "02:00", until: "03:00"}}`, kept(75, 10), Violated},
		{"too long, before the window", `check: time-window, with: {schedule: {from: "11:00", until: "12:00"}}`, kept(15, 40, 0.5), Holds},
		{"when is not kept", `check: time-window, with: {schedule: {from: "11:00", until: "12:00"}}`, nil, NotObservable},
		{"little", `check: volume-limit, with: {bytes: 40kB}`, kept(15, 1, 2, 3, 4), Holds},
		{"much", `check: volume-limit, with: {bytes: 39kB}`, kept(15, 1, 2, 3, 4), Violated},
		{"much, but before the window", `check: volume-limit, with: {bytes: 25kB}`, kept(15, 1, 2, 30, 31), Holds},
		{"volume from elsewhere", `check: volume-limit, with: {bytes: 1kB, from: {boundary: corporate}}`, kept(15, 1), NotExercised},
		{"often enough", `check: cadence, with: {atLeast: 7h}`, kept(15, 23, 17, 11, 5), Holds},
		{"not often enough", `check: cadence, with: {atLeast: 5h}`, kept(15, 23, 17, 11, 5), Violated},
		{"silent of late", `check: cadence, with: {atLeast: 7h}`, kept(15, 23, 17, 11), Violated},
		{"silence that cannot be told", `check: cadence, with: {atLeast: 5h}`, nil, NotObservable},
		{"seldom enough", `check: cadence, with: {atMost: 4h}`, kept(15, 23, 17, 11, 5), Holds},
		{"not seldom enough", `check: cadence, with: {atMost: 8h}`, kept(15, 23, 17, 11, 5), Violated},
		{"it cannot be told from quarter hours", `check: cadence, with: {atMost: 1h}`, kept(15, 3, 2), NotObservable},
		{"counted in the window", `require: "connection.operations.write == 2"`, kept(15, 2, 3, 30, 40, 41), Holds},
		{"more than that", `require: "connection.operations.write < 2"`, kept(15, 2, 3, 30), Violated},
		{"only before the window", `check: read-only-from-outside, window: 2h`, kept(15, 3), Holds},
		{"in it", `check: read-only-from-outside, window: 4h`, kept(15, 3), Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := edge()
			x.Connection.ClientBytes, x.Connection.ServerBytes = 1_000_000, 1_000_000
			x.Connection.FirstSeen = timestamppb.New(noon.AddDate(0, 0, -100))
			w := seen(t, c.condition, x)
			w.Quarters = func(string) quarter.History { return c.kept }
			if r := one(t, w); r.State != c.state {
				t.Errorf("%s: %s, want %s", r.State, r.Reason, c.state)
			}
		})
	}
}

// What is older than what is kept does not count as nothing.
func TestWhatIsNotKeptIsNotZero(t *testing.T) {
	x := flow("dmz", "line4", "s7comm", map[string]uint64{"write": 900})
	x.Connection.FirstSeen = timestamppb.New(noon.AddDate(0, 0, -100))
	history := kept(15, 30, 28, 20, 4, 3, 2)
	history[0].Trim(noon.Add(-5 * time.Hour).UnixNano())
	w := seen(t, `require: "connection.operations.write < 10"`, x)
	w.Quarters = func(string) quarter.History { return history }
	if r := one(t, w); r.State != NotObservable {
		t.Errorf("%s: %s", r.State, r.Reason)
	}
}
