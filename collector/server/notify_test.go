package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/verdict"
)

func (l *lab) notices(kind string) (words []string) {
	for _, n := range l.Notices() {
		if n.Kind == kind {
			words = append(words, n.Words)
		}
	}
	return words
}

func (l *lab) told(kind string, want ...string) {
	l.t.Helper()
	if got := l.notices(kind); !slices.Equal(got, want) {
		l.t.Errorf("%s notices at %s:\n%q\nwant\n%q", kind, l.now, got, want)
	}
}

// An end is announced 90, 30 and 7 days ahead, and told; each once.
func TestNotices(t *testing.T) {
	l := newLab(t)
	l.now = time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC)
	text := `---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, expires: 2026-05-31, review: {every: 60d},
  conditions: [{id: C3, statement: Two factors., attest: {by: system-owner, every: 90d}}],
  residualRisks: [{id: R1, statement: No passwords., acceptedBy: A, acceptedOn: 2026-01-01, until: 2026-02-20}]}}
`
	_, err := l.apply(documents(plantDocs, text), applyOptions{})
	l.must(err)
	l.told("ends-soon")
	l.told("attestation-due", "condition C3 of line4-ato is to be attested by the system-owner")
	l.told("acceptance-ends", "the acceptance of risk R1 in line4-ato ends 2026-02-20, in 30 days")
	for l.now.Before(time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)) {
		l.pass(6 * time.Hour)
	}
	l.told("ends-soon", "line4-ato ends 2026-05-31, in 90 days", "line4-ato ends 2026-05-31, in 30 days", "line4-ato ends 2026-05-31, in 7 days")
	l.told("ended", "line4-ato ended 2026-05-31")
	l.told("review-due", "the review of line4-ato is due")
	l.told("acceptance-ends", "the acceptance of risk R1 in line4-ato ends 2026-02-20, in 30 days", "the acceptance of risk R1 in line4-ato ends 2026-02-20, in 7 days")
	l.told("acceptance-ended", "the acceptance of risk R1 in line4-ato ended 2026-02-20")
	l.same("replayed", l.restarted())
	// What is applied late tells the step that stands, not those before it.
	late := newLab(t)
	late.now = time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)
	_, err = late.apply(documents(plantDocs, text), applyOptions{})
	late.must(err)
	late.told("ends-soon", "line4-ato ends 2026-05-31, in 30 days")
}

// A trigger that fires makes a review due, and lapses nothing.
func TestTriggerMakesReviewDueAndDoesNotLapse(t *testing.T) {
	l := newLab(t)
	ato := "---\n{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, reviewTriggers: [{on: new-interconnection}, {on: members-changed, over: 50%}]}}\n"
	_, err := l.apply(documents(plantDocs, ato), applyOptions{})
	l.must(err)
	l.told("review-due")
	l.now = l.now.Add(time.Hour)
	_, err = l.apply(documents(agreement), applyOptions{})
	l.must(err)
	l.told("review-due", "the review of line4-ato is due: a new agreement: Interconnection/line4-to-historian")
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	due, fired := l.Policy().Review("line4-ato")
	if len(fired) != 1 || !due.Equal(l.now) {
		t.Errorf("due %s, %v", due, fired)
	}
	for _, cidrs := range []string{"10.20.4.0/24, 10.20.8.0/24", "10.20.4.0/25, 10.20.4.128/25, 10.20.8.0/24"} { // 50%, then 75% anew
		l.now = l.now.Add(time.Hour)
		_, err = l.apply(documents(strings.Replace(plantDocs, "10.20.4.0/24", cidrs, 1)), applyOptions{})
		l.must(err)
	}
	if _, fired := l.Policy().Review("line4-ato"); len(fired) != 3 || fired[1].What != "50% of the members of line4 changed" {
		t.Errorf("%v", fired)
	}
	l.same("replayed", l.restarted())
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	c, err := l.cutState(true)
	l.must(err)
	l.must(l.store.Save(t.Context(), fence, c.position, true, c.changes))
	e := l.fresh()
	l.must(e.restore(t.Context()))
	l.same("restored", e)
	if _, fired := e.Policy().Review("line4-ato"); len(fired) != 3 {
		t.Errorf("restored: %v", fired)
	}
	// A review on record settles what fired before it.
	_, err = l.apply(documents(strings.Replace(ato, "granted: 2026-01-01", "granted: 2026-01-01, review: {last: 2026-04-13}", 1)), applyOptions{})
	l.must(err)
	if due, fired := l.Policy().Review("line4-ato"); len(fired) != 0 || !due.IsZero() {
		t.Errorf("reviewed: %v %v", due, fired)
	}
}

// An emergency demands a review within seven days.
func TestEmergencyDemandsAReviewWithinSevenDays(t *testing.T) {
	l := newLab(t)
	window := "---\n{apiVersion: demarc/v1, kind: Window, metadata: {name: w}, spec: {type: emergency, interconnection: line4-to-historian, approvedBy: A, from: 2026-04-12T08:00Z, until: 2026-04-12T09:00Z}}\n"
	ato := "---\n{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, reviewTriggers: [{on: emergency}]}}\n"
	_, err := l.apply(documents(plantDocs, agreement, "  activation: per-window\n", window, ato), applyOptions{})
	l.must(err)
	l.told("review-due", "the review of line4-ato is due: an emergency: Window/w")
	l.pass(time.Hour)
	l.told("emergency-review", "Window/w is to be reviewed by 2026-04-19 09:00 UTC")
	l.pass(7 * 24 * time.Hour)
	l.told("emergency-review", "Window/w is to be reviewed by 2026-04-19 09:00 UTC", "the review of Window/w is overdue")
}
