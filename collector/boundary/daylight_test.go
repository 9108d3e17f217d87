package boundary

import (
	"testing"
	"time"
)

// Schedules are read by the site's clock: in the hour that a spring leaves out
// nothing is, the hour that an autumn has twice is in the schedule twice, and a
// night has the length that the clock gives it.
func TestDaylightSaving(t *testing.T) {
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	span := func(from, until int) *Times {
		return &Times{From: from * 60, Until: until * 60, Days: [7]bool{true, true, true, true, true, true, true}}
	}
	for _, c := range []struct {
		name       string
		times      *Times
		begin, end time.Time
		want       time.Duration // of quarter hours that it holds
	}{
		{"a day in winter", span(1, 4), time.Date(2026, 3, 7, 0, 0, 0, 0, chicago), time.Date(2026, 3, 8, 0, 0, 0, 0, chicago), 3 * time.Hour},
		{"the day on which 2:00 is 3:00", span(1, 4), time.Date(2026, 3, 8, 0, 0, 0, 0, chicago), time.Date(2026, 3, 9, 0, 0, 0, 0, chicago), 2 * time.Hour},
		{"the hour that is not there", span(2, 3), time.Date(2026, 3, 8, 0, 0, 0, 0, chicago), time.Date(2026, 3, 9, 0, 0, 0, 0, chicago), 0},
		{"the day that has 1:30 twice", span(1, 4), time.Date(2026, 11, 1, 0, 0, 0, 0, chicago), time.Date(2026, 11, 2, 0, 0, 0, 0, chicago), 4 * time.Hour},
		{"the hour that is there twice", span(1, 2), time.Date(2026, 11, 1, 0, 0, 0, 0, chicago), time.Date(2026, 11, 2, 0, 0, 0, 0, chicago), 2 * time.Hour},
		{"the short night", span(22, 6), time.Date(2026, 3, 7, 12, 0, 0, 0, chicago), time.Date(2026, 3, 8, 12, 0, 0, 0, chicago), 7 * time.Hour},
		{"the long night", span(22, 6), time.Date(2026, 10, 31, 12, 0, 0, 0, chicago), time.Date(2026, 11, 1, 12, 0, 0, 0, chicago), 9 * time.Hour},
	} {
		var held time.Duration
		for at := c.begin.UTC(); at.Before(c.end); at = at.Add(15 * time.Minute) {
			if c.times.Holds(at, chicago) {
				held += 15 * time.Minute
			}
		}
		if held != c.want {
			t.Errorf("%s: %s, want %s", c.name, held, c.want)
		}
	}
}
