package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"demarc/collector/boundary"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// resolve answers what documents ask: which devices have a role or a name. A
// document that did not change keeps its answer, so that what takes a role
// later is covered by nothing, unless anew says otherwise. told are the answers
// that are new, in words.
func (e *engine) resolve(docs *boundary.Documents, before map[string][]string, anew bool) (now map[string][]string, told []string) {
	questions := docs.Questions()
	if len(questions) == 0 {
		return nil, nil
	}
	same := make(map[string]bool)
	for _, c := range docs.Compare(e.documents()) {
		same[c.Kind+"/"+c.Name] = c.Change == "same"
	}
	assets := e.Assets()
	policy := e.Policy()
	if p, err := boundary.Compile(docs, policy.Version()+1); err == nil {
		policy = p // it says where addresses stand from now on
	}
	now = make(map[string][]string, len(questions))
	for _, q := range questions {
		answer, had := before[q.Key]
		if !had || !same[q.Document] || anew {
			answer = e.answer(policy, assets, &q)
		}
		now[q.Key] = answer
		if !had || !slices.Equal(answer, before[q.Key]) {
			told = append(told, fmt.Sprintf("%s: %s: %s", q.Document, q.Words(), orNothing(answer)))
		}
	}
	return now, told
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing that was seen"
	}
	return strings.Join(list, ", ")
}

// answer lists the addresses of the devices that a question is about, sorted:
// those that stand in its boundary, or for a name all, with their MACs.
func (e *engine) answer(p *boundary.Policy, assets []*demarcv1.Asset, q *boundary.Question) []string {
	var all []string
	for _, a := range assets {
		if a.GetParent() != "" || !asked(a, q) {
			continue
		}
		for _, end := range e.endsOf(a.GetId()) {
			at := p.Place(a.GetSite(), end)
			if end.Addr.IsValid() && (q.Boundary == "" || p.Holds(q.Boundary, at.Boundary)) {
				all = append(all, end.Addr.Unmap().String())
			}
		}
		if q.Boundary == "" {
			all = append(all, a.GetMacs()...)
		}
	}
	slices.SortFunc(all, compareAddresses)
	return slices.Compact(all)
}

func asked(a *demarcv1.Asset, q *boundary.Question) bool {
	if q.Name != "" {
		return slices.ContainsFunc(a.GetNames(), func(n string) bool { return strings.EqualFold(n, q.Name) })
	}
	return slices.ContainsFunc(a.GetRoles(), func(r *demarcv1.AssetRole) bool {
		return r.GetGrade() != ot.Hint.String() && slices.Contains(q.Roles, r.GetRole())
	})
}

// compareAddresses sorts by number, IP before MAC.
func compareAddresses(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	switch {
	case errX == nil && errY == nil:
		return x.Compare(y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}
