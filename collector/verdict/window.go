package verdict

import (
	"time"

	"demarc/collector/boundary"
)

// windowTerm holds the last activity against the windows in which an agreement
// may be used. A session that was active until a window closed, with no end of
// it seen, is taken to go on: silence never passes. Once nothing more was
// reported of it for long enough, it ended in time.
func (k *judge) windowTerm(x *candidate, explain bool) term {
	if k.at.past {
		return k.windowThen(x, explain)
	}
	at := k.at.last
	if at.IsZero() || at.After(k.today) {
		at = k.today
	}
	w, open := k.p.Open(x.Name, at)
	over := open && !k.today.Before(w.Until)
	left := w.Until.Sub(at)
	t := term{state: broken}
	if open && (!over || left > boundary.Alive || !k.today.Before(w.Until.Add(2*boundary.Alive))) {
		t.state = met
	}
	if !explain {
		return t
	}
	switch {
	case t.state == met:
		t.why = "last active " + minute(at) + ", while " + w.Document + " was open"
	case open:
		t.why = w.Document + " closed " + minute(w.Until) + ", and the session was active until then with no end of it seen"
	default:
		t.why = "no window is open"
		if w, closed := k.p.Closed(x.Name, at); closed {
			t.why = "last active " + minute(at) + ", after " + w.Document + " closed " + minute(w.Until)
		}
	}
	return t
}

// windowThen holds a quarter hour that is over against the windows.
func (k *judge) windowThen(x *candidate, explain bool) term {
	t := term{state: broken}
	switch {
	case k.p.OpenFor(x.Name, k.at.first, k.at.last):
		t.state = met
	case k.at.folded:
		t.state = hidden
	}
	if explain {
		t.why = "active from " + minute(k.at.first) + " to " + minute(k.at.last) + ", " + map[state]string{met: "while a window was open", broken: "and no window was open for all of it", hidden: "and when exactly is not kept"}[t.state]
	}
	return t
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
