package plant

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	demarcv1 "demarc/proto/demarc/v1"
)

// Expected is testdata/plant/expected.yaml: what must be found in the plant.
type Expected struct {
	Faults []Expectation `yaml:"faults"`
	Noise  []Expectation `yaml:"noise"`
	Papers []Expectation `yaml:"papers"` // what the documents call for without traffic
	// Follows may be there or not: conditions are judged behind what breaks them.
	Follows []Expectation `yaml:"follows"`
}

// Expectation is one finding that must be there. Empty fields match anything.
type Expectation struct {
	Kind    string `yaml:"kind"`
	From    string `yaml:"from"`    // boundary
	To      string `yaml:"to"`      // boundary
	Service string `yaml:"service"` // protocol
	Subject string `yaml:"subject"` // address of an asset or of a connection's end
	Is      string `yaml:"is"`      // in words
}

func (e Expectation) String() string {
	s := e.Kind
	if e.From != "" || e.To != "" {
		s += " " + e.From + " -> " + e.To
	}
	return strings.TrimSpace(s+" "+e.Service) + " " + e.Subject + ": " + e.Is
}

// ReadExpected reads the expectations; an unknown key is an error.
func ReadExpected(file []byte) (Expected, error) {
	var e Expected
	if err := yaml.UnmarshalWithOptions(file, &e, yaml.Strict()); err != nil {
		return Expected{}, fmt.Errorf("plant: expected findings: %w", err)
	}
	return e, nil
}

// Found is one finding with the addresses of the assets and connections that
// it groups.
type Found struct {
	*demarcv1.Finding
	Addresses []string
}

// Compare pairs what was found with what is expected, one to one, and says in
// words what is missing and what is too much; nothing when they agree.
func (e Expected) Compare(found []Found) []string {
	var wrong []string
	taken := make([]bool, len(found))
	for _, want := range slices.Concat(e.Faults, e.Noise, e.Papers) {
		i := 0
		for i < len(found) && (taken[i] || !want.matches(found[i])) {
			i++
		}
		if i == len(found) {
			wrong = append(wrong, "not found: "+want.String())
			continue
		}
		taken[i] = true
	}
	for i, f := range found {
		if !taken[i] && !slices.ContainsFunc(e.Follows, func(x Expectation) bool { return x.matches(f) }) {
			wrong = append(wrong, fmt.Sprintf("not expected: %s %s -> %s %s %s (%s)", f.Kind, f.FromBoundary, f.ToBoundary, f.Service, f.Title, strings.Join(f.Addresses, ", ")))
		}
	}
	return wrong
}

func (e Expectation) matches(f Found) bool {
	return e.Kind == f.Kind && either(e.From, f.FromBoundary) && either(e.To, f.ToBoundary) && either(e.Service, f.Service) &&
		(e.Subject == "" || slices.Contains(f.Addresses, e.Subject))
}

func either(want, have string) bool { return want == "" || want == have }
