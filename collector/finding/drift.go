package finding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/collector/inventory"
	"demarc/internal/ot"
)

// Causes of drift. Only reality calls for a decision: sight and software make
// newly visible what may have been there all the time, policy and placement are
// what people changed.
const (
	Reality   = "reality"
	Sight     = "sight"
	Software  = "software"
	Policy    = "policy"
	Placement = "placement"
)

// Causes lists every cause.
func Causes() []string { return []string{Reality, Sight, Software, Policy, Placement} }

// Kinds of drift.
const (
	NewAsset          = "new-asset"
	ChangedAsset      = "changed-asset"
	GoneAsset         = "gone-asset"
	NewConnection     = "new-connection"
	ChangedConnection = "changed-connection"
	GoneConnection    = "gone-connection"
)

// driftKinds lists them.
var driftKinds = []string{NewAsset, ChangedAsset, GoneAsset, NewConnection, ChangedConnection, GoneConnection}

// Difference is one thing that is not as a snapshot has it.
type Difference struct {
	Kind, Cause string
	What        string // of a change: the attribute
	Words, Why  string
	Snapshot    *Snapshot
	Thing       Thing // of what is gone for good, as far as it was kept
	Operation   bool  // What is a class of operations
}

// Present is what is there now.
type Present struct {
	Now        time.Time // by the collector's clock
	Policy     uint64
	Boundaries []string // that the authorization names, with their parts
	Things     []Thing  // that stand in these, sorted
	Elsewhere  func(id string, addresses []string) (boundary string, known bool)
	Upgraded   func(agent string) uint64 // position of the journal since which it runs its program
}

// goneAfter is how long a connection was silent, though it would have been
// heard, before it is told as gone.
const goneAfter = 30 * 24 * time.Hour

// blind is how long nothing was heard by those who know a thing, before that is
// told.
const blind = 24 * time.Hour

// Compare tells how what is there differs from s.
func (s *Snapshot) Compare(p Present) []Difference {
	s.index()
	c := &comparison{Snapshot: s, p: p, met: make(map[string]bool)}
	for i := range p.Things {
		c.thing(&p.Things[i])
	}
	for _, id := range slices.Sorted(maps.Keys(s.Kept)) {
		if k := s.Kept[id]; !c.met[id] && k.Asset {
			c.missing(id, k)
		}
	}
	slices.SortStableFunc(c.all, func(x, y Difference) int {
		return cmp.Or(slices.Index(Causes(), x.Cause)-slices.Index(Causes(), y.Cause), slices.Index(driftKinds, x.Kind)-slices.Index(driftKinds, y.Kind))
	})
	return c.all
}

type comparison struct {
	*Snapshot
	p   Present
	met map[string]bool
	all []Difference
}

func (c *comparison) add(kind, what string, t *Thing, cause, words, why string) {
	c.all = append(c.all, Difference{Kind: kind, Cause: cause, What: what, Words: words, Why: why, Snapshot: c.Snapshot, Thing: *t})
}

func (c *comparison) thing(t *Thing) {
	id := c.find(t)
	if id == "" && t.Attributes[Outcome] == InVain {
		return // nothing came of it
	}
	if id == "" {
		kind := NewConnection
		if t.Asset {
			kind = NewAsset
		}
		cause, why := c.appeared(t.Seen, t.First, t.Part)
		c.add(kind, "", t, cause, t.Words, why)
		return
	}
	c.met[id] = true
	k := c.Kept[id]
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		if was, is := k.Attributes[name], t.Attributes[name]; was != is && is != "" {
			c.changed(k, t, name, was, is)
		}
	}
	if t.Asset {
		c.addressed(t)
		c.silent(t)
		return
	}
	last, listened := time.Unix(0, t.Last), time.Unix(0, t.Listened)
	switch {
	case listened.Sub(last) > goneAfter:
		c.add(GoneConnection, "", t, Reality, t.Words, "not seen since "+day(last)+", while those that heard it listened on")
	case c.p.Now.Sub(last) > goneAfter && c.p.Now.Sub(listened) > blind:
		c.add(GoneConnection, "", t, Sight, t.Words, "not seen since "+day(last)+", and nothing is heard by those that heard it since "+day(listened))
	}
}

// silent tells of an asset that is not heard any more.
func (c *comparison) silent(t *Thing) {
	last, listened := time.Unix(0, t.Last), time.Unix(0, t.Listened)
	switch {
	case t.Gone:
		c.add(GoneAsset, "", t, Reality, t.Words, "silent since "+day(last)+" against its own rhythm, while those that heard it listened on")
	case c.p.Now.Sub(last) > blind && c.p.Now.Sub(listened) > blind:
		c.add(GoneAsset, "", t, Sight, t.Words, "nothing is heard by those that heard it since "+day(listened))
	}
}

// missing tells of an asset that stands in none of the boundaries any more.
func (c *comparison) missing(id string, k *Kept) {
	t := &Thing{ID: id, Asset: true, Words: k.Words, Boundaries: k.Boundaries, Attributes: k.Attributes}
	place, known := c.p.Elsewhere(id, k.Addresses)
	switch {
	case !known:
		return // it is told under another address now
	case c.p.Policy != c.Policy && !slices.ContainsFunc(k.Boundaries, func(b string) bool { return slices.Contains(c.p.Boundaries, b) }):
		c.add(GoneAsset, "", t, Policy, k.Words, "the authorization no longer names "+strings.Join(k.Boundaries, " or "))
	case c.p.Policy != c.Policy:
		c.add(GoneAsset, "", t, Placement, k.Words, fmt.Sprintf("policy version %d places it in %s", c.p.Policy, nonePlace(place)))
	default:
		c.add(GoneAsset, "", t, Reality, k.Words, "it stands in "+nonePlace(place)+" now")
	}
}

func nonePlace(boundary string) string {
	if boundary == "" {
		return "no boundary"
	}
	return boundary
}

// appeared says why something is new.
func (c *comparison) appeared(seen []inventory.Seen, first int64, part bool) (cause, why string) {
	switch {
	case first != 0 && first <= c.Taken && c.p.Policy != c.Policy:
		return Placement, fmt.Sprintf("heard since %s, before the decision: policy version %d places it here, version %d did not", day(time.Unix(0, first)), c.p.Policy, c.Policy)
	case first != 0 && first <= c.Taken:
		return Sight, "heard since " + day(time.Unix(0, first)) + ", before the decision, and told, or told apart, only after it"
	case !c.heard(seen):
		return Sight, "heard only by what did not hear, or not well, when it was decided: " + hearers(seen)
	case part && c.upgraded(seen):
		return Software, "told by a newer program of the agent"
	}
	return Reality, "first heard " + day(time.Unix(0, first)) + " by what heard when it was decided"
}

// upgraded reports whether every agent that hears a thing runs another program
// than then.
func (c *comparison) upgraded(seen []inventory.Seen) bool {
	any := false
	for i := range seen {
		for _, agent := range seen[i].Agents {
			if c.p.Upgraded(agent) <= c.Position {
				return false
			}
			any = true
		}
	}
	return any
}

// changed says why an attribute is another one.
func (c *comparison) changed(k *Kept, t *Thing, name, was, is string) {
	kind, words := ChangedConnection, t.Words+": "+name+" "+was+" -> "+is
	if t.Asset {
		kind = ChangedAsset
	}
	operation, class := strings.CutPrefix(name, operationPrefix)
	cause, why := Sight, "it was not known when it was decided"
	switch {
	case class:
		words = t.Words + ": " + operation
		cause, why = c.operated(k, t, operation)
	case was == "" && c.upgraded(t.Seen):
		cause, why = Software, "told by a newer program of the agent"
	case was == "":
	case t.Asset && t.Told[name] > c.Taken:
		cause, why = Reality, "the same source tells it anew since "+day(time.Unix(0, t.Told[name]))
	case t.Asset:
		why = "another source tells it now"
	case (name == "security" || name == Outcome && is == Exchanged) && c.heard(t.tellers(name, is)):
		cause, why = Reality, "seen by what heard when it was decided"
	case name == "security" || name == Outcome && is == Exchanged:
		why = "only another agent sees it: " + hearers(t.tellers(name, is))
	default:
		why = "it is identified better now"
	}
	c.add(kind, name, t, cause, words, why)
}

// Outcome is the attribute of a connection that says whether anything came of
// it.
const (
	Outcome   = "outcome"
	Exchanged = "exchanged"
	InVain    = "in vain"
)

// operationPrefix begins the attributes of a connection that say what it does.
const operationPrefix = "operation "

// operated says why a class of operations is new.
func (c *comparison) operated(k *Kept, t *Thing, class string) (cause, why string) {
	seen := t.tellers(operationPrefix+class, "yes")
	switch {
	case k.Attributes["protocol"] != t.Attributes["protocol"]:
		return Sight, "its protocol was not known when it was decided"
	case c.upgraded(seen):
		return Software, "told by a newer program of the agent"
	case !c.heard(seen):
		return Sight, "heard only by what did not hear, or not well, when it was decided: " + hearers(seen)
	}
	return Reality, "never seen of it when it was decided"
}

// tellers lists those that hear a connection and tell of an attribute what it
// is: what only a new agent sees of it is no news from the plant.
func (t *Thing) tellers(name, is string) []inventory.Seen {
	operation, class := strings.CutPrefix(name, operationPrefix)
	return slices.DeleteFunc(slices.Clone(t.Seen), func(s inventory.Seen) bool {
		switch {
		case class:
			return s.Classes&ot.ClassOf(operation) == 0
		case name == Outcome:
			return s.Outcome != ot.Exchanged && s.Outcome != ot.OneSided
		}
		return s.Security != is
	})
}

// addressed tells of addresses that an asset has in addition.
func (c *comparison) addressed(t *Thing) {
	done := make(map[string]bool)
	for i := range t.Seen {
		address := t.Seen[i].Address
		if _, kept := c.addresses[address]; kept || done[address] {
			continue
		}
		done[address] = true
		var seen []inventory.Seen
		first := int64(0)
		for _, x := range t.Seen {
			if x.Address == address {
				seen = append(seen, x)
				if first == 0 || x.First != 0 && x.First < first {
					first = x.First
				}
			}
		}
		cause, why := c.appeared(seen, first, false)
		c.add(ChangedAsset, "address", t, cause, t.Words+": one more address", why)
	}
}

func hearers(seen []inventory.Seen) string {
	var all []string
	for i := range seen {
		for _, a := range seen[i].Agents {
			words := a
			if seen[i].Segment != "" {
				words += " on " + seen[i].Segment
			}
			if len(seen[i].VLANs) > 0 {
				words += fmt.Sprintf(" in VLAN %d", seen[i].VLANs[0])
			}
			if !slices.Contains(all, words) {
				all = append(all, words)
			}
		}
	}
	slices.Sort(all)
	return some(all, 3)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Merge takes newly visible things of a cause ("" for sight and software) over
// into s, and returns what was taken.
func (s *Snapshot) Merge(p Present, cause, by, reason string, at time.Time) []Difference {
	taken := s.NewlyVisible(p, cause)
	for i := range taken {
		d := &taken[i]
		switch d.Kind {
		case GoneAsset, GoneConnection:
			continue // it may be heard again
		}
		if id := s.find(&d.Thing); id != "" && id != d.Thing.ID {
			delete(s.Kept, id)
		}
		s.keep(&d.Thing)
		s.index()
	}
	if len(taken) > 0 {
		s.Merges = append(s.Merges, Merge{At: at.UnixNano(), By: by, Reason: reason, Items: len(taken)})
	}
	return taken
}

// NewlyVisible lists what Merge would take over: differences that sight or
// software made, of things that differ in nothing else.
func (s *Snapshot) NewlyVisible(p Present, cause string) []Difference {
	all := s.Compare(p)
	real := make(map[string]bool)
	for _, d := range all {
		if d.Cause == Reality {
			real[d.Thing.ID] = true
		}
	}
	return slices.DeleteFunc(all, func(d Difference) bool {
		return real[d.Thing.ID] || d.Kind == GoneAsset || d.Kind == GoneConnection || d.Cause != Sight && d.Cause != Software || cause != "" && d.Cause != cause
	})
}
