package finding

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

func ends(addresses ...string) []inventory.End {
	var list []inventory.End
	for _, a := range addresses {
		e := inventory.End{Segment: "core"}
		if ip, err := netip.ParseAddr(a); err == nil {
			e.Addr = ip
		} else {
			e.MAC = a
		}
		list = append(list, e)
	}
	return list
}

func TestAssets(t *testing.T) {
	p := compile(t, plan, 1)
	for _, c := range []struct {
		name, kind string
		ends       []inventory.End
		want       string // kinds of finding, sorted by severity
		title      string
	}{
		{"at home", "device", ends("10.20.4.10"), "", ""},
		{"two homes", "device", ends("10.20.5.40", "10.60.61.77"), "dual-homed", "One device stands in corporate and line5 at once: 10.20.5.40, 10.60.61.77"},
		{"two addresses in one", "device", ends("10.20.5.40", "10.20.5.41"), "", ""},
		{"in a part and its whole", "device", ends("10.20.4.10", "10.20.4.200"), "", ""},
		{"router", "router", ends("10.20.5.1", "10.60.61.1"), "", ""},
		{"declared access point", "device", ends("10.20.4.1", "10.60.61.1"), "", ""},
		{"and on the internet", "device", ends("10.20.5.40", "198.51.100.1"), "", ""},
		{"in no boundary", "device", ends("10.99.9.14"), "unplaced", "No boundary holds 10.99.9.0/24"},
		{"half in none", "device", ends("10.20.5.40", "10.99.9.14"), "unplaced", ""},
		{"two homes and one in none", "device", ends("10.20.5.40", "10.60.0.1", "10.99.9.14"), "dual-homed unplaced", ""},
		{"link-local and group", "device", ends("169.254.3.4", "fe80::1"), "", ""},
		{"without IP", "device", ends("00:1b:1b:00:00:01"), "", ""},
	} {
		b := New()
		b.UpdateAsset(p, &demarcv1.Asset{Id: "a1", Site: "houston", Kind: c.kind}, c.ends, start)
		var kinds, titles []string
		for _, f := range b.All() {
			kinds, titles = append(kinds, f.Kind), append(titles, f.Title)
			check(t, f)
			if f.Assets[0] != "a1" || len(b.OfAsset("a1")) != len(b.All()) {
				t.Errorf("%s: members %v, OfAsset %v", c.name, f.Assets, b.OfAsset("a1"))
			}
		}
		if got := strings.Join(kinds, " "); got != c.want || !strings.Contains(strings.Join(titles, "\n"), c.title) {
			t.Errorf("%s: %q %q, want %q %q", c.name, got, titles, c.want, c.title)
		}
	}
}

func TestAssetAndItsConnectionsAreOneFinding(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	update(t, b, p, "10.99.9.14>10.20.4.10 tcp/80 http")
	before := b.All()[0].Severity
	b.UpdateAsset(p, &demarcv1.Asset{Id: "a1", Site: "houston", Kind: "device"}, ends("10.99.9.14"), start)
	f := b.All()[0]
	if len(b.All()) != 1 || len(f.Connections) != 1 || len(f.Assets) != 1 || f.Severity != before {
		t.Errorf("%v, want one finding with both, as severe as before", b.All())
	}
}

func TestAssetsThatChange(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	asset := &demarcv1.Asset{Id: "a1", Site: "houston", Kind: "device"}
	b.UpdateAsset(p, asset, ends("10.20.5.40", "10.60.61.77"), start)
	b.RemoveAsset("a1", start)
	if len(b.All()) != 0 {
		t.Fatalf("an asset that was merged away leaves %v", b.All())
	}
	b.UpdateAsset(p, asset, ends("10.99.9.14"), start)
	placed := strings.Replace(plan, "cidrs: [10.50.1.0/24]", "cidrs: [10.50.1.0/24, 10.99.9.0/24]", 1)
	b.UpdateAsset(compile(t, placed, 2), asset, ends("10.99.9.14"), start)
	if f := b.All(); len(f) != 1 || len(f[0].Past) != 1 || b.OfAsset("a1") != nil {
		t.Errorf("placed by a new document: %v, want it past", f)
	}
	asset.Kind = "router"
	b.UpdateAsset(p, asset, ends("10.20.5.40", "10.60.61.77"), start)
	if got := b.OfAsset("a1"); got != nil {
		t.Errorf("a router is a member of %v", got)
	}
}

// A boundary whose own authorization does not stand, and in which something is
// seen, is one finding; where none is on record there is none.
func TestOperatingWithoutAuthorization(t *testing.T) {
	ato := `{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, expires: 2026-11-22}}`
	b := New()
	p := compile(t, plan+ato, 1)
	devices := map[string][]inventory.End{"a1": ends("10.20.4.10"), "a2": ends("10.20.4.200"), "a3": ends("10.20.5.40")} // a2 in a part of line4
	see := func(at time.Time) {
		for id, e := range devices {
			b.UpdateAsset(p, &demarcv1.Asset{Id: id, Site: "houston", Kind: "device"}, e, at)
		}
	}
	see(start.AddDate(0, 0, -2))
	if all := b.All(); len(all) != 0 {
		t.Fatalf("while it stands: %v", all)
	}
	see(start)
	all := b.All()
	if len(all) != 1 || all[0].Kind != NoAuthorization || len(all[0].Assets) != 2 || all[0].FromBoundary != "line4" || all[0].Title != "line4 operates without authorization" || all[0].Severity != 60 {
		t.Fatalf("%v", all)
	}
	check(t, all[0])
	p = compile(t, plan+strings.Replace(ato, "2026-11-22", "2027-11-22", 1), 2)
	see(start)
	if all := b.All(); len(all) != 1 || len(all[0].Assets) != 0 || len(all[0].Past) != 2 {
		t.Errorf("renewed: it waits for a person: %v", all)
	}
}
