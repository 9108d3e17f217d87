package boundary

import "time"

// Kinds of Event.
const (
	Suspend   = "suspend"
	Rescind   = "rescind"
	Extend    = "extend"
	Revise    = "revise"
	Supersede = "supersede"
)

// Event is what was decided on an authorization after its document was written.
// Events are only ever added.
type Event struct {
	Kind, Authorization string
	// At is from when it holds; of an extension, when it was signed.
	At time.Time
	// Until is the end of a suspension, the new end of an extension, or the
	// earlier end of a revision; zero is none.
	Until     time.Time
	Decision  string // of a revision: what it is from then on
	Successor string // of a supersession: the authorization in its place
}

// WindowAct opens a window that no document describes, or closes one early.
type WindowAct struct {
	Window          string // its name
	Interconnection string // that it opens
	Close           bool   // at Until; else it opens
	Emergency       bool
	From, Until     time.Time
}

// Attested is a person's word that a condition holds.
type Attested struct {
	Authorization, Condition string
	At                       time.Time
	By, Statement            string
}

// Acts is what people did that verdicts depend on, in the order in which they
// did it.
type Acts struct {
	Events   []Event
	Windows  []WindowAct
	Attested []Attested
	Fired    []Fired
}

// Attested returns the last word given on a condition.
func (p *Policy) Attested(authorization, condition string) (last Attested, ok bool) {
	for _, a := range p.attested {
		if a.Authorization == authorization && a.Condition == condition {
			last, ok = a, true
		}
	}
	return last, ok
}

// With is p with acts done to its documents, in place of those that it had; p
// itself stays as it is. Acts on documents that p does not have are of no
// effect.
func (p *Policy) With(a Acts) *Policy {
	of := make(map[string][]Event)
	for _, e := range a.Events {
		of[e.Authorization] = append(of[e.Authorization], e)
	}
	q := *p
	q.setDecisions(of)
	q.setOpenings(a.Windows)
	q.attested, q.fired = a.Attested, a.Fired
	q.setMoves()
	return &q
}
