package server

import (
	"slices"
	"strings"
	"time"

	"demarc/collector/inventory"
)

// bearing is what of an asset the verdicts on its connections stand on, beside
// the connections themselves.
type bearing struct {
	unlisted string // why it is on no list that was authorized for one of its boundaries
	roles    string // those of its roles that documents name
	roams    string // document that says when it may be connected
}

// listed reports whether an asset stands on the lists that were authorized for
// its boundaries, or none is given. When what verdicts stand on turned, its
// connections are judged again: no agreement covers what is unlisted.
func (e *engine) listed(id string, homes []string, now time.Time) bool {
	b := e.bearingOf(id, homes)
	if e.bearings[id] != b {
		e.setBearing(id, b)
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
			e.judge(j, c, now, judgedAt(c, now), from)
		}
	}
	return b.unlisted == ""
}

func (e *engine) bearingOf(id string, homes []string) (b bearing) {
	var roles []string
	for _, home := range homes {
		roles = append(roles, e.policy.Asked(home)...)
		if b.unlisted != "" || !e.policy.Listed(home) {
			continue
		}
		if why := e.policy.Unlisted(home, e.policy.DeviceOf(e.book.SiteOf(id), e.book.Known(id))); why != "" {
			b.unlisted = home + ": " + why
		}
	}
	if e.policy.Roams() {
		_, b.roams = e.policy.ConnectTimes(e.policy.DeviceOf(e.book.SiteOf(id), e.book.Known(id)))
	}
	if len(roles) > 0 {
		b.roles = strings.Join(slices.DeleteFunc(e.book.Roles(id), func(r string) bool { return !slices.Contains(roles, r) }), " ")
	}
	return b
}

func (e *engine) setBearing(id string, b bearing) {
	if b == (bearing{}) {
		delete(e.bearings, id)
		return
	}
	e.bearings[id] = b
}

func (e *engine) endsOf(id string) []inventory.End {
	e.mu.Lock() // the inventory may settle itself when it is asked
	defer e.mu.Unlock()
	return e.book.Ends(id)
}
