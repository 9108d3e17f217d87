package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"demarc/internal/ot"
	"demarc/internal/tables"

	demarcv1 "demarc/proto/demarc/v1"
)

// plate lists the attributes that a device has one value of at a time.
var plate = [...]ot.Attribute{ot.Vendor, ot.Product, ot.Model, ot.FirmwareRev, ot.Hardware, ot.Serial, ot.OS}

// history tells how the attributes changed, and where sources contradict each
// other: one source that told one value and later another shows a change,
// sources of one grade that tell different values at the same time a conflict.
func history(facts []fact) (changes []*demarcv1.AttributeChange, conflicts []string) {
	for _, a := range plate {
		var told []*fact
		for i := range facts {
			if f := &facts[i]; f.attribute.Value() == string(a) && f.grade >= ot.Content {
				told = append(told, f)
			}
		}
		if len(told) < 2 {
			continue
		}
		slices.SortFunc(told, func(x, y *fact) int {
			return cmp.Or(compareSym(x.source, y.source), cmp.Compare(x.first, y.first), cmp.Compare(x.last, y.last), strings.Compare(x.value, y.value))
		})
		changes = append(changes, changesOf(a, told)...)
		if c := conflictOf(a, told); c != "" {
			conflicts = append(conflicts, c)
		}
	}
	slices.SortStableFunc(changes, func(x, y *demarcv1.AttributeChange) int { return x.GetAt().AsTime().Compare(y.GetAt().AsTime()) })
	return changes[:min(len(changes), maxChanges)], conflicts
}

// maxChanges bounds the changes shown of one asset.
const maxChanges = 64

// changesOf are the values of one source that followed each other.
func changesOf(a ot.Attribute, told []*fact) (out []*demarcv1.AttributeChange) {
	for i := 1; i < len(told); i++ {
		from, to := told[i-1], told[i]
		if from.source != to.source || sameValue(a, from.value, to.value) || from.last == 0 || from.last >= to.first {
			continue
		}
		out = append(out, &demarcv1.AttributeChange{Attribute: string(a), From: from.value, To: to.value, Source: to.source.Value(), At: stamp(to.first)})
	}
	return out
}

// conflictOf names the values that stand against each other: of the best grade,
// the last of each source, or all that a source told at the same time.
func conflictOf(a ot.Attribute, told []*fact) string {
	best := slices.MaxFunc(told, func(x, y *fact) int { return cmp.Compare(x.grade, y.grade) }).grade
	var stands []*fact
	for i, f := range told {
		over := i+1 < len(told) && told[i+1].source == f.source && f.last < told[i+1].first
		if f.grade == best && !over && !slices.ContainsFunc(stands, func(s *fact) bool { return sameValue(a, s.value, f.value) }) {
			stands = append(stands, f)
		}
	}
	if len(stands) < 2 {
		return ""
	}
	text := make([]string, 0, len(stands))
	for _, f := range stands[:min(len(stands), 4)] {
		text = append(text, fmt.Sprintf("%q (%s)", f.value, f.source.Value()))
	}
	return fmt.Sprintf("%s: %s", a, strings.Join(text, " against "))
}

func sameValue(a ot.Attribute, x, y string) bool {
	if a == ot.Vendor {
		x, y = tables.Vendor(x), tables.Vendor(y)
	}
	return strings.EqualFold(strings.TrimSpace(x), strings.TrimSpace(y))
}
