package web

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"demarc/collector/finding"
	"demarc/internal/ot"
)

// Each kind of finding asks something of each of the three readers, and of each
// something else.
func TestEveryKindOfFindingIsWordedForEachReader(t *testing.T) {
	raw, err := os.ReadFile("ui/src/words.ts")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^  '?([a-z-]+)'?: \{\n    engineer: '(.+)',\n    analyst: '(.+)',\n    official: '(.+)',\n  \},$`).FindAllStringSubmatch(string(raw), -1) {
		said[m[1]] = m[2:]
	}
	var all []string
	for _, kind := range finding.Kinds() {
		if len(said[kind]) != 3 {
			t.Errorf("%s is not worded for engineer, analyst and official in words.ts", kind)
		}
		all = append(all, said[kind]...)
		delete(said, kind)
	}
	if len(said) > 0 {
		t.Errorf("words for no kind of finding: %v", said)
	}
	slices.Sort(all)
	if n := len(all); n != len(slices.Compact(all)) {
		t.Error("two readers are told the same")
	}
	for _, set := range regexp.MustCompile(`(?m)^const [A-Z]+ = new Set\(\[(.+)\]\);$`).FindAllStringSubmatch(string(raw), -1) {
		for _, role := range regexp.MustCompile(`'([a-z-]+)'`).FindAllStringSubmatch(set[1], -1) {
			if !ot.IsRole(ot.Role(role[1])) {
				t.Errorf("%s is no role", role[1])
			}
		}
	}
}
