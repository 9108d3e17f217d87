package plant

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

func expected(t *testing.T) Expected {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "plant", "expected.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := ReadExpected(file)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answer makes the findings that an expectation asks for.
func answer(all ...Expectation) []Found {
	var found []Found
	for _, e := range all {
		found = append(found, Found{&demarcv1.Finding{Kind: e.Kind, FromBoundary: e.From, ToBoundary: e.To, Service: e.Service}, []string{e.Subject}})
	}
	return found
}

func TestExpectedFindings(t *testing.T) {
	e := expected(t)
	if len(e.Faults) != 8 {
		t.Fatalf("%d faults are planted, 8 expected", len(e.Faults))
	}
	all := answer(slices.Concat(e.Noise, e.Faults, e.Papers)...)
	if wrong := e.Compare(all); len(wrong) != 0 {
		t.Errorf("exactly what is expected: %q", wrong)
	}
	if wrong := e.Compare(all[1:]); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "not found: attempt") {
		t.Errorf("one missing: %q", wrong)
	}
	if wrong := e.Compare(append(all, all[3])); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "not expected: ") {
		t.Errorf("one twice: %q", wrong)
	}
}

func TestExpectedRefusesUnknownKeys(t *testing.T) {
	if _, err := ReadExpected([]byte("faults: [{kin: attempt}]")); err == nil {
		t.Error("no error")
	}
}
