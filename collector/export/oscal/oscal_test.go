package oscal

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

var update = flag.Bool("update", false, "write the samples anew")

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(noon.Add(d)) }

const dayLong = 24 * time.Hour

// plant is a small plant with one thing of each kind.
func plant() *Facts {
	return &Facts{
		Title: "authorization lines-ato", Name: "lines-ato", At: noon, PolicyVersion: 3, Position: 120, Software: "test", Key: "k",
		Authorizations: []*demarcv1.Authorization{{
			Name: "lines-ato", Decision: "ato-with-conditions", Organization: "Example Foods", State: "in force", Granted: at(-30 * dayLong), Boundaries: []string{"line4"}, Leverages: []string{"plant-network-ato"},
			Record: &demarcv1.AuthorizationRecord{Officials: []*demarcv1.DecidingOfficial{{Name: "Dana Ortiz", Organization: "Example Foods"}}, Inherits: []*demarcv1.Inheritance{{Authorization: "plant-network-ato", Standing: "in force", Full: []string{"AU-8"}, Partial: []string{"IA-2"}}}},
		}},
		Lenders: []*demarcv1.Authorization{{Name: "plant-network-ato", Decision: "ato", Organization: "Example Foods", State: "in force", Granted: at(-31 * dayLong)}},
		Boundaries: []*demarcv1.BoundarySummary{{
			Name: "line4", Title: "Line 4 control system", Kind: "control-environment", Members: []string{"10.20.4.0/24 at houston"},
			Sight: &demarcv1.Sight{Boundary: "line4", From: at(-dayLong), To: at(0), Words: "segment line4: by a, loss 0%", Gaps: []string{"no agent before 10:00"}, Segments: []*demarcv1.SegmentSight{{Site: "houston", Segment: "line4", Agents: []string{"a"}, QuartersHeard: 8, Quarters: 96, Packets: 1000}}},
			Record: &demarcv1.BoundaryRecord{
				Categorization: &demarcv1.Categorization{Confidentiality: "low", Integrity: "moderate", Availability: "moderate"}, RegulatedRecords: []string{"batch"}, SecurityPlan: &demarcv1.SignedDocument{Href: "https://plans.houston.example/lines-4-5"},
				Parties: []*demarcv1.ResponsibleParty{{Role: "system-owner", Name: "Line 4 engineering", Contact: "line4@houston.example"}},
			},
		}},
		Agreements: []*demarcv1.Agreement{{
			Document: "Interconnection/line4-to-historian", Name: "line4-to-historian", From: "line4", To: "dmz", Purpose: "Values for the historian", Owner: "Line 4 engineering", Type: "isa", Reference: "HOU-ISA-2026-004", Signed: at(-30 * dayLong), State: "in force",
			Services: []string{"opcua on port 4840"}, Terms: []*demarcv1.AgreementService{{Protocol: "opcua", Ports: "port 4840", Ranges: []*demarcv1.PortSpan{{First: 4840, Last: 4840}}}}, Sides: []*demarcv1.AgreementSide{{Boundary: "dmz", Official: "Lee Tran", Approval: "approved", Granted: at(-30 * dayLong)}}, Verdicts: map[string]uint32{"authorized": 1},
		}},
		Conditions: []*demarcv1.Condition{
			sentence("C1", "holds", "SC-7", "CA-3(5)"), sentence("C2", "violated", "AC-4"), sentence("C3", "not-observable", "CM-5"), sentence("C4", "stale"),
			sentence("C5", "attested", "PE-3"), sentence("C6", "attestation-due", "AC-17"), sentence("C7", "not-exercised", "CM-8"),
		},
		Findings: []*demarcv1.GetFindingResponse{
			{Finding: &demarcv1.Finding{
				Id: "f-1", Kind: "condition", Title: "C2 of lines-ato is violated", Why: "Somebody wrote.", Severity: 60, SeverityTerms: []string{"40 write", "20 from outside"}, Status: "remediating", Condition: "lines-ato/C2", Technique: "T0886 Remote Services", Connections: []string{"c-abc"}, Assets: []string{"a-1", "a-gone"}, LastSeen: at(-time.Hour),
				Poam: []*demarcv1.PoamItem{{Id: "P1", Title: "Close port 102", Responsible: "J. Doe", Due: at(30 * dayLong), Status: "open", Milestones: []*demarcv1.Milestone{{Title: "rule ordered", Due: at(10 * dayLong)}}}, {Id: "P2", Title: "Tell all", Due: at(5 * dayLong), Status: "closed", ClosedBy: "ana", Closed: at(-time.Hour), Evidence: "mail"}},
			}, Events: []*demarcv1.FindingEvent{{Revision: 1, At: at(-2 * time.Hour), Actor: "collector", Kind: "raised", Words: "raised", Status: "open"}, {Revision: 2, At: at(-time.Hour), Actor: "ana", Kind: "poam", Words: "P1", Status: "remediating"}}},
			{Finding: &demarcv1.Finding{Id: "f-2", Kind: "probe-difference", Title: "A device says otherwise", Severity: 20, Status: "deviation-approved", Assets: []string{"a-1"}, Differences: []*demarcv1.ProbeDifference{{Attribute: "firmware", Heard: &demarcv1.Fact{Value: "V1"}, Asked: &demarcv1.Fact{Value: "V2"}}}, Acceptance: &demarcv1.Acceptance{Owner: "ana", Reason: "known", By: "dana", At: at(-time.Hour), Until: at(60 * dayLong), Mitigations: []string{"watched"}}}},
			{Finding: &demarcv1.Finding{Id: "f-3", Kind: "unlisted", Title: "Closed", Status: "closed"}},
		},
		Assets: []*demarcv1.Asset{{
			Id: "a-1", Segment: "line4", Site: "houston", Ips: []string{"10.20.4.11", "fe80::1"}, Macs: []string{"00:80:63:5a:10:04"}, Vlans: []uint32{104}, Names: []string{"plc-1", "plc-1.houston.example"}, Vendor: "Siemens", Product: "S7-1500", Model: "6ES7 515-2AM01-0AB0", Firmware: "V2.9", Serial: "S C-1", Roles: []*demarcv1.AssetRole{{Role: "server", Grade: "behaviour"}, {Role: "plc", Grade: "identity"}}, FirstSeen: at(-dayLong), LastSeen: at(0), Annotations: []*demarcv1.Annotation{{Field: "place", Value: "cabinet 7"}, {Field: "owner", Value: "ana"}},
		}},
		Verdicts: map[string]map[string]int{"line4": {"authorized": 3, "unauthorized": 1}},
	}
}

func sentence(id, state string, controls ...string) *demarcv1.Condition {
	return &demarcv1.Condition{Id: "lines-ato/" + id, Authorization: "lines-ato", Statement: "Sentence " + id + ".", Controls: controls, Check: "check", Test: "check", State: state, Words: state, Reason: "because", From: at(-dayLong), To: at(0), Evidence: []string{"seen"}}
}

// written is a document that NIST's schema takes.
func written(t testing.TB, model string, f *Facts) (*types.OscalModels, []byte, []string) {
	t.Helper()
	text, missing, err := Write(model, f)
	if err != nil {
		t.Fatalf("%s: %v", model, err)
	}
	var m types.OscalModels
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return &m, text, missing
}

// TestSamples: each model of the small plant, as it is; the same facts give the
// same bytes.
func TestSamples(t *testing.T) {
	for _, model := range Models {
		_, text, _ := written(t, model, plant())
		if _, again, _ := written(t, model, plant()); !bytes.Equal(text, again) {
			t.Errorf("%s: the same facts give other bytes", model)
		}
		file := filepath.Join("testdata", model+".json")
		if *update {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, want) {
			t.Errorf("%s is not as testdata has it: look at the difference, then -update", model)
		}
	}
}

// TestOnlyWhatHoldsIsSatisfied: whatever could not be seen, is stale, due or
// violated is not satisfied, and says why.
func TestOnlyWhatHoldsIsSatisfied(t *testing.T) {
	m, _, _ := written(t, "ar", plant())
	want := map[string]string{
		"lines-ato-C1.sc-7": "satisfied pass", "lines-ato-C1.ca-3.5": "satisfied pass", "lines-ato-C2.ac-4": "not-satisfied fail", "lines-ato-C3.cm-5": "not-satisfied other", "lines-ato-C4": "not-satisfied other",
		"lines-ato-C5.pe-3": "satisfied other", "lines-ato-C6.ac-17": "not-satisfied other", "lines-ato-C7.cm-8": "satisfied pass",
	}
	for _, f := range *m.AssessmentResults.Results[0].Findings {
		s := f.Target.Status
		if want[f.Target.TargetId] != s.State+" "+s.Reason || !strings.Contains(s.Remarks, "because") {
			t.Errorf("%s: %+v", f.Target.TargetId, s)
		}
		delete(want, f.Target.TargetId)
	}
	if len(want) > 0 {
		t.Errorf("no finding on %v", want)
	}
	strange := plant()
	strange.Conditions[0].State = "a state of a later version"
	m, _, _ = written(t, "ar", strange)
	if s := (*m.AssessmentResults.Results[0].Findings)[0].Target.Status; s.State != "not-satisfied" {
		t.Errorf("what is not known is %+v", s)
	}
}

// TestMethodsAreTrue: what was heard was examined; only a device that was asked
// was tested.
func TestMethodsAreTrue(t *testing.T) {
	m, _, _ := written(t, "ar", plant())
	for _, o := range *m.AssessmentResults.Results[0].Observations {
		if asked := strings.Contains(o.Title, "f-2"); slices.Contains(o.Methods, "TEST") != asked || !slices.Contains(o.Methods, "EXAMINE") {
			t.Errorf("%s: %v", o.Title, o.Methods)
		}
	}
}

// TestReferencesLead: every id that a document refers to is one of its own.
func TestReferencesLead(t *testing.T) {
	alone := plant() // C2 is violated, and no finding stands on it yet
	alone.Findings = alone.Findings[1:]
	for _, f := range []*Facts{plant(), alone} {
		referencesLead(t, f)
	}
}

func referencesLead(t *testing.T, f *Facts) {
	t.Helper()
	for _, model := range Models {
		_, text, _ := written(t, model, f)
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		there, named := map[string]int{}, map[string]string{}
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				for k, x := range v {
					s, _ := x.(string)
					switch {
					case k == "uuid":
						there[s]++
					case strings.HasSuffix(k, "-uuid"):
						named[s] = k
					case k == "party-uuids":
						for _, id := range x.([]any) {
							named[id.(string)] = k
						}
					case k == "href" && strings.HasPrefix(s, "#"):
						named[s[1:]] = k
					}
					walk(x)
				}
			case []any:
				for _, x := range v {
					walk(x)
				}
			}
		}
		walk(v)
		for id, key := range named {
			if there[id] == 0 {
				t.Errorf("%s: %s %s leads nowhere", model, key, id)
			}
		}
		for id, n := range there {
			if n > 1 {
				t.Errorf("%s: %s is the id of %d things", model, id, n)
			}
		}
	}
}

// TestIdentifiersStay: a later export calls the same thing the same, and the
// document otherwise; another collector calls nothing so.
func TestIdentifiersStay(t *testing.T) {
	now, _, _ := written(t, "ar", plant())
	f := plant()
	f.At, f.Position, f.Findings[0].Finding.Severity = noon.Add(time.Hour), 121, 70
	later, _, _ := written(t, "ar", f)
	f.Key = "another"
	other, _, _ := written(t, "ar", f)
	id := func(m *types.OscalModels) string { return (*m.AssessmentResults.Results[0].Risks)[0].UUID }
	if id(now) != id(later) || id(now) == id(other) || now.AssessmentResults.UUID == later.AssessmentResults.UUID {
		t.Errorf("%s %s %s", id(now), id(later), id(other))
	}
}

// TestNothingIsMadeUp: what nobody told is empty or says so, and is listed.
func TestNothingIsMadeUp(t *testing.T) {
	bare := &Facts{Title: "boundary x", Name: "x", At: noon, Boundaries: []*demarcv1.BoundarySummary{{Name: "x"}}}
	for model, want := range map[string][]string{
		"ar":  {"Assessment plan", "Reviewed controls"},
		"ssp": {"Profile", "Information types", "Impact level", "Controls", "Implementation of controls"},
	} {
		_, text, missing := written(t, model, bare)
		for _, w := range want {
			if !slices.ContainsFunc(missing, func(s string) bool { return strings.HasPrefix(s, w) }) {
				t.Errorf("%s: %q lacks %s", model, missing, w)
			}
		}
		if !bytes.Contains(text, []byte("ot known to Demarc")) {
			t.Errorf("%s: %s", model, text)
		}
	}
	if _, _, err := Write("poam", bare); !errors.Is(err, ErrNoItems) {
		t.Errorf("a plan of nothing: %v", err)
	}
	named := plant()
	named.Plan, named.Profile, named.SecurityPlan = "https://a.example/ap", "https://a.example/profile", "https://a.example/ssp"
	m, _, missing := written(t, "ar", named)
	if m.AssessmentResults.ImportAp.Href != named.Plan || len(missing) > 0 {
		t.Errorf("%+v %q", m.AssessmentResults.ImportAp, missing)
	}
	if m, _, _ = written(t, "poam", named); m.PlanOfActionAndMilestones.ImportSsp.Href != named.SecurityPlan {
		t.Errorf("%+v", m.PlanOfActionAndMilestones.ImportSsp)
	}
	if m, _, _ = written(t, "poam", plant()); m.PlanOfActionAndMilestones.ImportSsp.Href != "https://plans.houston.example/lines-4-5" {
		t.Errorf("the security plan of the documents is not named: %+v", m.PlanOfActionAndMilestones.ImportSsp)
	}
}

// TestInvalidIsRefused: what NIST's schema does not take is an error that names
// the place, and no document.
func TestInvalidIsRefused(t *testing.T) {
	f := plant()
	f.Plan = "not a reference\n"
	f.Conditions[0].To = timestamppb.New(time.Date(3010, 1, 1, 0, 0, 0, 0, time.UTC))
	text, _, err := Write("ar", f)
	if err == nil || !strings.Contains(err.Error(), "/assessment-results/") || text != nil {
		t.Errorf("%v", err)
	}
	if _, _, err := Write("sap", f); err == nil || !strings.Contains(err.Error(), "ar, poam, ssp") {
		t.Errorf("%v", err)
	}
}

// FuzzHostile: whatever names, sentences and ids say, the schema takes the
// document, and no text of theirs sets a tag or a link.
func FuzzHostile(f *testing.F) {
	for _, s := range []string{"", " ", "\x00\x07\x1b[31m", "\u202egnp.exe\u2028", "<script>alert(1)</script>", "[x](javascript:y)", strings.Repeat("long ", 5000), "=cmd()", "{{ insert: param, x }}", "\xff\xfe", "Ünïcode 漢字", "a\nb\r\nc", "\ufeff", "\u00a0x\u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := plant()
		x.Title, x.Name, x.Software = s, s, s
		for _, c := range x.Conditions {
			c.Id, c.Statement, c.Controls, c.Words, c.Reason, c.Evidence = c.GetId()+s, s, []string{s, "SC-7"}, s, s, []string{s}
		}
		for _, g := range x.Findings {
			g.Finding.Title, g.Finding.Why, g.Finding.Technique, g.Finding.Connections = s, s, s, []string{s}
			for _, e := range g.GetEvents() {
				e.Actor, e.Kind, e.Words = s, s, s
			}
			for _, p := range g.GetFinding().GetPoam() {
				p.Title, p.Responsible = s, s
			}
		}
		for _, a := range x.Assets {
			a.Names, a.Vendor, a.Model, a.Serial, a.Ips, a.Macs = []string{s, s + ".x"}, s, s, s, []string{s}, []string{s}
			a.Annotations = []*demarcv1.Annotation{{Field: "owner", Value: s}, {Field: "place", Value: s}}
		}
		for _, a := range x.Agreements {
			a.Name, a.Purpose, a.Owner, a.Contact, a.Reference, a.Services = s, s, s, s, s, []string{s}
			a.Terms[0].Protocol = s
		}
		for _, b := range x.Boundaries {
			b.Title, b.Members, b.Record.Parties[0].Role, b.Record.Parties[0].Name = s, []string{s}, s, s
			b.Record.RegulatedRecords, b.Record.SecurityPlan.Href = []string{s}, s
		}
		for _, model := range Models {
			text, _, err := Write(model, x)
			if err != nil {
				t.Fatalf("%s of %q: %v", model, s, err)
			}
			for _, bad := range []string{"\u202e", "\u2028", `\u0000`, "\u001b"} {
				if bytes.Contains(text, []byte(bad)) {
					t.Fatalf("%s of %q holds %q", model, s, bad)
				}
			}
		}
	})
}
