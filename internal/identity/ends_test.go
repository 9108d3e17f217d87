package identity

import "testing"

func TestEndsOfAnAsset(t *testing.T) {
	b := New(nil)
	b.Apply("houston", "a", saw(
		owner("line4", "10.20.4.10", plcMAC, 0, 104), owner("line4", "10.50.1.10", hmiMAC, 0, 501),
		owner("line5", "10.50.1.10", otherMAC, 0, 105), sender("line4", "10.9.0.1", routerMAC, 0, 104),
		sender("line4", "10.9.0.2", routerMAC, 0, 104), sender("line4", vrrpMAC, vrrpMAC, 0, 104),
		owner("line4", "10.20.4.11", plcMAC, 1, 104)))
	two := false
	for _, a := range b.Assets("") {
		ends := b.Ends(a.Id)
		if len(a.Ips) > 0 && len(ends) != len(a.Ips) || len(a.Ips) == 0 && len(ends) != len(a.Macs) {
			t.Errorf("asset %s with %v and %v stands at %+v", a.Id, a.Ips, a.Macs, ends)
		}
		if b.SiteOf(a.Id) != a.Site {
			t.Errorf("asset %s of %q is at %q", a.Id, a.Site, b.SiteOf(a.Id))
		}
		two = two || len(ends) == 2
		held := map[string]bool{}
		for _, ip := range a.Ips {
			held[ip] = true
		}
		for _, e := range ends {
			if e.Asset != a.Id || e.Segment == "" || e.Addr.IsValid() && !held[e.Addr.String()] {
				t.Errorf("%s: %+v", a.Id, e)
			}
			if e.Addr.String() == "10.20.4.11" && (!e.OwnLink || e.MAC != plcMAC || len(e.VLANs) != 1) {
				t.Errorf("10.20.4.11 stands at %+v", e)
			}
		}
	}
	if !two {
		t.Error("no asset with two addresses in the test")
	}
	if b.Ends("nothing") != nil {
		t.Error("ends of nothing")
	}
}
