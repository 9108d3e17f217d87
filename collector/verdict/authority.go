package verdict

import (
	"slices"
	"strings"

	"demarc/collector/boundary"
)

// authority says under which authorizations the connection runs, of both ends
// and of what a service is lent under, and names those in force.
func (k *judge) authority(lent string) (words string, papers []string) {
	var under, none, lost []string
	for _, name := range []string{k.out.Client.Boundary, k.out.Server.Boundary} {
		if name == boundary.Internet {
			continue
		}
		a := k.p.Authority(name, k.at.cover)
		switch {
		case a.In != nil:
			under, papers = once(under, a.In.Name), once(papers, a.In.Document)
		case a.Home == "":
			none = once(none, name)
		default:
			lost = once(lost, a.Home+" operates without authorization: "+a.Why)
		}
	}
	if d := k.p.Decision(lent); d != nil {
		under, papers = once(under, d.Name), once(papers, d.Document)
	}
	if len(under) > 0 {
		words = ", under " + strings.Join(under, " and ")
	}
	if len(lost) > 0 {
		words += "; " + strings.Join(lost, ", ")
	}
	switch {
	case len(none) > 0 && len(under)+len(lost) > 0:
		words += "; no authorization on record for " + strings.Join(none, " and ")
	case len(under)+len(lost) == 0:
		words += "; no authorization on record"
	}
	return words, papers
}

func once(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
