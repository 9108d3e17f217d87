package server

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

func (l *lab) onFindings(kind string, body *demarcv1.FindingAct, ids ...string) ([]*demarcv1.Finding, error) {
	l.t.Helper()
	for _, id := range ids {
		body.Targets = append(body.Targets, &demarcv1.FindingTarget{Id: id})
	}
	defer l.looping()()
	return l.DecideFindings(l.t.Context(), kind, body, false, store.Act{Who: "ana", What: "finding " + kind})
}

// anyDecision does something to a finding, or is refused.
func (l *lab) anyDecision(r *rand.Rand) {
	l.t.Helper()
	all := l.Findings()
	if len(all) == 0 {
		return
	}
	kind, body := finding.Acts()[r.IntN(len(finding.Acts()))], &demarcv1.FindingAct{Comment: "c", Assignee: "ben", Status: finding.Statuses()[r.IntN(4)]}
	body.Acceptance = &demarcv1.Acceptance{Owner: "o", Reason: "r", Until: timestamppb.New(l.now.Add(time.Duration(r.IntN(20)) * time.Hour))}
	body.Closure = &demarcv1.Closure{Reason: finding.Reasons()[r.IntN(5)]}
	body.Poam = &demarcv1.PoamItem{Title: "t", Responsible: "r", Due: timestamppb.New(l.now.Add(200 * time.Hour))}
	if _, err := l.onFindings(kind, body, all[r.IntN(len(all))].GetId()); !errors.Is(err, api.ErrRefused) {
		l.must(err)
	}
}

// What was accepted is told before it ends, survives a restart and a replay,
// ends by the clock alone, and is open again then.
func TestAcceptanceThroughRestarts(t *testing.T) {
	l := newPlant(t)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	var id string
	for _, f := range l.Findings() {
		if f.GetKind() == finding.Unauthorized {
			id = f.GetId()
		}
	}
	all, err := l.onFindings(finding.Accept, &demarcv1.FindingAct{Acceptance: &demarcv1.Acceptance{Owner: "J. Doe", Reason: "replaced soon", Until: timestamppb.New(l.now.Add(10 * 24 * time.Hour))}}, id)
	l.must(err)
	if len(all) != 1 || all[0].GetStatus() != finding.Approved {
		t.Fatalf("%v", all)
	}
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	c, err := l.cutState(true)
	l.must(err)
	l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
	l.same("saved and loaded", l.restarted())

	l.pass(4 * 24 * time.Hour)
	told := func(kind string) bool {
		for _, n := range l.Notices() {
			if n.Kind == kind && n.Document == "Finding/"+id {
				return true
			}
		}
		return false
	}
	if !told("acceptance-ends") || told("acceptance-ended") {
		t.Errorf("6 days before its end: %v", l.Notices())
	}
	l.pass(6 * 24 * time.Hour)
	f, _ := l.Finding(id)
	if f.GetStatus() != finding.Open || !told("acceptance-ended") {
		t.Errorf("at its end: %v, %v", f.GetStatus(), l.Notices())
	}
	l.same("restarted", l.restarted())
	replayed := l.fresh()
	l.catch(replayed)
	l.same("replayed", replayed)
}

// An act that looked at something older is refused and changes nothing, though
// both looked before either acted.
func TestSecondActIsTold(t *testing.T) {
	l := newPlant(t)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	f := l.Findings()[0]
	seen := []*demarcv1.FindingTarget{{Id: f.GetId(), Revision: f.GetRevision()}}
	_, err := l.onFindings(finding.Assign, &demarcv1.FindingAct{Targets: seen, Assignee: "ana"})
	l.must(err)
	before := l.Position()
	_, err = l.onFindings(finding.Assign, &demarcv1.FindingAct{Targets: seen, Assignee: "ben"})
	if !errors.Is(err, api.ErrRefused) || !strings.Contains(err.Error(), "assigned by ana (to ana)") || l.Position() != before {
		t.Errorf("%v, journal %d, before %d", err, l.Position(), before)
	}
}
