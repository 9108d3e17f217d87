package finding

import (
	"maps"
	"slices"
	"strconv"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
)

// What is refused or unanswered is an attempt, and those of one source are one
// decision. Where as many as manySources of one boundary try one service of
// another, the cause is no longer at any of them (a server that is gone, a
// setting that all of them got), and what they try is one decision together.
const manySources = 5

// scanTargets is how many services of other boundaries a source tries in vain
// before that is told as a scan.
const scanTargets = 20

// attemptGroup gathers what one source tries in vain.
func attemptGroup(p *boundary.Policy, c inventory.Connection) group {
	return group{Kind: Attempt, Site: c.Site, Subject: subject(p, c.Site, c.Client)}
}

// together is the group of what many try alike; none for what the agent heard as
// a scan, and where it is not known whose the sources are.
func (g group) together(m *member) (group, bool) {
	if g.Kind != Attempt || m.Service == Scan || m.Boundaries[0] == "" {
		return group{}, false
	}
	return group{Kind: Attempt, Site: g.Site, From: m.Boundaries[0], To: m.Boundaries[1], Service: m.Service}, true
}

// tries counts, for what is tried alike, the connections of each source that
// stand in a finding of that source.
type tries map[group]map[string]int

// count adds n connections like m to those of finding f.
func (t tries) count(f *finding, m *member, n int) {
	if f.group.Subject == "" || m.Past {
		return
	}
	alike, ok := f.group.together(m)
	if !ok {
		return
	}
	sources := t[alike]
	if sources == nil {
		sources = make(map[string]int)
		t[alike] = sources
	}
	if sources[m.Source] += n; sources[m.Source] <= 0 {
		delete(sources, m.Source)
	}
	if len(sources) == 0 {
		delete(t, alike)
	}
}

// alike is the finding that a try like m belongs to instead of n, where many try
// what it tries. The fifth of them takes the others along: they are returned.
func (b *Book) alike(n *named, m *member) (*named, []string) {
	g, ok := n.group.together(m)
	if !ok {
		return n, nil
	}
	id := g.id()
	var moved []string
	if b.findings[id] == nil {
		sources := len(b.tries[g])
		if b.tries[g][m.Source] == 0 {
			sources++
		}
		if sources < manySources {
			return n, nil
		}
		moved = b.gather(g, id)
	}
	return &named{g, id, []string{id}}, moved
}

// gather moves what others tried alike from their findings to that of all of
// them, and returns the connections.
func (b *Book) gather(alike group, id string) (moved []string) {
	for _, f := range b.sorted() {
		if f.group.Kind != Attempt || f.group.Subject == "" || f.group.Site != alike.Site {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(f.conns)) {
			m := f.conns[name]
			if g, ok := f.group.together(m); m.Past || !ok || g != alike {
				continue
			}
			if f.touched() { // somebody did something to it: it stays
				b.retire(f, f.conns, name)
			} else {
				b.leave(f.id, name, nil, false)
			}
			b.join(id, alike, name, m, false, false)
			b.conns[name] = id
			moved = append(moved, name)
		}
		b.ceaseEmpty(f)
	}
	return moved
}

// tried is what is counted of a finding of attempts. It is a scan where one of
// the sources made many tries.
func (f *finding) tried(t *traits) {
	made := make(map[string]int)
	for _, m := range f.conns {
		made[m.Source]++
	}
	t.sources = len(made)
	for _, source := range slices.Sorted(maps.Keys(made)) {
		if made[source] >= scanTargets || f.group.Subject != "" && slices.Contains(t.services, Scan) {
			t.kind, t.scanners = Scan, append(t.scanners, source)
		} else if t.source == "" {
			t.source = source
		}
	}
}

func (f *finding) attemptTitle(t traits) string {
	g := f.group
	switch {
	case t.kind == Scan:
		return some(t.scanners, 3) + try(len(t.scanners)) + " one service after another in other boundaries"
	case g.Subject != "":
		return g.Subject + " tries in vain what is not agreed"
	}
	with := ""
	if g.Service != "" {
		with = " with " + g.Service
	}
	of := g.To
	if of == "" {
		of = "what no boundary holds"
	}
	return strconv.Itoa(t.sources) + " devices of " + place(g.From) + try(t.sources) + " to reach " + place(of) + with + " in vain, and nothing agrees to it"
}

func try(sources int) string {
	if sources > 1 {
		return " try"
	}
	return " tries"
}
