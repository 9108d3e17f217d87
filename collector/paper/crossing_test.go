package paper

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

const zones = `
{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}], accessPoints: [{name: fw, kind: firewall, addresses: [10.20.4.1]}, {name: spare, kind: firewall, addresses: [10.20.4.2]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}], accessPoints: [{name: jump, kind: jump-host, addresses: [10.50.1.30]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: office}, spec: {title: Offices, domain: it, members: [{site: houston, cidrs: [10.60.0.0/16]}]}}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: support}
spec:
  purpose: Support
  owner: {name: Ana}
  from: {boundary: dmz}
  to: {boundary: line4}
  services: [{protocol: rdp, ports: [3389]}]
  agreement: {type: isa, reference: I-1, signed: 2026-01-01, expires: 2026-06-30, reviewEvery: 90d, reviewed: 2026-03-01}
  sides: [{boundary: dmz, approval: approved, granted: 2026-01-01, official: Lee}, {boundary: line4, approval: approved, granted: 2026-01-01, expires: 2026-05-31}]
---
apiVersion: demarc/v1
kind: SharedService
metadata: {name: names}
spec: {purpose: Names, provider: {boundary: dmz}, consumers: [line4, office], services: [{protocol: dns, ports: [53]}], sides: [{boundary: office, approval: pending}]}
`

// seen is a connection between two devices: "10.60.0.9=office > 10.20.4.60=line4
// rdp unauthorized", with more of it in with.
func seen(id, text string, with ...func(*demarcv1.JudgedConnection)) *demarcv1.JudgedConnection {
	var from, to, protocol, verdict, arrow string
	if _, err := fmt.Sscan(text, &from, &arrow, &to, &protocol, &verdict); err != nil {
		panic(text + ": " + err.Error())
	}
	client, a, _ := strings.Cut(from, "=")
	server, b, _ := strings.Cut(to, "=")
	c := &demarcv1.JudgedConnection{
		Id: id, Site: "houston", ClientBoundary: a, ServerBoundary: b, Verdict: &demarcv1.Verdict{Verdict: verdict}, Agents: []string{"one"},
		Connection: &demarcv1.Connection{
			Id: id, Client: client, Server: server, ClientAsset: "a-" + client, ServerAsset: "a-" + server, Transport: "tcp", Protocol: protocol, Grade: "content", Outcome: "exchanged",
			Sessions: 1, ClientBytes: 10, ServerBytes: 5, FirstSeen: timestamppb.New(time.Unix(100, 0)), LastSeen: timestamppb.New(time.Unix(200, 0)),
		},
	}
	for _, f := range with {
		f(c)
	}
	return c
}

func zoneWorld(t *testing.T, all ...*demarcv1.JudgedConnection) World {
	t.Helper()
	d, err := boundary.Read([]boundary.File{{Path: "d.yaml", Content: []byte(zones)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	return World{Policy: p, Documents: d, Connections: all}
}

func TestCrossings(t *testing.T) {
	w := zoneWorld(t,
		seen("c1", "10.60.0.9=office > 10.20.4.60=line4 rdp unauthorized", func(c *demarcv1.JudgedConnection) { c.Findings = []string{"f-1", "f-closed"} }),
		seen("c2", "10.60.0.9=office > 10.20.4.61=line4 rdp unauthorized", func(c *demarcv1.JudgedConnection) {
			c.Connection.Outcome = "refused"
			c.Connection.LastSeen = timestamppb.New(time.Unix(300, 0))
		}),
		seen("c3", "10.50.1.30=dmz > 10.20.4.60=line4 rdp authorized"),
		seen("c4", "10.20.4.9=line4 > 10.20.4.60=line4 modbus internal"),
		seen("c5", "10.20.4.9=line4 > 224.0.0.1= mdns internal"),
		seen("c6", "10.20.9.9= > 10.20.4.60=line4 http undecided"),
	)
	live := func(i int) bool { return i != 1 }
	by := func(inside bool) map[string]*demarcv1.Crossing {
		all := map[string]*demarcv1.Crossing{}
		for _, x := range Crossings(w, inside, live, map[string]bool{"f-1": true}) {
			all[x.GetFrom()+" "+x.GetTo()] = x
		}
		return all
	}
	all := by(false)
	if len(all) != 3 || all["dmz line4"] == nil || all["none line4"] == nil {
		t.Fatalf("%v", all)
	}
	x := all["office line4"]
	if x.GetConnections() != 2 || x.GetLive() != 1 || x.GetInVain() != 1 || x.GetVerdicts()["unauthorized"] != 2 || x.GetProtocols()["rdp"] != 2 || x.GetClients() != 1 || x.GetServers() != 2 || x.GetBytes() != 30 || x.GetSessions() != 2 ||
		!slices.Equal(x.GetFindings(), []string{"f-1"}) || x.GetFirstSeen().AsTime().Unix() != 100 || x.GetLastSeen().AsTime().Unix() != 300 || x.GetFromDomain() != "it" || x.GetToDomain() != "ot" || len(x.GetAgreements()) != 0 {
		t.Errorf("%v", x)
	}
	if x = all["dmz line4"]; !slices.Equal(x.GetAgreements(), []string{"Interconnection/support", "SharedService/names"}) {
		t.Errorf("%v", x)
	}
	if x = by(true)["line4 line4"]; x.GetConnections() != 2 {
		t.Errorf("what stays inside: %v", x)
	}
}

func TestRemoteAccess(t *testing.T) {
	w := zoneWorld(t,
		seen("c1", "10.60.0.9=office > 10.50.1.30=dmz rdp authorized"),
		seen("c2", "10.50.1.30=dmz > 10.20.4.60=line4 rdp authorized", func(c *demarcv1.JudgedConnection) {
			c.Verdict.Documents = []string{"Interconnection/support", "Authorization/ato"}
		}),
		seen("c3", "10.60.0.9=office > 10.20.4.60=line4 ssh unauthorized", func(c *demarcv1.JudgedConnection) { c.Findings = []string{"f-1", "f-closed"} }),
		seen("c4", "10.60.0.9=office > 10.20.4.60=line4 vnc unauthorized", func(c *demarcv1.JudgedConnection) { c.Connection.Outcome = "unanswered" }),
		seen("c5", "10.20.4.60=line4 > 203.0.113.1=internet tls unauthorized", func(c *demarcv1.JudgedConnection) {
			c.Connection.SecurityFacts = &demarcv1.SecurityFacts{ServerName: "router1.teamviewer.com"}
		}),
		seen("c6", "10.20.4.60=line4 > 203.0.113.2=internet tls unauthorized", func(c *demarcv1.JudgedConnection) {
			c.Connection.SecurityFacts = &demarcv1.SecurityFacts{ServerName: "router2.teamviewer.com"}
			c.Connection.LastSeen = timestamppb.New(time.Unix(900, 0))
		}),
		seen("c7", "203.0.113.9=internet > 10.60.0.1=office ipsec authorized"),
		seen("c8", "10.60.0.9=office > 10.20.4.61=line4 telnet unauthorized", func(c *demarcv1.JudgedConnection) { c.Connection.Grade = "hint" }),
		seen("c9", "10.20.4.60=line4 > 10.20.4.61=line4 ssh internal"),
	)
	asked := &demarcv1.Asset{Id: "a-10.20.4.9", Kind: "device", Ips: []string{"10.20.4.9"}, Places: []*demarcv1.Place{{Boundary: "line4"}}, Facts: []*demarcv1.Fact{
		{Attribute: "remote_tool", Value: "AnyDesk", Source: "dns.question", FirstSeen: timestamppb.New(time.Unix(5, 0)), LastSeen: timestamppb.New(time.Unix(6, 0))},
	}}
	known := &demarcv1.Asset{Id: "a-10.20.4.60", Kind: "device", Ips: []string{"10.20.4.60"}, Places: []*demarcv1.Place{{Boundary: "line4"}}, Facts: []*demarcv1.Fact{
		{Attribute: "remote_tool", Value: "TeamViewer", Source: "dns.question"},
	}}
	w.Assets = []*demarcv1.Asset{asked, known, {Id: "a-10.50.1.30", Ips: []string{"10.50.1.30"}}}
	state := func(i int) string { return map[bool]string{true: "live", false: "silent"}[i == 5] }
	var got []string
	by := map[string]*demarcv1.RemoteAccess{}
	ids := map[string]bool{}
	for _, x := range RemoteAccess(w, state, map[string]bool{"f-1": true}) {
		name := fmt.Sprintf("%s %s by %s %s from %s %v", x.GetBoundary(), x.GetDevice(), x.GetTool(), x.GetWay(), x.GetPeerBoundary(), x.GetPeers())
		got = append(got, name)
		by[name], ids[x.GetId()] = x, true
	}
	slices.Sort(got)
	want := []string{
		"dmz 10.50.1.30 by rdp direct from office [10.60.0.9]",
		"line4 10.20.4.60 by TeamViewer outbound from internet [203.0.113.1 203.0.113.2]",
		"line4 10.20.4.60 by rdp jump-host from dmz [10.50.1.30]",
		"line4 10.20.4.60 by ssh direct from office [10.60.0.9]",
		"line4 10.20.4.61 by telnet? direct from office [10.60.0.9]",
		"line4 10.20.4.9 by AnyDesk asked-for from  []",
		"office 10.60.0.1 by ipsec direct from internet [203.0.113.9]",
	}
	if !slices.Equal(got, want) || len(ids) != len(want) {
		t.Fatalf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if x := by[want[2]]; x.GetVia() != "jump, jump-host of dmz" || !slices.Equal(x.GetBehind(), []string{"10.60.0.9 (office) by rdp"}) || !slices.Contains(x.GetDocuments(), "Interconnection/support") || x.GetKind() != "session" {
		t.Errorf("%v", x)
	}
	if x := by[want[1]]; x.GetActivity() != "live" || x.GetSessions() != 2 || !slices.Equal(x.GetConnections(), []string{"c5", "c6"}) || x.GetLastSeen().AsTime().Unix() != 900 || x.GetKind() != "tool" {
		t.Errorf("%v", x)
	}
	if x := by[want[3]]; !slices.Equal(x.GetFindings(), []string{"f-1"}) || x.GetActivity() != "silent" {
		t.Errorf("%v", x)
	}
	if x := by[want[5]]; !strings.Contains(x.GetReason(), "no session was seen") || x.GetVerdict() != "" || x.GetFirstSeen().AsTime().Unix() != 5 {
		t.Errorf("%v", x)
	}
}

func TestSecondPaths(t *testing.T) {
	place := func(names ...string) (all []*demarcv1.Place) {
		for _, n := range names {
			all = append(all, &demarcv1.Place{Boundary: n})
		}
		return all
	}
	w := zoneWorld(t)
	w.Assets = []*demarcv1.Asset{
		{Id: "a-1", Kind: "device", Ips: []string{"10.20.4.30", "10.60.0.7"}, Places: place("line4", "office"), Joins: []string{"one card"}},
		{Id: "a-2", Kind: "router", Ips: []string{"10.20.4.1"}, Places: place("line4")},
		{Id: "a-3", Kind: "router", Ips: []string{"10.20.9.1"}, Places: place("")},
		{Id: "a-4", Kind: "device", Ips: []string{"10.50.1.30"}, Places: place("dmz")},
		{Id: "a-5", Kind: "device", Ips: []string{"10.20.4.40"}, Places: place("line4")},
		{Id: "a-6", Kind: "part", Parent: "a-1", Ips: []string{"10.20.4.30"}},
	}
	findings := []*demarcv1.Finding{{Id: "f-1", Kind: "dual-homed", Assets: []string{"a-1"}}, {Id: "f-2", Kind: "unlisted", Assets: []string{"a-1"}}}
	var got []string
	for _, x := range SecondPaths(w, findings, map[string]bool{"f-1": true}) {
		got = append(got, fmt.Sprintf("%s %s %v %s %v", x.GetId(), x.GetKind(), x.GetBoundaries(), x.GetNamed(), x.GetFindings()))
	}
	want := []string{
		"a-1 dual-homed [line4 office]  [f-1]",
		"a-2 router [line4] fw, firewall of line4 []",
		"a-3 router []  []",
		"a-4 access-point [dmz] jump, jump-host of dmz []",
		"line4/spare access-point [line4] spare, firewall of line4 []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAgreements(t *testing.T) {
	support := func(c *demarcv1.JudgedConnection) { c.Verdict.Documents = []string{"Interconnection/support"} }
	names := func(c *demarcv1.JudgedConnection) { c.Verdict.Documents = []string{"SharedService/names"} }
	w := zoneWorld(t,
		seen("c1", "10.50.1.30=dmz > 10.20.4.60=line4 rdp authorized", support),
		seen("c2", "10.50.1.30=dmz > 10.20.4.61=line4 rdp out-of-terms", support, func(c *demarcv1.JudgedConnection) { c.Findings = []string{"f-1"} }),
		seen("c3", "10.20.4.60=line4 > 10.50.1.5=dmz dns authorized", names),
	)
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	of := func(at string) map[string]*demarcv1.Agreement {
		all := map[string]*demarcv1.Agreement{}
		for _, x := range Agreements(w, day(at), func(i int) bool { return i == 0 }, []*demarcv1.Finding{{Id: "f-2", Document: "Interconnection/support"}}, map[string]bool{"f-1": true, "f-2": true}, map[string]string{"SharedService/names": "unused in 40 days of sight"}) {
			all[x.GetName()+" "+x.GetTo()] = x
		}
		return all
	}
	all := of("2026-04-01")
	x := all["support line4"]
	if len(all) != 3 || x.GetState() != InForce || x.GetOwner() != "Ana" || x.GetReference() != "I-1" || x.GetVerdicts()["authorized"] != 1 || x.GetVerdicts()["out-of-terms"] != 1 || x.GetLive() != 1 ||
		!slices.Equal(x.GetFindings(), []string{"f-1", "f-2"}) || x.GetUntil().AsTime().Format(time.DateOnly) != "2026-06-01" || x.GetSides()[0].GetOfficial() != "Lee" || x.GetAt() == "" || !slices.Equal(x.GetServices(), []string{"rdp on port 3389"}) || len(x.GetTerms()) != 1 || x.GetTerms()[0].GetProtocol() != "rdp" || x.GetTerms()[0].GetRanges()[0].GetLast() != 3389 {
		t.Errorf("%v", x)
	}
	if x = all["names line4"]; x.GetVerdicts()["authorized"] != 1 || x.GetUnused() == "" || len(x.GetSides()) != 0 || x.GetState() != InForce {
		t.Errorf("%v", x)
	}
	if x = all["names office"]; x.GetState() != NotInForce || x.GetWhy() != "the approval of office is pending" || len(x.GetVerdicts()) != 0 {
		t.Errorf("%v", x)
	}
	if x = of("2026-06-15")["support line4"]; x.GetState() != Lapsed || x.GetWhy() != "the approval of line4 ended 2026-05-31" {
		t.Errorf("%v", x)
	}
}
