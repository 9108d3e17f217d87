package api

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// zones are connections between boundaries, an asset in two of them, and an
// agreement with its end.
func zones(t *testing.T) *Service {
	t.Helper()
	s, p := newService(t)
	rdp := judged("b", "unauthorized", "10.9.0.1", "", "line4", 1)
	rdp.Connection.Protocol, rdp.Connection.Grade = "rdp", "content"
	rdp.Findings = []string{"f-1", "f-2"}
	p.connections = []*demarcv1.JudgedConnection{judged("a", "internal", "10.20.4.9", "line4", "line4", 9), rdp, judged("c", "authorized", "10.50.1.1", "dmz", "line4", 1)}
	p.assets = []*demarcv1.Asset{{Id: "x", Site: "houston", Kind: "device", Ips: []string{"10.20.4.9", "10.50.1.9"}, Places: []*demarcv1.Place{{Boundary: "line4"}, {Boundary: "dmz"}}}}
	p.findings = []*demarcv1.Finding{
		{Id: "f-1", Kind: "remote-access", Status: "open", ToBoundary: "line4", Acceptance: &demarcv1.Acceptance{Owner: "Ana", Until: timestamppb.New(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))}},
		{Id: "f-2", Status: "closed"},
		{Id: "f-3", Kind: "dual-homed", Status: "open", Assets: []string{"x"}},
	}
	d, err := boundary.Read([]boundary.File{{Path: "docs.yaml", Content: []byte(docs + `---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: support}
spec: {purpose: Support, from: {boundary: dmz}, to: {boundary: line4}, services: [{protocol: rdp}], agreement: {type: isa, expires: 2020-01-31}}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	if p.policy, err = boundary.Compile(d, 4); err != nil {
		t.Fatal(err)
	}
	p.docs = d
	return s
}

func TestCrossingsTheWorstFirst(t *testing.T) {
	s := zones(t)
	for want, r := range map[string]*demarcv1.ListCrossingsRequest{
		"none>line4 dmz>line4":             {},
		"none>line4 dmz>line4 line4>line4": {Inside: true},
		"dmz>line4 none>line4":             {OrderBy: "from"},
		"none>line4":                       {Boundary: "none"},
		"dmz>line4":                        {Search: "support LINE4"},
		"none>line4 ":                      {Protocol: "rdp", To: "line4"},
		"dmz>line4 ":                       {Verdict: "authorized"},
		"":                                 {Boundary: "internet"},
	} {
		got, err := s.ListCrossings(reader(t), r)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, x := range got.GetCrossings() {
			all = append(all, x.GetFrom()+">"+x.GetTo())
		}
		if strings.Join(all, " ") != strings.TrimSpace(want) || int(got.GetTotal()) != len(all) {
			t.Errorf("%v: %v, want %s", r, all, want)
		}
	}
	got, _ := s.ListCrossings(reader(t), &demarcv1.ListCrossingsRequest{PageSize: 1})
	if f := got.GetCrossings()[0].GetFindings(); len(f) != 1 || f[0] != "f-1" || got.GetTotal() != 2 || got.GetNextPageToken() == "" {
		t.Errorf("%v", got)
	}
}

func TestListsOfWays(t *testing.T) {
	s := zones(t)
	remote, err := s.ListRemoteAccess(reader(t), &demarcv1.ListRemoteAccessRequest{Tool: "RDP", Way: "direct", Boundary: "line4"})
	if err != nil || remote.GetTotal() != 1 || remote.GetRemoteAccess()[0].GetPeers()[0] != "10.9.0.1" || remote.GetRemoteAccess()[0].GetActivity() != Silent {
		t.Errorf("%v %v", remote, err)
	}
	ways, err := s.ListSecondPaths(reader(t), &demarcv1.ListSecondPathsRequest{Unnamed: true, Boundary: "dmz"})
	if err != nil || ways.GetTotal() != 1 || ways.GetSecondPaths()[0].GetKind() != "dual-homed" || ways.GetSecondPaths()[0].GetFindings()[0] != "f-3" {
		t.Errorf("%v %v", ways, err)
	}
	for state, want := range map[string]uint32{"": 1, "lapsed": 1, "in force": 0} {
		if a, err := s.ListAgreements(reader(t), &demarcv1.ListAgreementsRequest{State: state, Boundary: "dmz"}); err != nil || a.GetTotal() != want {
			t.Errorf("%s: %v %v", state, a, err)
		}
	}
	dates, err := s.ListCalendar(reader(t), &demarcv1.ListCalendarRequest{})
	if err != nil || dates.GetTotal() != 2 || !dates.GetEntries()[0].GetOverdue() || dates.GetEntries()[1].GetDocument() != "Finding/f-1" || dates.GetEntries()[1].GetOverdue() {
		t.Errorf("%v %v", dates, err)
	}
	if dates, err = s.ListCalendar(reader(t), &demarcv1.ListCalendarRequest{Until: timestamppb.New(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)), Kind: "ended"}); err != nil || dates.GetTotal() != 1 {
		t.Errorf("%v %v", dates, err)
	}
	for what, err := range map[string]error{
		"line44":        second(s.ListCrossings(reader(t), &demarcv1.ListCrossingsRequest{To: "line44"})),
		"asked-for":     second(s.ListRemoteAccess(reader(t), &demarcv1.ListRemoteAccessRequest{Way: "x"})),
		"dual-homed":    second(s.ListSecondPaths(reader(t), &demarcv1.ListSecondPathsRequest{Kind: "x"})),
		"in force":      second(s.ListAgreements(reader(t), &demarcv1.ListAgreementsRequest{State: "x"})),
		"survey-ends":   second(s.ListCalendar(reader(t), &demarcv1.ListCalendarRequest{Kind: "x"})),
		"from":          second(s.ListChanges(reader(t), &demarcv1.ListChangesRequest{})),
		"agreement":     second(s.ListChanges(reader(t), &demarcv1.ListChangesRequest{What: "x"})),
		"earlier":       second(s.ListChanges(reader(t), &demarcv1.ListChangesRequest{From: timestamppb.New(time.Unix(9, 0)), To: timestamppb.New(time.Unix(8, 0))})),
		"findings, fir": second(s.ListCrossings(reader(t), &demarcv1.ListCrossingsRequest{OrderBy: "x"})),
		"live, silent":  second(s.ListConnections(reader(t), &demarcv1.ListConnectionsRequest{Activity: "x"})),
	} {
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
}

func TestConnectionsThatStillHappen(t *testing.T) {
	s, p := newService(t)
	s.Clock = func() time.Time { return time.Unix(600, 0) }
	p.connections = []*demarcv1.JudgedConnection{judged("a", "internal", "10.20.4.9", "line4", "line4", 10), judged("b", "unauthorized", "10.9.0.1", "", "line4", 1)}
	for state, want := range map[string]string{Live: "a", Silent: "b", Unheard: ""} {
		got, err := s.ListConnections(reader(t), &demarcv1.ListConnectionsRequest{Activity: state})
		if err != nil || int(got.GetTotal()) != len(want) {
			t.Fatal(got, err)
		}
		for _, c := range got.GetConnections() {
			if c.GetId() != want || c.GetActivity().GetState() != state {
				t.Errorf("%v is %s", c, state)
			}
		}
	}
	if p.connections[0].GetActivity() != nil {
		t.Error("what the plant holds was changed")
	}
}

func TestActivityInWords(t *testing.T) {
	c := &demarcv1.JudgedConnection{Agents: []string{"line4"}, Connection: &demarcv1.Connection{
		FirstSeen: timestamppb.New(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)), LastSeen: timestamppb.New(time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)),
	}}
	listened := time.Date(2026, 3, 12, 8, 0, 0, 0, time.UTC)
	for want, a := range map[string]Activity{
		"usually silent for 2 h between":    {State: Live, Rhythm: 2 * time.Hour},
		"usually silent for 30 min between": {State: Live, Rhythm: 30 * time.Minute},
		"usually silent for 7 d between":    {State: Live, Rhythm: 167 * time.Hour},
		"without a long break":              {State: Live},
		"nothing since 2026-03-09 08:00:00 UTC, and line4 listened until 2026-03-12 08:00:00 UTC": {State: Silent, Listened: listened},
		"line4 heard nothing after 2026-03-12 08:00:00 UTC":                                       {State: Unheard, Listened: listened},
	} {
		if got := a.words(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
