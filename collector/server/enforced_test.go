package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/store"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// people of an enforced lab.
var people = map[string][]store.Grant{
	"ivo":  {{Role: store.ISSM}},
	"ines": {{Role: store.ISSM}},
	"lena": {{Role: store.ISSM, Boundaries: []string{"line4"}}},
	"olga": {{Role: store.Official}},
	"ana":  {{Role: store.Official, Boundaries: []string{"line4"}}},
	"otto": {{Role: store.Official, Boundaries: []string{"dmz", "corporate"}}},
	"rita": {{Role: store.Representative}},
	"emil": {{Role: store.Engineer}},
	"sven": {{Role: store.SystemOwner, Boundaries: []string{"line4"}}},
	"both": {{Role: store.ISSM}, {Role: store.Official}},
}

func as(t testing.TB, name string) context.Context {
	t.Helper()
	if people[name] == nil {
		t.Fatalf("who is %s", name)
	}
	return api.As(t.Context(), api.Principal{Name: name, Roles: people[name], Kind: store.Person, Via: "test"})
}

func newEnforced(t *testing.T) *lab {
	l := newLab(t)
	l.enforced = true
	return l
}

// say applies documents as somebody.
func (l *lab) say(who string, o api.ApplyOptions, texts ...string) (*demarcv1.ApplyResponse, error) {
	l.t.Helper()
	defer l.looping()()
	o.By = store.Act{Who: who, What: "policy apply"}
	return l.Apply(as(l.t, who), documents(texts...), o)
}

func (l *lab) confirm(who, id string, paper *demarcv1.SignedPaper) (*demarcv1.ConfirmProposalResponse, error) {
	l.t.Helper()
	defer l.looping()()
	return l.Confirm(as(l.t, who), id, paper, store.Act{Who: who, What: "proposal confirm"})
}

func (l *lab) reject(who, id string) error {
	l.t.Helper()
	defer l.looping()()
	return l.Reject(as(l.t, who), id, "no", store.Act{Who: who, What: "proposal reject"})
}

// inForce puts documents in force as if they had always been.
func (l *lab) inForce(texts ...string) {
	l.t.Helper()
	a, err := l.say("ivo", api.ApplyOptions{}, texts...)
	l.must(err)
	if a.GetPending() == nil {
		return
	}
	_, err = l.confirm("olga", a.GetPending().GetId(), nil)
	l.must(err)
}

func (l *lab) denied(err error, words ...string) {
	l.t.Helper()
	if !errors.Is(err, api.ErrDenied) {
		l.t.Errorf("not denied: %v", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			l.t.Errorf("%q does not say %q", err, w)
		}
	}
}

func (l *lab) refusedWith(err error, words string) {
	l.t.Helper()
	if !errors.Is(err, api.ErrRefused) || !strings.Contains(err.Error(), words) {
		l.t.Errorf("%v; want a refusal with %q", err, words)
	}
}

// replayed holds a restarted engine, and one that replays the whole journal, to
// the living one.
func (l *lab) replayed() {
	l.t.Helper()
	anew := l.fresh()
	l.catch(anew)
	for _, e := range []*engine{anew, l.restarted()} {
		if got, want := dump(e), dump(l.engine); got != want {
			l.t.Errorf("after a restart:\n%s\nbefore:\n%s", got, want)
		}
		a, b := e.Proposals(), l.Proposals()
		if !slices.EqualFunc(a, b, func(x, y *demarcv1.Proposal) bool { return proto.Equal(x, y) }) {
			l.t.Errorf("pending after a restart: %v\nbefore: %v", a, b)
		}
	}
}

func TestApplyProposes(t *testing.T) {
	l := newEnforced(t)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	dry, err := l.say("ivo", api.ApplyOptions{DryRun: true}, plantDocs, agreement)
	l.must(err)
	if dry.GetPending() == nil || dry.GetPending().GetId() != "" || len(l.Proposals()) != 0 || len(dry.GetPendingVerdicts()) != 1 {
		t.Errorf("dry run: %v", dry)
	}
	a, err := l.say("ivo", api.ApplyOptions{}, plantDocs, agreement)
	l.must(err)
	p := a.GetPending()
	if p.GetId() == "" || len(p.GetDocuments()) != 5 || l.Policy().Version() != 0 || a.GetPolicyVersion() != 0 {
		t.Fatalf("%v, version %d", p, l.Policy().Version())
	}
	if v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10"); v.GetVerdict().GetVerdict() != "undecided" {
		t.Errorf("a pending policy judges: %v", v.GetVerdict())
	}
	_, err = l.confirm("ivo", p.GetId(), nil)
	l.denied(err, "nobody confirms their own change")
	_, err = l.confirm("emil", p.GetId(), nil)
	l.denied(err, "an official or designated-representative over corporate and dmz and line4, other than ivo")
	_, err = l.confirm("olga", "P999", nil)
	l.refusedWith(err, "get pending")
	l.replayed()

	r, err := l.confirm("ana", p.GetId(), nil)
	l.must(err)
	if r.GetPolicyVersion() != 0 || !slices.Equal(r.GetProposal().GetMissing(), []string{"corporate", "dmz"}) {
		t.Errorf("an official over one of three: %v", r)
	}
	_, err = l.confirm("ana", p.GetId(), nil)
	l.denied(err, "over corporate and dmz")
	l.replayed()
	r, err = l.confirm("otto", p.GetId(), nil)
	l.must(err)
	if r.GetPolicyVersion() != 1 || r.GetVerdictsChanged() != 1 || len(l.Proposals()) != 0 {
		t.Errorf("the last one: %v", r)
	}
	if v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10"); v.GetVerdict().GetVerdict() != "authorized" {
		t.Errorf("confirmed: %v", v.GetVerdict())
	}
	l.replayed()
}

func TestWhatWorsensActsAtOnceAndTheRestWaits(t *testing.T) {
	l := newEnforced(t)
	l.inForce(plantDocs, agreement)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	version := l.Policy().Version()
	// One document that narrows, and one that is new.
	narrow := strings.Replace(agreement, "  services:", "  schedule: {from: \"22:00\", until: \"06:00\"}\n  services:", 1)
	other := strings.ReplaceAll(strings.ReplaceAll(agreement, "line4-to-historian", "corporate-to-line4"), "boundary: dmz", "boundary: corporate")
	for _, dry := range []bool{true, false} {
		a, err := l.say("ivo", api.ApplyOptions{DryRun: dry}, narrow, other)
		l.must(err)
		if len(a.GetVerdicts()) != 1 || a.GetVerdicts()[0].GetAfter() != "out-of-terms" || a.GetPolicyVersion() != version+1 {
			t.Errorf("dry run %v: at once %v", dry, a)
		}
		if d := a.GetPending().GetDocuments(); len(d) != 1 || d[0].GetDocument() != "Interconnection/corporate-to-line4" || d[0].GetChange() != "new" || d[0].GetWhy() == "" {
			t.Errorf("dry run %v: pending %v", dry, a.GetPending())
		}
	}
	if l.Policy().Version() != version+1 || len(l.Proposals()) != 1 {
		t.Errorf("version %d, %d pending", l.Policy().Version(), len(l.Proposals()))
	}
	l.replayed()
	// The way back waits.
	a, err := l.say("ivo", api.ApplyOptions{}, agreement)
	l.must(err)
	if a.GetPending() == nil || l.Policy().Version() != version+1 || len(l.Proposals()) != 2 {
		t.Errorf("%v", a)
	}
	// Again, nothing new; a proposal that holds it whole takes its place.
	again, err := l.say("ivo", api.ApplyOptions{}, agreement)
	l.must(err)
	if again.GetPending().GetId() != a.GetPending().GetId() || len(l.Proposals()) != 2 {
		t.Errorf("the same twice: %v", again.GetPending())
	}
	all, err := l.say("ivo", api.ApplyOptions{}, agreement, other)
	l.must(err)
	if len(l.Proposals()) != 1 || l.Proposals()[0].GetId() != all.GetPending().GetId() {
		t.Errorf("%v", l.Proposals())
	}
	l.replayed()
	l.must(l.reject("ivo", all.GetPending().GetId()))
	if len(l.Proposals()) != 0 {
		t.Error("rejected, and still pending")
	}
	l.replayed()
}

func TestWhatImprovesAConditionWaits(t *testing.T) {
	l := newEnforced(t)
	ato := `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, conditions: [{id: C1, statement: Signed., attest: {by: system-owner, every: 90d}}]}
`
	l.inForce(plantDocs, agreement, ato)
	version := l.Policy().Version()
	a, err := l.say("ivo", api.ApplyOptions{}, strings.Replace(ato, "conditions: [{id: C1, statement: Signed., attest: {by: system-owner, every: 90d}}]", "conditions: []", 1))
	l.must(err)
	if a.GetPending() == nil || l.Policy().Version() != version || !a.GetPending().GetDecides() {
		t.Errorf("a condition was taken out by its issm alone: %v", a)
	}
	_, err = l.confirm("rita", a.GetPending().GetId(), nil)
	l.denied(err, "it needs an official over line4")
}

func TestProposalsMeet(t *testing.T) {
	l := newEnforced(t)
	l.inForce(plantDocs)
	one, err := l.say("ivo", api.ApplyOptions{}, agreement)
	l.must(err)
	two, err := l.say("ines", api.ApplyOptions{}, strings.Replace(agreement, "4840", "4841", 1))
	l.must(err)
	third, err := l.say("ines", api.ApplyOptions{}, strings.ReplaceAll(strings.ReplaceAll(agreement, "line4-to-historian", "x"), "boundary: dmz", "boundary: corporate"))
	l.must(err)
	if len(l.Proposals()) != 3 {
		t.Fatalf("%v", l.Proposals())
	}
	_, err = l.confirm("olga", one.GetPending().GetId(), nil)
	l.must(err)
	_, err = l.confirm("olga", two.GetPending().GetId(), nil)
	l.refusedWith(err, "Interconnection/line4-to-historian is another one since policy version 2")
	if s := l.Proposals()[0].GetStale(); !strings.Contains(s, "apply it again") {
		t.Errorf("%q", s)
	}
	// What the others did not touch goes onto what is in force now.
	r, err := l.confirm("olga", third.GetPending().GetId(), nil)
	l.must(err)
	if r.GetPolicyVersion() != 3 || len(l.Documents().Interconnections) != 2 {
		t.Errorf("%v", r)
	}
	l.replayed()
	// One that names a boundary which is gone meanwhile does not stand.
	gone, err := l.say("ines", api.ApplyOptions{}, strings.ReplaceAll(agreement, "line4-to-historian", "y"))
	l.must(err)
	prune, err := l.say("ivo", api.ApplyOptions{Prune: true}, strings.Replace(plantDocs, "metadata: {name: dmz}", "metadata: {name: dmz2}", 1))
	l.must(err)
	_, err = l.confirm("olga", prune.GetPending().GetId(), nil)
	l.must(err)
	_, err = l.confirm("olga", gone.GetPending().GetId(), nil)
	l.refusedWith(err, "does not stand with what is in force now")
	if v := l.Policy().Version(); v != 5 && v != 4 {
		t.Errorf("version %d", v)
	}
}

func TestSignedPaperAndSecondPerson(t *testing.T) {
	l := newEnforced(t)
	l.inForce(plantDocs)
	a, err := l.say("ivo", api.ApplyOptions{}, agreement)
	l.must(err)
	id := a.GetPending().GetId()
	paper := &demarcv1.SignedPaper{Sha256: strings.Repeat("ab", 32), Signer: "Olga", Signed: timestamppb.New(l.now.Add(-time.Hour))}
	_, err = l.confirm("emil", id, proto.CloneOf(paper))
	l.denied(err, "it needs issm")
	_, err = l.confirm("ines", id, nil)
	l.denied(err, "may not confirm")
	late := proto.CloneOf(paper)
	late.Signed = timestamppb.New(l.now.Add(48 * time.Hour))
	_, err = l.confirm("ivo", id, late)
	l.refusedWith(err, "not ahead of now")
	r, err := l.confirm("ivo", id, proto.CloneOf(paper))
	l.must(err)
	if r.GetPolicyVersion() != 0 || !strings.Contains(r.GetWords(), "second issm") || l.Policy().Version() != 1 {
		t.Errorf("%v", r)
	}
	l.replayed()
	_, err = l.confirm("ivo", id, nil)
	l.denied(err, "nobody confirms their own change")
	r, err = l.confirm("ines", id, nil)
	l.must(err)
	if r.GetPolicyVersion() != 2 {
		t.Errorf("%v", r)
	}
	// Who recorded the paper of another's change is not its second person.
	a, err = l.say("ivo", api.ApplyOptions{}, strings.ReplaceAll(agreement, "line4-to-historian", "z"))
	l.must(err)
	_, err = l.confirm("ines", a.GetPending().GetId(), proto.CloneOf(paper))
	l.must(err)
	_, err = l.confirm("ines", a.GetPending().GetId(), nil)
	l.denied(err, "may not confirm")
	l.replayed()
}

func TestNobodyConfirmsTheirOwn(t *testing.T) {
	l := newEnforced(t)
	a, err := l.say("both", api.ApplyOptions{}, plantDocs)
	l.must(err)
	_, err = l.confirm("both", a.GetPending().GetId(), nil)
	l.denied(err, "nobody confirms their own change")
	_, err = l.confirm("olga", a.GetPending().GetId(), nil)
	l.must(err)
	program := api.As(t.Context(), api.Principal{Name: "bot", Roles: []store.Grant{{Role: store.ISSM}, {Role: store.Official}}, Kind: store.Program})
	b, err := l.say("ivo", api.ApplyOptions{}, agreement)
	l.must(err)
	_, err = l.Confirm(program, b.GetPending().GetId(), nil, store.Act{})
	l.denied(err, "the software never authorizes")
}

func TestLimitsOfAnISSM(t *testing.T) {
	l := newEnforced(t)
	l.inForce(plantDocs)
	_, err := l.say("lena", api.ApplyOptions{}, agreement)
	l.denied(err, "dmz", "issm over each boundary concerned")
	a, err := l.say("lena", api.ApplyOptions{}, strings.Replace(plantDocs, "title: Line 4", "title: Line four", 1))
	l.must(err)
	if a.GetPolicyVersion() != 2 || a.GetPending() != nil {
		t.Errorf("a title: %v", a)
	}
	_, err = l.say("lena", api.ApplyOptions{}, "apiVersion: demarc/v1\nkind: ServiceSet\nmetadata: {name: s}\nspec: {services: [{protocol: dns}]}\n")
	l.denied(err, "no boundary in particular")
}

func TestWhoDecidesOnAuthorizations(t *testing.T) {
	l := newEnforced(t)
	ato := `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: both-ato}
spec: {decision: ato, boundaries: [line4, dmz], granted: 2026-01-01, expires: 2027-01-01}
---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec: {decision: ato, boundaries: [line4], granted: 2026-02-01, expires: 2027-01-01}
`
	l.inForce(plantDocs, ato)
	decide := func(who, name, kind string, change func(*demarcv1.AuthorizationAct)) (*demarcv1.DecideAuthorizationResponse, error) {
		defer l.looping()()
		a := &demarcv1.AuthorizationAct{Kind: kind, Authorization: name, Reason: "r"}
		if change != nil {
			change(a)
		}
		return l.Decide(as(t, who), a, false, store.Act{Who: who, What: "authorization " + kind})
	}
	for _, c := range []struct{ who, name, kind, words string }{
		{"ana", "both-ato", boundary.Rescind, "official over dmz"},
		{"ana", "both-ato", boundary.Suspend, "official over dmz"},
		{"rita", "line4-ato", boundary.Rescind, "needs official over line4"},
		{"rita", "line4-ato", boundary.Extend, "needs official over line4"},
		{"emil", "line4-ato", boundary.Suspend, "needs official over line4"},
		{"ivo", "line4-ato", boundary.Rescind, "name who did (--official) and the signed paper"},
		{"lena", "both-ato", boundary.Suspend, "over dmz"},
	} {
		_, err := decide(c.who, c.name, c.kind, nil)
		l.denied(err, c.who, c.words)
	}
	_, err := decide("rita", "line4-ato", boundary.Suspend, nil)
	l.must(err)
	_, err = decide("ana", "line4-ato", boundary.Revise, nil)
	l.must(err)
	// An extension improves: recorded by an issm it waits for a second person.
	signed := func(a *demarcv1.AuthorizationAct) {
		a.Official, a.Sha256, a.Until = "Olga", strings.Repeat("cd", 32), timestamppb.New(l.now.AddDate(2, 0, 0))
	}
	r, err := decide("ivo", "line4-ato", boundary.Extend, signed)
	l.must(err)
	end := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	if r.GetPending().GetId() == "" || !l.Policy().Decision("line4-ato").At(l.now).Until.Equal(end) {
		t.Fatalf("%v; it lasts to %v", r, l.Policy().Decision("line4-ato").At(l.now).Until)
	}
	l.replayed()
	_, err = l.confirm("ivo", r.GetPending().GetId(), nil)
	l.denied(err, "their own")
	_, err = l.confirm("ines", r.GetPending().GetId(), nil)
	l.must(err)
	if until := l.Policy().Decision("line4-ato").At(l.now).Until; !until.Equal(l.now.AddDate(2, 0, 0)) || len(l.Proposals()) != 0 {
		t.Errorf("until %v, %d pending", until, len(l.Proposals()))
	}
	l.replayed()
	_, err = decide("olga", "both-ato", boundary.Rescind, nil)
	l.must(err)
}

func TestWhoOpensWindowsAndAttests(t *testing.T) {
	l := newEnforced(t)
	per := strings.Replace(agreement, "  services:", "  activation: per-window\n  openers: [Emil Novak]\n  services:", 1)
	ato := `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, conditions: [{id: C1, statement: Locked., attest: {by: system-owner, every: 90d}}, {id: C2, statement: Trained., attest: {by: Sven, every: 90d}}]}
`
	l.inForce(plantDocs, per, ato)
	open := func(ctx context.Context, by string) error {
		defer l.looping()()
		_, err := l.MoveWindow(ctx, &demarcv1.WindowAct{Kind: "open", Window: "w", Interconnection: "line4-to-historian", Type: "maintenance", ApprovedBy: by, Until: timestamppb.New(l.now.Add(time.Hour))}, false, store.Act{Who: "x"})
		return err
	}
	l.denied(open(as(t, "ivo"), "Emil Novak"), "needs engineer over")
	l.denied(open(as(t, "emil"), "Emil Novak"), "names as openers Emil Novak")
	emil := api.As(t.Context(), api.Principal{Name: "emil", Full: "Emil Novak", Roles: people["emil"]})
	l.must(open(emil, "Emil Novak"))
	attest := func(who, c string) error {
		defer l.looping()()
		_, err := l.Attest(as(t, who), &demarcv1.Attestation{Authorization: "line4-ato", Condition: c, Statement: "s"}, store.Act{Who: who})
		return err
	}
	l.denied(attest("olga", "C1"), "needs system-owner over line4")
	l.must(attest("sven", "C1"))
	l.must(attest("sven", "C2")) // named, whatever the case of letters
	people["tom"] = []store.Grant{{Role: store.SystemOwner}}
	l.denied(attest("tom", "C2"), "the condition names Sven")
}

// TestApplyAloneImprovesNothing: whatever documents an issm applies, and
// whatever traffic there is, no verdict and no condition is better for it until
// an official confirmed.
func TestApplyAloneImprovesNothing(t *testing.T) {
	ato := func(expires, conditions string) string {
		return "---\napiVersion: demarc/v1\nkind: Authorization\nmetadata: {name: ato}\nspec: {decision: ato, boundaries: [line4, dmz], granted: 2026-01-01, expires: " + expires + ", conditions: [" + conditions + "]}\n"
	}
	deny := strings.Replace(plantDocs, "title: Line 4, domain: ot", "title: Line 4, domain: ot, internalDefault: deny", 1)
	pieces := [][]string{
		{plantDocs, deny, strings.Replace(plantDocs, "10.20.4.0/24", "10.20.4.0/25", 1), strings.Replace(plantDocs, "10.60.0.0/16", "10.0.0.0/8", 1)},
		{
			"", agreement, strings.Replace(agreement, "4840", "4840, 443, 102", 1), strings.Replace(agreement, "initiator: to", "initiator: from", 1),
			strings.Replace(agreement, "  services:", "  schedule: {from: \"22:00\", until: \"23:00\"}\n  services:", 1),
			strings.Replace(agreement, "protocol: opcua", "protocol: tls", 1),
		},
		{"", strings.ReplaceAll(strings.ReplaceAll(agreement, "line4-to-historian", "wide"), "boundary: dmz", "boundary: corporate")},
		{"", ato("2027-01-01", ""), ato("2026-04-01", ""), ato("2027-01-01", "{id: C1, statement: None., check: no-internet}"), ato("2027-01-01", "{id: C1, statement: None., check: agreement-in-force}")},
	}
	rapid.Check(t, func(rt *rapid.T) {
		l := newEnforced(t)
		defer func() { _ = l.store.Close() }()
		choose := func(what string) (texts []string) {
			for _, p := range pieces {
				texts = append(texts, rapid.SampledFrom(p).Draw(rt, what))
			}
			return texts
		}
		l.inForce(choose("in force")...)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "traffic"), 1))
		for range 3 {
			l.send("a", anyBody(r, l.now))
		}
		for range 2 {
			before, states, old := l.verdicts(), conditionsOf(l), l.Policy()
			if _, err := l.say("ivo", api.ApplyOptions{Prune: rapid.Bool().Draw(rt, "prune")}, choose("applied")...); err != nil && !errors.Is(err, api.ErrRefused) {
				rt.Fatal(err)
			}
			for id, v := range l.verdicts() {
				if ranks[v.GetVerdict()] > ranks[before[id].GetVerdict()] {
					rt.Fatalf("%s is %s, and was %s before the apply: %s", id, v.GetVerdict(), before[id].GetVerdict(), v.GetReason())
				}
			}
			for id, state := range conditionsOf(l) {
				if was, ok := states[id]; ok && slices.Index(condition.States(), state) > slices.Index(condition.States(), was) {
					rt.Fatalf("condition %s is %s, and was %s before the apply", id, state, was)
				}
				delete(states, id)
			}
			if len(states) > 0 {
				rt.Fatalf("conditions are gone: %v", states)
			}
			// What is seen from now on is judged no better than it would have been.
			l.send("a", anyBody(r, l.now))
			now := map[string]*demarcv1.Verdict{}
			l.under(l.Policy(), func(id string, j *verdict.Judged) { now[id] = j.Verdict })
			l.under(old, func(id string, j *verdict.Judged) {
				if ranks[now[id].GetVerdict()] > ranks[j.Verdict.GetVerdict()] {
					rt.Fatalf("%s is %s, and would be %s without the apply: %s", id, now[id].GetVerdict(), j.Verdict.GetVerdict(), now[id].GetReason())
				}
			})
		}
		l.replayed()
	})
}

func conditionsOf(l *lab) map[string]string {
	states := map[string]string{}
	for _, r := range l.conditionsUnder(l.Policy(), l.Documents(), nil) {
		states[r.ID()] = r.State
	}
	return states
}

func (l *lab) verdicts() map[string]*demarcv1.Verdict {
	all := map[string]*demarcv1.Verdict{}
	for _, c := range l.Connections() {
		all[c.GetId()] = c.GetVerdict()
	}
	return all
}

// under judges every connection by a policy, each by itself.
func (l *lab) under(p *boundary.Policy, each func(id string, j *verdict.Judged)) {
	p = p.With(l.acts)
	l.book.SetSpace(p.Space)
	for c := range l.book.Connections() {
		j := verdict.Judge(p, c, judgedAt(c, l.now))
		each(c.ID, &j)
	}
	l.book.SetSpace(l.space())
}
