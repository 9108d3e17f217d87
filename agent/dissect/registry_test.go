package dissect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func TestRegistryIsComplete(t *testing.T) {
	for _, p := range Protocols() {
		if p.Tier < 1 || p.Tier > 3 {
			t.Errorf("%s has no tier: set Tier to 1 (identity, direction and class of operation), 2 (content and direction) or 3 (signature)", p.Name)
		}
	}
}

// TestNamesAreInTheVocabulary: documents may name every protocol that is read.
func TestNamesAreInTheVocabulary(t *testing.T) {
	names := ot.Protocols()
	for _, p := range Protocols() {
		if !ot.IsProtocol(p.Name) {
			names = append(names, p.Name)
			if !*update {
				t.Errorf("internal/ot/protocols.txt lacks %s: write it with go test ./agent/dissect -update", p.Name)
			}
		}
	}
	if !*update {
		return
	}
	slices.Sort(names)
	file := filepath.Join("..", "..", "internal", "ot", "protocols.txt")
	if err := os.WriteFile(file, []byte(strings.Join(names, "\n")+"\n"), 0o644); err != nil { // part of the source
		t.Fatal(err)
	}
}
