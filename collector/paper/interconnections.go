package paper

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// agreed is one agreement on paper: a row of a list, or a document.
type agreed struct {
	name, document, at string
	from, to           string
	docs               []string // documents whose cover counts as this one
	row                *boundary.Row
}

// interconnections holds what was seen to cross the boundary against what is
// agreed: the rows of lists where there are any, and each agreement.
func (r *reconciler) interconnections() bool {
	papers := r.agreements()
	lists := r.lists("interconnections")
	for _, v := range lists {
		papers = append(papers, r.rowsOf(v, papers)...)
	}
	taken := map[string]bool{}
	crossing := slices.DeleteFunc(byID(r.w.Connections), func(c *demarcv1.JudgedConnection) bool {
		return !Exchanged(c) || r.holds(c.GetClientBoundary()) == r.holds(c.GetServerBoundary()) || c.GetClientBoundary() == "" || c.GetServerBoundary() == ""
	})
	for _, p := range papers {
		r.agreement(p, crossing, taken)
	}
	seen := map[flow]*used{}
	for _, c := range crossing {
		if taken[c.GetId()] {
			continue
		}
		f := flowOf(c)
		if seen[f] == nil {
			seen[f] = &used{}
		}
		seen[f].connections = append(seen[f].connections, c.GetId())
		seen[f].last = later(seen[f].last, lastOf(c.GetConnection().GetLastSeen()))
	}
	for _, f := range sortedFlows(seen) {
		r.add(&demarcv1.ReconcileRow{List: "interconnections", Name: f.words(), Connections: seen[f].connections, Seen: f.words()}, seen[f].last)
	}
	return len(papers) > 0
}

// agreements are the documents that join the boundary with another.
func (r *reconciler) agreements() []agreed {
	var all []agreed
	for _, x := range r.w.Documents.Interconnections {
		if r.holds(x.From.Boundary.Name) != r.holds(x.To.Boundary.Name) {
			all = append(all, agreed{x.Name, x.Meta.String(), x.Meta.At.String(), x.From.Boundary.Name, x.To.Boundary.Name, []string{x.Meta.String()}, nil})
		}
	}
	for _, s := range r.w.Documents.SharedServices {
		for _, c := range s.Consumers {
			if r.holds(s.Provider.Boundary.Name) != r.holds(c.Name) {
				all = append(all, agreed{s.Name + " for " + c.Name, s.Meta.String(), s.Meta.At.String(), s.Provider.Boundary.Name, c.Name, []string{s.Meta.String()}, nil})
			}
		}
	}
	return all
}

// rowsOf are the rows of a list; each stands for the agreements between its two
// boundaries, those of its own name alone where there are any.
func (r *reconciler) rowsOf(v *boundary.Inventory, papers []agreed) []agreed {
	var all []agreed
	for i := range v.Rows {
		row := &v.Rows[i]
		a := agreed{row.Words(), v.Meta.String(), row.At.String(), row.From, row.To, nil, row}
		for _, p := range papers {
			if p.row == nil && p.from == row.From && p.to == row.To && (row.Name == "" || p.name == row.Name) {
				a.docs = append(a.docs, p.document)
			}
		}
		all = append(all, a)
	}
	return all
}

func (r *reconciler) agreement(p agreed, crossing []*demarcv1.JudgedConnection, taken map[string]bool) {
	row := &demarcv1.ReconcileRow{List: "interconnections", Name: p.name, Document: p.document, At: p.at}
	var last time.Time
	var services []string
	joins := func(c *demarcv1.JudgedConnection) bool {
		a, b := c.GetClientBoundary(), c.GetServerBoundary()
		holds := r.w.Policy.Holds
		return holds(p.from, a) && holds(p.to, b) || holds(p.from, b) && holds(p.to, a)
	}
	for _, c := range crossing {
		covered := slices.ContainsFunc(p.docs, func(d string) bool { return slices.Contains(c.GetVerdict().GetDocuments(), d) })
		if !joins(c) || !covered && (p.row == nil || len(p.docs) > 0 || !p.names(c)) {
			continue
		}
		taken[c.GetId()] = true
		row.Connections = append(row.Connections, c.GetId())
		last = later(last, lastOf(c.GetConnection().GetLastSeen()))
		services = once(services, flowOf(c).protocol)
		if v := c.GetVerdict(); v.GetVerdict() == verdict.OutOfTerms || v.GetVerdict() == verdict.Lapsed {
			r.broken(row, v)
		}
	}
	row.Seen = some(services, 5)
	if p.row != nil && len(p.docs) == 0 {
		row.Differences = append(row.Differences, &demarcv1.Difference{Field: "agreement", Paper: p.name, Wire: "no Interconnection of that name joins " + p.from + " and " + p.to})
	}
	r.add(row, last)
}

// names reports whether a row that no document stands behind means c.
func (p agreed) names(c *demarcv1.JudgedConnection) bool {
	f := flowOf(c)
	return (p.row.Protocol == "" || f.protocol == "" || f.protocol == p.row.Protocol) && (len(p.row.Ports.Ranges) == 0 || p.row.Ports.Holds(f.port))
}

// broken adds the terms that a connection breaks, each once.
func (r *reconciler) broken(row *demarcv1.ReconcileRow, v *demarcv1.Verdict) {
	add := func(field, paper, wire string) {
		if !slices.ContainsFunc(row.GetDifferences(), func(d *demarcv1.Difference) bool { return d.GetField() == field }) {
			row.Differences = append(row.Differences, &demarcv1.Difference{Field: field, Paper: paper, Wire: wire})
		}
	}
	if v.GetVerdict() == verdict.Lapsed {
		add("cover", "in force", strings.TrimSpace(v.GetReason()[strings.LastIndex(v.GetReason(), ";")+1:]))
	}
	for _, t := range v.GetTerms() {
		if t.GetState() == "broken" {
			add(t.GetTerm(), "as agreed", cmp.Or(t.GetWhy(), "broken"))
		}
	}
}
