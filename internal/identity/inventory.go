package identity

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// Inventory lists everything: same observations, same bytes.
func (b *Book) Inventory() *demarcv1.Inventory {
	inv := &demarcv1.Inventory{Assets: b.Assets("")}
	for c := range b.Connections() {
		inv.Connections = append(inv.Connections, c.Data)
	}
	slices.SortFunc(inv.Connections, compareConnections)
	for _, l := range b.losses.items {
		inv.Losses = append(inv.Losses, l.proto())
	}
	slices.SortFunc(inv.Losses, compareLosses)
	return inv
}

// Assets lists the assets seen at site, of every site if empty, sorted: each
// with the parts behind it.
func (b *Book) Assets(site string) []*demarcv1.Asset {
	b.settle()
	all := make([]*asset, 0, len(b.assets))
	for _, a := range b.assets {
		if site == "" || a.seenIn(site) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(x, y *asset) int { return strings.Compare(x.key, y.key) })
	out := make([]*demarcv1.Asset, 0, len(all))
	for _, a := range all {
		out = append(out, b.show(a))
		for _, path := range a.parts {
			out = append(out, b.showPart(a, path))
		}
	}
	return out
}

func (a *asset) seenIn(site string) bool {
	in := func(o *observation) bool { return o.heard && o.key.site.Value() == site }
	return slices.ContainsFunc(a.observations(), in) ||
		slices.ContainsFunc(a.macs, func(m *macNode) bool { return m.site.Value() == site })
}

func compareConnections(a, b *demarcv1.Connection) int {
	return cmp.Or(compareText(a.Client, b.Client), compareText(a.Server, b.Server), strings.Compare(a.Transport, b.Transport),
		cmp.Compare(a.Port, b.Port), strings.Compare(a.Segment, b.Segment), strings.Compare(a.Id, b.Id))
}

// compareText sorts addresses by number, IP before MAC.
func compareText(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	switch {
	case errX == nil && errY == nil:
		return x.Compare(y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

func compareLosses(a, b *demarcv1.Loss) int {
	return cmp.Or(a.From.AsTime().Compare(b.From.AsTime()), strings.Compare(a.Reason, b.Reason), strings.Compare(a.Segment, b.Segment),
		strings.Compare(a.Detail, b.Detail), cmp.Compare(a.Count, b.Count), a.To.AsTime().Compare(b.To.AsTime()))
}
