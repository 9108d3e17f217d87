package server

import (
	"testing"
	"time"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// Whether a connection still happens: by its own rhythm, and only as far as an
// agent that saw it listened.
func TestActivityOfConnections(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	is := func(client, want string, rhythm time.Duration) {
		t.Helper()
		c := verdictOf(t, l.engine, client, "10.20.4.10")
		a := l.Activity([]*demarcv1.JudgedConnection{c}, l.now)[0]
		if a.State != want || a.Rhythm.Round(time.Hour) != rhythm {
			t.Errorf("%s at %s: %s, every %s, heard until %s; want %s", client, l.now, a.State, a.Rhythm, a.Listened, want)
		}
	}
	const daily, weekly = "10.50.1.20", "10.50.1.21"
	for range 3 {
		l.send("a", flow(weekly, "10.20.4.10", 4840, "opcua", l.now))
		l.pass(6 * 24 * time.Hour)
	}
	l.send("a", flow(daily, "10.20.4.10", 4840, "opcua", l.now))
	is(daily, api.Live, 0)
	is(weekly, api.Live, 6*24*time.Hour)
	l.pass(48 * time.Hour)
	is(daily, api.Unheard, 0) // the agent was silent, too
	l.send("b", flow("10.50.1.22", "10.20.4.10", 4840, "opcua", l.now))
	is(daily, api.Unheard, 0) // another agent proves nothing
	l.send("a", flow("10.50.1.22", "10.20.4.10", 4840, "opcua", l.now))
	is(daily, api.Silent, 0)
	is(weekly, api.Live, 6*24*time.Hour)
	l.pass(20 * 24 * time.Hour)
	l.send("a", flow("10.50.1.22", "10.20.4.10", 4840, "opcua", l.now))
	is(weekly, api.Silent, 6*24*time.Hour)
}
