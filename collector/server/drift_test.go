package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

func (l *lab) take(authorization string) *finding.Snapshot {
	l.t.Helper()
	defer l.looping()()
	s, err := l.TakeSnapshot(l.t.Context(), &demarcv1.SnapshotAct{Authorization: authorization, Reason: "letter"}, false, store.Act{Who: "ana", What: "snapshot take"})
	l.must(err)
	return s
}

func (l *lab) merge(authorization, cause string) ([]finding.Difference, error) {
	l.t.Helper()
	defer l.looping()()
	return l.MergeSnapshot(l.t.Context(), &demarcv1.SnapshotAct{Authorization: authorization, Reason: "second agent", Cause: cause}, false, store.Act{Who: "ana", What: "snapshot merge"})
}

// drift tells every difference, "reality new-asset 10.20.4.77".
func (l *lab) drift(authorization string) (all []string) {
	l.t.Helper()
	list, ok := l.Drift(authorization, l.now)
	if !ok {
		l.t.Fatal("no snapshot")
	}
	for _, d := range list {
		all = append(all, d.Cause+" "+d.Kind+" "+d.Words)
	}
	return all
}

func (l *lab) driftFindings() (all []*demarcv1.Finding) {
	for _, f := range l.Findings() {
		if strings.HasPrefix(f.GetKind(), finding.Drift) {
			all = append(all, f)
		}
	}
	return all
}

func (l *lab) expectDrift(want ...string) {
	l.t.Helper()
	if got := l.drift("line4-ato"); fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("drift %q\nwant  %q", got, want)
	}
}

// fact is what a device says of itself.
func fact(of, attribute, value string, t time.Time) *demarcv1.Body {
	return &demarcv1.Body{Facts: []*demarcv1.FactDelta{{
		Of: addr(of), Attribute: attribute, Value: value, Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: t.UnixNano(), LastNs: t.UnixNano(),
	}}}
}

// on moves what was seen to another segment.
func on(segment string, b *demarcv1.Body) *demarcv1.Body {
	for _, e := range b.GetEndpoints() {
		e.Address.Segment = segment
	}
	for _, c := range b.GetConnections() {
		c.Key.Client.Segment, c.Key.Server.Segment = segment, segment
	}
	return b
}

func snapped(t *testing.T) *lab {
	l := newPlant(t)
	l.send("a", fact("10.20.4.10", "firmware", "V3.2.6", l.now))
	l.take("line4-ato")
	l.expectDrift()
	l.pass(30 * time.Hour)
	return l
}

// Another agent hears devices and connections of the line that nobody heard
// when it was decided: no drift, but newly visible, until a person merges it.
func TestAnotherAgentIsNoDrift(t *testing.T) {
	l := snapped(t)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	for i := range 20 {
		l.send("b", on("cell", flow(fmt.Sprintf("10.20.4.%d", 100+i), "10.20.4.10", 102, "s7comm", l.now)))
	}
	l.send("b", on("cell", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))) // what a hears as well
	l.pass(time.Hour)
	if got := l.driftFindings(); len(got) != 0 {
		t.Errorf("drift findings: %v", got)
	}
	all, _ := l.Drift("line4-ato", l.now)
	news := 0
	for _, d := range all {
		if d.Cause == finding.Reality {
			t.Errorf("%s: %s, %s", d.Kind, d.Words, d.Why)
		}
		if d.Kind == finding.NewAsset || d.Kind == finding.NewConnection {
			news++
			if !strings.Contains(d.Why, "b on cell") {
				t.Errorf("%s: %s", d.Words, d.Why)
			}
		}
	}
	if news != 40 {
		t.Errorf("%d newly visible, want 20 devices and 20 connections: %v", news, l.drift("line4-ato"))
	}
	if _, err := l.merge("line4-ato", finding.Software); !errors.Is(err, api.ErrRefused) {
		t.Errorf("merging what no program made visible: %v", err)
	}
	merged, err := l.merge("line4-ato", finding.Sight)
	l.must(err)
	if len(merged) != 40 {
		t.Errorf("%d merged", len(merged))
	}
	for _, d := range l.drift("line4-ato") {
		if strings.Contains(d, "new-") {
			t.Errorf("after the merge: %s", d)
		}
	}
	l.kept()
}

// kept compares with what restarts and replays come to.
func (l *lab) kept() {
	l.t.Helper()
	fence, err := l.store.Lease(l.t.Context(), "test")
	l.must(err)
	c, err := l.cutState(true)
	l.must(err)
	l.must(l.store.Save(l.t.Context(), fence, c.position, c.whole, c.changes))
	restored := l.restarted()
	l.same("restored", restored)
	replayed := l.fresh()
	l.catch(replayed)
	l.same("replayed", replayed)
	for _, e := range []*engine{restored, replayed} {
		want, _ := l.Drift("line4-ato", l.now)
		got, _ := e.Drift("line4-ato", l.now)
		for i := range want {
			if i >= len(got) || got[i].Words != want[i].Words || got[i].Why != want[i].Why {
				l.t.Fatalf("drift differs: %v and %v", got, want)
			}
		}
	}
}

// What the agent of the time hears anew is drift within seconds: one finding
// for each decision, and none for what another finding calls for already.
func TestRealityIsDrift(t *testing.T) {
	l := snapped(t)
	l.send("a", flow("10.20.4.77", "10.20.4.10", 102, "s7comm", l.now)) // a device that was not there
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))  // nothing agrees: a finding of its own
	changed := flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now)
	changed.Connections[0].Operations = []uint64{0, 0, 0, 1}
	l.send("a", changed)
	l.send("a", fact("10.20.4.10", "firmware", "V3.2.8", l.now))
	l.pass(6 * time.Second)
	var titles []string
	for _, f := range l.driftFindings() {
		titles = append(titles, f.GetKind()+": "+f.GetTitle())
		if f.GetAuthorization() != "line4-ato" || f.GetSeverity() == 0 || len(f.GetSeverityTerms()) < 2 {
			t.Errorf("%v", f)
		}
	}
	for _, want := range []string{
		"drift-new-asset: New in line4 since line4-ato's snapshot: 10.20.4.77",
		"drift-changed-asset: Another firmware in line4 than in line4-ato's snapshot: 10.20.4.10",
		"drift-new-connection: New from line4 to line4 since line4-ato's snapshot: 10.20.4.77 -> 10.20.4.10 s7comm tcp/102",
		"drift-changed-connection: From line4 to line4, operation program is not as in line4-ato's snapshot: 10.20.4.10 -> 10.20.4.11 s7comm tcp/102",
	} {
		if !strings.Contains(strings.Join(titles, "\n"), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(titles, "\n"))
		}
	}
	if len(titles) != 4 {
		t.Errorf("%d drift findings:\n%s", len(titles), strings.Join(titles, "\n"))
	}
	l.kept()

	// A new decision on what is there now settles them.
	all := l.driftFindings()
	_, err := l.onFindings(finding.Comment, &demarcv1.FindingAct{Comment: "ordered in May"}, all[0].GetId())
	l.must(err)
	l.take("line4-ato")
	l.expectDrift()
	for _, f := range l.driftFindings() {
		if f.GetStatus() != finding.Closed || f.GetClosure().GetBy() != "ana" || f.GetId() != all[0].GetId() {
			t.Errorf("after a new snapshot: %v", f)
		}
	}
	l.kept()
}

// What people changed is told apart from what the plant did.
func TestPlacementIsNoDrift(t *testing.T) {
	l := snapped(t)
	l.send("a", flow("10.60.7.1", "10.60.7.2", 102, "s7comm", l.now.Add(-40*time.Hour)))
	wider := strings.Replace(plantDocs, "cidrs: [10.20.4.0/24]", "cidrs: [10.20.4.0/24, 10.60.7.0/24]", 1)
	_, err := l.apply(documents(wider, agreement, authority), applyOptions{})
	l.must(err)
	l.pass(time.Hour)
	if got := l.driftFindings(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	placed := 0
	for _, d := range l.drift("line4-ato") {
		if strings.HasPrefix(d, "placement new-") {
			placed++
		}
	}
	if placed != 3 { // two devices and their connection
		t.Errorf("%v", l.drift("line4-ato"))
	}
}

// A device that falls silent against its rhythm is gone in reality only while
// its agent listens on; else nobody can tell.
func TestGone(t *testing.T) {
	l := newPlant(t)
	for range 20 {
		l.send("a", flow("10.20.4.12", "10.20.4.11", 102, "s7comm", l.now))
		l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
		l.pass(time.Hour)
	}
	l.take("line4-ato")
	for range 200 { // a week and more: its hours come again
		l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
		l.pass(time.Hour)
	}
	got := strings.Join(l.drift("line4-ato"), "\n")
	if !strings.Contains(got, "reality gone-asset 10.20.4.12") {
		t.Errorf("its agent listened on: %s", got)
	}
	if f := l.driftFindings(); len(f) != 1 || f[0].GetKind() != "drift-gone-asset" {
		t.Errorf("%v", f)
	}
	l.pass(30 * time.Hour)
	if got := strings.Join(l.drift("line4-ato"), "\n"); !strings.Contains(got, "sight gone-asset 10.20.4.11") {
		t.Errorf("its agent fell silent: %s", got)
	}
}

// A newer program of an agent tells more of what was there.
func TestSoftwareIsNoDrift(t *testing.T) {
	l := snapped(t)
	body, err := proto.Marshal(&demarcv1.AgentProgram{Agent: "a", Version: "2"})
	l.must(err)
	act, err := proto.Marshal(&demarcv1.Act{Kind: actProgram, Body: body})
	l.must(err)
	_, err = l.store.PutAct(t.Context(), "", act, store.Act{Who: "agent a"})
	l.must(err)
	l.catch(l.engine)
	b := flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now)
	b.Connections[0].Operations = []uint64{0, 0, 0, 1}
	l.send("a", b)
	l.send("a", fact("10.20.4.11", "firmware", "V1", l.now))
	l.expectDrift("software changed-asset 10.20.4.11: firmware  -> V1", "software changed-connection 10.20.4.10 -> 10.20.4.11 s7comm tcp/102: program")
	l.pass(time.Hour)
	if got := l.driftFindings(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	merged, err := l.merge("line4-ato", "")
	l.must(err)
	if len(merged) != 2 {
		t.Errorf("%v", merged)
	}
	l.kept()
}

func TestNoSnapshotIsOneFinding(t *testing.T) {
	l := newPlant(t)
	none := func() (all []string) {
		for _, f := range l.Findings() {
			if f.GetKind() == finding.NoSnapshot {
				all = append(all, f.GetAuthorization()+" "+f.GetStatus())
			}
		}
		return all
	}
	if got := none(); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if _, ok := l.Drift("line4-ato", l.now); ok {
		t.Error("drift without a snapshot")
	}
	l.take("line4-ato")
	if got := none(); len(got) != 1 || got[0] != "plant-ato open" {
		t.Errorf("%v", got)
	}
	_, err := l.decide(&demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "plant-ato", Reason: "x"}, false)
	l.must(err)
	if got := none(); len(got) != 0 {
		t.Errorf("nobody operates under it any more: %v", got)
	}
	_, err = l.TakeSnapshot(t.Context(), &demarcv1.SnapshotAct{Authorization: "x"}, true, store.Act{})
	if !errors.Is(err, api.ErrRefused) {
		t.Errorf("%v", err)
	}
}
