package server

import (
	"time"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// activityAtOnce is how many connections are looked at before others get their
// turn.
const activityAtOnce = 1000

// Activity implements api.Plant.
func (e *engine) Activity(all []*demarcv1.JudgedConnection, now time.Time) []api.Activity {
	out := make([]api.Activity, len(all))
	for from := 0; from < len(all); from += activityAtOnce {
		e.mu.RLock()
		for i := from; i < min(from+activityAtOnce, len(all)); i++ {
			out[i] = e.activity(all[i], now)
		}
		e.mu.RUnlock()
	}
	return out
}

func (e *engine) activity(c *demarcv1.JudgedConnection, now time.Time) api.Activity {
	a := api.Activity{State: api.Live, Rhythm: time.Duration(e.book.Quarters(c.GetId()).Rhythm())}
	last, allowed := c.GetConnection().GetLastSeen().AsTime(), max(live, 3*a.Rhythm)
	for _, agent := range c.GetAgents() {
		if ns := e.due.newest[source{c.GetSite(), agent}]; ns > a.Listened.UnixNano() || a.Listened.IsZero() && ns > 0 {
			a.Listened = time.Unix(0, ns).UTC()
		}
	}
	switch {
	case now.Sub(last) <= allowed:
	case a.Listened.Sub(last) > allowed:
		a.State = api.Silent
	default:
		a.State = api.Unheard
	}
	return a
}
