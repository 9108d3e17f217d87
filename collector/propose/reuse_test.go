package propose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// example reads the example's documents, and more.
func example(t *testing.T, more string) ([]boundary.File, *boundary.Documents) {
	t.Helper()
	paths, err := filepath.Glob("../../deploy/example/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no example: %v", err)
	}
	var files []boundary.File
	if more != "" {
		files = append(files, boundary.File{Path: "more.yaml", Content: []byte(more)})
	}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, boundary.File{Path: filepath.Base(p), Content: raw})
	}
	docs, err := boundary.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	return files, docs
}

func reuse(t *testing.T, docs *boundary.Documents, lender, system string) *demarcv1.ProposeReuseResponse {
	t.Helper()
	policy, err := boundary.Compile(docs, 1)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(docs.Boundaries, func(b *boundary.Boundary) bool { return b.Name == system })
	return Reuse{Policy: policy, Documents: docs, Lender: policy.Decision(lender).Source(), System: docs.Boundaries[i], Now: now}.Draft()
}

const secondSystem = `apiVersion: demarc/v1
kind: Boundary
metadata: {name: orders}
spec: {title: Orders, kind: system, domain: external, parent: cloud-platform, isolated: true, parties: [{role: system-owner, name: Kai Lund, organization: Example Foods}], categorization: {confidentiality: high, integrity: high, availability: low}}
`

// What a second system takes over, what it does not, and a draft that is taken
// beside the documents in force and authorizes nothing.
func TestASecondSystemTakesOver(t *testing.T) {
	files, docs := example(t, secondSystem)
	r := reuse(t, docs, "cloud-atu", "orders")
	if len(r.GetRefusals()) != 0 || r.GetOrganization() != "Example Foods" {
		t.Fatalf("%v", r)
	}
	for _, want := range []string{"F1900000042, approved 2025-11-30", "CP-9, PE-3", "Robin Shah"} {
		if !strings.Contains(strings.Join(r.GetSkipped(), "\n"), want) {
			t.Errorf("skipped lacks %q: %q", want, r.GetSkipped())
		}
	}
	for _, want := range []string{"decision of its own", "AC-2, SC-7", "cloud-front-door", "confidentiality moderate and high", "falls with cloud-atu, and that with cloud-pato"} {
		if !strings.Contains(strings.Join(r.GetRemains(), "\n"), want) {
			t.Errorf("remains lacks %q: %q", want, r.GetRemains())
		}
	}
	text := r.GetDraft().GetText()
	for _, want := range []string{"decision: not-yet-authorized", "- authorization: cloud-atu", `{id: "PE-3", extent: full}`, `{id: "AC-2", extent: partial}`, "boundaries: [orders]"} {
		if !strings.Contains(text, want) {
			t.Errorf("the draft lacks %q:\n%s", want, text)
		}
	}
	after, err := boundary.Read(append(files, boundary.File{Path: "draft.yaml", Content: []byte(text)}))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	policy, err := boundary.Compile(after, 2)
	if err != nil {
		t.Fatal(err)
	}
	if a := policy.Authority("orders", now); a.Operates() && a.Home == "orders" {
		t.Errorf("a draft authorizes: %+v", a)
	}
}

func TestWhatCannotBeTakenOver(t *testing.T) {
	files, docs := example(t, secondSystem)
	for _, c := range []struct{ lender, system, why, cure, draft string }{
		{"archive-ato", "orders", "is consolidated", "decide on archive-host alone", "boundaries: [archive-host]"},
		{"forecast-pato", "orders", "authorizes nobody to operate", "ato or atu that Example Foods gave", "boundaries: [forecast]"},
		{"insight-staging-iatt", "orders", "lends nothing", "leverage an ato", ""},
		{"vendor-analytics-denial", "orders", "is dato", "a decision that stands", ""},
		{"suppliers-decision", "orders", "is not-yet-authorized", "a decision that stands", ""},
		{"cloud-atu", "cloud-platform", "stands under cloud-atu itself", "another system", ""},
	} {
		r := reuse(t, docs, c.lender, c.system)
		if len(r.GetRefusals()) != 1 || len(r.GetSkipped())+len(r.GetRemains()) != 0 {
			t.Fatalf("%s: %v", c.lender, r)
		}
		if x := r.GetRefusals()[0]; !strings.Contains(x.GetWhat(), c.why) || !strings.Contains(x.GetCure(), c.cure) {
			t.Errorf("%s: %v", c.lender, x)
		}
		text := r.GetDraft().GetText()
		if (text == "") != (c.draft == "") || !strings.Contains(text, c.draft) {
			t.Errorf("%s: %q lacks %q", c.lender, text, c.draft)
		}
		if text == "" {
			continue
		}
		if _, err := boundary.Read(append(slices.Clone(files), boundary.File{Path: "draft.yaml", Content: []byte(text)})); err != nil {
			t.Errorf("%s: %v", c.lender, err)
		}
	}
}

func TestWhoTakesOverAlready(t *testing.T) {
	_, docs := example(t, "")
	r := reuse(t, docs, "cloud-atu", "recipes")
	if r.GetDraft() != nil || !strings.Contains(strings.Join(r.GetRemains(), "\n"), "recipes-ato takes over from cloud-atu already") {
		t.Errorf("%v", r)
	}
	if r := reuse(t, docs, "cloud-atu", "line4"); !strings.Contains(r.GetDraft().GetText(), "# supersedes: lines-ato") {
		t.Errorf("%v", r)
	}
}
