package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/verdict"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// A survey changes no verdict; what is not urgent is marked as its worklist, and
// it ends by itself.
func TestSurvey(t *testing.T) {
	l := newLab(t)
	surveyed := strings.ReplaceAll(plantDocs, "spec: {title:", "spec: {review: {state: survey, until: 2026-04-30, owner: A}, title:")
	_, err := l.apply(documents(surveyed), applyOptions{})
	l.must(err)
	reads := flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now)
	loads := flow("10.60.1.1", "10.20.4.11", 44818, "enip", l.now)
	loads.Connections[0].Operations = make([]uint64, ot.NumOperations)
	loads.Connections[0].Operations[ot.Program] = 3
	l.send("a", reads)
	l.send("a", loads)
	outward := flow("10.20.4.12", "198.51.100.7", 443, "tls", l.now)
	outward.Endpoints = outward.Endpoints[:1] // its server is on no link here
	l.send("a", outward)
	l.expect(l.engine, "10.60.1.1", "10.20.4.10", verdict.Unauthorized)
	service := api.New(api.Config{Plant: l.engine, Clock: l.clock, Store: l.store})
	want := map[string]bool{"s7comm": true, "enip": false, "tls": false}
	check := func(in bool) {
		t.Helper()
		r, err := service.ListFindings(owner(t), &demarcv1.ListFindingsRequest{})
		l.must(err)
		if len(r.GetFindings()) != len(want) {
			t.Fatalf("%v", r.GetFindings())
		}
		for _, f := range r.GetFindings() {
			if f.GetSurvey() != (want[f.GetService()] && in) || f.GetUrgent() == want[f.GetService()] {
				t.Errorf("%s: survey %v, urgent %v", f.GetTitle(), f.GetSurvey(), f.GetUrgent())
			}
		}
	}
	check(true)
	s, err := service.GetStatus(owner(t), nil)
	if err != nil || strings.Join(s.GetSurveys(), " ") != "corporate dmz line4" {
		t.Errorf("%v %v", s.GetSurveys(), err)
	}
	l.now = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	check(false)
	if s, _ := service.GetStatus(owner(t), nil); len(s.GetSurveys()) != 0 {
		t.Errorf("over: %v", s.GetSurveys())
	}
	var problems boundary.Problems
	_, err = l.apply(documents(strings.ReplaceAll(surveyed, "2026-04-30", "2026-09-30")), applyOptions{})
	if !errors.As(err, &problems) || problems[0].Line == 0 || !strings.Contains(err.Error(), "more than 90 days from now; end it by 2026-07-30") {
		t.Errorf("%v", err)
	}
}
