package server

import (
	"testing"
	"time"

	"demarc/collector/verdict"
)

func (l *lab) expect(e *engine, client, server, want string) {
	l.t.Helper()
	if c := verdictOf(l.t, e, client, server); c.GetVerdict().GetVerdict() != want {
		l.t.Errorf("%s -> %s is %s, want %s: %s", client, server, c.GetVerdict().GetVerdict(), want, c.GetVerdict().GetReason())
	}
}

func TestJudgedAsItComes(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	l.expect(l.engine, "10.60.1.1", "10.20.4.10", verdict.Unauthorized)
	c := verdictOf(t, l.engine, "10.60.1.1", "10.20.4.10")
	if len(c.GetFindings()) != 1 || c.GetClientBoundary() != "corporate" || c.GetServerBoundary() != "line4" || len(c.GetAgents()) != 1 {
		t.Errorf("%v", c)
	}
	if f := l.Findings(); len(f) != 1 || f[0].GetKind() != "unauthorized" {
		t.Errorf("%v", f)
	}
	a := l.Assets()
	if len(a) != 3 || len(a[0].GetPlaces()) != 1 || a[0].GetPlaces()[0].GetBoundary() == "" {
		t.Errorf("%v", a)
	}
}

func TestSinceStaysWhileTheVerdictDoes(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	begun := l.now
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	l.now = l.now.Add(time.Hour)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	v := verdictOf(t, l.engine, "10.60.1.1", "10.20.4.10").GetVerdict()
	if !v.GetSince().AsTime().Equal(begun) || !v.GetJudgedAt().AsTime().Equal(l.now) {
		t.Errorf("%v", v)
	}
}

// What comes from a file is judged for the time of its packets.
func TestFileIsJudgedAtPacketTime(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	then := l.now.Add(-90 * 24 * time.Hour)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", then))
	if at := verdictOf(t, l.engine, "10.60.1.1", "10.20.4.10").GetVerdict().GetJudgedAt().AsTime(); !at.Equal(then) {
		t.Errorf("judged for %v, want %v", at, then)
	}
	later := l.now.Add(200 * 24 * time.Hour) // a capture of a machine with a wrong clock
	l.send("a", flow("10.60.1.1", "10.20.4.11", 102, "s7comm", later))
	if at := verdictOf(t, l.engine, "10.60.1.1", "10.20.4.11").GetVerdict().GetJudgedAt().AsTime(); !at.Equal(later) {
		t.Errorf("judged for %v, want %v", at, later)
	}
}

// Too early to tell: live, the decision falls seconds later by the clock.
func TestEarlyDecisionFallsByTheClock(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Undecided)
	l.pass(verdict.Early / 2)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Undecided)
	if last, _ := l.store.Last(t.Context()); last != 2 {
		t.Errorf("%d records: nothing was due", last)
	}
	l.pass(verdict.Early)
	if v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict(); v.GetVerdict() == verdict.Undecided {
		t.Errorf("still %v", v)
	}
	if last, _ := l.store.Last(t.Context()); last != 3 {
		t.Errorf("%d records, want a clock record", last)
	}
}

// In a file it falls when the packets have come so far, or when none come.
func TestEarlyDecisionFallsByPacketTime(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	then := l.now.Add(-90 * 24 * time.Hour)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "", then))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Undecided)
	if l.Applied() != l.Position()-1 {
		t.Error("a decision that was put off counts as taken")
	}
	l.send("b", flow("10.20.4.11", "10.20.4.12", 102, "", then.Add(time.Hour))) // another agent's time
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Undecided)
	l.send("a", flow("10.20.4.11", "10.20.4.10", 102, "", then.Add(verdict.Early+time.Second)))
	if v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict(); v.GetVerdict() == verdict.Undecided {
		t.Errorf("still %v", v)
	}
	l.send("a", flow("10.50.1.21", "10.20.4.10", 4840, "", then.Add(time.Minute)))
	l.expect(l.engine, "10.50.1.21", "10.20.4.10", verdict.Undecided)
	l.pass(packetTail) // the file has ended
	if v := verdictOf(t, l.engine, "10.50.1.21", "10.20.4.10").GetVerdict(); v.GetVerdict() == verdict.Undecided {
		t.Errorf("still %v", v)
	}
	if l.Applied() != l.Position() {
		t.Error("something is still put off")
	}
}

// Identified in time, it never becomes a finding.
func TestIdentifiedBeforeTheDecisionFalls(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	then := l.now.Add(-90 * 24 * time.Hour)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "", then))
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", then.Add(time.Second)))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.pass(time.Minute)
	if f := l.Findings(); len(f) != 0 {
		t.Errorf("%v", f)
	}
}

// An agreement that ends turns the verdict without any packet.
func TestAgreementEndsByTheClock(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, "  agreement: {type: isa, reference: X, signed: 2026-02-01, expires: 2026-04-12}\n"), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	for range 17 { // hours: the end is that of the day
		l.pass(time.Hour)
	}
	if v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict(); v.GetVerdict() != verdict.Lapsed {
		t.Errorf("%v", v)
	}
}
