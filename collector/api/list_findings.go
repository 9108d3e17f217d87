package api

import (
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

var findingList = list[*demarcv1.Finding]{
	order: "severity desc",
	columns: map[string]column[*demarcv1.Finding]{
		"severity":      func(k key, f *demarcv1.Finding) key { return k.number(uint64(f.GetSeverity())) },
		"assignee":      func(k key, f *demarcv1.Finding) key { return k.text(f.GetAssignee()) },
		"kind":          func(k key, f *demarcv1.Finding) key { return k.text(f.GetKind()) },
		"title":         func(k key, f *demarcv1.Finding) key { return k.text(f.GetTitle()) },
		"status":        func(k key, f *demarcv1.Finding) key { return k.text(f.GetStatus()) },
		"site":          func(k key, f *demarcv1.Finding) key { return k.text(f.GetSite()) },
		"from_boundary": func(k key, f *demarcv1.Finding) key { return k.text(f.GetFromBoundary()) },
		"to_boundary":   func(k key, f *demarcv1.Finding) key { return k.text(f.GetToBoundary()) },
		"first_seen":    func(k key, f *demarcv1.Finding) key { return k.time(f.GetFirstSeen()) },
		"last_seen":     func(k key, f *demarcv1.Finding) key { return k.time(f.GetLastSeen()) },
	},
	id: func(k key, f *demarcv1.Finding) key { return k.exact(f.GetId()) },
}

// surveyed reports whether a finding stands in the worklist of a survey: every
// boundary of the plant that it names is in one, and it is not urgent.
func (s *Service) surveyed(f *demarcv1.Finding) bool { return Surveyed(s.Plant.Policy(), s.Clock(), f) }

// Surveyed is surveyed by a policy, at an instant.
func Surveyed(policy *boundary.Policy, now time.Time, f *demarcv1.Finding) bool {
	in := false
	for _, b := range []string{f.GetFromBoundary(), f.GetToBoundary()} {
		if policy.Surveyed(b, now) {
			in = true
		} else if b != "" && b != boundary.Internet {
			return false
		}
	}
	return in && !f.GetUrgent()
}

// findingTexts are those that a search looks into.
func findingTexts(f *demarcv1.Finding) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, t := range [...]string{
			f.GetTitle(), f.GetWhy(), f.GetKind(), f.GetStatus(), f.GetFromBoundary(), f.GetToBoundary(), f.GetService(), f.GetOpener(), f.GetTerm(),
			f.GetSite(), f.GetTechnique(), f.GetAssignee(), f.GetId(),
		} {
			if !yield(t) {
				return
			}
		}
	}
}
