// Package paper holds lists and agreements against what was seen: each row is
// on paper and seen, on paper and never seen, seen and not on paper, or seen but
// different. Give Reconcile a World; it keeps nothing, and what was imported is
// paper and never an observation.
package paper

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Buckets of a row.
const (
	Seen       = "seen"       // on paper and seen
	NeverSeen  = "never-seen" // on paper and never seen
	NotOnPaper = "not-on-paper"
	Different  = "different" // seen, and a field says something else
)

// Lists names the lists, in the order in which they are shown.
var Lists = []string{"hardware", "software", "services", "interconnections"}

// World is what paper is held against.
type World struct {
	Policy      *boundary.Policy
	Documents   *boundary.Documents
	Connections []*demarcv1.JudgedConnection
	Assets      []*demarcv1.Asset
}

// Reconcile holds the lists of a boundary and its parts against w, or one of
// them where list names it. missing names the lists that are not given.
func Reconcile(w World, name, list string) (rows []*demarcv1.ReconcileRow, missing []string) {
	r := &reconciler{w: w, boundary: name}
	for _, l := range Lists {
		if list != "" && l != list {
			continue
		}
		given := map[string]func() bool{
			"hardware": r.hardware, "software": r.software, "services": r.services, "interconnections": r.interconnections,
		}[l]()
		if !given {
			missing = append(missing, "no "+l+" list of "+name+" is given")
		}
	}
	return r.rows, missing
}

// reconciler is one Reconcile under way.
type reconciler struct {
	w        World
	boundary string
	rows     []*demarcv1.ReconcileRow
}

func (r *reconciler) holds(name string) bool {
	return name != "" && r.w.Policy.Holds(r.boundary, name)
}

// lists are the inventories of a kind that are those of the boundary or of a
// part of it.
func (r *reconciler) lists(kind string) []*boundary.Inventory {
	var all []*boundary.Inventory
	named := map[string]bool{}
	for _, b := range r.w.Documents.Boundaries {
		if b.Components != nil && (r.holds(b.Name) || r.w.Policy.Listing(r.boundary) == r.w.Policy.Listing(b.Name)) {
			named[b.Components.Inventory.Name] = true
		}
	}
	for _, v := range r.w.Documents.Inventories {
		if v.List == kind && (r.holds(v.Boundary.Name) || named[v.Name]) {
			all = append(all, v)
		}
	}
	return all
}

// add files a row, whose bucket follows from what it says.
func (r *reconciler) add(row *demarcv1.ReconcileRow, last time.Time) {
	seen := len(row.GetAssets())+len(row.GetConnections()) > 0
	switch {
	case row.Document == "":
		row.Bucket = NotOnPaper
	case !seen:
		row.Bucket = NeverSeen
	case len(row.GetDifferences()) > 0:
		row.Bucket = Different
	default:
		row.Bucket = Seen
	}
	if !last.IsZero() {
		row.LastSeen = timestamppb.New(last)
	}
	r.rows = append(r.rows, row)
}

// differ adds a difference where both say something and not the same.
func differ(row *demarcv1.ReconcileRow, field, paper, wire string, same func(a, b string) bool) {
	if paper != "" && wire != "" && !same(paper, wire) {
		row.Differences = append(row.Differences, &demarcv1.Difference{Field: field, Paper: paper, Wire: wire})
	}
}

// alike compares texts as people type them.
func alike(a, b string) bool { return plain(a) == plain(b) }

// within reports whether one of two names stands in the other: paper says
// "Siemens AG", the wire "Siemens".
func within(a, b string) bool {
	x, y := plain(a), plain(b)
	return strings.Contains(x, y) || strings.Contains(y, x)
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_./,", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

func lastOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// once adds s to a sorted list that it is not in.
func once(list []string, s string) []string {
	i, there := slices.BinarySearch(list, s)
	if there || s == "" {
		return list
	}
	return slices.Insert(list, i, s)
}

// some are the first n of a list.
func some(list []string, n int) string {
	if len(list) > n {
		return strings.Join(list[:n], ", ") + " and others"
	}
	return strings.Join(list, ", ")
}

// byID sorts connections so that the same world gives the same rows.
func byID(all []*demarcv1.JudgedConnection) []*demarcv1.JudgedConnection {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b *demarcv1.JudgedConnection) int { return cmp.Compare(a.GetId(), b.GetId()) })
	return all
}
