package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// calendarKinds are what an entry may be.
var calendarKinds = []string{
	boundary.Ended, boundary.ReviewIsDue, boundary.AttestationDue, boundary.AcceptanceEnded, boundary.EmergencyReview, boundary.PlanDue, boundary.SurveyEnds, boundary.WindowEnds,
}

type calendarEntry = *demarcv1.CalendarEntry

var calendarList = list[calendarEntry]{
	order: "due, document",
	columns: map[string]column[calendarEntry]{
		"due":         func(k key, x calendarEntry) key { return k.time(x.GetDue()) },
		"kind":        func(k key, x calendarEntry) key { return k.text(x.GetKind()) },
		"document":    func(k key, x calendarEntry) key { return k.text(x.GetDocument()) },
		"connections": func(k key, x calendarEntry) key { return k.number(uint64(x.GetConnections())) },
	},
	id: func(k key, x calendarEntry) key {
		return k.exact(x.GetDocument()).exact(x.GetKind()).exact(x.GetWhat()).time(x.GetDue())
	},
}

// ListCalendar lists what is overdue and what comes, the first first.
func (s *Service) ListCalendar(ctx context.Context, r *demarcv1.ListCalendarRequest) (*demarcv1.ListCalendarResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("kind", r.GetKind(), calendarKinds)); err != nil {
		return nil, err
	}
	p, err := calendarList.page(r, s.calendar(), func(x calendarEntry) bool {
		return (r.GetUntil() == nil || !x.GetDue().AsTime().After(r.GetUntil().AsTime())) && is(r.GetKind(), x.GetKind()) &&
			words.in(slices.Values(slices.Concat([]string{x.GetKind(), x.GetDocument(), x.GetWhat(), x.GetConsequence()}, x.GetBoundaries())))
	})
	return &demarcv1.ListCalendarResponse{AsOf: as, Entries: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// calendar is what documents and decisions on findings say of ends.
func (s *Service) calendar() (all []calendarEntry) {
	now, live := s.Clock(), s.liveOn()
	for _, d := range s.Plant.Policy().Calendar() {
		kind, name, _ := strings.Cut(d.Document, "/")
		past := !d.At.After(now)
		if past && (d.Kind == boundary.SurveyEnds || d.Kind == boundary.WindowEnds) || !s.sees(kind, name, strings.Join(d.Boundaries, " ")) {
			continue
		}
		x := &demarcv1.CalendarEntry{Due: timestamppb.New(d.At), Kind: d.Kind, Document: d.Document, What: d.What, Overdue: past, Boundaries: d.Boundaries, Connections: live[d.Document]}
		x.Consequence = s.consequence(x)
		all = append(all, x)
	}
	for _, f := range s.Plant.Findings() {
		all = append(all, findingDates(f)...)
	}
	for _, x := range all {
		x.Overdue = !x.GetDue().AsTime().After(now)
	}
	return all
}

// findingDates are the end of an acceptance, and what is planned.
func findingDates(f *demarcv1.Finding) (all []calendarEntry) {
	var over []string
	for _, b := range []string{f.GetFromBoundary(), f.GetToBoundary()} {
		if b != "" && !slices.Contains(over, b) {
			over = append(over, b)
		}
	}
	if a := f.GetAcceptance(); a != nil {
		all = append(all, &demarcv1.CalendarEntry{
			Due: a.GetUntil(), Kind: boundary.AcceptanceEnded, Document: "Finding/" + f.GetId(), Boundaries: over,
			What: "the acceptance by " + a.GetOwner() + " of: " + f.GetTitle(), Consequence: "the finding is open again", Connections: uint32(len(f.GetConnections())),
		})
	}
	for _, i := range f.GetPoam() {
		if i.GetStatus() != "closed" && i.GetDue() != nil {
			all = append(all, &demarcv1.CalendarEntry{
				Due: i.GetDue(), Kind: boundary.PlanDue, Document: "Finding/" + f.GetId(), Boundaries: over,
				What: i.GetId() + ", " + i.GetTitle() + from(", by ", i.GetResponsible()), Consequence: "the item of the plan is overdue",
			})
		}
	}
	return all
}

// liveOn counts the live connections whose verdict stands on each document.
func (s *Service) liveOn() map[string]uint32 {
	all, n := s.Plant.Connections(), map[string]uint32{}
	for i, a := range s.Plant.Activity(all, s.Clock()) {
		if a.State == Live {
			for _, document := range all[i].GetVerdict().GetDocuments() {
				n[document]++
			}
		}
	}
	return n
}

// consequence says what comes of a date of the documents.
func (s *Service) consequence(x calendarEntry) string {
	kind, name, _ := strings.Cut(x.GetDocument(), "/")
	switch {
	case x.GetKind() == boundary.ReviewIsDue, x.GetKind() == boundary.EmergencyReview:
		return "a review is owed, and cover goes on"
	case x.GetKind() == boundary.AttestationDue:
		return "the condition does not hold until it is attested"
	case x.GetKind() == boundary.AcceptanceEnded:
		return "nobody accepts the risk any longer"
	case x.GetKind() == boundary.SurveyEnds:
		return "its findings alarm from then on"
	case x.GetKind() == boundary.WindowEnds:
		return "a session that goes on is out of terms"
	case kind == "Authorization" && x.GetWhat() == name:
		words := "nothing authorizes " + joined(x.GetBoundaries()) + " any longer"
		if lean := s.Plant.Policy().LeanedOnBy(name); len(lean) > 0 {
			words += "; " + joined(lean) + " lean on it"
		}
		return words + coverWords(x.GetConnections())
	}
	return "what it covers has lapsed" + coverWords(x.GetConnections())
}

func coverWords(n uint32) string {
	if n == 1 {
		return "; 1 live connection stands on it"
	}
	return fmt.Sprintf("; %d live connections stand on it", n)
}
