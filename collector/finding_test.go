package main

import (
	"strings"
	"testing"
)

// The whole way of a decision from the command line: what a plain collector
// has to decide on is what its documents lack.
func TestFindingCommands(t *testing.T) {
	data := "--data=" + serve(t)
	works(t, "Policy version 1 is in force.", "apply", data, "-f", example)
	fails(t, "needs ids, as `get findings` shows them, or a filter", "finding", "assign", data, "--to", "ana")
	fails(t, "not both", "finding", "assign", "f-1", data, "--to", "ana", "--kind", "attempt")
	fails(t, "no finding passes this filter", "finding", "assign", data, "--to", "ana", "--kind", "attempt")
	fails(t, "kind \"atempt\" is not known", "finding", "assign", data, "--to", "ana", "--kind", "atempt")
	fails(t, "no finding has the id \"f-1\"", "finding", "comment", "f-1", data, "--text", "x")
	fails(t, "nothing is accepted without an end", "finding", "accept", "f-1", data, "--owner", "x", "--reason", "y")
	fails(t, "--milestone \"x\" is not TITLE=DAY", "finding", "poam", "f-1", data, "--milestone", "x")
	fails(t, "--revision is that of one finding", "finding", "assign", "f-1", "f-2", data, "--revision", "1")
	fails(t, "--survey is yes or no", "get", "findings", data, "--survey", "perhaps")
	fails(t, "no finding has the id", "get", "findings", data, "--history", "f-1")
	out, err := run(t, "get", "findings", data, "--severity", "1", "--boundary", "line4", "--assignee", "none", "--survey", "no", "--drift", "no", "-o", "csv")
	if err != nil || !strings.HasPrefix(out, "SEVERITY,KIND,FINDING,SITE,STATUS,ASSIGNEE") {
		t.Errorf("%v %q", err, out)
	}
}
