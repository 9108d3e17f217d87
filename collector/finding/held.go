package finding

import (
	"maps"
	"slices"
	"strings"

	"demarc/internal/ot"
)

// held are the kinds whose members somebody else lists as a whole: their
// connections and assets may be members of other findings as well.
func (g group) held() bool {
	return g.Kind == NoSnapshot || g.Kind == Condition || isDrift(g.Kind) || g.idles()
}

func isDrift(kind string) bool { return strings.HasPrefix(kind, Drift+"-") }

// hold makes conns and assets the members of a held finding; who is one no
// longer is past.
func (b *Book) hold(g group, conns, assets map[string]*member) {
	id := g.id()
	if f := b.findings[id]; f == nil && len(conns)+len(assets) == 0 {
		b.raise(id, g)
	}
	for _, asset := range []bool{false, true} {
		now := conns
		if asset {
			now = assets
		}
		if f := b.findings[id]; f != nil {
			list := f.list(asset)
			for _, name := range slices.Sorted(maps.Keys(list)) {
				if now[name] == nil && !list[name].Past {
					b.retire(f, list, name)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(now)) {
			b.join(id, g, name, now[name], asset, false)
		}
	}
	if f := b.findings[id]; f != nil {
		b.ceaseEmpty(f)
	}
}

// settle closes a held finding whose cause an act took away, or drops it where
// nobody ever did anything to it.
func (b *Book) settle(id, by, words string) {
	f := b.findings[id]
	switch {
	case f == nil || f.Status == Closed:
	case !f.touched():
		delete(b.findings, id)
		b.touch(f)
	default:
		f.turn(b.now, Closed)
		f.Closed = &closure{Reason: Fixed, By: by, At: b.now.UnixNano()}
		f.note(b.now, by, EventClosed, "as fixed: "+words)
		b.ends.moved = true
		b.touch(f)
	}
}

// Unsnapped raises one finding for each authorization that has no snapshot, and
// settles those of others.
func (b *Book) Unsnapped(authorizations map[string][]string, by string) {
	for _, f := range b.sorted() {
		if name := strings.TrimPrefix(f.group.Document, authorizationPrefix); f.group.Kind == NoSnapshot && authorizations[name] == nil {
			b.settle(f.id, by, "there is a snapshot, or no authorization in force that needs one")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(authorizations)) {
		g := group{Kind: NoSnapshot, Document: authorizationPrefix + name, From: authorizations[name][0]}
		if f := b.findings[g.id()]; f == nil {
			b.hold(g, nil, nil)
		} else if f.Closed != nil && f.Closed.Reason == Fixed {
			b.reopen(f, EventReopened, "there is no snapshot again")
		}
	}
	clear(b.touched)
}

// Violation is a condition that does not hold, with what violates it.
type Violation struct {
	Authorization string
	Condition     string // as its document names it: "C1"
	Boundary      string // first of those that the authorization is for
	Things        []Thing
	Same          bool // as when it was told last: Things are not told again
}

// Violated raises one finding for each condition that is violated. One that is
// violated no longer keeps its finding, with what violated it as past, until
// somebody decides on it.
func (b *Book) Violated(all []Violation, domain func(boundary string) string) {
	still := make(map[group]bool)
	for i := range all {
		v := &all[i]
		g := group{Kind: Condition, Document: authorizationPrefix + v.Authorization, Subject: v.Condition, From: v.Boundary}
		if still[g] = true; v.Same {
			continue
		}
		conns, assets := make(map[string]*member), make(map[string]*member)
		for j := range v.Things {
			t := &v.Things[j]
			list := conns
			if t.Asset {
				list = assets
			}
			list[t.ID] = t.member(domain)
		}
		b.hold(g, conns, assets)
		if f := b.findings[g.id()]; f != nil && len(v.Things) == 0 && f.Ceased != nil {
			b.again(f, "the condition is violated again")
		}
	}
	for _, f := range b.sorted() {
		if f.group.Kind == Condition && !still[f.group] {
			b.hold(f.group, nil, nil)
			b.cease(f, f.ceasedWords())
		}
	}
	clear(b.touched)
}

const authorizationPrefix = "Authorization/"

// Drifted raises what differs from a snapshot in reality, one finding for each
// decision; what is a member of another finding already calls for that one
// alone.
func (b *Book) Drifted(s *Snapshot, all []Difference, domain func(boundary string) string) {
	type members struct{ conns, assets map[string]*member }
	now := make(map[group]members)
	for _, d := range all {
		if d.Cause != Reality || d.Thing.Finding != "" {
			continue
		}
		g := d.group()
		if now[g].conns == nil {
			now[g] = members{make(map[string]*member), make(map[string]*member)}
		}
		list := now[g].conns
		if d.Thing.Asset {
			list = now[g].assets
		}
		list[d.Thing.ID] = d.Thing.member(domain)
	}
	for _, f := range b.sorted() {
		if _, still := now[f.group]; !still && isDrift(f.group.Kind) && f.group.Document == authorizationPrefix+s.Authorization {
			if f.group.Subject != s.ID() {
				b.settle(f.id, s.By, "snapshot "+s.ID()+" was taken")
			} else {
				b.hold(f.group, nil, nil)
			}
		}
	}
	groups := slices.SortedFunc(maps.Keys(now), func(x, y group) int { return strings.Compare(x.id(), y.id()) })
	for _, g := range groups {
		b.hold(g, now[g].conns, now[g].assets)
	}
	clear(b.touched)
}

func (d *Difference) group() group {
	g := group{Kind: Drift + "-" + d.Kind, Site: d.Thing.Site, Document: authorizationPrefix + d.Snapshot.Authorization, Subject: d.Snapshot.ID(), Service: d.What}
	in := d.Thing.Boundaries
	if len(in) > 0 {
		g.From = in[0]
	}
	if !d.Thing.Asset && len(in) > 1 {
		g.To = in[1]
		if d.What == "" {
			g.Service = d.Thing.Attributes["protocol"]
		}
	}
	return g
}

func (t *Thing) member(domain func(string) string) *member {
	m := &member{First: t.First, Last: t.Last, Boundaries: t.Boundaries, Addresses: []string{t.Words}}
	for i, b := range t.Boundaries {
		if i < 2 {
			m.Domains[i] = domain(b)
		}
	}
	if t.Asset {
		m.Domains[1] = m.Domains[0]
		return m
	}
	for i := range ot.NumOperations {
		if o := ot.Operation(i).String(); t.Attributes[operationPrefix+o] != "" {
			m.Operations = append(m.Operations, o)
		}
	}
	return m
}

// sorted lists the findings in the order in which they were made.
func (b *Book) sorted() []*finding {
	return slices.SortedFunc(maps.Values(b.findings), func(x, y *finding) int {
		if x.key < y.key {
			return -1
		}
		return 1
	})
}

// Operation names the attribute of a connection that says that it does o.
func Operation(o string) string { return operationPrefix + o }

// Finding is the id of the finding that d calls for, when it is reality: that
// of a connection that is a member for another reason is that one.
func (d *Difference) Finding() string {
	if d.Thing.Finding != "" {
		return d.Thing.Finding
	}
	return d.group().id()
}
