package identity

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	demarcv1 "demarc/proto/demarc/v1"
)

func at(address *demarcv1.Address) Of { return Of{Site: "houston", Address: address, Anchor: true} }

func TestPeopleKnowBetter(t *testing.T) {
	b := New(nil)
	b.Apply("houston", "", saw(owner("line4", "10.20.4.10", plcMAC, 0), owner("line4", "10.20.4.11", plcMAC, 1), owner("line5", "10.20.5.10", hmiMAC, 0)))
	b.Say(Said{Order: 1, At: start, By: "ana", Reason: "a spare card", Verb: Apart, Of: []Of{at(addr("line4", "10.20.4.11"))}})
	inv := b.Inventory()
	wantList(t, "what stays", assetAt(t, inv, "10.20.4.10").Ips, "10.20.4.10")
	wantList(t, "what is taken out", assetAt(t, inv, "10.20.4.11").Macs)
	wantJoin(t, assetAt(t, inv, "10.20.4.11"), "taken out of another asset by ana on 2023-11-14T22:13:20Z: a spare card")

	b.Say(Said{Order: 2, At: start, By: "ben", Verb: Together, Of: []Of{at(addr("line4", "10.20.4.11")), at(addr("line5", "10.20.5.10"))}})
	inv = b.Inventory()
	wantList(t, "put together", assetAt(t, inv, "10.20.4.11").Ips, "10.20.4.10", "10.20.4.11", "10.20.5.10")
	wantJoin(t, assetAt(t, inv, "10.20.5.10"), "are put together by ben")
}

// Names that people gave to parts and devices are the first, and go when they
// are taken back.
func TestPeopleName(t *testing.T) {
	b := New(nil)
	f := factOf(addr("line4", "10.20.4.10"), "model", "1756-IB16", "cip.identity", demarcv1.Grade_GRADE_IDENTITY, 5)
	f.Part = "slot/3"
	set := func(order uint64, part, value string) {
		b.Say(Said{Order: order, At: start, By: "ana", Verb: Set, Of: []Of{{Site: "houston", Address: addr("line4", "10.20.4.10"), Part: part}}, Field: "name", Value: value})
	}
	set(1, "slot/3", "valve card") // before it is seen
	b.Apply("houston", "", saw(owner("line4", "10.20.4.10", plcMAC, 0)))
	b.Apply("houston", "", &demarcv1.Body{Facts: []*demarcv1.FactDelta{f}})
	set(2, "", "Mixer")
	inv := b.Inventory()
	wantList(t, "the device", inv.Assets[0].Names, "Mixer")
	wantText(t, "the part", inv.Assets[1].Names[0], "valve card")
	if of := b.Addresses(inv.Assets[1].Id); len(of) != 1 || of[0].Part != "slot/3" {
		t.Errorf("addresses of the part: %v", of)
	}
	set(3, "", "")
	if a := b.Inventory().Assets[0]; len(a.Names)+len(a.Annotations) != 0 {
		t.Errorf("taken back: %v", a)
	}
}

// What people said holds in whatever order it and the sightings come, through
// another mapping of addresses, and Changes tell all that it moves.
func TestSaidAndSeenInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{t}
		all := w.reports()
		var acts []Said
		for n := range rapid.IntRange(1, 4).Draw(t, "acts") {
			s := Said{Order: uint64(n + 1), At: start, By: "ana", Verb: Verb(rapid.IntRange(1, 3).Draw(t, "verb")), Field: w.pick("field", "name", "owner"), Value: w.pick("value", "", "x", "y")}
			for range rapid.IntRange(1, 3).Draw(t, "addresses") {
				s.Of = append(s.Of, Of{Site: "houston", Address: w.address(), Anchor: rapid.Bool().Draw(t, "anchor")})
			}
			acts = append(acts, s)
		}
		want := New(nil)
		for _, s := range acts {
			want.Say(s)
		}
		tell(want, all)

		got, said := New(nil), 0
		assets := map[string]bool{}
		follow := func() {
			for _, id := range got.Changes().Assets {
				_, assets[id] = got.Asset(id)
			}
		}
		for _, r := range all {
			tell(got, []report{r})
			follow()
			if said < len(acts) && rapid.Bool().Draw(t, "now") {
				got.Say(acts[said])
				said++
				follow()
			}
		}
		for _, s := range acts[said:] {
			got.Say(s)
		}
		follow()
		mustEqual(t, "said and seen in turn", got.Inventory(), want.Inventory())
		for _, a := range got.Assets("") {
			if !assets[a.Id] {
				t.Fatalf("asset %s was not told", a.Id)
			}
		}
		got.SetSpace(bySegment)
		got.SetSpace(nil)
		mustEqual(t, "through another mapping", got.Inventory(), want.Inventory())
	})
}

func TestChassisPorts(t *testing.T) {
	const base, one, two = "00:80:63:00:40:00", "00:80:63:00:40:01", "00:80:63:00:40:02"
	tell := func(port, attribute, value string) *demarcv1.Body {
		return &demarcv1.Body{
			Endpoints: []*demarcv1.EndpointDelta{{Address: addr("line4", port), FirstNs: start, LastNs: start}},
			Facts:     []*demarcv1.FactDelta{factOf(addr("line4", port), attribute, value, "test", demarcv1.Grade_GRADE_CONTENT, 0)},
		}
	}
	inv := read(tell(one, "stp.bridge_id", "32768/"+base), tell(two, "lldp.chassis_id", strings.ToUpper(base)), saw(owner("line4", "10.20.4.2", base, 0)))
	a := assetAt(t, inv, "10.20.4.2")
	wantList(t, "macs", a.Macs, base, one, two)
	wantJoin(t, a, one+", "+two+" are ports of the bridge or chassis "+base)
	if inv = read(tell(one, "lldp.chassis_id", "cell-switch"), tell(two, "lldp.chassis_id", "cell-switch")); len(inv.Assets) != 2 {
		t.Errorf("a chassis without a MAC joined %d assets", len(inv.Assets))
	}
}

// Packets that came through a router under an address that their MAC proves.
func TestPassedOn(t *testing.T) {
	hops := func(d *demarcv1.EndpointDelta, ttls ...uint32) *demarcv1.EndpointDelta {
		d.Ttls = ttls
		return d
	}
	// One address: a gate that translates, with two kinds of systems behind it.
	a := assetAt(t, read(saw(hops(owner("line4", "10.20.4.30", otherMAC, 0), 63, 127))), "10.20.4.30")
	wantList(t, "macs of the gate", a.Macs, otherMAC)
	wantJoin(t, a, "probably translates addresses (NAT) for systems of at least 2 kinds")
	// Two: what it only passes on is not its own.
	inv := read(saw(hops(owner("line4", "10.20.4.30", otherMAC, 0), 64), hops(owner("line4", "10.20.4.31", otherMAC, 0), 63)))
	wantList(t, "the gate", assetAt(t, inv, otherMAC).Ips, "10.20.4.30")
	wantList(t, "what stands behind", assetAt(t, inv, "10.20.4.31").Macs)
	wantJoin(t, assetAt(t, inv, otherMAC), "answers ARP for 10.20.4.31")
	// A device with two addresses, or with a start value of its own, is neither.
	inv = read(saw(hops(owner("line4", "10.20.4.30", otherMAC, 0), 64), hops(owner("line4", "10.20.4.31", otherMAC, 0), 60)))
	wantList(t, "one device", assetAt(t, inv, otherMAC).Ips, "10.20.4.30", "10.20.4.31")
	wantText(t, "kind", inv.Assets[0].Kind, "device")
	// Who was heard only through a router has no MAC here.
	inv = read(saw(hops(sender("line4", "10.9.0.1", routerMAC, 0), 127)))
	wantList(t, "behind a router", assetAt(t, inv, "10.9.0.1").Macs)
	wantText(t, "kind", assetAt(t, inv, routerMAC).Kind, "router")
}

// A virtual machine's card does not say who made it.
func TestHypervisorIsNoVendor(t *testing.T) {
	a := read(saw(owner("line4", "10.20.4.10", "00:50:56:00:00:01", 0))).Assets[0]
	wantText(t, "vendor", a.Vendor, "")
	if len(a.Facts) != 1 || a.Facts[0].Attribute != "hypervisor" || a.Facts[0].Value != "VMware" {
		t.Errorf("facts %v", a.Facts)
	}
}

// Without ARP, the one address that no router passed on is the card's own; of
// several, none is.
func TestHomeOfACard(t *testing.T) {
	from := func(ip string, ttls ...uint32) *demarcv1.EndpointDelta {
		d := sender("line4", ip, routerMAC, 0)
		d.Ttls = ttls
		return d
	}
	inv := read(saw(from("10.9.0.1", 64), from("10.9.0.2", 63), from("10.9.0.3", 126)))
	wantList(t, "its own", assetAt(t, inv, routerMAC).Ips, "10.9.0.1")
	wantList(t, "passed on", assetAt(t, inv, "10.9.0.2").Macs)
	inv = read(saw(from("10.9.0.1", 64), from("10.9.0.2", 128), from("10.9.0.3", 37, 41, 64)))
	a := assetAt(t, inv, routerMAC)
	wantText(t, "a host that bridges its virtual machines", a.Kind, "device")
	wantList(t, "of several none", a.Ips)
	wantJoin(t, a, "sent from 3 addresses and proved none its own")
	inv = read(saw(from("198.51.100.7", 64), from("10.9.0.2", 63)))
	wantList(t, "an answer from the Internet", assetAt(t, inv, "198.51.100.7").Macs)
}
