package identity

import (
	"fmt"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

const (
	plcMAC    = "00:0e:8c:00:00:01" // Siemens
	hmiMAC    = "00:1d:9c:00:00:02" // Rockwell Automation
	routerMAC = "00:1b:1b:00:00:03"
	otherMAC  = "00:80:f4:00:00:04"
	vrrpMAC   = "00:00:5e:00:01:07"
)

func read(bodies ...*demarcv1.Body) *demarcv1.Inventory {
	b := New(nil)
	for _, x := range bodies {
		b.Apply("houston", "", x)
	}
	return b.Inventory()
}

func TestOneDevice(t *testing.T) {
	inv := read(saw(
		owner("line4", "10.20.4.10", plcMAC, 0, 104),
		sender("line4", "fe80::1", plcMAC, 1, 104),
		sender("line4", "fd00::10", plcMAC, 2, 104),
		&demarcv1.EndpointDelta{Address: addr("line4", plcMAC, 104), FirstNs: start, LastNs: start + 9*second},
	))
	if len(inv.Assets) != 1 {
		t.Fatalf("%d assets, want one: %v", len(inv.Assets), inv.Assets)
	}
	a := inv.Assets[0]
	wantText(t, "kind", a.Kind, "device")
	wantText(t, "site", a.Site, "houston")
	wantText(t, "segment", a.Segment, "line4")
	wantText(t, "vendor from the MAC prefix", a.Vendor, "Siemens")
	wantList(t, "ips", a.Ips, "10.20.4.10", "fd00::10", "fe80::1")
	wantList(t, "macs", a.Macs, plcMAC)
	wantText(t, "vlans", fmt.Sprint(a.Vlans), "[104]")
	wantText(t, "last seen", a.LastSeen.AsTime().UnixNano(), start+9*second)
	wantJoin(t, a, "10.20.4.10, fd00::10, fe80::1 by MAC "+plcMAC)
}

func TestRouterLendsNothing(t *testing.T) {
	d := []*demarcv1.EndpointDelta{owner("line4", "10.20.4.1", routerMAC, 0, 104), owner("line4", "10.20.4.10", plcMAC, 0, 104)}
	for i := range 40 {
		d = append(d, sender("line4", fmt.Sprintf("10.9.0.%d", i+1), routerMAC, int64(i), 104))
	}
	inv := read(saw(d...))
	r := assetAt(t, inv, routerMAC)
	wantText(t, "kind", r.Kind, "router")
	wantList(t, "the router's own address", r.Ips, "10.20.4.1")
	wantJoin(t, r, "stands before 40 addresses of others")
	remote := assetAt(t, inv, "10.9.0.7")
	wantText(t, "kind of a remote host", remote.Kind, "device")
	wantText(t, "vendor of a remote host", remote.Vendor, "")
	wantList(t, "macs of a remote host", remote.Macs)
	if len(remote.Vlans) != 0 {
		t.Errorf("a remote host stands in no VLAN of the router's: %v", remote.Vlans)
	}
	if len(inv.Assets) != 42 {
		t.Errorf("%d assets, want 42", len(inv.Assets))
	}
}

// Two addresses without proof may be a router's or one device's: they are kept
// apart, and nothing more is said.
func TestTwoAddressesWithoutProof(t *testing.T) {
	inv := read(saw(sender("line4", "10.20.4.60", hmiMAC, 1), sender("line4", "10.20.4.61", hmiMAC, 2)))
	if len(inv.Assets) != 3 {
		t.Fatalf("%d assets, want 3", len(inv.Assets))
	}
	a := assetAt(t, inv, hmiMAC)
	wantText(t, "kind", a.Kind, "device")
	wantJoin(t, a, "proved none its own")
	inv = read(saw(sender("line4", "10.20.4.60", hmiMAC, 1), sender("line4", "10.20.4.61", hmiMAC, 2), owner("line4", "10.20.4.60", hmiMAC, 3), owner("line4", "10.20.4.61", hmiMAC, 3)))
	wantList(t, "once proved, one device", assetAt(t, inv, hmiMAC).Ips, "10.20.4.60", "10.20.4.61")
}

// One frame routed is enough where the other side proves whose it is.
func TestRouterBeforeOneAddress(t *testing.T) {
	inv := read(saw(owner("line4", "10.20.4.10", plcMAC, 0, 104), sender("office", "10.20.4.10", routerMAC, 1, 9)))
	wantList(t, "macs", assetAt(t, inv, "10.20.4.10").Macs, plcMAC)
	wantText(t, "kind", assetAt(t, inv, routerMAC).Kind, "router")
}

func TestPublicAddressLendsNoVendor(t *testing.T) {
	a := assetAt(t, read(saw(sender("line4", "8.8.8.8", routerMAC, 0))), "8.8.8.8")
	wantText(t, "vendor", a.Vendor, "")
}

func TestVirtualRouter(t *testing.T) {
	inv := read(saw(owner("line4", "10.20.4.1", vrrpMAC, 0, 104), owner("line4", "10.20.4.2", routerMAC, 0, 104), sender("line4", "10.9.0.1", vrrpMAC, 1, 104)))
	v := assetAt(t, inv, vrrpMAC)
	wantText(t, "kind", v.Kind, "router")
	wantText(t, "vendor of a virtual MAC", v.Vendor, "")
	wantList(t, "ips", v.Ips, "10.20.4.1")
	wantJoin(t, v, "VRRP")
	alone := read(saw(sender("line4", "fe80::1", vrrpMAC, 0)))
	wantText(t, "joins of one that was heard alone", len(alone.Assets[0].Joins), 1)
	wantList(t, "ips of the real router", assetAt(t, inv, routerMAC).Ips, "10.20.4.2")
	wantList(t, "macs of what stands behind", assetAt(t, inv, "10.9.0.1").Macs)
}

func TestVirtualKinds(t *testing.T) {
	for text, want := range map[string]string{
		"00:00:5e:00:01:01": "VRRP", "00:00:5e:00:02:ff": "VRRP", "00:00:5e:00:03:01": "", "00:00:0c:07:ac:0a": "HSRP",
		"00:00:0c:9f:f0:01": "HSRP", "00:00:0c:9f:e0:01": "", "00:05:73:a0:00:01": "HSRP", "00:07:b4:00:01:02": "GLBP", plcMAC: "",
	} {
		wantText(t, text, virtualKind(MAC(hw(text))), want)
	}
}

func TestProxyARP(t *testing.T) {
	d := []*demarcv1.EndpointDelta{owner("line4", "10.20.4.10", plcMAC, 0, 104)}
	for i := range maxOwn + 1 {
		d = append(d, owner("core", fmt.Sprintf("10.20.4.%d", i+10), routerMAC, 1, 7))
	}
	inv := read(saw(d...))
	p := assetAt(t, inv, routerMAC)
	wantText(t, "kind", p.Kind, "router")
	wantList(t, "ips", p.Ips)
	wantJoin(t, p, "proxy")
	wantList(t, "macs of the device itself", assetAt(t, inv, "10.20.4.10").Macs, plcMAC)
}

func TestDualHomed(t *testing.T) {
	inv := read(saw(owner("line4", "10.20.4.50", hmiMAC, 0, 104), owner("office", "10.9.0.50", hmiMAC, 0, 9)))
	a := assetAt(t, inv, hmiMAC)
	wantText(t, "kind", a.Kind, "device")
	wantList(t, "ips", a.Ips, "10.9.0.50", "10.20.4.50")
	wantJoin(t, a, "stands on the links of line4 VLAN 104 and office VLAN 9")
}

// Two lines with one address plan on VLANs of one segment: they cannot be told
// apart any further, but it is no duplicate.
func TestOverlappingVLANs(t *testing.T) {
	inv := read(saw(owner("plant", "192.168.1.10", plcMAC, 0, 14), owner("plant", "192.168.1.10", otherMAC, 0, 15)))
	wantJoin(t, assetAt(t, inv, plcMAC), "192.168.1.10 stands in VLAN 15 with "+otherMAC+" as well: give each VLAN its own segment")
}

// A device that asks for its address sends from 0.0.0.0 first, and may be given
// another one later.
func TestDHCP(t *testing.T) {
	discover := &demarcv1.EndpointDelta{Address: addr("line4", "0.0.0.0"), Mac: hw(hmiMAC), Vlans: []uint32{104}, FirstNs: start, LastNs: start}
	inv := read(saw(discover))
	a := assetAt(t, inv, hmiMAC)
	wantList(t, "ips before an address", a.Ips)
	wantText(t, "vlans", fmt.Sprint(a.Vlans), "[104]")

	inv = read(saw(discover), saw(owner("line4", "10.20.4.60", hmiMAC, 1, 104)), saw(owner("line4", "10.20.4.61", hmiMAC, 500, 104)))
	a = assetAt(t, inv, hmiMAC)
	wantList(t, "ips", a.Ips, "10.20.4.60", "10.20.4.61")
	wantText(t, "kind", a.Kind, "device")
	if len(inv.Assets) != 1 {
		t.Errorf("%d assets, want 1", len(inv.Assets))
	}

	inv = read(saw(owner("line4", "10.20.4.60", hmiMAC, 1, 104)), saw(owner("line4", "10.20.4.60", otherMAC, 500, 104)))
	wantList(t, "ips of the former holder", assetAt(t, inv, hmiMAC).Ips)
	wantList(t, "ips of the holder", assetAt(t, inv, otherMAC).Ips, "10.20.4.60")
	wantJoin(t, assetAt(t, inv, hmiMAC), "10.20.4.60 passed to "+otherMAC)
	wantJoin(t, assetAt(t, inv, otherMAC), "was held by "+hmiMAC+" until 2023-11-14T22:13:21Z")
}

func TestDuplicateAddress(t *testing.T) {
	b := New(nil)
	b.Apply("houston", "", saw(owner("line4", "10.20.4.60", hmiMAC, 1, 104), owner("line4", "10.20.4.60", otherMAC, 0, 104)))
	b.Apply("houston", "", saw(owner("line4", "10.20.4.60", hmiMAC, 50, 104), owner("line4", "10.20.4.60", otherMAC, 60, 104)))
	b.Apply("houston", "", &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{{Key: connKey("line4", "10.20.4.60", "10.20.4.10", "tcp", 502), ClientPackets: 1}}})
	inv := b.Inventory()
	for _, m := range []string{hmiMAC, otherMAC} {
		a := assetAt(t, inv, m)
		wantList(t, "ips", a.Ips, "10.20.4.60")
		wantJoin(t, a, "at the same time: duplicate address")
	}
	wantText(t, "the connection is the last one's", inv.Connections[0].ClientAsset, assetAt(t, inv, otherMAC).Id)
}

// Two lines with one address plan, not declared local.
func TestOverlappingSegments(t *testing.T) {
	bodies := func(b *Book) {
		b.Apply("houston", "a4", saw(owner("line4", "192.168.1.10", plcMAC, 0), owner("line4", "192.168.1.20", hmiMAC, 0)))
		b.Apply("houston", "a5", saw(owner("line5", "192.168.1.10", otherMAC, 0)))
		for _, s := range []string{"line4", "line5"} {
			b.Apply("houston", s, &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{{Key: connKey(s, "192.168.1.20", "192.168.1.10", "tcp", 102), ClientPackets: 1}}})
		}
	}
	b := New(nil)
	bodies(b)
	inv := b.Inventory()
	x, y := assetAt(t, inv, plcMAC), assetAt(t, inv, otherMAC)
	wantJoin(t, x, "kept apart, declare it local")
	wantJoin(t, y, "kept apart, declare it local")
	if len(inv.Connections) != 2 {
		t.Fatalf("%d connections, want one for each line", len(inv.Connections))
	}
	if inv.Connections[0].ServerAsset == inv.Connections[1].ServerAsset {
		t.Errorf("both lines' connections lead to %s", inv.Connections[0].ServerAsset)
	}

	b.SetSpace(func(site, segment string, _ netipAddr) string { return "segment " + site + "/" + segment })
	inv = b.Inventory()
	for _, m := range []string{plcMAC, otherMAC} {
		if a := assetAt(t, inv, m); len(a.Joins) != 0 {
			t.Errorf("declared local, still told: %v", a.Joins)
		}
	}
	fresh := New(func(site, segment string, _ netipAddr) string { return "segment " + site + "/" + segment })
	bodies(fresh)
	wantSame(t, "SetSpace and a fresh Book", inv, fresh.Inventory())
}

func TestDestinationIsNoAsset(t *testing.T) {
	inv := read(
		saw(owner("line4", "10.20.4.50", hmiMAC, 0)),
		&demarcv1.Body{
			Facts: []*demarcv1.FactDelta{factOf(addr("line4", "10.20.4.99"), "name", "ghost", "dns.answer", demarcv1.Grade_GRADE_CONTENT, 0)},
			Connections: []*demarcv1.ConnectionDelta{
				{Key: connKey("line4", "10.20.4.50", "10.20.4.99", "tcp", 502), ClientPackets: 3, Outcome: "unanswered"},
				{Key: connKey("line4", "10.20.4.50", "239.1.2.3", "udp", 1900), ClientPackets: 3},
			},
		},
		saw(sender("line4", "239.1.2.3", hmiMAC, 0), sender("line4", "255.255.255.255", hmiMAC, 0), sender("line4", "0.0.0.0", "", 0), sender("line4", "::", "", 0)),
		saw(&demarcv1.EndpointDelta{Address: addr("line4", "01:00:5e:00:00:01")}),
	)
	if len(inv.Assets) != 1 {
		t.Fatalf("assets: %v", inv.Assets)
	}
	for _, c := range inv.Connections {
		wantText(t, "server asset of "+c.Server, c.ServerAsset, "")
		wantText(t, "client asset", c.ClientAsset, inv.Assets[0].Id)
	}
}

func TestSerialJoins(t *testing.T) {
	tell := func(ip, vendor, serial string) *demarcv1.Body {
		a := addr("line4", ip)
		return &demarcv1.Body{Facts: []*demarcv1.FactDelta{
			factOf(a, "vendor", vendor, "s7comm.szl", demarcv1.Grade_GRADE_IDENTITY, 0),
			factOf(a, "serial", serial, "s7comm.szl", demarcv1.Grade_GRADE_IDENTITY, 0),
		}}
	}
	seen := saw(owner("line4", "10.20.4.10", plcMAC, 0), owner("line4", "10.20.5.10", otherMAC, 0), owner("line4", "10.20.6.10", hmiMAC, 0))
	inv := read(tell("10.20.4.10", "Siemens", "S C-1"), tell("10.20.5.10", "SIEMENS", "S C-1"), tell("10.20.6.10", "Rockwell", "S C-1"), seen)
	a := assetAt(t, inv, "10.20.4.10")
	wantList(t, "ips", a.Ips, "10.20.4.10", "10.20.5.10")
	wantJoin(t, a, "tell the same serial number s c-1 of siemens")
	wantList(t, "another vendor's", assetAt(t, inv, "10.20.6.10").Ips, "10.20.6.10")

	inv = read(tell("10.20.4.10", "Siemens", "0000000"), tell("10.20.5.10", "Siemens", "0000000"), seen)
	wantList(t, "no serial number", assetAt(t, inv, "10.20.4.10").Ips, "10.20.4.10")
}

func TestParts(t *testing.T) {
	f := factOf(addr("line4", "10.20.4.10"), "model", "1756-IB16", "cip.identity", demarcv1.Grade_GRADE_IDENTITY, 5)
	f.Part = "slot/3"
	b := New(nil)
	b.Apply("houston", "", saw(owner("line4", "10.20.4.10", plcMAC, 0)))
	b.Apply("houston", "", &demarcv1.Body{Facts: []*demarcv1.FactDelta{f}})
	inv := b.Inventory()
	if len(inv.Assets) != 2 {
		t.Fatalf("%d assets, want chassis and part", len(inv.Assets))
	}
	part := inv.Assets[1]
	wantText(t, "kind", part.Kind, "part")
	wantText(t, "parent", part.Parent, inv.Assets[0].Id)
	wantText(t, "model", part.Model, "1756-IB16")
	wantList(t, "names", part.Names, "slot/3")
	wantList(t, "where it is reached", part.Ips, "10.20.4.10")
	wantText(t, "the chassis has no model", inv.Assets[0].Model, "")
	if got, ok := b.Asset(part.Id); !ok || got.Model != part.Model {
		t.Errorf("Asset(%s) = %v, %t", part.Id, got, ok)
	}
}

func TestBestFactWins(t *testing.T) {
	a := addr("line4", "10.20.4.10")
	inv := read(saw(owner("line4", "10.20.4.10", plcMAC, 0)), &demarcv1.Body{Facts: []*demarcv1.FactDelta{
		factOf(a, "firmware", "V3.2.6", "s7comm.szl", demarcv1.Grade_GRADE_IDENTITY, 0),
		factOf(a, "firmware", "V1", "http.server", demarcv1.Grade_GRADE_CONTENT, 90),
		factOf(a, "model", "old", "modbus.device_id", demarcv1.Grade_GRADE_IDENTITY, 1),
		factOf(a, "model", "new", "modbus.device_id", demarcv1.Grade_GRADE_IDENTITY, 2),
		factOf(a, "name", "plc-l4-1", "lldp.system_name", demarcv1.Grade_GRADE_IDENTITY, 1),
		factOf(a, "name", "PLC-L4-1", "dns.answer", demarcv1.Grade_GRADE_CONTENT, 8),
		factOf(a, "name", "line4.example", "dns.answer", demarcv1.Grade_GRADE_CONTENT, 9),
	}})
	x := inv.Assets[0]
	wantText(t, "firmware", x.Firmware, "V3.2.6")
	wantText(t, "model", x.Model, "new")
	wantList(t, "names", x.Names, "plc-l4-1", "line4.example")
}

func TestFactsAreBounded(t *testing.T) {
	b := New(nil)
	b.Apply("s", "", saw(owner("l", "10.0.0.1", plcMAC, 0)))
	a := addr("l", "10.0.0.1")
	b.Apply("s", "", &demarcv1.Body{Facts: []*demarcv1.FactDelta{factOf(a, "model", "kept", "x", demarcv1.Grade_GRADE_IDENTITY, 0)}})
	for i := range maxFacts + 50 {
		b.Apply("s", "", &demarcv1.Body{Facts: []*demarcv1.FactDelta{factOf(a, "name", fmt.Sprint("n", i), "x", demarcv1.Grade_GRADE_HINT, int64(i))}})
	}
	inv := b.Inventory()
	x := inv.Assets[0]
	wantText(t, "model", x.Model, "kept")
	wantText(t, "latest name", x.Names[0], fmt.Sprint("n", maxFacts+49))
	wantText(t, "names shown", len(x.Names), maxNames)
	if len(inv.Losses) == 0 || inv.Losses[0].Reason != "table-full" {
		t.Errorf("losses: %v", inv.Losses)
	}
}

// A server that all sites share is one asset, and stands where its link is.
func TestSharedSpace(t *testing.T) {
	b := New(func(string, string, netipAddr) string { return "shared" })
	b.Apply("austin", "a1", saw(sender("wan", "10.50.1.5", routerMAC, 0, 9)))
	b.Apply("houston", "h1", saw(owner("dmz", "10.50.1.5", hmiMAC, 1, 501)))
	a := assetAt(t, b.Inventory(), "10.50.1.5")
	wantText(t, "site", a.Site, "houston")
	wantText(t, "segment", a.Segment, "dmz")
	wantList(t, "macs", a.Macs, hmiMAC)
	wantList(t, "agents", a.Agents, "a1", "h1")
	wantText(t, "vlans", fmt.Sprint(a.Vlans), "[501]")
	for _, site := range []string{"austin", "houston"} {
		found := false
		for _, x := range b.Assets(site) {
			found = found || x.Id == a.Id
		}
		wantText(t, "listed at "+site, found, true)
	}
}
