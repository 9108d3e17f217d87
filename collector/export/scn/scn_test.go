package scn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func facts() *Facts {
	return &Facts{
		Authorization: &demarcv1.Authorization{Name: "lines-ato"}, At: noon, Since: noon.AddDate(0, -1, 0),
		Drift: []*demarcv1.Drift{
			{Kind: "new-asset", Words: "10.20.4.77 is new", Boundary: "line4", Id: "a-7", Finding: "f-1", ExplainedBy: []string{"Window/upgrade"}},
			{Kind: "new-connection", Words: "http to\u202e dmz\nis new", Boundary: "line4", Id: "c-7", Finding: "f-1"},
		},
		Conditions: []*demarcv1.Condition{{Id: "lines-ato/C6", Controls: []string{"CM-8", "CA-7"}, Assets: []string{"a-7"}}, {Id: "lines-ato/C2", Controls: []string{"AC-4"}}},
		Findings:   map[string]*demarcv1.Finding{"f-1": {Id: "f-1", Poam: []*demarcv1.PoamItem{{Id: "P1", Title: "List it", Status: "open", Due: timestamppb.New(noon), Milestones: []*demarcv1.Milestone{{Title: "ask"}}}}}},
	}
}

// fields are all those of FedRAMP's schema of 2026-06-24, and required those
// that it asks for.
var (
	fields   = []string{"assessorName", "certificationPackageOverviewUri", "changeDescription", "changeType", "changeTypeExplanation", "customerImpact", "impactAnalysis", "impactedControls", "planAndTimeline", "reason", "relatedVulnerability"}
	required = []string{"certificationPackageOverviewUri", "changeType", "changeDescription"}
)

// TestDraft: the fields are FedRAMP's; what is known stands in them, what people
// must say is empty and listed.
func TestDraft(t *testing.T) {
	text, missing, err := Write(facts())
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]json.RawMessage
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	var got []string
	for k := range v {
		got = append(got, k)
	}
	if slices.Sort(got); !slices.Equal(got, fields) {
		t.Errorf("%q", got)
	}
	var d draft
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.Type != "" || d.TypeWhy != "" || d.CustomerImpact != "" || d.Analysis != "" || d.Overview != "" {
		t.Errorf("what only people know is filled: %+v", d)
	}
	if !slices.Equal(d.Controls, []string{"CA-7", "CM-8"}) || !strings.Contains(d.Description, "1 new asset, 1 new connection") || !strings.Contains(d.Description, "http to dmz is new") || !strings.Contains(d.Reason, "Window/upgrade") ||
		!strings.Contains(d.Plan.Summary, "List it") || len(d.Plan.Milestones) != 2 || d.Plan.Completion != "2026-03-10" {
		t.Errorf("%+v", d)
	}
	for _, k := range required {
		if string(v[k]) == `""` && !slices.ContainsFunc(missing, func(s string) bool { return strings.HasPrefix(s, k) }) {
			t.Errorf("%s is empty and not listed: %q", k, missing)
		}
	}
	if again, _, _ := Write(facts()); !bytes.Equal(text, again) {
		t.Error("the same facts give other bytes")
	}
}

// TestManyChanges: a description stays one, and says what it leaves off.
func TestManyChanges(t *testing.T) {
	f := facts()
	for i := range 1000 {
		f.Drift = append(f.Drift, &demarcv1.Drift{Kind: "new-asset", Words: fmt.Sprint(i)})
	}
	text, _, err := Write(f)
	if err != nil || !bytes.Contains(text, []byte("1001 new asset")) || !bytes.Contains(text, []byte("and 962 more")) || len(text) > 10_000 {
		t.Errorf("%v: %d bytes", err, len(text))
	}
}
