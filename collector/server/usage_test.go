package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"demarc/collector/finding"
	demarcv1 "demarc/proto/demarc/v1"
)

// hear lets days go by of which the line's segment was in sight, but for those
// that deaf names; each ends an hour after midnight.
func (l *lab) hear(days int, deaf ...int) {
	l.t.Helper()
	for d := range days {
		quiet := false
		for _, x := range deaf {
			quiet = quiet || x == d
		}
		for range 96 {
			l.now = l.now.Add(15 * time.Minute)
			if !quiet {
				l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
			}
			l.must(l.tick(l.t.Context()))
		}
		l.catch(l.engine)
	}
}

// idle are the findings of what nothing uses, with their titles.
func (l *lab) idle() (all []*demarcv1.Finding) {
	for _, f := range l.Findings() {
		if f.GetKind() == finding.NeverUsed || f.GetKind() == finding.NeverSeen {
			all = append(all, f)
		}
	}
	return all
}

func (l *lab) expectIdle(want ...string) {
	l.t.Helper()
	var got []string
	for _, f := range l.idle() {
		state := f.GetStatus()
		if f.GetCeased() != "" {
			state += ", ceased"
		}
		got = append(got, state+": "+f.GetTitle())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// stateOf is how a document stands in lists.
func (l *lab) stateOf(document string) string {
	l.t.Helper()
	for _, x := range l.Unused() {
		if x.Document == document {
			return x.State + ": " + x.Words()
		}
	}
	l.t.Fatalf("nothing is told of %s", document)
	return ""
}

// watched is a line whose edge shows, and an agreement with options.
func watched(t *testing.T, use string, more ...string) *lab {
	l := newLab(t)
	l.now = time.Date(2026, 4, 12, 1, 0, 0, 0, time.UTC)
	text := strings.Replace(agreement, "  services:", "  expectedUse: "+use+"\n  services:", 1)
	_, err := l.apply(documents(append([]string{plantDocs, text}, more...)...), applyOptions{})
	l.must(err)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 443, "tls", l.now)) // something crosses, and shows
	return l
}

// saved writes a checkpoint, and holds a restart on it, and a replay of the
// whole journal, to the living engine.
func (l *lab) saved() {
	l.t.Helper()
	fence, err := l.store.Lease(l.t.Context(), "test")
	l.must(err)
	c, err := l.cutState(true)
	l.must(err)
	l.must(l.store.Save(l.t.Context(), fence, c.position, c.whole, c.changes))
	l.replayed()
}

// An agreement that nothing used in 30 days of sight is a finding; a use is told
// at once, and silence makes it anew.
func TestNeverUsed(t *testing.T) {
	l := watched(t, "continuous")
	l.hear(30, 3)
	l.expectIdle()
	if got := l.stateOf("Interconnection/line4-to-historian"); got != "not-observable: not observable yet: 27 of 30 days of sight since 2026-04-12" {
		t.Error(got)
	}
	l.hear(2)
	l.expectIdle()
	l.hear(1)
	l.expectIdle("open: Nothing used Interconnection/line4-to-historian in 30 days of sight")
	f := l.idle()[0]
	if f.GetDocument() != "Interconnection/line4-to-historian" || f.GetFromBoundary() != "line4" || f.GetToBoundary() != "dmz" || f.GetUrgent() || f.GetUnusedDays() != 30 {
		t.Errorf("%v", f)
	}
	l.saved()
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.pass(2 * time.Second)
	l.expectIdle("open, ceased: Nothing used Interconnection/line4-to-historian in 30 days of sight")
	if w := l.idle()[0].GetCeased(); !strings.HasPrefix(w, "used, last 2026-05-15") {
		t.Error(w)
	}
	l.hear(31)
	l.expectIdle("open: Nothing used Interconnection/line4-to-historian since 2026-05-15 in 30 days of sight")
	l.saved()
}

// What is expected of an agreement counts, and half a year of silence offers it
// for termination.
func TestExpectedUse(t *testing.T) {
	for use, want := range map[string]struct {
		after31, after92, after182 int // findings
	}{"continuous": {1, 1, 1}, "every 90d": {0, 1, 1}, "on-demand": {0, 0, 1}, "standby": {0, 0, 0}} {
		t.Run(use, func(t *testing.T) {
			l := watched(t, use)
			days := 0
			for _, to := range []struct{ days, want int }{{31, want.after31}, {92, want.after92}, {182, want.after182}} {
				l.sighted(to.days - days)
				if days = to.days; len(l.idle()) != to.want {
					t.Fatalf("after %d days: %v", days, l.idle())
				}
			}
			if want.after182 == 1 {
				f := l.idle()[0]
				if !strings.HasSuffix(f.GetTitle(), "it is offered for termination") || !strings.Contains(f.GetWhy(), "CA-9") {
					t.Errorf("%s: %s", f.GetTitle(), f.GetWhy())
				}
			}
		})
	}
}

// sighted is hear with days that are not heard packet by packet.
func (l *lab) sighted(days int) {
	l.t.Helper()
	for range days {
		l.now = l.now.Add(24 * time.Hour)
		b := &demarcv1.Body{}
		for q := range 96 {
			b.Connections = append(b.Connections, flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now.Add(-time.Duration(q)*15*time.Minute)).Connections...)
		}
		l.send("a", b)
		l.pass(time.Second)
	}
}

// Lines of an agreement that something else uses are named, and a line's
// protocol must show: what it may be counts as it.
func TestNeverUsedLines(t *testing.T) {
	l := newLab(t)
	l.now = time.Date(2026, 4, 12, 1, 0, 0, 0, time.UTC)
	text := strings.Replace(agreement, "[{protocol: opcua, ports: [4840]}]", "[{protocol: opcua, ports: [4840]}, {protocol: snmp, ports: [161]}, {protocol: modbus, ports: [502]}]", 1)
	_, err := l.apply(documents(plantDocs, text), applyOptions{})
	l.must(err)
	for range 31 {
		l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
		l.send("a", flow("10.50.1.20", "10.20.4.10", 502, "", l.now)) // not identified
		b := flow("10.50.1.20", "10.20.4.10", 161, "", l.now)
		b.Connections[0].Outcome = "unanswered"
		l.send("a", b)
		l.sighted(1)
	}
	l.expectIdle("open: Interconnection/line4-to-historian agrees to what nothing used in 30 days of sight: snmp on port 161")
	if got := l.idle()[0].GetUnused(); fmt.Sprint(got) != "[snmp on port 161]" {
		t.Error(got)
	}
}

// A shared service is looked at for each consumer, and its sets as a whole.
func TestNeverUsedConsumers(t *testing.T) {
	l := newLab(t)
	l.now = time.Date(2026, 4, 12, 1, 0, 0, 0, time.UTC)
	_, err := l.apply(documents(plantDocs, `---
apiVersion: demarc/v1
kind: ServiceSet
metadata: {name: names}
spec: {services: [{protocol: dns, ports: [53]}, {protocol: ntp, ports: [123]}]}
---
apiVersion: demarc/v1
kind: SharedService
metadata: {name: basics}
spec:
  purpose: Names and time
  provider: {boundary: dmz}
  consumers: [line4, corporate]
  services: [{set: names}]
`), applyOptions{})
	l.must(err)
	l.send("a", on("office", flow("10.60.1.1", "10.60.1.2", 443, "tls", l.now)))
	l.send("a", on("office", flow("10.60.1.1", "10.20.4.10", 443, "tls", l.now)))
	for range 31 {
		l.send("a", flow("10.20.4.10", "10.50.1.20", 53, "dns", l.now))
		for q := range 96 {
			l.send("a", on("office", flow("10.60.1.1", "10.60.1.2", 443, "tls", l.now.Add(time.Duration(q)*15*time.Minute))))
		}
		l.sighted(1)
	}
	l.expectIdle("open: SharedService/basics agrees to what nothing used in 30 days of sight: for corporate")
}

// Where nothing shows that a use would be seen, nothing is told but that.
func TestNeverUsedNeedsSight(t *testing.T) {
	l := newLab(t)
	l.now = time.Date(2026, 4, 12, 1, 0, 0, 0, time.UTC)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	l.sighted(40) // the line is heard, and nothing ever crossed its edge
	l.expectIdle()
	if got := l.stateOf("Interconnection/line4-to-historian"); got != "not-observable: not observable yet: 0 of 30 days of sight since 2026-04-12" {
		t.Error(got)
	}
}

// What is not in force is not looked at: it is no open door.
func TestNeverUsedNotInForce(t *testing.T) {
	l := newLab(t)
	l.now = time.Date(2026, 4, 12, 1, 0, 0, 0, time.UTC)
	text := agreement + "  agreement: {type: isa, signed: 2026-01-01, expires: 2026-05-20}\n"
	_, err := l.apply(documents(plantDocs, text), applyOptions{})
	l.must(err)
	l.send("a", flow("10.60.1.1", "10.20.4.10", 443, "tls", l.now))
	l.sighted(32)
	l.expectIdle("open: Nothing used Interconnection/line4-to-historian in 31 days of sight")
	l.sighted(10)
	l.expectIdle("open, ceased: Nothing used Interconnection/line4-to-historian in 37 days of sight")
	if got := l.stateOf("Interconnection/line4-to-historian"); got != "exempt: not in force" {
		t.Error(got)
	}
}

// Members of a redundant group stand for each other: on paper, and for the
// agreements in which they are named.
func TestRedundantGroupsAreJudgedAsOne(t *testing.T) {
	l := newLab(t)
	l.now = time.Date(2026, 4, 12, 1, 0, 0, 0, time.UTC)
	agreed := func(name, host string) string {
		return strings.NewReplacer("line4-to-historian", name, "from: {boundary: line4}", "from: {boundary: line4, cidrs: ["+host+"/32]}").Replace(agreement)
	}
	_, err := l.apply(documents(listing(), `---
apiVersion: demarc/v1
kind: Inventory
metadata: {name: line4-hw}
spec:
  list: hardware
  approvedBy: Dana Ortiz
  rows:
    - {name: scada-a, ips: [10.20.4.10]}
    - {name: scada-b, ips: [10.20.4.12]}
    - {name: plc-1, ips: [10.20.4.11]}
    - {name: plc-2, ips: [10.20.4.99]}
---
apiVersion: demarc/v1
kind: Group
metadata: {name: scada-pair}
spec: {type: redundant, members: [10.20.4.10, 10.20.4.12]}
`, agreed("a-to-historian", "10.20.4.10"), agreed("b-to-historian", "10.20.4.12")), applyOptions{})
	l.must(err)
	l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	for range 31 {
		l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
		l.sighted(1)
	}
	l.expectIdle("open: Inventory/line4-hw lists what was never seen in 30 days of sight: plc-2")
	l.saved()
	l.send("a", flow("10.20.4.99", "10.20.4.11", 102, "s7comm", l.now))
	l.pass(2 * time.Second)
	l.expectIdle("open, ceased: Inventory/line4-hw lists what was never seen in 30 days of sight: plc-2")
}
