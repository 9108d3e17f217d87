package role

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Bounds of a pattern. RE2 takes time in proportion to the text and to the size
// of the program that a pattern becomes, so a slow one is a large one.
const (
	maxPattern = 256   // bytes of a pattern
	maxProgram = 300   // instructions of its program: a match takes 5 ms at the worst
	maxSlow    = 30000 // instructions of all patterns of a file
	maxSubject = 1024  // bytes of a value that are looked at
)

// pattern is a regular expression (RE2) over the value of an attribute.
type pattern struct {
	attribute string
	re        *regexp.Regexp
	steps     int // instructions of its program
}

func readPattern(attribute, text string) (pattern, error) {
	if len(text) > maxPattern {
		return pattern{}, fmt.Errorf("match: a pattern of %d bytes, at most %d: split the entry in two", len(text), maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return pattern{}, fmt.Errorf("match %q: %w: want RE2 syntax, which has neither look-around nor back-references", text, err)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return pattern{}, fmt.Errorf("match %q: %w", text, err)
	}
	if len(program.Inst) > maxProgram {
		return pattern{}, fmt.Errorf("match %q: too slow, %d steps for each byte at the worst, at most %d: use smaller repetitions", text, len(program.Inst), maxProgram)
	}
	re, err := regexp.Compile(text)
	return pattern{attribute, re, len(program.Inst)}, err
}

// in is the first fact that p matches.
func (p *pattern) in(facts []Fact) *Fact {
	for i := range facts {
		if facts[i].Attribute == p.attribute && p.re.MatchString(subject(facts[i].Value)) {
			return &facts[i]
		}
	}
	return nil
}

// expand fills the groups of p's match into a template.
func (p *pattern) expand(template, value string) string {
	value = subject(value)
	at := p.re.FindStringSubmatchIndex(value)
	if len(at) < 4 { // no group: another pattern's references stay
		return template
	}
	return string(p.re.ExpandString(nil, template, value, at))
}

func subject(s string) string { return s[:min(len(s), maxSubject)] }
