package boundary

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Kinds of Due that no notice is told of.
const (
	SurveyEnds = "survey-ends"
	WindowEnds = "window-ends"
)

// Due is an instant that documents name: an end, a review, an attestation.
type Due struct {
	At         time.Time
	Kind       string // of the last notice about it, or one of those above
	Document   string
	What       string // in words
	Boundaries []string
}

// Calendar lists what ends or is due by the documents, by time: also what was.
func (p *Policy) Calendar() []Due {
	var all []Due
	at := map[string]int{}
	for _, n := range p.Notices() { // by time: the last step of each stands
		d := Due{n.Due, n.Kind, n.Document, cmp.Or(n.What, n.Words), p.concerned(n.Document)}
		key := n.Document + "|" + n.Subject + "|" + n.Due.String()
		if i, there := at[key]; there {
			all[i] = d
			continue
		}
		at[key] = len(all)
		all = append(all, d)
	}
	for _, b := range p.Boundaries() {
		if !b.Survey.IsZero() {
			all = append(all, Due{b.Survey, SurveyEnds, "Boundary/" + b.Name, "the survey of " + b.Name, []string{b.Name}})
		}
	}
	for name, list := range p.openings {
		for _, o := range list {
			all = append(all, Due{o.Until, WindowEnds, o.Document, o.Document + " of " + name, p.concerned("Interconnection/" + name)})
		}
	}
	slices.SortFunc(all, func(a, b Due) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Document, b.Document), strings.Compare(a.What, b.What))
	})
	return all
}

// concerned names the boundaries that a document is about.
func (p *Policy) concerned(document string) (all []string) {
	kind, name, _ := strings.Cut(document, "/")
	if d := p.decisions[name]; kind == "Authorization" && d != nil {
		return slices.Sorted(slices.Values(d.Boundaries))
	}
	for _, a := range p.agreed {
		if a.Document == document {
			all = append(all, a.From.Boundary, a.To.Boundary)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
