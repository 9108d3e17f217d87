package server

import (
	"strings"
	"testing"
	"time"

	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/collector/verdict"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// conditionedATO has a condition that one write from outside breaks.
const conditionedATO = `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec:
  decision: ato-with-conditions
  boundaries: [line4]
  granted: 2026-01-01
  expires: 2027-04-13
  conditions:
    - {id: C1, statement: Nothing outside writes., check: read-only-from-outside}
    - {id: C2, statement: Somebody looks after it., attest: {by: system-owner, every: 90d}}
`

// told is flow with counts of operations.
func told(body *demarcv1.Body, o ot.Operation, n uint64) *demarcv1.Body {
	body.Connections[0].Operations = make([]uint64, ot.NumOperations)
	body.Connections[0].Operations[o] = n
	return body
}

func (l *lab) condition(id string) (state string, since time.Time, changes int) {
	l.t.Helper()
	for _, c := range l.Conditions(l.now) {
		if c.ID() == id {
			return c.State, c.Since, len(c.Changes)
		}
	}
	l.t.Fatalf("no condition %s", id)
	return "", time.Time{}, 0
}

// A condition is judged within a second of what breaks it, without anybody who
// asks, and stays broken for its window.
func TestConditionIsJudgedAtOnce(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, conditionedATO), applyOptions{})
	l.must(err)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	l.pass(time.Second)
	if state, _, _ := l.condition("line4-ato/C1"); state != condition.NotObservable {
		t.Errorf("after a second of sight: %s", state)
	}
	written := l.now
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Write, 1))
	before := l.Position()
	l.pass(500 * time.Millisecond)
	if l.Position() != before+1 {
		t.Errorf("%d records for one judgement of conditions", l.Position()-before)
	}
	h := l.stands.of["line4-ato/C1"].GetChanges()
	if n := len(h); n != 2 || h[1].GetState() != condition.Violated || h[1].GetAt().AsTime().Sub(written) > time.Second {
		t.Fatalf("%v", h)
	}
	l.pass(time.Second)
	if l.Position() != before+1 {
		t.Error("conditions were judged again although nothing moved")
	}
	for range 4 * 24 { // a day goes by, a quarter hour at a time
		l.pass(15 * time.Minute)
		l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	}
	l.pass(20 * time.Minute)
	if state, since, n := l.condition("line4-ato/C1"); state == condition.Violated || n != 3 || since.Before(written.Add(24*time.Hour)) {
		t.Errorf("%s since %s after %d changes: a write of a day ago is out of the window", state, since, n)
	}
	l.same("replayed", l.restarted())
}

// A write breaks an agreement for a day, and then no more: by the clock alone.
func TestBadQuarterHourLeavesTheWindow(t *testing.T) {
	l := newLab(t)
	reads := strings.Replace(agreement, "ports: [4840]", "ports: [4840], operations: [read]", 1)
	_, err := l.apply(documents(plantDocs, reads), applyOptions{})
	l.must(err)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Write, 1))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	begun := l.now
	for l.now.Before(begun.Add(24 * time.Hour)) {
		l.pass(3 * time.Hour)
		l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 1))
		l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	}
	v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict()
	if !v.GetSince().AsTime().Equal(begun) || !v.GetQuarter().AsTime().Equal(begun) || !v.GetClears().AsTime().Equal(begun.Add(24*time.Hour+15*time.Minute)) {
		t.Errorf("%v", v)
	}
	l.same("restarted", l.restarted())
	l.pass(14 * time.Minute)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	l.pass(time.Minute)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.same("replayed", l.restarted())
}

// What is seen every few days is live for three times as long.
func TestLiveByItsOwnRhythm(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, strings.Replace(lineATO, "2026-04-13", "2026-05-01", 1)), applyOptions{})
	l.must(err)
	for range 3 {
		l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
		l.pass(6 * 24 * time.Hour)
	}
	l.pass(24 * time.Hour) // 2026-05-01: the ATO ends at the end of the day
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.pass(24 * time.Hour)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
}

// An agent whose clock is years off makes nothing past that is active now.
func TestWrongClockOfAnAgent(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.send("b", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now.AddDate(10, 0, 0)))
	l.send("b", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now.AddDate(-10, 0, 0)))
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	if at := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetJudgedAt().AsTime(); !at.Equal(l.now) {
		t.Errorf("judged for %s, want %s", at, l.now)
	}
	_, err = l.apply(documents(plantDocs, agreement, "  agreement: {type: isa, expires: 2026-04-11}\n"), applyOptions{})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
	l.same("replayed", l.restarted())
}

// A violated condition is one decision to make, with the connections that break
// it; when it is violated no longer they are past, and the finding stays.
func TestViolatedConditionIsAFinding(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, conditionedATO), applyOptions{})
	l.must(err)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	l.pass(time.Second)
	if f := l.ofKind(finding.Condition); len(f) != 0 {
		t.Fatalf("nothing is violated: %v", f)
	}
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Write, 1))
	l.pass(time.Second)
	f := l.ofKind(finding.Condition)
	if len(f) != 1 || f[0].GetCondition() != "line4-ato/C1" || len(f[0].GetConnections()) != 1 || len(f[0].GetPast()) != 0 || f[0].GetStatus() != finding.Open {
		t.Fatalf("%v", f)
	}
	for range 4*24 + 1 {
		l.pass(15 * time.Minute)
		l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	}
	l.pass(20 * time.Minute)
	if f = l.ofKind(finding.Condition); len(f) != 1 || len(f[0].GetConnections()) != 0 || len(f[0].GetPast()) != 1 || f[0].GetStatus() != finding.Open {
		t.Fatalf("after the write left the window: %v", f)
	}
}

func (l *lab) ofKind(kind string) (all []*demarcv1.Finding) {
	for _, f := range l.Findings() {
		if f.GetKind() == kind {
			all = append(all, f)
		}
	}
	return all
}
