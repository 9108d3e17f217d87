package paper

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// program is a product or system with its version, as devices told it.
type program struct {
	vendor, name, version string
}

// installed is where a program was seen.
type installed struct {
	assets []string
	last   time.Time
	found  bool // on paper
}

// software holds the rows of software lists against what devices said that they
// run: product or model with its firmware, and operating system.
func (r *reconciler) software() bool {
	lists := r.lists("software")
	seen := map[program]*installed{}
	for _, a := range r.w.Assets {
		if !r.standsOrPart(a) {
			continue
		}
		name := cmp.Or(a.GetProduct(), a.GetModel())
		if name != "" && (a.GetFirmware() != "" || a.GetProduct() != "") {
			run(seen, program{a.GetVendor(), name, a.GetFirmware()}, a)
		}
		if a.GetOs() != "" {
			run(seen, program{"", a.GetOs(), ""}, a)
		}
	}
	all := slices.SortedFunc(maps.Keys(seen), func(a, b program) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.version, b.version), strings.Compare(a.vendor, b.vendor))
	})
	for _, v := range lists {
		for i := range v.Rows {
			r.program(v, &v.Rows[i], all, seen)
		}
	}
	for _, p := range all {
		if s := seen[p]; !s.found {
			r.add(&demarcv1.ReconcileRow{List: "software", Name: p.name, Assets: s.assets, Seen: p.words()}, s.last)
		}
	}
	return len(lists) > 0
}

func run(seen map[program]*installed, p program, a *demarcv1.Asset) {
	s := seen[p]
	if s == nil {
		s = &installed{}
		seen[p] = s
	}
	s.assets = once(s.assets, a.GetId())
	s.last = later(s.last, lastOf(a.GetLastSeen()))
}

// program holds one row against every version of its product that was seen.
func (r *reconciler) program(v *boundary.Inventory, p *boundary.Row, all []program, seen map[program]*installed) {
	row := &demarcv1.ReconcileRow{List: "software", Name: p.Name, Document: v.Meta.String(), At: p.At.String()}
	var last time.Time
	var versions []string
	version := cmp.Or(p.Version, p.Firmware)
	for _, q := range all {
		if !within(p.Name, q.name) && (p.Model == "" || !within(p.Model, q.name)) || p.Vendor != "" && q.vendor != "" && !within(p.Vendor, q.vendor) {
			continue
		}
		s := seen[q]
		s.found = true
		row.Key = "name"
		for _, id := range s.assets {
			row.Assets = once(row.Assets, id)
		}
		last = later(last, s.last)
		if version != "" && q.version != "" && !sameVersion(version, q.version) {
			versions = once(versions, q.version)
		}
		if row.Seen != "" {
			row.Seen += "; "
		}
		row.Seen += q.words()
	}
	if len(versions) > 0 {
		row.Differences = append(row.Differences, &demarcv1.Difference{Field: "version", Paper: version, Wire: some(versions, 5)})
	}
	r.add(row, last)
}

func (p program) words() string {
	return strings.Join(slices.DeleteFunc([]string{p.vendor, p.name, p.version}, func(s string) bool { return s == "" }), " ")
}

func (r *reconciler) standsOrPart(a *demarcv1.Asset) bool {
	if a.GetParent() == "" {
		return r.stands(a)
	}
	i := slices.IndexFunc(r.w.Assets, func(o *demarcv1.Asset) bool { return o.GetId() == a.GetParent() })
	return i >= 0 && r.stands(r.w.Assets[i])
}
