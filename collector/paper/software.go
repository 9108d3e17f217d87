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
	seen := map[Program]*installed{}
	for _, a := range r.w.Assets {
		if !r.standsOrPart(a) {
			continue
		}
		for _, p := range ProgramsOf(a) {
			run(seen, p, a)
		}
	}
	all := slices.SortedFunc(maps.Keys(seen), func(a, b Program) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version), strings.Compare(a.Vendor, b.Vendor))
	})
	for _, v := range lists {
		for i := range v.Rows {
			r.program(v, &v.Rows[i], all, seen)
		}
	}
	for _, p := range all {
		if s := seen[p]; !s.found {
			r.add(&demarcv1.ReconcileRow{List: "software", Name: p.Name, Assets: s.assets, Seen: p.words()}, s.last)
		}
	}
	return len(lists) > 0
}

// Program is a product or system with its version, as a device told it.
type Program struct{ Vendor, Name, Version string }

// ProgramsOf are what a device runs: its product or model with the firmware, and
// its operating system.
func ProgramsOf(a *demarcv1.Asset) (all []Program) {
	name := cmp.Or(a.GetProduct(), a.GetModel())
	if name != "" && (a.GetFirmware() != "" || a.GetProduct() != "") {
		all = append(all, Program{a.GetVendor(), name, a.GetFirmware()})
	}
	if a.GetOs() != "" {
		all = append(all, Program{"", a.GetOs(), ""})
	}
	return all
}

func run(seen map[Program]*installed, p Program, a *demarcv1.Asset) {
	s := seen[p]
	if s == nil {
		s = &installed{}
		seen[p] = s
	}
	s.assets = once(s.assets, a.GetId())
	s.last = later(s.last, lastOf(a.GetLastSeen()))
}

// program holds one row against every version of its product that was seen.
func (r *reconciler) program(v *boundary.Inventory, p *boundary.Row, all []Program, seen map[Program]*installed) {
	row := &demarcv1.ReconcileRow{List: "software", Name: p.Name, Document: v.Meta.String(), At: p.At.String()}
	var last time.Time
	var versions []string
	version := cmp.Or(p.Version, p.Firmware)
	for _, q := range all {
		if !within(p.Name, q.Name) && (p.Model == "" || !within(p.Model, q.Name)) || p.Vendor != "" && q.Vendor != "" && !within(p.Vendor, q.Vendor) {
			continue
		}
		s := seen[q]
		s.found = true
		row.Key = "name"
		for _, id := range s.assets {
			row.Assets = once(row.Assets, id)
		}
		last = later(last, s.last)
		if version != "" && q.Version != "" && !sameVersion(version, q.Version) {
			versions = once(versions, q.Version)
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

func (p Program) words() string {
	return strings.Join(slices.DeleteFunc([]string{p.Vendor, p.Name, p.Version}, func(s string) bool { return s == "" }), " ")
}

func (r *reconciler) standsOrPart(a *demarcv1.Asset) bool {
	if a.GetParent() == "" {
		return r.stands(a)
	}
	i := slices.IndexFunc(r.w.Assets, func(o *demarcv1.Asset) bool { return o.GetId() == a.GetParent() })
	return i >= 0 && r.stands(r.w.Assets[i])
}
