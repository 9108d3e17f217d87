package boundary

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples returns the files under testdata/dir and fails if there is none.
func samples(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples in testdata/%s (%v)", dir, err)
	}
	return files
}

func load(t testing.TB, path string) File {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return File{filepath.Base(path), content}
}

func TestRefused(t *testing.T) {
	for _, path := range samples(t, "refused") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			docs, err := Read([]File{load(t, path)})
			var problems Problems
			if !errors.As(err, &problems) || docs != nil {
				t.Fatalf("Read = %v, %v, want no documents and Problems", docs, err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestAccepted(t *testing.T) {
	for _, path := range samples(t, "accepted") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			docs, err := Read([]File{load(t, path)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Compile(docs, 1); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", docs.Warnings.Error()+"\n")
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// Acceptance has an owner, a reason and an end: without one of them it is none.
func TestAcceptanceHasAnOwnerAReasonAndAnEnd(t *testing.T) {
	head := "{apiVersion: demarc/v1, kind: Site, metadata: {name: s}}\n---\n{apiVersion: demarc/v1, kind: Boundary, metadata: {name: b}, spec: {title: B, domain: ot, members: [{site: s, cidrs: [10.0.0.0/8]}]}}\n---\n"
	risk := map[string]string{"id": "R1", "statement": "No passwords.", "acceptedBy": "A. Official", "acceptedOn": "2026-01-01", "until": "2027-01-01"}
	read := func(without string) error {
		var keys []string
		for k, v := range risk {
			if k != without {
				keys = append(keys, k+": "+v)
			}
		}
		_, err := Read([]File{{"a.yaml", []byte(head + "{apiVersion: demarc/v1, kind: Authorization, metadata: {name: a}, spec: {decision: ato, boundaries: [b], granted: 2026-01-01, residualRisks: [{" + strings.Join(keys, ", ") + "}]}}\n")}})
		return err
	}
	if err := read(""); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"statement", "acceptedBy", "acceptedOn", "until"} {
		if err := read(key); err == nil || !strings.Contains(err.Error(), "residualRisks has no "+key) {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

// What is read and not judged by is said, and nothing is said of what is.
func TestTransientGroupsAreWarnedOf(t *testing.T) {
	for spec, want := range map[string]string{
		"type: transient, members: [eng-1, eng-2]":                                                               "a.yaml:1:1: transient group laptops says not where its members may stand: they are judged as any device; add mayStandIn: [...]",
		"type: transient, members: [eng-1], mayStandIn: [line4], connectWindow: {from: '06:00', until: '18:00'}": "",
		"type: transient, members: [eng-1], mayStandIn: [line4]":                                                 "",
		"type: redundant, members: [eng-1, eng-2]":                                                               "",
	} {
		docs, err := Read([]File{{"a.yaml", []byte("{apiVersion: demarc/v1, kind: Group, metadata: {name: laptops}, spec: {" + spec + "}}\n---\n{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}\n---\n{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L, domain: ot, members: [{site: houston, cidrs: [10.0.0.0/8]}]}}\n")}})
		if err != nil {
			t.Fatal(err)
		}
		if got := docs.Warnings.Error(); got != want {
			t.Errorf("%s: %q, want %q", spec, got, want)
		}
	}
}

// An agreement that joins boundaries of unequal categorization is warned of,
// whatever its kind, until its impact was weighed.
func TestUnequalCategorizationIsWarnedOf(t *testing.T) {
	const plan = `{apiVersion: demarc/v1, kind: Boundary, metadata: {name: low}, spec: {title: Low, domain: external, categorization: {confidentiality: low, integrity: low, availability: low}}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: high}, spec: {title: High, domain: external, categorization: {confidentiality: low, integrity: high, availability: low}}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: unsaid}, spec: {title: Unsaid, domain: external}}
---
`
	const impact = ", impact: {confidentiality: low, integrity: moderate, availability: low}"
	exchange := func(to, more string) string {
		return "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: x}, spec: {purpose: P, from: {boundary: low}, to: {boundary: " + to + "}, services: [{protocol: opcua}]" + more + "}}"
	}
	shared := func(consumers, more string) string {
		return "{apiVersion: demarc/v1, kind: SharedService, metadata: {name: x}, spec: {purpose: P, provider: {boundary: high}, consumers: [" + consumers + "], services: [{protocol: dns}]" + more + "}}"
	}
	for text, want := range map[string]string{
		exchange("high", ""):      "x joins low and high, which are categorized unequally: integrity low and high; weigh what the lower side puts at risk, and write the result as impact: in x",
		exchange("high", impact):  "",
		exchange("unsaid", ""):    "",
		shared("unsaid, low", ""): "x joins high and low, which are categorized unequally: integrity high and low; weigh what the lower side puts at risk, and write the result as impact: in x",
		shared("low", impact):     "",
		shared("unsaid", ""):      "",
	} {
		docs, err := Read([]File{{"a.yaml", []byte(plan + text + "\n")}})
		if err != nil {
			t.Fatal(err)
		}
		got := docs.Warnings.Error()
		if _, words, ok := strings.Cut(got, ": "); got != want && (!ok || words != want) {
			t.Errorf("%s\n%q, want %q", text, got, want)
		}
	}
}

// A decision whose record changes under the signed paper is told of; one that
// comes with a new paper, or that nobody signed, is not.
func TestChangeUnderASignedPaperIsToldOf(t *testing.T) {
	read := func(head, decision, papers string) *Documents {
		docs, err := Read([]File{{"a.yaml", []byte(head + "{apiVersion: demarc/v1, kind: Boundary, metadata: {name: b}, spec: {title: B, domain: external}}\n---\n{apiVersion: demarc/v1, kind: Authorization, metadata: {name: a}, spec: {decision: " + decision + ", boundaries: [b], granted: 2026-01-01, documents: [" + papers + "]}}\n")}})
		if err != nil {
			t.Fatal(err)
		}
		return docs
	}
	const letter, second, note = "{title: Letter, signer: Ana, signed: 2026-01-01}", "{title: Letter 2, signer: Ana, signed: 2026-02-01}", "{title: Note, href: x}"
	before := read("", "ato", letter)
	for _, c := range []struct {
		name         string
		before, docs *Documents
		want         string
	}{
		{"nothing before", nil, before, ""},
		{"moved in its file", before, read("# a line\n", "ato", letter), ""},
		{"another decision", before, read("", "atu", letter), "a is not what was signed"},
		{"with its own paper", before, read("", "atu", letter+", "+second), ""},
		{"never signed", read("", "ato", note), read("", "atu", note), ""},
	} {
		if got := c.docs.Resigned(c.before).Error(); got != "" && c.want == "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
