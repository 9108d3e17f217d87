package api

import (
	"context"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/store"
	"demarc/internal/identity"
	demarcv1 "demarc/proto/demarc/v1"
)

// plant is a Plant of fixed things.
type plant struct {
	Plant
	policy      *boundary.Policy
	docs        *boundary.Documents
	connections []*demarcv1.JudgedConnection
	assets      []*demarcv1.Asset
	findings    []*demarcv1.Finding
	changes     *Changes
	applied     func([]boundary.File, ApplyOptions) (*demarcv1.ApplyResponse, error)
}

func (p *plant) Applied() uint64                           { return 7 }
func (p *plant) Policy() *boundary.Policy                  { return p.policy }
func (p *plant) Connections() []*demarcv1.JudgedConnection { return slices.Clone(p.connections) }
func (p *plant) Assets() []*demarcv1.Asset                 { return slices.Clone(p.assets) }
func (p *plant) Findings() []*demarcv1.Finding             { return slices.Clone(p.findings) }
func (p *plant) ActsOn(string) []*demarcv1.AuthorizationAct {
	return nil
}
func (p *plant) Documents() *boundary.Documents { return p.docs }
func (p *plant) Conditions(now time.Time) (all []Standing) {
	for _, r := range condition.Judge(condition.World{Policy: p.policy, Documents: p.docs, Connections: p.connections, Assets: p.assets, Ledger: p.Heard(), Now: now}) {
		all = append(all, Standing{Result: r, Since: now})
	}
	return all
}
func (p *plant) Heard() *condition.Ledger { return condition.NewLedger() }
func (p *plant) Changes() *Changes        { return p.changes }

func (p *plant) Connection(id string) (inventory.Connection, *demarcv1.JudgedConnection, bool) {
	for _, c := range p.connections {
		if c.GetId() == id {
			return inventory.Connection{Site: c.GetSite(), Data: c.GetConnection()}, c, true
		}
	}
	return inventory.Connection{}, nil, false
}

func (p *plant) Finding(id string) (*demarcv1.Finding, bool) {
	for _, f := range p.findings {
		if f.GetId() == id {
			return f, true
		}
	}
	return nil, false
}

func (p *plant) Asset(id string) (*demarcv1.Asset, bool) {
	i := slices.IndexFunc(p.assets, func(a *demarcv1.Asset) bool { return a.GetId() == id })
	if i < 0 {
		return nil, false
	}
	return p.assets[i], true
}

// Activity: whatever was seen in the last minute is live.
func (p *plant) Activity(all []*demarcv1.JudgedConnection, now time.Time) []Activity {
	out := make([]Activity, len(all))
	for i, c := range all {
		last := c.GetConnection().GetLastSeen().AsTime()
		out[i] = Activity{State: Live, Listened: last}
		if now.Sub(last) > time.Minute {
			out[i].State = Silent
		}
	}
	return out
}

func (p *plant) Unused() []finding.Idle { return nil }

func (p *plant) Addresses(string) []identity.Of { return nil }

func (p *plant) Act(context.Context, string, string, proto.Message, store.Act) error { return nil }

func (p *plant) Apply(_ context.Context, files []boundary.File, o ApplyOptions) (*demarcv1.ApplyResponse, error) {
	return p.applied(files, o)
}

const docs = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}
`

func newService(t *testing.T) (*Service, *plant) { t.Helper(); return newServiceOf(t) }

func newServiceOf(t testing.TB) (*Service, *plant) {
	t.Helper()
	d, err := boundary.Read([]boundary.File{{Path: "docs.yaml", Content: []byte(docs)}})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := boundary.Compile(d, 3)
	if err != nil {
		t.Fatal(err)
	}
	p := &plant{policy: policy, docs: d, changes: NewChanges()}
	return New(Config{Plant: p}), p
}

func judged(id, verdict, client, from, to string, minute int) *demarcv1.JudgedConnection {
	return &demarcv1.JudgedConnection{
		Id: id, Site: "houston", ClientBoundary: from, ServerBoundary: to, Verdict: &demarcv1.Verdict{Verdict: verdict},
		Connection: &demarcv1.Connection{Client: client, Server: "10.20.4.10", Transport: "tcp", Port: 102, LastSeen: timestamppb.New(time.Unix(int64(minute)*60, 0))},
	}
}

func TestConnectionsTheWorstFirst(t *testing.T) {
	s, p := newService(t)
	p.connections = []*demarcv1.JudgedConnection{
		judged("a", "internal", "10.20.4.9", "line4", "line4", 9), judged("b", "unauthorized", "10.9.0.1", "", "line4", 1),
		judged("c", "authorized", "10.50.1.1", "dmz", "line4", 1), judged("d", "unauthorized", "10.9.0.2", "", "line4", 5),
		judged("e", "undecided", "10.9.0.3", "", "line4", 1), judged("f", "out-of-terms", "10.50.1.1", "dmz", "line4", 1),
		judged("g", "lapsed", "10.50.1.1", "dmz", "line4", 1), judged("h", "unauthorized", "10.9.0.10", "", "line4", 1),
	}
	for want, r := range map[string]*demarcv1.ListConnectionsRequest{
		"dbhfgeca": {}, "dbh": {Verdict: "unauthorized"}, "fgc": {Boundary: "dmz"}, "c": {Boundary: "dmz", Verdict: "authorized"}, "": {Boundary: "internet"},
	} {
		got, err := s.ListConnections(reader(t), r)
		if err != nil {
			t.Fatal(err)
		}
		ids := ""
		for _, c := range got.GetConnections() {
			ids += c.GetId()
		}
		if ids != want {
			t.Errorf("%v: %s, want %s", r, ids, want)
		}
	}
}

func TestFindingsByIDAndConnection(t *testing.T) {
	s, p := newService(t)
	p.connections = []*demarcv1.JudgedConnection{judged("c1", "unauthorized", "10.9.0.1", "", "line4", 1), judged("c2", "internal", "10.20.4.9", "line4", "line4", 1)}
	p.connections[0].Findings = []string{"f2", "f3"}
	for i, id := range []string{"f1", "f2", "f3"} {
		p.findings = append(p.findings, &demarcv1.Finding{Id: id, Severity: uint32(i), ToBoundary: "line4"})
	}
	for want, r := range map[string]*demarcv1.ListFindingsRequest{
		"f3 f2 f1": {}, "f3 f1": {Ids: []string{"f1", "f3", "f9"}}, "f3 f2": {Connection: "c1"}, "f2": {Connection: "c1", Ids: []string{"f1", "f2"}}, "f3": {Connection: "c1", Severity: 2}, "": {Connection: "c2"},
	} {
		got, err := s.ListFindings(reader(t), r)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, f := range got.GetFindings() {
			ids = append(ids, f.GetId())
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%v: %v, want %s", r, ids, want)
		}
	}
	for want, r := range map[string]*demarcv1.ListFindingsRequest{
		"at most 1000": {Ids: make([]string, 1001)}, "get connections": {Connection: "c9"},
	} {
		if _, err := s.ListFindings(reader(t), r); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestAssetsBySiteAndAddress(t *testing.T) {
	s, p := newService(t)
	place := func(b string) []*demarcv1.Place { return []*demarcv1.Place{{Boundary: b}} }
	p.assets = []*demarcv1.Asset{
		{Id: "m", Site: "houston", Macs: []string{"00:0e:8c:00:00:01"}},
		{Id: "p2", Parent: "z", Site: "houston"},
		{Id: "p1", Parent: "z", Site: "houston"},
		{Id: "z", Site: "houston", Ips: []string{"10.20.4.9"}, Places: place("line4")},
		{Id: "y", Site: "houston", Ips: []string{"10.20.4.10"}, Places: place("line4")},
		{Id: "x", Site: "alpha", Ips: []string{"10.50.1.1"}, Places: place("dmz")},
	}
	for want, r := range map[string]*demarcv1.ListAssetsRequest{
		"x z p1 p2 y m": {}, "z p1 p2 y m": {Site: "houston"}, "z p1 p2 y": {Boundary: "line4"},
	} {
		got, err := s.ListAssets(reader(t), r)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, a := range got.GetAssets() {
			ids = append(ids, a.GetId())
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%v: %v, want %s", r, ids, want)
		}
	}
	sites, err := s.ListSites(reader(t), &demarcv1.ListSitesRequest{})
	if err != nil || len(sites.GetSites()) != 2 || sites.GetSites()[1].GetAssets() != 3 || !strings.Contains(sites.GetSites()[0].GetTitle(), "no document") {
		t.Errorf("%v %v", sites, err)
	}
	b, err := s.ListBoundaries(reader(t), &demarcv1.ListBoundariesRequest{})
	if err != nil || len(b.GetBoundaries()) != 2 || b.GetBoundaries()[1].GetAssets() != 2 || b.GetBoundaries()[1].GetAuthorization() != "no authorization on record" {
		t.Errorf("%v %v", b, err)
	}
}

func TestFiltersThatMatchNothingAreSlips(t *testing.T) {
	s, _ := newService(t)
	for what, call := range map[string]func() error{
		"unauthorized": func() error {
			return second(s.ListConnections(reader(t), &demarcv1.ListConnectionsRequest{Verdict: "bad"}))
		},
		"line4": func() error {
			return second(s.ListConnections(reader(t), &demarcv1.ListConnectionsRequest{Boundary: "line44"}))
		},
		"dmz":           func() error { return second(s.ListAssets(reader(t), &demarcv1.ListAssetsRequest{Boundary: "x"})) },
		"investigating": func() error { return second(s.ListFindings(reader(t), &demarcv1.ListFindingsRequest{Status: "opn"})) },
		"lapsed":        func() error { return second(s.ListFindings(reader(t), &demarcv1.ListFindingsRequest{Kind: "x"})) },
		"houston":       func() error { return second(s.CreateToken(reader(t), &demarcv1.CreateTokenRequest{Site: "x"})) },
		"no documents":  func() error { return second(s.Apply(reader(t), &demarcv1.ApplyRequest{})) },
		"no pages": func() error {
			return second(s.CreateSignInLink(reader(t), &demarcv1.CreateSignInLinkRequest{}))
		},
		"nothing is named": func() error { return second(s.Explain(reader(t), &demarcv1.ExplainRequest{Id: "x"})) },
	} {
		if err := call(); err == nil || !strings.Contains(status.Convert(err).Message(), what) || strings.Contains(status.Convert(err).Message(), "\n") {
			t.Errorf("%v, want %q in one line", err, what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestApplyTellsEveryProblem(t *testing.T) {
	s, p := newService(t)
	p.applied = func(files []boundary.File, _ ApplyOptions) (*demarcv1.ApplyResponse, error) {
		return nil, boundary.Problems{{File: files[0].Path, Line: 3, Col: 1, What: "wrong", Cure: "right"}, {File: "b", Line: 1, Col: 1, What: "worse"}}
	}
	_, err := s.Apply(reader(t), &demarcv1.ApplyRequest{Documents: []*demarcv1.Document{{Path: "a.yaml"}}})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "a.yaml:3:1: wrong; right\nb:1:1: worse") {
		t.Errorf("%v", err)
	}
}

// changeStream collects what Watch sends.
type changeStream struct {
	ctx  context.Context //nolint:containedctx // grpc.ServerStream asks for it
	sent chan uint64
}

func (c *changeStream) Send(r *demarcv1.WatchResponse) error { c.sent <- r.GetChange(); return nil }
func (c *changeStream) Context() context.Context             { return c.ctx }
func (*changeStream) SetHeader(metadata.MD) error            { return nil }
func (*changeStream) SendHeader(metadata.MD) error           { return nil }
func (*changeStream) SetTrailer(metadata.MD)                 {}
func (*changeStream) SendMsg(any) error                      { return nil }
func (*changeStream) RecvMsg(any) error                      { return nil }

func TestWatchIsCoalesced(t *testing.T) {
	s, p := newService(t)
	ctx, cancel := context.WithCancel(reader(t))
	c := &changeStream{ctx: ctx, sent: make(chan uint64, 1000)}
	done := make(chan error, 1)
	go func() { done <- s.Watch(&demarcv1.WatchRequest{}, c) }()
	begun, first := time.Now(), <-c.sent
	for ; time.Since(begun) < 500*time.Millisecond; time.Sleep(time.Millisecond) {
		p.changes.Bump()
	}
	now, _ := p.changes.Now()
	last := first
	for n := 0; last != now; n++ {
		select {
		case got := <-c.sent:
			if got <= last {
				t.Fatalf("%d after %d", got, last)
			}
			last = got
		case <-time.After(time.Minute):
			t.Fatalf("the last change %d was not sent, %d was", now, last)
		}
		if took := time.Since(begun); n > int(took/watchEvery)+2 {
			t.Fatalf("%d messages within %v", n, took)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who watches is told which lists changed since, and of any when that is not known.
func TestChangesNameLists(t *testing.T) {
	c := NewChanges()
	at, _ := c.Now()
	c.Bump(ChangedAgents)
	if _, got, _ := c.Since(at); !slices.Equal(got, []string{"agents"}) {
		t.Errorf("agents: %v", got)
	}
	c.Bump(ChangedConditions)
	if _, got, _ := c.Since(at); !slices.Contains(got, "agents") || !slices.Contains(got, "conditions") || slices.Contains(got, "connections") {
		t.Errorf("two changes at once: %v", got)
	}
	at, _ = c.Now()
	c.Bump()
	c.Bump(ChangedAgents)
	if _, got, _ := c.Since(at); got != nil {
		t.Errorf("any list may have changed: %v", got)
	}
	at, _ = c.Now()
	c.Bump(ChangedSight)
	if _, got, _ := c.Since(at); slices.Contains(got, "agents") || !slices.Contains(got, "boundaries") {
		t.Errorf("and then one alone: %v", got)
	}
}

// TestEachChangeIsNamed: who is told the number of a change is told its lists
// with it, though more come meanwhile.
func TestEachChangeIsNamed(t *testing.T) {
	c, things := NewChanges(), []string{ChangedAgents, ChangedSlices}
	first, _ := c.Now()
	const all = 20_000
	go func() {
		for i := range all {
			c.Bump(things[i%len(things)])
			runtime.Gosched()
		}
	}()
	for at := first; at < first+all; runtime.Gosched() {
		now, lists, _ := c.Since(at)
		for n := at + 1; n <= min(now, at+2); n++ {
			if want := things[(n-first-1)%2]; !slices.Contains(lists, want) {
				t.Fatalf("changes %d to %d name %v, and %d was of %s", at+1, now, lists, n, want)
			}
		}
		at = now
	}
}

// The names are those under which the REST form has the lists.
func TestChangesNamePaths(t *testing.T) {
	raw, err := os.ReadFile("../../proto/demarc/v1/rest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for thing, lists := range listsOf {
		for _, l := range lists {
			if !regexp.MustCompile(`get: "?/api/v1/(.*/)?` + l + `"?\}`).Match(raw) {
				t.Errorf("%s changes %s, which rest.yaml does not have", thing, l)
			}
		}
	}
}
