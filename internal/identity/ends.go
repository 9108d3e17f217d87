package identity

import (
	"cmp"
	"slices"
	"strings"
)

// Ends says where each address of an asset stands: one End for every IP that
// it has, and where it has none, one for every MAC that it was heard with. Nil
// for a part, and when there is no such asset.
func (b *Book) Ends(asset string) []End {
	b.settle()
	a := b.assets[asset]
	if a == nil {
		return nil
	}
	var ends []End
	units := a.current()
	for _, u := range units {
		e := End{Addr: u.ep.ip, Asset: a.id}
		for _, o := range u.at() {
			if s := o.key.segment.Value(); e.Segment == "" || s < e.Segment {
				e.Segment = s
			}
		}
		u.place(&e)
		ends = append(ends, e)
	}
	for _, o := range a.observations() {
		if len(units) == 0 && !o.key.ip.IsValid() {
			ends = append(ends, End{Segment: o.key.segment.Value(), MAC: o.key.mac.String(), VLANs: wide(o.claimVLANs()), OwnLink: o.heard, Asset: a.id})
		}
	}
	if len(ends) == 0 { // a router that was heard only for others
		_, segment, vlans := a.stands()
		for _, m := range a.macs {
			ends = append(ends, End{Segment: segment, MAC: m.mac.String(), VLANs: vlans, OwnLink: true, Asset: a.id})
		}
	}
	slices.SortFunc(ends, func(x, y End) int {
		return cmp.Or(x.Addr.Compare(y.Addr), strings.Compare(x.MAC, y.MAC), strings.Compare(x.Segment, y.Segment))
	})
	return ends
}

// Link is the segment that an asset is said to stand in, if a MAC is its own, and
// when it was heard last, Unix nanoseconds; empty for a part.
func (b *Book) Link(asset string) (site, segment string, last int64) {
	b.settle()
	a := b.assets[asset]
	if a == nil {
		return "", "", 0
	}
	if len(a.macs) > 0 {
		site, segment, _ = a.stands()
	}
	_, last = a.span()
	return site, segment, last
}

// SiteOf is the site that an asset is seen at; empty for a part, and when there
// is no such asset.
func (b *Book) SiteOf(asset string) string {
	b.settle()
	if a := b.assets[asset]; a != nil {
		site, _, _ := a.stands()
		return site
	}
	return ""
}
