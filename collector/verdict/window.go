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
	at := k.seen.last
	if at.IsZero() || at.After(k.now) {
		at = k.now
	}
	w, open := k.p.Open(x.Name, at)
	over := open && !k.now.Before(w.Until)
	left := w.Until.Sub(at)
	t := term{state: broken}
	if open && (!over || left > boundary.Alive || !k.now.Before(w.Until.Add(2*boundary.Alive))) {
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

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
