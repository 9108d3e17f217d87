package finding

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// triaged is a book with one unauthorized finding of one connection.
func triaged(t *testing.T) (b *Book, p *boundary.Policy, id string) {
	t.Helper()
	p, b = compile(t, plan, 1), New()
	b.Tick(start)
	update(t, b, p, "10.60.0.15>10.20.4.10 tcp/102 s7comm")
	return b, p, b.All()[0].GetId()
}

func (b *Book) does(t *testing.T, kind string, body *demarcv1.FindingAct, ids ...string) {
	t.Helper()
	if err := b.by(kind, body, ids...); err != nil {
		t.Fatal(err)
	}
}

func (b *Book) by(kind string, body *demarcv1.FindingAct, ids ...string) error {
	for _, id := range ids {
		body.Targets = append(body.Targets, &demarcv1.FindingTarget{Id: id})
	}
	return b.Act(Act{Kind: kind, By: "ana", At: b.now, Body: body})
}

func accepted(until time.Time) *demarcv1.FindingAct {
	return &demarcv1.FindingAct{Acceptance: &demarcv1.Acceptance{Owner: "J. Doe", Reason: "replaced in January", Until: timestamppb.New(until), Mitigations: []string{"closed at night"}}}
}

func closed(reason string) *demarcv1.FindingAct {
	return &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: reason}, Comment: "looked at"}
}

func history(b *Book, id string) string {
	var all []string
	events, _ := b.Events(id)
	for _, e := range events {
		all = append(all, fmt.Sprintf("%d %s by %s: %s", e.GetRevision(), e.GetKind(), e.GetActor(), e.GetWords()))
	}
	return strings.Join(all, "\n")
}

func TestAnAcceptanceEndsByItself(t *testing.T) {
	b, _, id := triaged(t)
	end := start.Add(40 * 24 * time.Hour)
	b.does(t, Accept, accepted(end), id)
	f, _ := b.Get(id)
	if f.GetStatus() != Approved || f.GetAcceptance().GetOwner() != "J. Doe" || f.GetAcceptance().GetMitigations()[0] != "closed at night" {
		t.Fatalf("%v", f)
	}
	var at []string
	for _, n := range b.Notices() {
		at = append(at, n.At.Format(time.DateOnly)+" "+n.Kind)
	}
	if got := strings.Join(at, ", "); got != "2026-12-03 acceptance-ends, 2026-12-26 acceptance-ends, 2027-01-02 acceptance-ended" {
		t.Errorf("notices %s", got)
	}
	b.Tick(end.Add(-1))
	if f, _ := b.Get(id); f.GetStatus() != Approved {
		t.Errorf("%s a nanosecond before its end", f.GetStatus())
	}
	if !b.Ringing(end) {
		t.Error("nothing rings at its end")
	}
	b.Tick(end)
	if f, _ := b.Get(id); f.GetStatus() != Open || f.GetAcceptance() != nil || b.Ringing(end) {
		t.Errorf("after its end: %v", f)
	}
	if got := history(b, id); !strings.Contains(got, "3 acceptance-ended by collector: the acceptance by ana ended 2027-01-02, it was deviation-approved") {
		t.Error(got)
	}
}

// A wakening of the clock alone does not ring for ever.
func TestNoticesRingOnce(t *testing.T) {
	b, _, id := triaged(t)
	b.does(t, Accept, accepted(start.Add(40*24*time.Hour)), id)
	soon := start.Add(11 * 24 * time.Hour)
	if b.Ringing(start.Add(9*24*time.Hour)) || !b.Ringing(soon) {
		t.Error("30 days before the end")
	}
	b.Tick(soon)
	if b.Ringing(soon) {
		t.Error("it rings again")
	}
}

func TestWhatComesBackReopens(t *testing.T) {
	for _, c := range []struct {
		what  string
		act   *demarcv1.FindingAct
		kind  string
		again string
		want  string
	}{
		{"accepted, a member goes on", accepted(start.Add(time.Hour)), Accept, "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write", Approved},
		{"accepted, a new member", accepted(start.Add(time.Hour)), Accept, "10.60.0.16>10.20.4.10 tcp/102 s7comm", Open},
		{"false positive, a member goes on", closed(FalsePositive), Close, "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write", Closed},
		{"false positive, a new member", closed(FalsePositive), Close, "10.60.0.16>10.20.4.10 tcp/102 s7comm", Open},
		{"fixed, and it goes on", closed(Fixed), Close, "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write", Open},
		{"ceased, and it goes on", closed(Ceased), Close, "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write", Open},
	} {
		b, p, id := triaged(t)
		b.does(t, c.kind, c.act, id)
		x := link(t, c.again)
		x.Data.LastSeen = timestamppb.New(start.Add(time.Minute))
		b.Update(p, x, verdict.Judge(p, x, start), start)
		f, _ := b.Get(id)
		if f.GetStatus() != c.want {
			t.Errorf("%s: %s, want %s", c.what, f.GetStatus(), c.want)
		}
		if got := history(b, id); c.want == Open && !strings.Contains(got, "reopened by collector: ") {
			t.Errorf("%s: no event:\n%s", c.what, got)
		}
	}
}

// Of two people who look at the same revision the second is told what the first
// did, and nothing is lost.
func TestTwoAtOnce(t *testing.T) {
	b, _, id := triaged(t)
	seen := func() *demarcv1.FindingAct {
		return &demarcv1.FindingAct{Targets: []*demarcv1.FindingTarget{{Id: id, Revision: 1}}, Assignee: "ben"}
	}
	b.does(t, Assign, seen())
	err := b.by(Assign, seen())
	if err == nil || !strings.Contains(err.Error(), "changed since revision 1, it is 2 now: assigned by ana (to ben)") {
		t.Errorf("%v", err)
	}
	if f, _ := b.Get(id); f.GetRevision() != 2 {
		t.Errorf("revision %d", f.GetRevision())
	}
}

func TestActsThatAreRefused(t *testing.T) {
	b, p, id := triaged(t)
	update(t, b, p, "10.60.0.15>10.50.1.9 tcp/3389 rdp")
	other := b.All()[1].GetId()
	if other == id {
		other = b.All()[0].GetId()
	}
	for want, a := range map[string]Act{
		"no act on findings":               {Kind: "bless"},
		"no finding is named":              {Kind: Comment, Body: &demarcv1.FindingAct{Comment: "x"}},
		"no finding has the id":            {Kind: Comment, Body: &demarcv1.FindingAct{Comment: "x", Targets: []*demarcv1.FindingTarget{{Id: "f-none"}}}},
		"needs its text":                   {Kind: Comment},
		"is not set by hand":               {Kind: Status, Body: &demarcv1.FindingAct{Status: Approved}},
		"requested for a reason":           {Kind: Status, Body: &demarcv1.FindingAct{Status: Requested}},
		"needs an owner":                   {Kind: Accept},
		"accepted without an end":          {Kind: Accept, Body: &demarcv1.FindingAct{Acceptance: &demarcv1.Acceptance{Owner: "x", Reason: "y"}}},
		"is over already":                  {Kind: Accept, Body: accepted(start)},
		"more than three years":            {Kind: Accept, Body: accepted(start.AddDate(4, 0, 0))},
		"closing needs a reason":           {Kind: Close},
		"a duplicate of which":             {Kind: Close, Body: closed(Duplicate)},
		"say why it is false-positive":     {Kind: Close, Body: &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: FalsePositive}}},
		"no duplicate of itself":           {Kind: Close, Body: &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: Duplicate, DuplicateOf: id}}},
		"nothing to reopen":                {Kind: Reopen, Body: &demarcv1.FindingAct{Comment: "x"}},
		"needs somebody responsible":       {Kind: Poam, Body: &demarcv1.FindingAct{Poam: &demarcv1.PoamItem{Title: "x"}}},
		"named twice":                      {Kind: Comment, Body: &demarcv1.FindingAct{Comment: "x", Targets: []*demarcv1.FindingTarget{{Id: id}, {Id: id}}}},
		"f-none":                           {Kind: Close, Body: &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: Duplicate, DuplicateOf: "f-none"}}},
		"a text of 5000 bytes: at most":    {Kind: Comment, Body: &demarcv1.FindingAct{Comment: strings.Repeat("x", 5000)}},
		"has no item P7 in its plan":       {Kind: Poam, Body: &demarcv1.FindingAct{Poam: &demarcv1.PoamItem{Id: "P7"}}},
		"an item of a plan is open or clo": {Kind: Poam, Body: &demarcv1.FindingAct{Poam: &demarcv1.PoamItem{Id: "P7", Status: "perhaps"}}},
	} {
		if a.Body == nil {
			a.Body = &demarcv1.FindingAct{}
		}
		if len(a.Body.GetTargets()) == 0 && want != "no finding is named" {
			a.Body.Targets = []*demarcv1.FindingTarget{{Id: id}}
		}
		a.By, a.At = "ana", start
		if err := b.Act(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if f, _ := b.Get(id); f.GetRevision() != 1 {
		t.Errorf("a refused act did something: %s", history(b, id))
	}

	// All or none.
	b.does(t, Close, &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: Duplicate, DuplicateOf: id}}, other)
	if err := b.by(Status, &demarcv1.FindingAct{Status: Investigating}, id, other); err == nil || !strings.Contains(err.Error(), "reopen it first") {
		t.Errorf("%v", err)
	}
	if f, _ := b.Get(id); f.GetStatus() != Open {
		t.Errorf("one of two refused, and the other is %s", f.GetStatus())
	}
	if err := b.by(Close, &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: Duplicate, DuplicateOf: other}}, id); err == nil {
		t.Error("two findings are duplicates of each other")
	}
}

func TestAPlanClosesWithEvidence(t *testing.T) {
	b, _, id := triaged(t)
	plan := func(p *demarcv1.PoamItem) *demarcv1.FindingAct { return &demarcv1.FindingAct{Poam: p} }
	due := timestamppb.New(start.Add(30 * 24 * time.Hour))
	b.does(t, Poam, plan(&demarcv1.PoamItem{Title: "Move it", Responsible: "J. Doe", Due: due, Milestones: []*demarcv1.Milestone{{Title: "ordered", Due: due}}}), id)
	b.does(t, Poam, plan(&demarcv1.PoamItem{Id: "P1", Resources: "2 days", Milestones: []*demarcv1.Milestone{{Title: "ordered", Done: true}}}), id)
	if n := b.Notices(); len(n) != 2 || n[0].Kind != boundary.PlanDue {
		t.Errorf("notices %v", n)
	}
	if err := b.by(Poam, plan(&demarcv1.PoamItem{Id: "P1", Status: "closed"}), id); err == nil || !strings.Contains(err.Error(), "closes with evidence") {
		t.Errorf("%v", err)
	}
	b.does(t, Poam, plan(&demarcv1.PoamItem{Id: "P1", Status: "closed", Evidence: "rule removed"}), id)
	f, _ := b.Get(id)
	if i := f.GetPoam()[0]; i.GetStatus() != "closed" || i.GetResources() != "2 days" || len(i.GetMilestones()) != 1 || !i.GetMilestones()[0].GetDone() || i.GetClosedBy() != "ana" {
		t.Errorf("%v", i)
	}
	if err := b.by(Poam, plan(&demarcv1.PoamItem{Id: "P1", Title: "x"}), id); err == nil {
		t.Error("a closed item changes")
	}
	b.does(t, Poam, plan(&demarcv1.PoamItem{Title: "Second", Responsible: "J. Doe", Due: due}), id)
	official := plan(&demarcv1.PoamItem{Id: "P2", Status: "closed"})
	official.Official = true
	b.does(t, Poam, official, id)
}

func TestWhatWasDecidedIsNeverForgotten(t *testing.T) {
	b, _, id := triaged(t)
	b.does(t, Comment, &demarcv1.FindingAct{Comment: "asked the plant"}, id)
	b.RemoveConnection("10.60.0.15>10.20.4.10 tcp/102", start)
	if f, ok := b.Get(id); !ok || len(f.GetConnections()) != 0 {
		t.Fatal("a finding that somebody commented on is gone with its last member")
	}
	for i := range maxEvents + 10 {
		b.does(t, Comment, &demarcv1.FindingAct{Comment: fmt.Sprint(i)}, id)
	}
	events, leftOff := b.Events(id)
	if len(events) != maxEvents+1 || leftOff != 11 || events[len(events)-1].GetRevision() != maxEvents+12 {
		t.Errorf("%d events, %d left off, the last of revision %d", len(events), leftOff, events[len(events)-1].GetRevision())
	}
}

// Random acts and traffic: a finding is in one status that fits what it rests
// on, no acceptance outlives its end, and a book that was saved and loaded goes
// on like the one that lived.
func TestRandomHistories(t *testing.T) {
	links := []string{"10.60.0.15>10.20.4.10 tcp/102 s7comm", "10.60.0.16>10.20.4.10 tcp/102 s7comm", "10.60.0.15>10.50.1.9 tcp/3389 rdp", "10.20.4.20>198.51.100.7 tcp/443 tls", "10.60.0.15>10.20.4.10 tcp/1 unknown outcome=refused"}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		p, b, now := compile(t, plan, 1), New(), start
		other := New()
		for range 150 {
			now = now.Add(time.Duration(r.IntN(7200)) * time.Second)
			for _, x := range []*Book{b, other} {
				x.Tick(now)
			}
			if r.IntN(2) == 0 {
				c := link(t, links[r.IntN(len(links))])
				c.Data.LastSeen = timestamppb.New(now)
				for _, x := range []*Book{b, other} {
					x.Update(p, c, verdict.Judge(p, c, now), now)
				}
			} else if all := b.All(); len(all) > 0 {
				a := randomAct(r, all, now)
				if x, y := b.Act(a), other.Act(a); fmt.Sprint(x) != fmt.Sprint(y) {
					t.Fatalf("seed %d: %v and %v", seed, x, y)
				}
			}
			fit(t, b, now)
			if r.IntN(10) == 0 {
				records := other.Snapshot()
				other = New()
				if err := other.Restore(records); err != nil {
					t.Fatal(err)
				}
				other.Tick(now)
			}
			same(t, b, other)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomAct(r *rand.Rand, all []*demarcv1.Finding, now time.Time) Act {
	f := all[r.IntN(len(all))]
	body := &demarcv1.FindingAct{Comment: "c"}
	kind := Acts()[r.IntN(len(Acts()))]
	switch kind {
	case Accept:
		body = accepted(now.Add(time.Duration(r.IntN(50)) * time.Hour))
	case Close:
		body = closed(Reasons()[r.IntN(len(Reasons()))])
		body.Closure.DuplicateOf = []string{"", all[0].GetId()}[r.IntN(2)]
	case Status:
		body.Status = Statuses()[r.IntN(6)]
	case Poam:
		body.Poam = &demarcv1.PoamItem{Title: "t", Responsible: "r", Due: timestamppb.New(now), Id: []string{"", "P1"}[r.IntN(2)], Status: []string{"", "closed"}[r.IntN(2)], Evidence: "e"}
	}
	body.Targets = []*demarcv1.FindingTarget{{Id: f.GetId(), Revision: f.GetRevision() * uint64(r.IntN(2))}}
	return Act{Kind: kind, By: "ana", At: now, Body: body}
}

// fit checks what must hold of every finding at any time.
func fit(t *testing.T, b *Book, now time.Time) {
	t.Helper()
	for _, f := range b.All() {
		if (f.GetStatus() == Approved) != (f.GetAcceptance() != nil) || (f.GetStatus() == Closed) != (f.GetClosure() != nil) {
			t.Errorf("%s rests on %v, %v", f.GetStatus(), f.GetAcceptance(), f.GetClosure())
		}
		if f.GetAcceptance() != nil && !f.GetAcceptance().GetUntil().AsTime().After(now) {
			t.Errorf("accepted to %s, and it is %s", f.GetAcceptance().GetUntil().AsTime(), now)
		}
		events, leftOff := b.Events(f.GetId())
		if last := events[len(events)-1]; last.GetStatus() != f.GetStatus() || f.GetRevision() != uint64(len(events))+leftOff {
			t.Errorf("status %s, revision %d, %d events, the last %v", f.GetStatus(), f.GetRevision(), len(events), last)
		}
	}
}
