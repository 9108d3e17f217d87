package main

import (
	"testing"
	"time"
)

func TestReadMoment(t *testing.T) {
	now := time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-03-14T10:00Z":      "2026-03-14T10:00:00Z",
		"2026-03-14T10:00-05:00": "2026-03-14T15:00:00Z",
		"2026-03-14T10:00:30.5Z": "2026-03-14T10:00:30.5Z",
		"2026-03-14 10:00":       "2026-03-14T10:00:00Z",
		"2026-03-14":             "2026-03-14T00:00:00Z",
		"48h":                    "2026-03-14T12:00:00Z",
		"2d":                     "2026-03-14T12:00:00Z",
		"90m":                    "2026-03-16T10:30:00Z",
	} {
		if got, err := readMoment(text, now); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "now", "-1h", "14.3.2026", "2026-02-30", "d", "99999999d", "2026-03-14T25:00Z"} {
		if got, err := readMoment(text, now); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
