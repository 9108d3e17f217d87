package export

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// Words that the pages have too: a test holds them against each other.
var (
	decisions = map[string]string{
		"ato":                 "Authorization to operate",
		"ato-with-conditions": "Authorization to operate, with conditions",
		"iatt":                "Interim authorization to test",
		"iato":                "Interim authorization to operate",
		"atu":                 "Authorization to use",
		"common-control":      "Common control authorization",
		"pato":                "Provisional authorization: nobody may operate under it alone",
		"dato":                "Denial of authorization to operate",
		"not-yet-authorized":  "Not yet authorized",
		"decommissioned":      "Decommissioned",
	}
	verdictWords = map[string]string{
		"unauthorized": "nobody agreed to it",
		"out-of-terms": "agreed, but not like this",
		"lapsed":       "the paper that covered it fell",
		"undecided":    "cannot be told yet",
		"authorized":   "an agreement in force covers it",
		"internal":     "stays inside one boundary",
	}
	bases = map[string]string{
		"syn":       "the TCP handshake",
		"semantics": "what the protocol says",
		"listener":  "the server, which answers on that port elsewhere",
		"port":      "the lower known port alone",
		"unknown":   "nothing: who was seen to send first stands as client",
	}
	dues = map[string][2]string{ // ahead, past
		"ended": {"ends", "ended"}, "review-due": {"review due", "review overdue"}, "attestation-due": {"attestation due", "attestation overdue"},
		"acceptance-ended": {"acceptance ends", "acceptance ended"}, "emergency-review": {"emergency to be reviewed", "review of the emergency overdue"},
		"plan-due": {"plan due", "plan overdue"}, "survey-ends": {"survey ends", "survey ended"}, "window-ends": {"window ends", "window ended"},
	}
)

// dueWords say what a date of the calendar is.
func dueWords(e *demarcv1.CalendarEntry) string {
	words := dues[e.GetKind()]
	return or(words[map[bool]int{true: 1}[e.GetOverdue()]], e.GetKind())
}

// dayOf is the last day before an end, or the day on which something is due.
func dayOf(e *demarcv1.CalendarEntry) date {
	if strings.Contains(e.GetKind(), "end") {
		return lastDay(e.GetDue())
	}
	return date{e.GetDue()}
}

// lastDay is the day before an end, which is the first instant after it.
func lastDay(t *timestamppb.Timestamp) date {
	if t == nil {
		return date{}
	}
	return date{timestamppb.New(t.AsTime().Add(-1))}
}

// String is the day, UTC; empty when there is none.
func (d date) String() string {
	if d.Timestamp == nil {
		return ""
	}
	return d.AsTime().UTC().Format(time.DateOnly)
}

// minute is a time, UTC.
func minute(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format("2006-01-02 15:04 MST")
}

// eachDate hands on what ends or is due, up to a moment where one is given.
func (x *subject) eachDate(ctx context.Context, until *timestamppb.Timestamp, do func(*demarcv1.CalendarEntry) error) error {
	own := map[string]bool{}
	for _, n := range x.decisions() {
		own["Authorization/"+n] = true
	}
	places := x.places()
	return each(ctx, x.at, x.lists.ListCalendar, &demarcv1.ListCalendarRequest{Until: until}, (*demarcv1.ListCalendarResponse).GetEntries, func(e *demarcv1.CalendarEntry) error {
		if x.whole || own[e.GetDocument()] || slices.ContainsFunc(e.GetBoundaries(), func(b string) bool { return slices.Contains(places, b) }) {
			return do(e)
		}
		return nil
	})
}

// severest puts the most severe finding first.
func severest(a, b *demarcv1.Finding) int {
	return cmp.Or(cmp.Compare(b.GetSeverity(), a.GetSeverity()), cmp.Compare(a.GetId(), b.GetId()))
}

// planDue is when the first item of a finding's plan is due that is not done.
func planDue(f *demarcv1.Finding) (due *timestamppb.Timestamp) {
	for _, p := range f.GetPoam() {
		if p.GetStatus() != "closed" && p.GetDue() != nil && (due == nil || p.GetDue().AsTime().Before(due.AsTime())) {
			due = p.GetDue()
		}
	}
	return due
}

func sideWords(s *demarcv1.AgreementSide) string {
	words := s.GetBoundary() + " " + s.GetApproval()
	if s.GetOfficial() != "" {
		words += " by " + s.GetOfficial()
	}
	if s.GetGranted() != nil {
		words += " " + date{s.GetGranted()}.String()
	}
	if s.GetUntil() != nil {
		words += " to " + lastDay(s.GetUntil()).String()
	}
	return words
}

// operations are those that were counted, the most frequent first.
func operations(c *demarcv1.Connection) string {
	all := slices.SortedFunc(maps.Keys(c.GetOperations()), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.GetOperations()[b], c.GetOperations()[a]), cmp.Compare(a, b))
	})
	return commas(namesOf(slices.DeleteFunc(all, func(o string) bool { return c.GetOperations()[o] == 0 }), func(o string) string { return fmt.Sprintf("%s %d", o, c.GetOperations()[o]) }))
}

// called is how people call an asset: their own name, its name; and its others.
func called(a *demarcv1.Asset) (name, others string) {
	all := slices.DeleteFunc(append([]string{note(a, "name")}, a.GetNames()...), func(n string) bool { return n == "" })
	if len(all) == 0 {
		return "", ""
	}
	return all[0], commas(all[1:])
}

// note is what a person said of an asset.
func note(a *demarcv1.Asset, field string) string {
	for _, n := range a.GetAnnotations() {
		if n.GetField() == field {
			return n.GetValue()
		}
	}
	return ""
}

// counted is "3 authorized, 1 lapsed".
func counted[N int | uint32](m map[string]N) string {
	return commas(namesOf(slices.Sorted(maps.Keys(m)), func(k string) string { return fmt.Sprintf("%d %s", m[k], k) }))
}

func commas(all []string) string { return strings.Join(all, ", ") }

// lines is a line for each.
func lines[T any](all []T, words func(T) string) string {
	return strings.Join(namesOf(all, words), "\n")
}
