package boundary

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Condition is a sentence that an official signed, in one of three forms: a
// named check, an expression, or what only people can attest.
type Condition struct {
	At
	ID         ID       `doc:"id,need"`
	Statement  string   `doc:"statement,need"`
	Controls   []string `doc:"controls"` // SC-7, CA-3
	Check      string   `doc:"check" oneof:"@checks"`
	With       *With    `doc:"with"` // what the check asks for
	Scope      *Scope   `doc:"scope"`
	Require    string   `doc:"require"` // CEL, over what is in scope
	Window     Period   `doc:"window"`  // 24 h when absent
	StaleAfter Period   `doc:"staleAfter"`
	MaxLoss    Percent  `doc:"maxLoss"`
	Attest     *Attest  `doc:"attest"`
}

// Scope is the subject of a condition: connections with an end in a boundary of
// the authorization. Empty is every one.
type Scope struct {
	At
	From             *Selector `doc:"from"` // where the client stands
	To               *Selector `doc:"to"`   // where the server stands
	OpenedBy         string    `doc:"openedBy" oneof:"inside outside either"`
	Protocols        []string  `doc:"protocols"`
	Interconnections []Ref     `doc:"interconnections"`
}

// Selector picks ends; an end must fit every key that is there.
type Selector struct {
	At
	Boundary Ref      `doc:"boundary"`
	Domain   string   `doc:"domain" oneof:"ot dmz it external"`
	Roles    []string `doc:"roles" oneof:"@roles"`
	CIDRs    []Prefix `doc:"cidrs"`
	Levels   []Level  `doc:"levels"`
}

// Attest says who shows a condition that no traffic shows, and how often.
type Attest struct {
	By    string `doc:"by,need"`
	Every Period `doc:"every,need"`
}

// With holds what named checks ask for; each takes its own keys of it.
type With struct {
	At
	Via       Ref       `doc:"via"` // a boundary, or an access point
	From      *Selector `doc:"from"`
	To        *Selector `doc:"to"`
	Except    []Ref     `doc:"except"` // interconnections that are none of its business
	Strict    bool      `doc:"strict"`
	Security  string    `doc:"security" oneof:"sign sign-and-encrypt"`
	TLS       string    `doc:"tls" oneof:"1.0 1.1 1.2 1.3"`
	Protocols []string  `doc:"protocols"`
	Initiator string    `doc:"initiator" oneof:"inside outside"`
	Peers     []Prefix  `doc:"peers"`
	Names     []string  `doc:"names"`
	Schedule  *Schedule `doc:"schedule"`
	Bytes     Bytes     `doc:"bytes"`
	AtLeast   Period    `doc:"atLeast"` // one exchange in each
	AtMost    Period    `doc:"atMost"`  // no more than one in each
	Hops      *int      `doc:"hops"`    // of a chain, 2 to MaxHops
	Agents    int       `doc:"agents"`
	Heard     Percent   `doc:"heard"` // of the window
	Age       Period    `doc:"age"`
}

// MaxHops is how long a chain of flows may be that is looked for.
const MaxHops = 8

// checks names every named check with the keys that it takes: "!" marks those
// that it needs.
var checks = map[string]string{
	"only-via":               "via! from to except",
	"no-internet":            "except",
	"read-only-from-outside": "from to except",
	"one-way":                "from! to! strict",
	"encrypted":              "security tls protocols from to",
	"initiator":              "initiator! from to",
	"allow-list":             "peers names from to",
	"no-remote-access-tools": "protocols except",
	"time-window":            "schedule! from to",
	"volume-limit":           "bytes! from to",
	"cadence":                "atLeast atMost from to",
	"peer-authorized":        "from to except",
	"agreement-in-force":     "from to except",
	"atc-within-ato":         "",
	"no-transitive-path":     "hops from to",
	"no-unlisted-assets":     "",
	"no-dual-homed":          "",
	"visibility-at-least":    "agents heard",
	"evidence-newer-than":    "age!",
}

func (a *Authorization) checkConditions(d *decoder) {
	seen := make(map[string]bool)
	for i := range a.Conditions {
		c := &a.Conditions[i]
		if c.ID.Name != "" && seen[c.ID.Name] {
			d.problem(c.ID.At, "condition "+c.ID.Name+" stands twice", "keep one")
		}
		seen[c.ID.Name] = true
		c.check(d)
	}
}

func (c *Condition) check(d *decoder) {
	forms := 0
	for _, there := range []bool{c.Check != "", c.Require != "", c.Attest != nil} {
		if there {
			forms++
		}
	}
	switch {
	case forms == 0:
		d.problem(c.At, "condition "+c.ID.Name+" has neither check, require nor attest", "write a named check, an expression, or attest: {by, every} for what only people can show")
	case forms > 1:
		d.problem(c.At, "condition "+c.ID.Name+" has more than one of check, require and attest", "write one condition for each")
	}
	if c.Attest != nil && (c.Scope != nil || c.Window.Line != 0 || c.StaleAfter.Line != 0 || c.MaxLoss.Line != 0) {
		d.problem(c.At, "scope, window, staleAfter and maxLoss of "+c.ID.Name+" have no meaning for what people attest", "take them out")
	}
	if c.Check == "" && c.With != nil {
		d.problem(c.With.At, "with belongs to check", "name the check, or take it out")
	}
	if keys, known := checks[c.Check]; known {
		c.With.check(d, c.At, c.Check, keys)
	}
}

// check holds w, nil for none, to the keys of a named check.
func (w *With) check(d *decoder, at At, name, keys string) {
	given := w.given()
	if w != nil {
		at = w.At
	}
	takes := strings.Fields(strings.ReplaceAll(keys, "!", ""))
	for _, k := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(takes, k) {
			d.problem(at, "check "+name+" takes no "+k, "it takes "+orNothing(takes))
		}
	}
	for k := range strings.FieldsSeq(keys) {
		if k, need := strings.CutSuffix(k, "!"); need && !given[k] {
			d.problem(at, "check "+name+" needs "+k, "write with: {"+k+": ...}")
		}
	}
	if w != nil && w.Schedule != nil {
		w.Schedule.check(d)
	}
	if w != nil && w.Hops != nil && (*w.Hops < 2 || *w.Hops > MaxHops) {
		d.problem(at, fmt.Sprintf("hops: a chain of %d hops is none that is looked for", *w.Hops), fmt.Sprintf("write 2 to %d; a direct connection is one hop, which only-via and no-internet are about", MaxHops))
	}
}

// given lists the keys that were written.
func (w *With) given() map[string]bool {
	keys := make(map[string]bool)
	if w == nil {
		return keys
	}
	v := reflect.ValueOf(w).Elem()
	for f := range fields(v.Type()) {
		if name, _ := f.name(); !v.FieldByIndex(f.Index).IsZero() {
			keys[name] = true
		}
	}
	return keys
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
