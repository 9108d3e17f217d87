package server

import "time"

// listed reports whether an asset stands on the lists that were authorized for
// its boundaries, or none is given. When that turned, its connections are
// judged again: no agreement covers what is unlisted.
func (e *engine) listed(id string, homes []string, now time.Time) bool {
	why := e.whyUnlisted(id, homes)
	if e.unlisted[id] != why {
		e.setUnlisted(id, why)
		for _, conn := range e.book.ConnectionsOf(id) {
			c, ok := e.book.Connection(conn)
			j := e.judged[conn]
			if !ok || j == nil {
				continue // it is judged when its own change is
			}
			from := source{}
			if j.wait != nil {
				from = j.wait.from
			}
			e.judge(c, now, judgedAt(c, now), from)
		}
	}
	return why == ""
}

// whyUnlisted says why an asset is unlisted in one of its boundaries; empty when
// it is in none.
func (e *engine) whyUnlisted(id string, homes []string) string {
	if !e.policy.Listings() {
		return ""
	}
	for _, home := range homes {
		if e.policy.Listing(home) == nil {
			continue
		}
		if why := e.policy.Unlisted(home, e.policy.DeviceOf(e.book.SiteOf(id), e.book.Known(id))); why != "" {
			return home + ": " + why
		}
	}
	return ""
}

func (e *engine) setUnlisted(id, why string) {
	if why == "" {
		delete(e.unlisted, id)
		return
	}
	e.unlisted[id] = why
}
