package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/store"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// authority is a line and a plant network under authorizations: the line uses
// the network's name service by leverage.
const authority = `---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: plant-ato}, spec: {decision: ato, boundaries: [dmz], granted: 2026-01-01}}
---
{apiVersion: demarc/v1, kind: SharedService, metadata: {name: names}, spec: {purpose: Names, provider: {boundary: dmz, addresses: [10.50.1.5], under: plant-ato}, consumers: [line4], services: [{protocol: dns, ports: [53]}]}}
---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, expires: 2026-05-31, leverages: [{authorization: plant-ato, services: [names]}],
  conditions: [{id: C1, statement: No Internet., check: no-internet}, {id: C3, statement: Remote sessions use two factors., attest: {by: system-owner, every: 90d}}]}}
`

func newPlant(t *testing.T) *lab {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, authority), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.send("a", flow("10.20.4.10", "10.50.1.5", 53, "dns", l.now))
	l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.expect(l.engine, "10.20.4.10", "10.50.1.5", verdict.Authorized)
	return l
}

func (l *lab) refuses(a *demarcv1.AuthorizationAct, want string) {
	l.t.Helper()
	if _, err := l.decide(a, false); !errors.Is(err, api.ErrRefused) || !strings.Contains(err.Error(), want) {
		l.t.Errorf("%s: %v, want %q", a.GetKind(), err, want)
	}
}

func at(l *lab, d time.Duration) *timestamppb.Timestamp { return timestamppb.New(l.now.Add(d)) }

// A provider's authorization is rescinded: every boundary and every live flow
// that lost cover in that second is listed, before and after.
func TestRescissionListsItsConsequences(t *testing.T) {
	l := newPlant(t)
	act := &demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "plant-ato", Reason: "breach at the provider"}
	before, position := dump(l.engine), l.Position()
	would, err := l.decide(act, true)
	l.must(err)
	if dump(l.engine) != before || l.Position() != position {
		t.Error("a dry run changed something")
	}
	did, err := l.decide(act, false)
	l.must(err)
	for how, c := range map[string]*demarcv1.Consequences{"dry run": would, "done": did} {
		if len(c.GetVerdicts()) != 2 || c.GetVerdicts()[0].GetAfter() != verdict.Lapsed || c.GetVerdicts()[1].GetAfter() != verdict.Lapsed {
			t.Errorf("%s: verdicts %v", how, c.GetVerdicts())
		}
		if len(c.GetBoundaries()) != 1 || c.GetBoundaries()[0].GetBoundary() != "dmz" || !strings.Contains(c.GetBoundaries()[0].GetAfter(), "plant-ato was rescinded 2026-04-12") {
			t.Errorf("%s: boundaries %v", how, c.GetBoundaries())
		}
		if got := c.GetAuthorizations(); len(got) != 1 || got[0] != "line4-ato" {
			t.Errorf("%s: authorizations %v", how, got)
		}
	}
	l.expect(l.engine, "10.20.4.10", "10.50.1.5", verdict.Lapsed)
	l.expect(l.engine, "10.20.4.10", "10.20.4.11", verdict.Internal)
	l.refuses(act, "nothing more is decided on it")
	if acts := l.ActsOn("plant-ato"); len(acts) != 1 || acts[0].GetActor() != "uid 1000 (ana)" || !acts[0].GetEffective().AsTime().Equal(l.now) {
		t.Errorf("%v", acts)
	}
	log, err := l.store.AuditLog(t.Context(), 0, 100)
	l.must(err)
	if last := log[len(log)-1].Act; last.What != "authorization rescind" {
		t.Errorf("audit %+v", last)
	}
	l.same("replayed", l.restarted())
	// Documents applied afterwards do not bring it back.
	_, err = l.apply(documents(strings.Replace(authority, "decision: ato, boundaries: [dmz]", "decision: ato-with-conditions, boundaries: [dmz]", 1)), applyOptions{})
	l.must(err)
	l.expect(l.engine, "10.20.4.10", "10.50.1.5", verdict.Lapsed)
}

// Acts are kept when the journal is trimmed: they are part of the saved state.
func TestActsAreSaved(t *testing.T) {
	l := newPlant(t)
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	for i, kind := range []string{"suspend", "revise"} {
		_, err := l.decide(&demarcv1.AuthorizationAct{Kind: kind, Authorization: "line4-ato", Reason: "r"}, false)
		l.must(err)
		c, err := l.cutState(i == 0)
		l.must(err)
		l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
		e := l.fresh()
		l.must(e.restore(t.Context()))
		l.same("restored after "+kind, e)
		if got := len(e.ActsOn("line4-ato")); got != i+1 {
			t.Errorf("%d acts after %s", got, kind)
		}
	}
}

func TestSuspensionEndsByItself(t *testing.T) {
	l := newPlant(t)
	_, err := l.decide(&demarcv1.AuthorizationAct{Kind: "suspend", Authorization: "line4-ato", Until: at(l, time.Hour), Reason: "incident"}, false)
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
	l.pass(time.Hour)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
}

// What is decided for later is told for later, and comes by the clock.
func TestRescissionOfALaterDay(t *testing.T) {
	l := newPlant(t)
	c, err := l.decide(&demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "line4-ato", Effective: at(l, time.Hour), Reason: "end of operation"}, false)
	l.must(err)
	if len(c.GetVerdicts()) != 2 {
		t.Errorf("consequences %v", c)
	}
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.pass(time.Hour)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
	l.same("replayed", l.restarted())
}

func TestExtensionIsRefusedWhenSignedAfterTheEnd(t *testing.T) {
	l := newPlant(t)
	june := timestamppb.New(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	extend := func(signed string) *demarcv1.AuthorizationAct {
		s, err := time.Parse(time.DateOnly, signed)
		l.must(err)
		return &demarcv1.AuthorizationAct{Kind: "extend", Authorization: "line4-ato", Effective: timestamppb.New(s), Until: june, Reason: "renewal"}
	}
	l.now = time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
	l.refuses(extend("2026-06-01"), "an extension counts only if signed before the end")
	_, err := l.decide(extend("2026-05-31"), false) // signed in time, recorded late
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.refuses(&demarcv1.AuthorizationAct{Kind: "extend", Authorization: "plant-ato", Until: june}, "has no end to extend")
	l.refuses(&demarcv1.AuthorizationAct{Kind: "extend", Authorization: "line4-ato", Until: at(l, time.Hour)}, "to end it earlier is a revision")
	l.refuses(&demarcv1.AuthorizationAct{Kind: "revise", Authorization: "line4-ato", Until: timestamppb.New(l.now.AddDate(1, 0, 0))}, "that is an extension")
	l.refuses(&demarcv1.AuthorizationAct{Kind: "supersede", Authorization: "line4-ato", Successor: "none"}, "apply it first")
	l.refuses(&demarcv1.AuthorizationAct{Kind: "bless", Authorization: "line4-ato"}, "is no act on an authorization")
	l.refuses(&demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "none"}, "no authorization is named")
}

func TestWindowsOpenAndClose(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, "  activation: per-window\n  openers: [Ana]\n  maxLength: 8h\n"), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	move := func(a *demarcv1.WindowAct) error {
		defer l.looping()()
		_, err := l.MoveWindow(owner(t), a, false, store.Act{Who: "ana"})
		return err
	}
	open := func(change func(*demarcv1.WindowAct)) error {
		a := &demarcv1.WindowAct{Kind: "open", Window: "w", Interconnection: "line4-to-historian", Type: "vendor-session", ApprovedBy: "Ana", Until: at(l, time.Hour)}
		change(a)
		return move(a)
	}
	for want, change := range map[string]func(*demarcv1.WindowAct){
		"a window of type \"change\" opens nothing":       func(a *demarcv1.WindowAct) { a.Type = "change" },
		"may not open line4-to-historian":                 func(a *demarcv1.WindowAct) { a.ApprovedBy = "Ben" },
		"nobody approved":                                 func(a *demarcv1.WindowAct) { a.ApprovedBy = "" },
		"open for 9h0m, and line4-to-historian allows 8h": func(a *demarcv1.WindowAct) { a.Until = at(l, 9*time.Hour) },
		"no interconnection":                              func(a *demarcv1.WindowAct) { a.Interconnection = "x" },
		"opens nothing":                                   func(a *demarcv1.WindowAct) { a.Until = at(l, -time.Hour) },
	} {
		if err := open(change); !errors.Is(err, api.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	l.must(open(func(*demarcv1.WindowAct) {}))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	if err := open(func(*demarcv1.WindowAct) {}); !errors.Is(err, api.ErrRefused) {
		t.Errorf("twice: %v", err)
	}
	l.pass(10 * time.Minute)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.now = l.now.Add(time.Second)
	l.must(move(&demarcv1.WindowAct{Kind: "close", Window: "w", Reason: "done"}))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms) // alive, as far as can be seen
	if err := move(&demarcv1.WindowAct{Kind: "close", Window: "w"}); !errors.Is(err, api.ErrRefused) {
		t.Errorf("closed twice: %v", err)
	}
	l.pass(3 * time.Minute)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.same("replayed", l.restarted())
}

func TestAttest(t *testing.T) {
	l := newPlant(t)
	attest := func(authorization, condition string) (time.Time, error) {
		defer l.looping()()
		return l.Attest(owner(t), &demarcv1.Attestation{Authorization: authorization, Condition: condition, Statement: "checked"}, store.Act{Who: "ana"})
	}
	until, err := attest("line4-ato", "C3")
	if err != nil || !until.Equal(l.now.AddDate(0, 0, 90)) {
		t.Errorf("%v %v", until, err)
	}
	if a, ok := l.Policy().Attested("line4-ato", "C3"); !ok || a.By != "ana" || !a.At.Equal(l.now) || a.Statement != "checked" {
		t.Errorf("%+v", a)
	}
	for _, c := range [][2]string{{"line4-ato", "C1"}, {"line4-ato", "C9"}, {"none", "C3"}} {
		if _, err := attest(c[0], c[1]); !errors.Is(err, api.ErrRefused) {
			t.Errorf("%v: %v", c, err)
		}
	}
}
