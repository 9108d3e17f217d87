package export

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	texttemplate "text/template"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

//go:embed readme.txt
var readmeText string

//go:embed summary.html
var summaryText string

var helpers = map[string]any{
	"fold": fold,
	"join": func(all []string) string { return strings.Join(all, ", ") },
	"when": func(t *timestamppb.Timestamp) string {
		if t == nil {
			return ""
		}
		return stamp(t.AsTime())
	},
	"day": func(t *timestamppb.Timestamp) string {
		if t == nil {
			return ""
		}
		return t.AsTime().UTC().Format("2006-01-02")
	},
	"lastDay": func(t *timestamppb.Timestamp) string {
		if t == nil {
			return "no end"
		}
		return t.AsTime().UTC().Add(-1).Format("2006-01-02")
	},
	"people": func(all []*demarcv1.DecidingOfficial) string {
		return strings.Join(namesOf(all, func(o *demarcv1.DecidingOfficial) string {
			return strings.TrimSuffix(o.GetName()+", "+o.GetOrganization(), ", ")
		}), "; ")
	},
	"counts": func(m map[string]int) string {
		var all []string
		for _, k := range slices.Sorted(maps.Keys(m)) {
			all = append(all, fmt.Sprintf("%d %s", m[k], k))
		}
		return strings.Join(all, ", ")
	},
}

var (
	readme  = texttemplate.Must(texttemplate.New("readme").Funcs(helpers).Parse(readmeText))
	summary = template.Must(template.New("summary").Funcs(helpers).Parse(summaryText))
)

// tell writes what is for people: what could not be seen, a summary, and the
// index.
func (f *facts) tell(p *packer) error {
	unseen := strings.Join(f.NotSeen(), "\n") + "\n"
	if err := f.put(p, "not-seen.txt", "what could not be seen, and what this package therefore does not tell", text(unseen)); err != nil {
		return err
	}
	if err := f.put(p, "summary.html", "all of it for a reader: begin here", func(w io.Writer) error { return summary.Execute(w, f) }); err != nil {
		return err
	}
	return p.file("README.txt", func(w io.Writer) error { return readme.Execute(w, f) })
}

// When is the moment that the package is of.
func (f *facts) When() string { return stamp(f.at.AsTime()) }

// PolicyVersion is that of the documents in force then.
func (f *facts) PolicyVersion() uint64 { return f.as.GetPolicyVersion() }

// Authorizations, Boundaries and Index are for the templates.
func (f *facts) Authorizations() []*demarcv1.Authorization { return f.authorizations }

// Boundaries are those of the package.
func (f *facts) Boundaries() []*demarcv1.BoundarySummary { return f.boundaries }

// Index lists the files, by name.
func (f *facts) Index() []line {
	return slices.SortedFunc(slices.Values(f.index), func(a, b line) int { return strings.Compare(a.Name, b.Name) })
}

// Withheld counts entries of the audit log.
func (f *facts) Withheld() uint64 { return f.Log.Entries - f.Log.Whole }

// Retention says how long what is in the package is to be kept.
func (f *facts) Retention() (all []string) {
	for _, b := range f.boundaries {
		if words := api.RetentionWords(b.GetRecord().GetRetention(), f.at.AsTime()); words != "" {
			all = append(all, b.GetName()+": "+words)
		}
	}
	if len(all) == 0 {
		return []string{"No document of these boundaries says how long its records are kept."}
	}
	return all
}

// NotSeen says what could not be seen, a line each.
func (f *facts) NotSeen() []string {
	all := []string{"What no agent heard is not told here, and nothing here says that it was not there."}
	for _, b := range f.boundaries {
		all = append(all, fmt.Sprintf("%s, over the last day: %s", b.GetName(), or(b.GetSight().GetWords(), "nothing was heard")))
		for _, g := range b.GetSight().GetGaps() {
			all = append(all, b.GetName()+", no full sight: "+g)
		}
	}
	for _, t := range f.Traffic {
		if n := t.Verdicts["undecided"]; n > 0 {
			all = append(all, t.Boundary+": no verdict could be told of "+connections(n))
		}
		for _, term := range slices.Sorted(maps.Keys(t.Unseen)) {
			all = append(all, fmt.Sprintf("%s: the %s of %s could not be observed", t.Boundary, term, connections(t.Unseen[term])))
		}
	}
	for _, c := range f.Conditions {
		switch c.GetState() {
		case "not-observable", "stale", "not-exercised", "attestation-due", "attested":
			all = append(all, fmt.Sprintf("condition %s, %s: %s", c.GetId(), c.GetWords(), c.GetReason()))
		}
	}
	all = append(all, f.Missing...)
	if n := f.Withheld(); n > 0 {
		all = append(all, fmt.Sprintf("%d of %d entries of the audit log are withheld: whoever asked for the package may not read them", n, f.Log.Entries))
	}
	return all
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// fold breaks a text between words into lines that a text file can have.
func fold(indent, s string) string {
	var b strings.Builder
	length := 78
	for w := range strings.FieldsSeq(s) {
		if length+1+len(w) > 78 {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(indent + w)
			length = len(indent) + len(w)
			continue
		}
		b.WriteString(" " + w)
		length += 1 + len(w)
	}
	return b.String()
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
