package condition

import (
	"maps"
	"slices"
	"strings"

	"demarc/collector/boundary"
)

// Compile reads the conditions of documents that boundary.Read accepted. The
// error is boundary.Problems: a check that is not built, an expression that
// does not stand.
func Compile(docs *boundary.Documents) error {
	var all boundary.Problems
	for _, a := range docs.Authorizations {
		for i := range a.Conditions {
			c := &a.Conditions[i]
			problem := func(what, cure string) {
				all = append(all, boundary.Problem{File: c.File, Line: c.Line, Col: c.Col, What: "condition " + c.ID.Name + " of " + a.Name + ": " + what, Cure: cure})
			}
			if _, built := checks[c.Check]; c.Check != "" && !built {
				problem("check "+c.Check+" is not built yet", "use one of "+strings.Join(Checks(), ", ")+"; or attest: {by, every}")
			}
			if w := c.With; c.Check == "cadence" && (w == nil || w.AtLeast.Duration <= 0 && w.AtMost.Duration <= 0) {
				problem("check cadence needs atLeast or atMost", "write with: {atLeast: 1h} for one exchange in each hour, or with: {atMost: 1h} for no more than one")
			}
			if c.Check == "no-unlisted-assets" && c.Scope != nil {
				problem("scope picks connections, and check no-unlisted-assets is about devices", "take scope out")
			}
			if c.Check == "no-transitive-path" && c.Scope != nil {
				problem("scope picks connections, and check no-transitive-path is about chains of them", "say where chains begin and end: with: {from: ..., to: ...}")
			}
			if c.Require != "" {
				if _, err := parse(c.Require); err != nil {
					problem("require: "+err.Error(), "the fields that there are stand in deploy/checks.md")
				}
			}
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// Checks names the checks that are built, sorted.
func Checks() []string { return slices.Sorted(maps.Keys(checks)) }
