package identity

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// stamp is a time of the wire as a timestamp; nil when it was not told.
func stamp(ns int64) *timestamppb.Timestamp {
	if ns <= 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, ns))
}

func partID(asset, path string) string { return makeID("a-", "part", asset, path) }

// partRef is a part behind an asset.
type partRef struct {
	asset *asset
	path  string
}

// setParts lists the parts that were told of a's addresses.
func (b *Book) setParts(a *asset) {
	for _, o := range a.observations() {
		for i := range o.parts {
			path := o.parts[i].path.Value()
			if at, found := slices.BinarySearch(a.parts, path); path != "" && !found {
				a.parts = slices.Insert(a.parts, at, path)
			}
		}
	}
	for _, path := range a.parts {
		id := partID(a.id, path)
		b.parts[id] = partRef{a, path}
		b.changedAssets[id] = true
	}
}

func compareObservation(a, b *observation) int {
	for _, c := range [...]int{
		compareSym(a.key.site, b.key.site), compareSym(a.key.segment, b.key.segment),
		a.key.ip.Compare(b.key.ip), slices.Compare(a.key.mac[:], b.key.mac[:]), int(a.key.vlan) - int(b.key.vlan),
	} {
		if c != 0 {
			return c
		}
	}
	return 0
}
