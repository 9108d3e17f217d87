package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"demarc/collector/boundary"
)

var (
	// tableRow is a row of the tables in deploy/example/README.md: its name, and
	// the documents that hold its record.
	tableRow = regexp.MustCompile(`(?m)^\| ([^|]+?) \| ([^|]+?) \| [^|]+ \|$`)
	document = regexp.MustCompile("`([A-Z][A-Za-z]+/[a-z0-9-]+)`")
)

// TestEveryRowIsTested: what deploy/example/README.md says that the product
// holds has a test of its name, and nothing is tested that it does not say; the
// records that it names are in the example.
func TestEveryRowIsTested(t *testing.T) {
	systems, concepts, cut := strings.Cut(read(t, "deploy/example/README.md"), "## Concepts")
	if !cut {
		t.Fatal("the table of concepts is not found: the headings are others")
	}
	docs := exampleDocuments(t)
	for _, c := range []struct {
		text string
		rows []row
		most int // rows there are
	}{{systems, systemRows, 16}, {concepts, conceptRows, 32}} {
		var told, tested []string
		for _, m := range tableRow.FindAllStringSubmatch(c.text, -1) {
			if m[1] == "row" {
				continue
			}
			told = append(told, m[1])
			names := document.FindAllStringSubmatch(m[2], -1)
			if len(names) == 0 {
				t.Errorf("%s names no document", m[1])
			}
			for _, n := range names {
				if !docs[n[1]] {
					t.Errorf("%s: there is no %s in deploy/example", m[1], n[1])
				}
			}
		}
		for _, r := range c.rows {
			tested = append(tested, r.name)
			if r.check == nil && r.acts == nil {
				t.Errorf("%s has no test", r.name)
			}
		}
		if len(told) != c.most || !slices.Equal(told, tested) {
			t.Errorf("%d rows are told and %d tested, of %d:\n%q\n%q", len(told), len(tested), c.most, told, tested)
		}
	}
}

// exampleDocuments are those of deploy/example, by "Kind/name".
func exampleDocuments(t *testing.T) map[string]bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "deploy", "example", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no documents in deploy/example (%v)", err)
	}
	var files []boundary.File
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, boundary.File{Path: name, Content: content})
	}
	all := map[string]bool{}
	for _, p := range boundary.Pieces(files) {
		all[p.Document()] = true
	}
	return all
}

var namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.(Test[A-Za-z0-9]+)(?:/([^`]+))?`")

// TestAuthorityRulesAreTested: every test that deploy/authority.md names beside
// a rule is there.
func TestAuthorityRulesAreTested(t *testing.T) {
	_, text, _ := strings.Cut(read(t, "deploy/authority.md"), "## Rules, each with a test")
	text, _, cut := strings.Cut(text, "\n## ")
	rules := 0
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "| ") || strings.HasPrefix(l, "| rule |") {
			continue
		}
		rules++
		named := namedTest.FindAllStringSubmatch(l, -1)
		if len(named) == 0 || len(named) != strings.Count(l, ".Test") {
			t.Errorf("no test, or one that is not read: %s", l)
		}
		for _, n := range named {
			if !hasTest(t, n[1], n[2]) {
				t.Errorf("%s.%s is not there", n[1], n[2])
			}
			if n[3] != "" && !slices.ContainsFunc(conceptRows, func(r row) bool { return r.name == n[3] }) {
				t.Errorf("%s has no row %q", n[2], n[3])
			}
		}
	}
	if !cut || rules != 25 {
		t.Errorf("%d rules", rules)
	}
}

// hasTest reports whether a test of a folder has a name.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s (%v)", folder, err)
	}
	return slices.ContainsFunc(files, func(f string) bool {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), "func "+name+"(")
	})
}
