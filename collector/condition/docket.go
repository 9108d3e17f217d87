package condition

import (
	"slices"
	"time"

	"demarc/collector/boundary"
)

// Docket holds how the conditions of documents stood when each was judged last,
// and knows what each of them reads, so that a change has those judged again that
// it touches, and no other. Tell it every change; when a quarter hour is over,
// Touch them all: windows move, and counters count. It is not safe for
// concurrent use.
type Docket struct {
	policy  *boundary.Policy
	cases   []*matter // in the order of the documents
	waiting int       // of them
	reads   Attributes
	silence time.Duration
	pairs   map[[2]string][]*matter // boundaries of client and server -> who may be about it
	wide    []*matter               // who looks beyond its own boundaries
	sights  map[Segment][]*matter   // who else has it in sight; nil since some were judged
}

// matter is one condition.
type matter struct {
	decision  *boundary.Decision
	condition *boundary.Condition
	about     about
	reads     Attributes
	outlook   outlook
	result    Result
	touched   bool
}

// about says what a condition may be about, by the boundaries where it stands.
type about uint8

const (
	nothing  about = iota // documents alone, and what was heard
	devices               // those inside
	crossing              // connections of which one end alone stands inside
	touching              // connections with an end inside
	leaving               // connections between boundaries, whosever
)

// outlook says on which segments a condition depends on what was heard.
type outlook uint8

const (
	blind outlook = iota // on none
	inner                // on those of its own boundaries
	wide                 // on others, too
)

// Change is how a connection changed.
type Change struct {
	What        Attributes
	Before, Now [2]string // boundaries of client and server; the same where it was not there before, or is gone
	// TCP lists the segments that it was and is heard on, if it runs over that.
	TCP      [2]Segment
	OneSided bool // one side of it alone shows, or showed
}

// NewDocket begins a docket: nothing is judged yet.
func NewDocket(p *boundary.Policy) *Docket {
	x := &Docket{policy: p, silence: time.Duration(span), pairs: map[[2]string][]*matter{}}
	for _, d := range p.Decisions() {
		source := d.Source()
		for i := range source.Conditions {
			m := newMatter(d, &source.Conditions[i])
			x.cases = append(x.cases, m)
			x.reads |= m.reads
			if m.outlook == wide {
				x.wide = append(x.wide, m)
			}
			if w := m.condition.Window.Duration; w > 0 {
				x.silence = min(x.silence, w)
			}
		}
	}
	x.waiting = len(x.cases)
	return x
}

func newMatter(d *boundary.Decision, c *boundary.Condition) *matter {
	m := &matter{decision: d, condition: c, about: touching, reads: readsOf(c), outlook: inner, touched: true}
	m.result = Result{Authorization: d.Name, Condition: c}
	if c.Require == "" {
		m.about = checks[c.Check].about
	}
	switch {
	case c.Attest != nil:
		m.outlook = blind
	case m.about == leaving, c.With != nil && c.With.Strict:
		m.outlook = wide
	}
	return m
}

// Len is how many conditions the documents set.
func (x *Docket) Len() int { return len(x.cases) }

// Reads lists what any condition reads.
func (x *Docket) Reads() Attributes { return x.reads }

// Silence is after how long without a packet Activity is anew.
func (x *Docket) Silence() time.Duration { return x.silence }

// Waits reports whether any condition is to be judged again.
func (x *Docket) Waits() bool { return x.waiting > 0 }

// Full reports whether every one is: then no change is worth telling.
func (x *Docket) Full() bool { return x.waiting == len(x.cases) }

// Touched names the conditions that are to be judged again.
func (x *Docket) Touched() (ids []string) {
	for _, m := range x.cases {
		if m.touched {
			ids = append(ids, m.result.ID())
		}
	}
	return ids
}

// Restore takes over how conditions stood, and which of them are to be judged
// again. Those of which it is told nothing are.
func (x *Docket) Restore(results map[string]Result, touched []string) {
	x.waiting, x.sights = 0, nil
	for _, m := range x.cases {
		id := m.result.ID()
		r, judged := results[id]
		if judged {
			r.Condition = m.condition
			m.result = r
		}
		if m.touched = !judged || slices.Contains(touched, id); m.touched {
			x.waiting++
		}
	}
}

// Touch has every condition judged again.
func (x *Docket) Touch() {
	for _, m := range x.cases {
		x.touch(m)
	}
}

func (x *Docket) touch(m *matter) {
	if !m.touched {
		m.touched = true
		x.waiting++
	}
}

// Device takes a change of a device that stands, or stood, in boundaries.
func (x *Docket) Device(what Attributes, boundaries []string) {
	for _, m := range x.cases {
		inside := func(name string) bool { return m.holds(x.policy, name) }
		if m.reads&what&ofDevices != 0 && (m.about != devices || slices.ContainsFunc(boundaries, inside)) {
			x.touch(m)
		}
	}
}

// Hear takes that a segment was heard, or not, otherwise than before.
func (x *Docket) Hear(at Segment) {
	for _, m := range x.wide {
		x.touch(m)
	}
	for _, m := range x.looking(at) {
		x.touch(m)
	}
}

// Connection takes a change of a connection.
func (x *Docket) Connection(c Change) {
	for _, pair := range [...][2]string{c.Before, c.Now} {
		for _, m := range x.of(pair) {
			if m.reads&c.What&^ofDevices != 0 {
				x.touch(m)
			}
		}
	}
	if c.What&(Presence|Activity|Outcome) == 0 {
		return
	}
	for _, at := range c.TCP {
		x.mirror(at, c.OneSided)
	}
}

// mirror takes a change of a TCP connection on a segment: a mirror of one
// direction shows by the share of connections of which one side alone shows.
func (x *Docket) mirror(at Segment, oneSided bool) {
	if at == (Segment{}) {
		return
	}
	for _, m := range x.wide {
		x.touch(m)
	}
	for _, m := range x.looking(at) {
		if oneSided || slices.ContainsFunc(m.result.Sight, func(s Sight) bool { return s.oneSided(at) }) {
			x.touch(m)
		}
	}
}

// looking lists the conditions that had a segment in sight.
func (x *Docket) looking(at Segment) []*matter {
	if x.sights == nil {
		x.sights = map[Segment][]*matter{}
		for _, m := range x.cases {
			for i := range m.result.Sight {
				for _, s := range m.result.Sight[i].Segments {
					own := Segment{s.Site, s.Segment}
					x.sights[own] = append(x.sights[own], m)
				}
			}
		}
	}
	return x.sights[at]
}

// of lists the conditions that may be about connections between two boundaries.
func (x *Docket) of(pair [2]string) []*matter {
	list, known := x.pairs[pair]
	if !known {
		for _, m := range x.cases {
			if m.isAbout(x.policy, pair[0], pair[1]) {
				list = append(list, m)
			}
		}
		x.pairs[pair] = list
	}
	return list
}

func (m *matter) isAbout(p *boundary.Policy, client, server string) bool {
	switch m.about {
	case leaving:
		return leaves(client, server)
	case touching:
		return m.holds(p, client) || m.holds(p, server)
	case crossing:
		return slices.ContainsFunc(m.decision.Boundaries, func(b string) bool { return crosses(p, b, client, server) })
	}
	return false
}

// holds reports whether a boundary belongs to the authorization.
func (m *matter) holds(p *boundary.Policy, name string) bool {
	return name != "" && slices.ContainsFunc(m.decision.Boundaries, func(b string) bool { return p.Holds(b, name) })
}

// Judge judges again what was touched, in the order of the documents, and returns
// what it came to. between is called between two authorizations: others may look
// at the Docket meanwhile, and change nothing.
func (x *Docket) Judge(w World, between func()) (again []*Result) {
	var y *eye
	var last *boundary.Decision
	for _, m := range x.cases {
		if !m.touched {
			continue
		}
		if y == nil {
			y = newEye(w)
		}
		if last != nil && last != m.decision {
			y.index.forget()
			between()
		}
		last = m.decision
		m.result, m.touched = m.judge(w, y), false
		again = append(again, &m.result)
	}
	x.waiting, x.sights = 0, nil
	return again
}

// Results are those of the last judgement of each condition, in the order of the
// documents. One that was not judged yet has no state.
func (x *Docket) Results() []Result {
	all := make([]Result, len(x.cases))
	for i, m := range x.cases {
		all[i] = m.result
	}
	return all
}

// AsOf are the results as they stand in w: what was touched, or every one if
// whole, is judged for that, and nothing is changed.
func (x *Docket) AsOf(w World, whole bool) []Result {
	all := x.Results()
	var y *eye
	for i, m := range x.cases {
		if m.touched || whole {
			if y == nil {
				y = newEye(w)
			}
			all[i] = m.judge(w, y)
		}
	}
	return all
}

func (m *matter) judge(w World, y *eye) Result {
	k := &judge{w: w, eye: y, d: m.decision, c: m.condition}
	return k.judge()
}

// Judge judges every condition of every authorization, in the order of the
// documents.
func Judge(w World) []Result { return NewDocket(w.Policy).AsOf(w, true) }
