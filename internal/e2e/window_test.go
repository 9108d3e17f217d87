package e2e

import (
	"strings"
	"testing"
	"time"
)

// rdp is how a session of remote desktop begins (MS-RDPBCGR 2.2.1.1, 2.2.1.2).
var rdp = []line{
	{false, "03000013 0ee00000000000 0100080003000000"},
	{true, "03000013 0ed00000123400 0200080002000000"},
}

// TestSessionAliveAtAWindowsEndIsAFinding: a session of a vendor, let in by a
// window, is a finding within a second of the window's end, as far as nobody
// saw it end.
func TestSessionAliveAtAWindowsEndIsAFinding(t *testing.T) {
	begin := time.Date(2026, 4, 14, 14, 0, 0, 0, time.UTC)
	d := newDeskAt(t, begin)
	d.example()
	end := begin.Add(time.Hour)
	open := []string{"window", "open", "visit", "--interconnection", "vendor-to-jump-host", "--until", end.Format(time.RFC3339), "--ticket", "CHG-4733", "--approved-by"}
	d.refuses("may not open vendor-to-jump-host", append(open, "Somebody Else")...)
	d.must(append(open, "Lee Tran")...)
	d.set(end.Add(-20 * time.Second))
	s := newScene(t)
	s.now = d.clock()
	dmz := s.port("agent", "dmz", nil)
	router, jump, vendor := at{"00:09:0f:09:10:50", "10.50.1.1", 255}, at{"00:50:56:50:01:30", "10.50.1.30", 128}, at{"", "192.0.2.17", 50}
	s.arp(dmz, 0, jump, router)
	s.tcp(3389, rdp, view{dmz, 0, vendor.via(router), jump})
	sceneHeard(d, s)
	d.judged("authorized", "192.0.2.17", "10.50.1.30", 3389)
	d.set(end.Add(time.Second)) // and there it stands until the finding is there
	d.wait("the session is a finding", func() bool { return len(d.findings("out-of-terms")) == 1 })
	f := d.findings("out-of-terms")[0]
	c := d.judged("out-of-terms", "192.0.2.17", "10.50.1.30", 3389)
	if r := c.GetVerdict().GetReason(); !strings.Contains(r, "Window/visit closed 2026-04-14 15:00 UTC, and the session was active until then with no end of it seen") {
		t.Errorf("because %s", r)
	}
	if len(f.GetConnections()) != 1 || f.GetConnections()[0] != c.GetId() || c.GetVerdict().GetSince().AsTime().After(end.Add(time.Second)) {
		t.Errorf("%v since %v", f, c.GetVerdict().GetSince().AsTime())
	}
}

// TestLaptopConnectedOutsideItsWindow: a laptop that engineers carry about is a
// finding where it is connected at night, and none by day.
func TestLaptopConnectedOutsideItsWindow(t *testing.T) {
	day := time.Date(2026, 4, 14, 15, 0, 0, 0, time.UTC) // Tuesday, 10:00 in Houston
	d := newDeskAt(t, day)
	d.example()
	laptop, controller := at{"8c:16:45:20:00:01", "10.20.5.77", 128}, at{"00:0e:8c:50:01:15", "10.20.5.11", 64}
	visit := func() {
		s := newScene(t)
		s.now = d.clock().Add(-time.Minute)
		line := s.port("agent", "line5", nil)
		s.arp(line, 0, laptop, controller)
		s.tcp(502, modbusRead("01"), view{line, 0, laptop, controller})
		sceneHeard(d, s)
		d.judged("internal", "10.20.5.77", "10.20.5.11", 502)
	}
	visit()
	if f := d.findings("out-of-terms"); len(f) != 0 {
		t.Errorf("by day: %v", f)
	}
	d.set(day.Add(12 * time.Hour))
	visit()
	f := d.findings("out-of-terms")
	if len(f) != 1 || f[0].GetTitle() != "10.20.5.77 was connected in line5 outside the times of engineers-laptops" || f[0].GetTerm() != "schedule" {
		t.Fatalf("by night: %v", f)
	}
	d.says("explain "+f[0].GetConnections()[0], "10.20.5.77 roams, and Group/engineers-laptops lets it connect mon, tue, wed, thu, fri 06:00 to 18:00; it was active tue 2026-04-14 21:59 CDT")
}
