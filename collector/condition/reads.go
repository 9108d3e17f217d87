package condition

import (
	"strings"

	"demarc/collector/boundary"
	"demarc/internal/ot"
)

// Attributes are what of connections and devices a condition reads, and what of
// one changed. Counters of bytes, and of operations that do not act on a device,
// are none: they wait for the end of the quarter hour.
type Attributes uint32

// The attributes of connections, and then of devices.
const (
	Presence Attributes = 1 << iota // that it is there, between which devices, boundaries and segments
	Activity                        // that it is active after a silence
	Protocol                        // and how well it is known
	Outcome                         // with the ends that sent anything, and whether any operation was counted
	Opener                          // and how that is known
	Security
	Name    // that the client asked for
	Verdict // and the documents that it names
	Roles   // of devices, and their levels
	Facts   // else that is told of devices
	Places  // of devices
	Seen    // of devices: that they were heard after a silence
	class   // the first of one for each class of operations
)

// Every attribute.
const Every = ^Attributes(0)

// Operation is that a class was counted: again, where it acts on a device, else
// anew.
func Operation(o ot.Operation) Attributes { return class << o }

func classes(all ...ot.Operation) (a Attributes) {
	for _, o := range all {
		a |= Operation(o)
	}
	return a
}

// ofDevices are the attributes that a connection does not have itself.
const ofDevices = Roles | Facts | Places | Seen

// always is read of every connection that a condition is about: the window that
// it was active in, whether anything came of it, and the words that name it.
const always = Presence | Activity | Protocol | Outcome

// readsOf lists what a condition reads.
func readsOf(c *boundary.Condition) Attributes {
	if c.Attest != nil {
		return 0
	}
	if c.Require != "" {
		return always | scopeReads(c.Scope) | expressionReads(c.Require)
	}
	x := checks[c.Check]
	return x.reads | scopeReads(c.Scope) | withReads(c.With)
}

func scopeReads(s *boundary.Scope) (a Attributes) {
	if s == nil {
		return 0
	}
	if s.OpenedBy != "" {
		a |= Opener
	}
	if len(s.Interconnections) > 0 {
		a |= Verdict
	}
	return a | selectorReads(s.From) | selectorReads(s.To)
}

func withReads(w *boundary.With) (a Attributes) {
	if w == nil {
		return 0
	}
	if len(w.Except) > 0 {
		a |= Verdict
	}
	return a | selectorReads(w.From) | selectorReads(w.To)
}

func selectorReads(s *boundary.Selector) Attributes {
	if s != nil && len(s.Roles)+len(s.Levels) > 0 {
		return Roles
	}
	return 0
}

// fields of expressions by the attribute that they stand for; the others of a
// connection never change while it is there.
var fields = map[string]Attributes{
	"connection.protocol":  Protocol,
	"connection.opened_by": Opener,
	"connection.outcome":   Outcome,
	"connection.security":  Security,
	"connection.tls":       Security,
	"connection.verdict":   Verdict,
}

// expressionReads lists what the checked expression reads.
func expressionReads(text string) (a Attributes) {
	e, err := parse(text)
	if err != nil || e.whole {
		return Every
	}
	for attribute := range e.reads {
		variable, field, _ := strings.Cut(attribute, ".")
		switch {
		case variable == "connection":
			a |= fields[attribute]
		case field == "roles" || field == "level":
			a |= Roles
		default:
			a |= Facts
		}
	}
	for _, o := range e.operations {
		a |= Operation(o) | Security // which may hide it
	}
	return a
}
