package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lineDocuments = `{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: Line 4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: vendor-ra}, spec: {purpose: Support, from: {boundary: dmz}, to: {boundary: line4}, services: [{protocol: rdp}], activation: per-window}}
---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, conditions: [{id: C3, statement: Two factors., attest: {by: system-owner, every: 90d}}]}}
`

func TestActsOnAuthority(t *testing.T) {
	data := "--data=" + serve(t)
	docs := filepath.Join(t.TempDir(), "docs.yaml")
	if err := os.WriteFile(docs, []byte(lineDocuments), 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, "Policy version 1 is in force.", "apply", data, "-f", docs)
	works(t, "line4-ato (ato)", "get", "boundaries", data)
	works(t, "in force", "get", "authorizations", data)
	works(t, "Dry run: nothing was recorded.", "authorization", "rescind", "line4-ato", data, "--reason", "x", "--dry-run")
	works(t, "in force", "get", "authorizations", data)
	fails(t, "needs its reason", "authorization", "suspend", "line4-ato", data)
	fails(t, "--until: \"soon\" is not a date", "authorization", "suspend", "line4-ato", data, "--until", "soon")
	fails(t, "name one authorization", "authorization", "rescind", data)
	fails(t, "no such file", "authorization", "rescind", "line4-ato", data, "--reason", "x", "--artefact", docs+".none")
	works(t, "before: line4-ato (ato)\n  after:  not authorized to operate, and nothing is seen there: line4-ato is suspended since", "authorization", "suspend", "line4-ato", data, "--reason", "incident", "--artefact", docs)
	works(t, "nothing is seen there: line4-ato is suspended since", "get", "boundaries", data)
	works(t, "Recorded: revise line4-ato.", "authorization", "revise", "line4-ato", data, "--reason", "resolved", "--decision", "ato-with-conditions")
	works(t, "ato-with-conditions  in force", "get", "authorizations", data)
	works(t, "Recorded: window open w.", "window", "open", "w", data, "--interconnection", "vendor-ra", "--until", "2099-01-01", "--approved-by", "Ana")
	works(t, "Recorded: window close w.", "window", "close", "w", data, "--reason", "done")
	fails(t, "--until: a window needs its end", "window", "open", "v", data, "--interconnection", "vendor-ra")
	works(t, "condition C3 of line4-ato is to be attested by the system-owner", "get", "notices", data)
	works(t, "is attested to", "attest", "line4-ato/C3", data, "--statement", "checked today")
	fails(t, "AUTHORIZATION/CONDITION", "attest", "line4-ato", data, "--statement", "x")
	fails(t, "--statement", "attest", "line4-ato/C3", data)
	works(t, "after:  not authorized to operate, and nothing is seen there: line4-ato was rescinded", "authorization", "rescind", "line4-ato", data, "--reason", "closed")
	fails(t, "nothing more is decided", "authorization", "revise", "line4-ato", data, "--reason", "x")
}

// What get writes back is what apply read: applied again it changes nothing.
func TestDocumentsAreWrittenBack(t *testing.T) {
	data := "--data=" + serve(t)
	works(t, "", "get", "documents", data, "-o", "yaml")
	works(t, "Policy version 1 is in force.", "apply", data, "-f", example)
	back := filepath.Join(t.TempDir(), "back.yaml")
	all := works(t, "kind: Authorization", "get", "documents", data, "-o", "yaml")
	if err := os.WriteFile(back, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, "Nothing to change: policy version 1", "apply", data, "-f", back, "--prune")
	if boundaries := works(t, "metadata: {name: line4}", "get", "boundaries", data, "-o", "yaml"); strings.Contains(boundaries, "kind: Site") {
		t.Error("more than boundaries")
	}
	works(t, "Authorization  lines-ato", "get", "documents", data, "--kind", "Authorization")
	fails(t, "is not known", "get", "documents", data, "--kind", "Paper")
	fails(t, "table, json or csv", "get", "findings", data, "-o", "yaml")
	if err := os.WriteFile(back, []byte(strings.Replace(all, "scope: facility", "scope: system", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, "Policy version 2 is in force.", "apply", data, "-f", back)
	works(t, "changed  Authorization/plant-network-ato\n  -   scope: facility\n  +   scope: system\n", "policy", "diff", "1", data)
	works(t, "Both say the same.", "policy", "diff", "2", "2", data)
	fails(t, "there is no policy version 9", "policy", "diff", "9", data)
	fails(t, "no policy version", "policy", "diff", "x", data)
}
