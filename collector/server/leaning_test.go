package server

import (
	"strings"
	"testing"
	"time"

	"demarc/collector/finding"
	"demarc/collector/verdict"
)

// An authorization that ends turns what leans on it, without any packet, and
// judges nothing else again.
func TestAuthorizationEndsByTheClock(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, lineATO), applyOptions{})
	l.must(err)
	l.now = time.Date(2026, 4, 13, 23, 30, 0, 0, time.UTC)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.send("a", flow("10.50.1.20", "10.60.1.1", 443, "tls", l.now)) // dmz to corporate
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	judged := verdictOf(t, l.engine, "10.50.1.20", "10.60.1.1").GetVerdict().GetJudgedAt().AsTime()
	l.pass(29 * time.Minute)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	position := l.Position()
	l.pass(time.Minute + time.Second)
	if l.Position() != position+1 {
		t.Errorf("%d records for one edge", l.Position()-position)
	}
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
	v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict()
	if !strings.Contains(v.GetReason(), "line4-ato ended 2026-04-13") || !v.GetSince().AsTime().Equal(l.now) {
		t.Errorf("%v", v)
	}
	if again := verdictOf(t, l.engine, "10.50.1.20", "10.60.1.1").GetVerdict().GetJudgedAt().AsTime(); !again.Equal(judged) {
		t.Error("what does not lean on it was judged again")
	}
	kinds := map[string]bool{}
	for _, f := range l.Findings() {
		kinds[f.GetKind()] = true
	}
	if !kinds[finding.Lapsed] || !kinds[finding.NoAuthorization] {
		t.Errorf("findings %v", kinds)
	}
	l.pass(30 * time.Minute)
	if l.Position() != position+1 {
		t.Error("the edge rang again")
	}
	l.same("replayed", l.restarted())
}

// Traffic of the past keeps the verdict of its time.
func TestPastKeepsItsVerdictWhenAnAuthorizationEnds(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, lineATO), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.pass(60 * time.Hour)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	for _, f := range l.Findings() {
		t.Errorf("%v", f.GetTitle())
	}
}

// A session that is active until a window closes is a finding within a second.
func TestSessionAliveAtAWindowsEnd(t *testing.T) {
	l := newLab(t)
	window := "---\n{apiVersion: demarc/v1, kind: Window, metadata: {name: w}, spec: {type: vendor-session, interconnection: line4-to-historian, approvedBy: A, from: 2026-04-12T07:00Z, until: 2026-04-12T08:00:30Z}}\n"
	_, err := l.apply(documents(plantDocs, agreement, "  activation: per-window\n", window), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.pass(29 * time.Second)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.pass(time.Second)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	if f := l.Findings(); len(f) != 1 || f[0].GetTerm() != "schedule" {
		t.Errorf("%v", f)
	}
	l.same("replayed", l.restarted())
}
