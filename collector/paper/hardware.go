package paper

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/internal/tables"
	demarcv1 "demarc/proto/demarc/v1"
)

// hardware holds the rows of hardware lists against assets: those that stand in
// the boundary, and those that are found elsewhere by serial or MAC.
func (r *reconciler) hardware() bool {
	lists := r.lists("hardware")
	assets := slices.Clone(r.w.Assets)
	slices.SortFunc(assets, func(a, b *demarcv1.Asset) int { return cmp.Compare(a.GetId(), b.GetId()) })
	found := map[string]bool{}
	for _, v := range lists {
		r.listed(v, assets, found)
	}
	for _, a := range assets {
		if !found[a.GetId()] && a.GetKind() != "part" && r.stands(a) {
			r.add(&demarcv1.ReconcileRow{List: "hardware", Name: nameOf(a), Assets: []string{a.GetId()}, Seen: about(a)}, lastOf(a.GetLastSeen()))
		}
	}
	return len(lists) > 0
}

// listed holds one list against assets; found tells which assets are on it.
func (r *reconciler) listed(v *boundary.Inventory, assets []*demarcv1.Asset, found map[string]bool) {
	l := boundary.NewListing(v)
	by := make(map[int]*demarcv1.Asset)
	keys := make(map[int]string)
	for _, sure := range []bool{true, false} { // by serial or MAC first: an address or a name may have moved on
		for _, a := range assets {
			if found[a.GetId()] || !sure && !r.stands(a) {
				continue
			}
			d := boundary.DeviceShown(a)
			if sure {
				d.Addrs, d.Names = nil, nil
			} else {
				d.Addrs = slices.DeleteFunc(d.Addrs, func(p boundary.Placed) bool { return !r.holds(p.Boundary) })
			}
			i, key := l.Match(d, func(row int) bool { return by[row] != nil })
			if i < 0 {
				continue
			}
			by[i], keys[i], found[a.GetId()] = a, key, true
		}
	}
	for i := range v.Rows {
		row := &demarcv1.ReconcileRow{List: "hardware", Name: v.Rows[i].Words(), Document: v.Meta.String(), At: v.Rows[i].At.String(), Key: keys[i]}
		var last time.Time
		if a := by[i]; a != nil {
			row.Assets, row.Seen, last = []string{a.GetId()}, about(a), lastOf(a.GetLastSeen())
			r.compare(row, &v.Rows[i], a)
		}
		r.add(row, last)
	}
}

// compare adds what paper and wire say differently of one device.
func (r *reconciler) compare(row *demarcv1.ReconcileRow, p *boundary.Row, a *demarcv1.Asset) {
	differ(row, "serial", p.Serial, a.GetSerial(), alike)
	differ(row, "vendor", p.Vendor, a.GetVendor(), func(x, y string) bool { return within(tables.Vendor(x), tables.Vendor(y)) })
	differ(row, "model", p.Model, a.GetModel(), func(x, y string) bool { return within(x, y) || a.GetProduct() != "" && within(x, a.GetProduct()) })
	differ(row, "firmware", cmp.Or(p.Firmware, p.Version), a.GetFirmware(), sameVersion)
	var macs, ips []string
	for _, m := range p.MACs {
		macs = append(macs, m.MAC)
	}
	for _, i := range p.IPs {
		ips = append(ips, i.Addr.String())
	}
	shared := func(list []string) func(string, string) bool {
		return func(x, _ string) bool {
			return slices.ContainsFunc(strings.Split(x, " "), func(s string) bool { return slices.Contains(list, s) })
		}
	}
	differ(row, "mac", strings.Join(macs, " "), strings.Join(a.GetMacs(), " "), shared(a.GetMacs()))
	differ(row, "ip", strings.Join(ips, " "), strings.Join(a.GetIps(), " "), shared(a.GetIps()))
	if !r.stands(a) && a.GetParent() == "" {
		differ(row, "boundary", r.boundary, cmp.Or(some(boundaries(a), 3), "none"), func(string, string) bool { return false })
	}
}

// sameVersion compares "V3.2.6" with "3.2.6".
func sameVersion(a, b string) bool {
	trim := func(s string) string { return strings.TrimLeft(strings.ToLower(strings.TrimSpace(s)), "v ") }
	return trim(a) == trim(b)
}

func (r *reconciler) stands(a *demarcv1.Asset) bool {
	return slices.ContainsFunc(a.GetPlaces(), func(p *demarcv1.Place) bool { return r.holds(p.GetBoundary()) })
}

func boundaries(a *demarcv1.Asset) []string {
	var all []string
	for _, p := range a.GetPlaces() {
		all = once(all, p.GetBoundary())
	}
	return all
}

func nameOf(a *demarcv1.Asset) string {
	for _, list := range [][]string{a.GetNames(), a.GetIps(), a.GetMacs()} {
		if len(list) > 0 {
			return list[0]
		}
	}
	return a.GetId()
}

// about says in one line what was seen of a device.
func about(a *demarcv1.Asset) string {
	parts := []string{some(a.GetIps(), 3)}
	if len(a.GetIps()) == 0 {
		parts[0] = some(a.GetMacs(), 2)
	}
	for _, s := range []string{a.GetVendor(), cmp.Or(a.GetModel(), a.GetProduct()), a.GetFirmware()} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if a.GetSerial() != "" {
		parts = append(parts, "serial "+a.GetSerial())
	}
	return strings.Join(parts, ", ")
}
