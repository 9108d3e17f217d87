package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/api"
	"demarc/collector/deliver"
	"demarc/collector/finding"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// events are the kinds of what was told since the last call, with their subjects'
// severity.
func (l *lab) events(seen *int) (all []*deliver.Event) {
	all = l.telling.box.All()[*seen:]
	*seen += len(all)
	return all
}

func kinds(all []*deliver.Event) string {
	var names []string
	for _, e := range all {
		names = append(names, e.Kind)
	}
	return strings.Join(names, " ")
}

// unauthorizedFinding is the one there is.
func (l *lab) unauthorizedFinding() *demarcv1.Finding {
	l.t.Helper()
	for _, f := range l.Findings() {
		if f.GetKind() == finding.Unauthorized {
			return f
		}
	}
	l.t.Fatal("no finding")
	return nil
}

// What happens to a finding from the first packet to the last act is told, each
// thing once, with what a reader needs to act on it.
func TestEventsOfAFinding(t *testing.T) {
	l := newTellingLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	seen := 0
	if got := kinds(l.events(&seen)); got != "authorization.documents" {
		t.Errorf("applied: %s", got)
	}
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	all := l.events(&seen)
	f := l.unauthorizedFinding()
	if len(all) != 1 || all[0].Kind != "finding.raised" || all[0].Subject != f.GetId() || all[0].Severity != 60 || all[0].Flow.Client != "10.60.1.1" || all[0].Flow.Port != 102 ||
		!slices.Equal(all[0].Boundaries, []string{"corporate", "line4"}) || all[0].Policy != 1 || len(all[0].Evidence) != 1 || !strings.Contains(all[0].Evidence[0], "unauthorized, ") || !all[0].Time.Equal(l.now) {
		t.Fatalf("%s %+v", kinds(all), all)
	}
	id := all[0].ID
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	l.pass(sayEvery)
	if got := kinds(l.events(&seen)); got != "" {
		t.Errorf("the same again: %s", got)
	}
	for range 3 { // told at most once in a while
		l.send("a", told(flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now), ot.Write, 1))
	}
	l.pass(sayEvery)
	if all = l.events(&seen); len(all) != 1 || all[0].Kind != "finding.changed" || all[0].Was != 60 || all[0].Severity != 80 || all[0].ID == id {
		t.Errorf("worse: %s %+v", kinds(all), all)
	}
	_, err = l.onFindings(finding.Comment, &demarcv1.FindingAct{Comment: "looking"}, f.GetId())
	l.must(err)
	_, err = l.onFindings(finding.Close, &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: finding.Fixed}}, f.GetId())
	l.must(err)
	if all = l.events(&seen); len(all) != 1 || all[0].Kind != "finding.closed" || all[0].Status != finding.Closed || all[0].Actor != "ana" {
		t.Errorf("closed: %s %+v", kinds(all), all)
	}
	l.now = l.now.Add(time.Minute)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	if all = l.events(&seen); len(all) != 1 || all[0].Kind != "finding.reopened" || all[0].Status != finding.Open || !strings.Contains(all[0].Words, "was seen again") {
		t.Errorf("seen again: %s %+v", kinds(all), all)
	}
	l.same("after a restart", l.restarted())
}

// During a survey nothing goes to others but what is never held back; what is
// still open when it ends is told then, by the clock alone.
func TestASurveyHoldsEventsBack(t *testing.T) {
	l := newTellingLab(t)
	_, err := l.apply(documents(strings.ReplaceAll(plantDocs, "spec: {title:", "spec: {review: {state: survey, until: 2026-04-30, owner: A}, title:")), applyOptions{})
	l.must(err)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	loads := told(flow("10.60.1.1", "10.20.4.11", 44818, "enip", l.now), ot.Program, 3)
	l.send("a", loads)
	l.pass(sayEvery)
	seen := 1 // the documents
	if all := l.events(&seen); len(all) != 1 || all[0].Kind != "finding.raised" || all[0].Service != "enip" {
		t.Fatalf("%s %+v", kinds(all), all)
	}
	var held string
	for _, f := range l.Findings() {
		if f.GetService() == "s7comm" {
			held = f.GetId()
		}
	}
	_, err = l.onFindings(finding.Status, &demarcv1.FindingAct{Status: finding.Investigating}, held)
	l.must(err)
	l.now = time.Date(2026, 4, 29, 12, 0, 0, 0, time.UTC)
	l.pass(time.Second)
	if got := kinds(l.events(&seen)); got != "" {
		t.Errorf("in the survey: %s", got)
	}
	l.now = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	l.pass(time.Second)
	if all := l.events(&seen); len(all) != 1 || all[0].Kind != "finding.raised" || all[0].Subject != held || all[0].Status != finding.Investigating {
		t.Errorf("over: %s %+v", kinds(all), all)
	}
	l.same("after a restart", l.restarted())
}

// How conditions stand and what is decided on authorizations is told, with the
// document and its boundaries.
func TestEventsOfAuthority(t *testing.T) {
	l := newTellingLab(t)
	_, err := l.apply(documents(plantDocs, agreement, conditionedATO), applyOptions{})
	l.must(err)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	l.pass(time.Second)
	seen := 0
	l.events(&seen)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Write, 1))
	l.pass(time.Second)
	var broken *deliver.Event
	for _, e := range l.events(&seen) {
		if e.Kind == "condition.violated" {
			broken = e
		}
	}
	if broken == nil || broken.Subject != "line4-ato/C1" || broken.Severity != 70 || broken.Why != "Nothing outside writes." || !slices.Equal(broken.Boundaries, []string{"line4"}) || !slices.Contains(broken.Documents, "Authorization/line4-ato") {
		t.Fatalf("%+v", broken)
	}
	_, err = l.decide(&demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "line4-ato", Reason: "an incident"}, false)
	l.must(err)
	var rescinded *deliver.Event
	for _, e := range l.events(&seen) {
		if e.Kind == "authorization.rescinded" {
			rescinded = e
		}
	}
	if rescinded == nil || rescinded.Subject != "Authorization/line4-ato" || rescinded.Actor != "uid 1000 (ana)" || rescinded.Severity != 70 || !strings.HasPrefix(rescinded.Words, "an incident; ") || !slices.Equal(rescinded.Boundaries, []string{"line4"}) {
		t.Fatalf("%+v", rescinded)
	}
	l.same("after a restart", l.restarted())
}

// The end of an authorization is told by the clock.
func TestTheEndOfAnAuthorizationIsTold(t *testing.T) {
	l := newTellingLab(t)
	_, err := l.apply(documents(plantDocs, lineATO), applyOptions{})
	l.must(err)
	seen := 0
	l.events(&seen)
	l.now = time.Date(2026, 4, 14, 0, 0, 0, 0, time.UTC)
	l.pass(time.Second)
	all := l.events(&seen)
	i := slices.IndexFunc(all, func(e *deliver.Event) bool { return e.Kind == "authorization.ended" })
	if i < 0 || all[i].Subject != "Authorization/line4-ato" || all[i].Severity != 70 || !strings.Contains(all[i].Title, "line4-ato ended 2026-04-13") {
		t.Errorf("%s %+v", kinds(all), all)
	}
}

// An agent that falls silent is told once, and that it is back; a collector that
// has just started gives it time. Losses are told together.
func TestEventsOfAgents(t *testing.T) {
	l := newTellingLab(t)
	since := l.now
	watch := func(last time.Time) {
		t.Helper()
		l.must(l.watch(t.Context(), []heardAgent{{"a", "houston", last}}, since, l.now))
		l.catch(l.engine)
	}
	seen := 0
	heard := l.now.Add(-time.Hour)
	watch(heard)
	l.now = l.now.Add(silentFor - time.Second)
	watch(heard)
	if got := kinds(l.events(&seen)); got != "" {
		t.Errorf("just started: %s", got)
	}
	l.now = l.now.Add(time.Second)
	watch(heard)
	watch(heard)
	if all := l.events(&seen); kinds(all) != "agent.silent" || all[0].Subject != "a" || all[0].Site != "houston" || !strings.Contains(all[0].Words, heard.Format(time.RFC3339)) {
		t.Errorf("silent: %s %+v", kinds(all), all)
	}
	l.same("after a restart", l.restarted())
	watch(l.now)
	watch(l.now)
	if got := kinds(l.events(&seen)); got != "agent.connected" {
		t.Errorf("back: %s", got)
	}
	lose := func(reason string, n uint64) {
		l.send("a", &demarcv1.Body{Losses: []*demarcv1.LossDelta{{Reason: reason, Count: n, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano(), Detail: "eth1"}}})
	}
	lose("kernel-drop", 5)
	lose("kernel-drop", 7)
	lose("mirror-one-way", 3)
	lose("kernel-drop", 8)
	if all := l.events(&seen); kinds(all) != "agent.loss agent.span" || all[0].Count != 5 || all[1].Class != "mirror-one-way" {
		t.Errorf("losses: %s %+v", kinds(all), all)
	}
	l.pass(lossEvery)
	if all := l.events(&seen); kinds(all) != "agent.loss" || all[0].Count != 15 {
		t.Errorf("later: %s %+v", kinds(all), all)
	}
	l.same("after a restart", l.restarted())
}

// A collector that delivers for the first time, or again after a while, does not
// tell all that was there before.
func TestWhatWasThereBeforeIsNotTold(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	c, err := l.cutState(true)
	l.must(err)
	l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
	l.tells = true
	l.engine = l.restarted()
	if all := l.telling.box.All(); len(all) != 0 {
		t.Errorf("%s", kinds(all))
	}
	_, err = l.onFindings(finding.Close, &demarcv1.FindingAct{Closure: &demarcv1.Closure{Reason: finding.Fixed}}, l.unauthorizedFinding().GetId())
	l.must(err)
	if got := kinds(l.telling.box.All()); got != "finding.closed" {
		t.Errorf("%s", got)
	}
}

// Who runs the collector is told how deliveries go, nobody else.
func TestDeliveriesInTheStatus(t *testing.T) {
	l := newLab(t)
	service := api.New(api.Config{Plant: l.engine, Clock: l.clock, Store: l.store, Deliveries: func() []deliver.Health {
		return []deliver.Health{{Name: "soc", To: "syslog+tls://h", Failing: true, Error: "refused", Waiting: 3}}
	}})
	s, err := service.GetStatus(owner(t), nil)
	if err != nil || len(s.GetDeliveries()) != 1 || s.GetDeliveries()[0].GetError() != "refused" || s.GetDeliveries()[0].GetWaiting() != 3 {
		t.Errorf("%v %v", s, err)
	}
	if s, err = service.GetStatus(api.As(t.Context(), api.Principal{Name: "ben"}), nil); err != nil || len(s.GetDeliveries()) != 0 {
		t.Errorf("%v %v", s, err)
	}
}
