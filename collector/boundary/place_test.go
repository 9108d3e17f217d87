package boundary

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/inventory"
)

const plan = `
apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec:
  timezone: America/Chicago
  addressSpace: [200.1.1.0/24]
  shared: [10.50.0.0/16, 192.88.99.0/24]
  segments: [{name: line4, local: [192.168.1.0/24]}, {name: line5, local: [192.168.1.0/24]}, {name: core}]
---
apiVersion: demarc/v1
kind: Site
metadata: {name: dallas}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: control}
spec:
  {title: C, domain: ot, members: [{site: houston, cidrs: [10.20.0.0/16, 10.20.9.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec:
  title: L4
  domain: ot
  parent: control
  members:
    - {site: houston, segment: line4, cidrs: [192.168.1.0/24, 10.20.4.0/24, 10.77.0.0/24]}
    - {site: houston, cidrs: [10.20.9.0/24]}
    - {site: houston, vlans: [104]}
    - {site: houston, macs: ["00:0e:8c:12:34:56"]}
    - {site: houston, cidrs: [10.30.0.0/24], shared: [line5, line4]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line5}
spec:
  title: L5
  domain: ot
  parent: control
  members:
    - {site: houston, segment: line5, cidrs: [192.168.1.0/24, 10.77.0.0/24]}
    - {site: houston, cidrs: [10.20.4.128/25]}
    - {site: houston, segment: line5}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: D, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24, 200.1.1.0/25]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: vendor}
spec: {title: V, domain: external, members: [{site: houston, cidrs: [203.0.113.0/28]}]}
`

func policy(t testing.TB, text string) *Policy {
	t.Helper()
	docs, err := Read([]File{{"plan.yaml", []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(docs, 7)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlace(t *testing.T) {
	p := policy(t, plan)
	ip := netip.MustParseAddr
	for _, c := range []struct {
		name string
		end  inventory.End
		want string // boundary, "a|b" where ambiguous, "group", or empty
		why  string
	}{
		{"longest prefix", inventory.End{Addr: ip("10.20.4.130"), Segment: "core"}, "line5", "10.20.4.128/25"},
		{"prefix of another segment, heard elsewhere", inventory.End{Addr: ip("10.20.4.10"), Segment: "core"}, "line4", "10.20.4.0/24 in segment line4"},
		{"shorter prefix", inventory.End{Addr: ip("10.20.7.1")}, "control", "10.20.0.0/16"},
		{"part before its whole", inventory.End{Addr: ip("10.20.9.1")}, "line4", "10.20.9.0/24"},
		{"whole MAC before everything", inventory.End{Addr: ip("10.50.1.7"), MAC: "00:0e:8c:12:34:56"}, "line4", "00:0e:8c:12:34:56"},
		{"local, segment line4", inventory.End{Addr: ip("192.168.1.5"), Segment: "line4"}, "line4", "segment line4"},
		{"local, segment line5", inventory.End{Addr: ip("192.168.1.5"), Segment: "line5"}, "line5", "segment line5"},
		{"same plan where it is not local", inventory.End{Addr: ip("192.168.1.5"), Segment: "core"}, "line4|line5", "equal right"},
		{"undeclared overlap, own segment decides", inventory.End{Addr: ip("10.77.0.1"), Segment: "line5"}, "line5", "line5"},
		{"undeclared overlap seen from outside", inventory.End{Addr: ip("10.77.0.1"), Segment: "core"}, "line4|line5", ""},
		{"VLAN on its own link", inventory.End{Addr: ip("172.16.0.1"), VLANs: []uint32{7, 104}, OwnLink: true}, "line4", "VLAN 104"},
		{"VLAN that it is only routed through", inventory.End{Addr: ip("172.16.0.1"), VLANs: []uint32{104}}, "", "no member entry"},
		{"VLAN without IP", inventory.End{MAC: "00:11:22:33:44:55", VLANs: []uint32{104}}, "line4", "VLAN 104"},
		{"segment without IP", inventory.End{MAC: "00:11:22:33:44:55", Segment: "line5"}, "line5", "segment line5"},
		{"segment on its own link", inventory.End{Addr: ip("172.16.0.1"), Segment: "line5", OwnLink: true}, "line5", ""},
		{"segment that it is only routed through", inventory.End{Addr: ip("172.16.0.1"), Segment: "line5"}, "", ""},
		{"internet", inventory.End{Addr: ip("198.51.100.7")}, "internet", "global"},
		{"internet over IPv6", inventory.End{Addr: ip("2001:db8::7")}, "internet", "global"},
		{"internet, IPv4 in IPv6", inventory.End{Addr: ip("::ffff:198.51.100.7")}, "internet", "global"},
		{"global, but heard on its own link", inventory.End{Addr: ip("198.51.100.7"), OwnLink: true}, "", "own link"},
		{"global, but the site's", inventory.End{Addr: ip("200.1.1.200")}, "", "no member entry"},
		{"global, the site's and placed", inventory.End{Addr: ip("200.1.1.20")}, "dmz", "200.1.1.0/25"},
		{"global, placed by a document", inventory.End{Addr: ip("203.0.113.7")}, "vendor", "203.0.113.0/28"},
		{"private and nowhere", inventory.End{Addr: ip("10.99.0.1")}, "", "no member entry"},
		{"carrier NAT is not the internet", inventory.End{Addr: ip("100.64.0.1")}, "", "no member entry"},
		{"multicast", inventory.End{Addr: ip("239.1.2.3")}, "group", ""},
		{"broadcast", inventory.End{Addr: ip("255.255.255.255")}, "group", ""},
		{"link-local", inventory.End{Addr: ip("fe80::1%eth0")}, "group", ""},
		{"unspecified", inventory.End{Addr: ip("0.0.0.0")}, "group", ""},
		{"group MAC", inventory.End{MAC: "01:0e:cf:00:00:00", Segment: "line5"}, "group", ""},
		{"shared by declaration", inventory.End{Addr: ip("10.30.0.1")}, "line4", "10.30.0.0/24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := p.Place("houston", c.end)
			is := got.Boundary
			if got.Group {
				is = "group"
			}
			if len(got.Ambiguous) > 0 {
				is = strings.Join(got.Ambiguous, "|")
			}
			if is != c.want || !strings.Contains(got.Why, c.why) || got.Why == "" {
				t.Errorf("Place = %+v, want %q because of %q", got, c.want, c.why)
			}
		})
	}
	if got := p.Place("houston", inventory.End{Addr: ip("10.30.0.1")}); !slices.Equal(got.Shared, []string{"line4", "line5"}) {
		t.Errorf("Shared = %v, want line4 first, then line5", got.Shared)
	}
}

func TestPlaceAtOtherSites(t *testing.T) {
	p := policy(t, plan)
	for _, c := range []struct{ site, addr, want string }{
		{"dallas", "10.50.1.7", "dmz"}, // the company's: means the same everywhere
		{"dallas", "10.20.4.10", ""},   // another site's plan
		{"dallas", "200.1.1.20", "internet"},
		{"nowhere", "10.20.4.10", ""},
		{"dallas", "192.88.99.1", ""}, // global, and the company's by houston's word
		{"nowhere", "198.51.100.1", "internet"},
	} {
		if got := p.Place(c.site, inventory.End{Addr: netip.MustParseAddr(c.addr)}); got.Boundary != c.want {
			t.Errorf("%s at %s stands in %q (%s), want %q", c.addr, c.site, got.Boundary, got.Why, c.want)
		}
	}
}

func TestSpace(t *testing.T) {
	p := policy(t, plan)
	for _, c := range []struct{ site, segment, addr, want string }{
		{"houston", "line4", "192.168.1.5", "segment houston/line4"},
		{"houston", "line5", "192.168.1.5", "segment houston/line5"},
		{"houston", "core", "192.168.1.5", "site houston"},
		{"houston", "core", "10.50.1.5", "company"},
		{"dallas", "x", "10.50.1.5", "company"},
		{"dallas", "x", "10.20.4.10", "site dallas"},
		{"houston", "core", "198.51.100.7", "internet"},
		{"houston", "core", "200.1.1.7", "site houston"},
		{"dallas", "x", "200.1.1.7", "internet"},
		{"houston", "core", "fe80::1", "segment houston/core"},
		{"houston", "core", "169.254.1.1", "segment houston/core"},
		{"houston", "core", "255.255.255.255", "segment houston/core"},
		{"houston", "core", "239.1.2.3", "site houston"},
		{"nowhere", "x", "8.8.8.8", "internet"},
		{"nowhere", "x", "10.0.0.1", "site nowhere"},
	} {
		if got := p.Space(c.site, c.segment, netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("Space(%s, %s, %s) = %q, want %q", c.site, c.segment, c.addr, got, c.want)
		}
	}
}

func TestEmptyPolicyPlaces(t *testing.T) {
	p, err := Compile(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Place("x", inventory.End{Addr: netip.MustParseAddr("198.51.100.1")}); got.Boundary != Internet {
		t.Errorf("a global address stands in %q, want internet", got.Boundary)
	}
	if got := p.Place("x", inventory.End{Addr: netip.MustParseAddr("10.0.0.1")}); got.Boundary != "" || got.Why == "" {
		t.Errorf("a private address: %+v, want unplaced with a reason", got)
	}
}

func TestTimes(t *testing.T) {
	night := TimesOf(&Schedule{Days: []string{"mon"}, From: Clock{Minute: 22 * 60, Set: true}, Until: Clock{Minute: 6 * 60, Set: true}})
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   string // Chicago's clock; 2026-11-23 is a Monday
		want bool
	}{
		{"2026-11-23 21:59", false},
		{"2026-11-23 22:00", true},
		{"2026-11-24 05:59", true}, // the span belongs to Monday
		{"2026-11-24 06:00", false},
		{"2026-11-23 05:00", false}, // that would be Sunday's span
		{"2026-11-24 23:00", false},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, chicago)
		if err != nil {
			t.Fatal(err)
		}
		if got := night.Holds(at.UTC(), chicago); got != c.want {
			t.Errorf("%s holds: %v, want %v", c.at, got, c.want)
		}
	}
}

func TestCompareNamesWhatChanged(t *testing.T) {
	read := func(text string) *Documents {
		docs, err := Read([]File{{"a.yaml", []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		return docs
	}
	before := read("{apiVersion: demarc/v1, kind: Site, metadata: {name: a}, spec: {title: A}}\n---\n{apiVersion: demarc/v1, kind: Site, metadata: {name: b}}\n---\n{apiVersion: demarc/v1, kind: Site, metadata: {name: c}}\n")
	after := read("# layout and order of keys do not count\nkind: Site\napiVersion: demarc/v1\nspec:\n  title: 'A'\nmetadata:\n  name: a\n---\n{apiVersion: demarc/v1, kind: Site, metadata: {name: b}, spec: {title: B}}\n---\n{apiVersion: demarc/v1, kind: Site, metadata: {name: d}}\n")
	var got []string
	for _, c := range after.Compare(before) {
		got = append(got, c.Name+" "+c.Change)
	}
	if want := []string{"a same", "b changed", "d new", "c removed"}; !slices.Equal(got, want) {
		t.Errorf("Compare = %v, want %v", got, want)
	}
}

func BenchmarkPlace(b *testing.B) {
	p := policy(b, plan)
	end := inventory.End{Addr: netip.MustParseAddr("10.20.4.10"), Segment: "core", MAC: "00:11:22:33:44:55"}
	b.ReportAllocs()
	for b.Loop() {
		p.Place("houston", end)
	}
}
