package server

import (
	"strings"
	"testing"
	"time"

	"demarc/collector/finding"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// laptops are engineers' machines that roam between the line and the office.
const laptops = `---
apiVersion: demarc/v1
kind: Group
metadata: {name: laptops}
spec: {type: transient, members: ["00:0e:8c:32:01:14"], mayStandIn: [corporate]}
`

// A device that roams is placed where it stands. Where it may not, no agreement
// covers it, and it is one finding; its place is nobody else's.
func TestTransientDeviceStandsWhereItMay(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, laptops), applyOptions{})
	l.must(err)
	// 10.50.1.20 has the MAC of the laptop (see mac): it roams in the dmz, where it
	// may not stand.
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.send("a", flow("10.50.1.21", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Unauthorized)
	l.expect(l.engine, "10.50.1.21", "10.20.4.10", verdict.Authorized)
	c := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10")
	if r := c.GetVerdict().GetReason(); !strings.Contains(r, "it roams, and Group/laptops lets it stand in corporate alone") {
		t.Errorf("%s", r)
	}
	f := l.Findings()
	if len(f) != 1 || f[0].GetKind() != finding.Unlisted || len(f[0].GetConnections()) != 1 || !strings.Contains(f[0].GetWhy(), "Group/laptops") {
		t.Fatalf("%v", f)
	}
	l.kept()
	// Where its group lets it, what is agreed for the place covers it.
	_, err = l.apply(documents(plantDocs, agreement, strings.Replace(laptops, "[corporate]", "[corporate, dmz]", 1)), applyOptions{})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	// With the group gone it is as any device.
	_, err = l.apply(documents(plantDocs, agreement), applyOptions{Prune: true})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.kept()
}

// A device that roams is connected at the times of its group. Outside them what
// it exchanges across a boundary is out of terms, as far as the window of the
// agreement goes back; within one boundary it stays internal, and the device is a
// finding until somebody acts.
func TestTransientDeviceKeepsToItsTimes(t *testing.T) {
	l := newLab(t)
	times := strings.Replace(laptops, "mayStandIn: [corporate]", `mayStandIn: [dmz], connectWindow: {from: "06:00", until: "18:00"}`, 1)
	_, err := l.apply(documents(plantDocs, agreement, times), applyOptions{})
	l.must(err)
	talk := func() {
		l.t.Helper()
		l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
		l.send("a", flow("10.50.1.20", "10.50.1.21", 443, "tls", l.now))
		l.send("a", flow("10.50.1.22", "10.50.1.21", 443, "tls", l.now)) // a device that does not roam
	}
	at := func(text string) {
		l.t.Helper()
		now, err := time.Parse(time.DateTime, text)
		l.must(err)
		l.pass(now.Sub(l.now))
	}
	at("2026-04-13 17:59:00")
	talk()
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	if f := l.Findings(); len(f) != 0 {
		t.Errorf("within its times: %v", f)
	}
	at("2026-04-14 03:10:00")
	talk()
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	l.expect(l.engine, "10.50.1.20", "10.50.1.21", verdict.Internal)
	for _, server := range []string{"10.20.4.10", "10.50.1.21"} {
		r := verdictOf(t, l.engine, "10.50.1.20", server).GetVerdict().GetReason()
		if !strings.Contains(r, "10.50.1.20 roams, and Group/laptops lets it connect every day 06:00 to 18:00; it was active tue 2026-04-14 03:10 UTC") {
			t.Errorf("%s", r)
		}
	}
	stray := func() *demarcv1.Finding {
		for _, f := range l.Findings() {
			if strings.Contains(f.GetTitle(), "10.50.1.20 was connected in dmz outside the times of laptops") {
				return f
			}
		}
		t.Fatalf("no finding of it: %v", l.Findings())
		return nil
	}
	if f := stray(); f.GetKind() != finding.OutOfTerms || f.GetTerm() != "schedule" || len(f.GetConnections()) != 1 || len(l.Findings()) != 2 {
		t.Errorf("%v", l.Findings())
	}
	l.kept()
	l.same("replayed", l.restarted())
	at("2026-04-14 09:00:00") // the night is still in the window
	talk()
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.OutOfTerms)
	at("2026-04-15 09:00:00")
	talk()
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	if f := stray(); len(f.GetConnections()) != 0 || len(f.GetPast()) != 1 || f.GetStatus() != finding.Open {
		t.Errorf("the day after: %v", f)
	}
	l.same("replayed", l.restarted())
}
