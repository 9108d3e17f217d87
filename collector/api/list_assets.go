package api

import (
	"cmp"
	"context"
	"slices"

	demarcv1 "demarc/proto/demarc/v1"
)

var presences = []string{"active", "quiet", "gone"}

// assetList sorts assets; a part stands behind what it is a part of, which
// whole tells.
func assetList(whole func(*demarcv1.Asset) *demarcv1.Asset) list[*demarcv1.Asset] {
	text := func(get func(*demarcv1.Asset) string) column[*demarcv1.Asset] {
		return func(k key, a *demarcv1.Asset) key { return k.text(get(a)) }
	}
	return list[*demarcv1.Asset]{
		order: "site, address",
		columns: map[string]column[*demarcv1.Asset]{
			"site":       text(func(a *demarcv1.Asset) string { return whole(a).GetSite() }),
			"address":    func(k key, a *demarcv1.Asset) key { return k.address(firstAddress(whole(a))).exact(whole(a).GetId()) },
			"name":       text(func(a *demarcv1.Asset) string { return firstOf(a.GetNames()) }),
			"segment":    text((*demarcv1.Asset).GetSegment),
			"boundary":   text(func(a *demarcv1.Asset) string { return firstBoundary(whole(a)) }),
			"kind":       text((*demarcv1.Asset).GetKind),
			"role":       text(firstRole),
			"vendor":     text((*demarcv1.Asset).GetVendor),
			"product":    text((*demarcv1.Asset).GetProduct),
			"model":      text((*demarcv1.Asset).GetModel),
			"firmware":   text((*demarcv1.Asset).GetFirmware),
			"serial":     text((*demarcv1.Asset).GetSerial),
			"presence":   text((*demarcv1.Asset).GetPresence),
			"level":      func(k key, a *demarcv1.Asset) key { return k.number(level(a)) },
			"first_seen": func(k key, a *demarcv1.Asset) key { return k.time(a.GetFirstSeen()) },
			"last_seen":  func(k key, a *demarcv1.Asset) key { return k.time(a.GetLastSeen()) },
		},
		id: func(k key, a *demarcv1.Asset) key {
			return append(k.exact(whole(a).GetId()), min(byte(len(a.GetParent())), 1)).exact(a.GetId())
		},
	}
}

// ListAssets lists assets by site and address, parts behind what they are
// parts of.
func (s *Service) ListAssets(ctx context.Context, r *demarcv1.ListAssetsRequest) (*demarcv1.ListAssetsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	ids, err := idSet(r.GetIds())
	words, err2 := newSearch(r.GetSearch())
	if err := cmp.Or(err, err2, s.knownBoundary(r.GetBoundary()), oneOf("role", r.GetRole(), roleNames()), oneOf("presence", r.GetPresence(), presences)); err != nil {
		return nil, err
	}
	whole := func(a *demarcv1.Asset) *demarcv1.Asset {
		if a.GetParent() != "" {
			if p, ok := s.Plant.Asset(a.GetParent()); ok {
				return p
			}
		}
		return a
	}
	p, err := assetList(whole).page(r, s.texts.assets.find(s.Plant.Assets(), words, assetTexts), func(a *demarcv1.Asset) bool {
		return (ids == nil || ids[a.GetId()]) && assetMatches(r, a, whole)
	})
	return &demarcv1.ListAssetsResponse{AsOf: as, Assets: p.rows, NextPageToken: p.next, Total: p.total}, err
}

func assetMatches(r *demarcv1.ListAssetsRequest, a *demarcv1.Asset, whole func(*demarcv1.Asset) *demarcv1.Asset) bool {
	return is(r.GetSite(), a.GetSite()) && is(r.GetSegment(), a.GetSegment()) && is(r.GetVendor(), a.GetVendor()) && is(r.GetPresence(), a.GetPresence()) &&
		(r.GetBoundary() == "" || standsIn(whole(a), r.GetBoundary())) &&
		(!r.GetUnplaced() || standsIn(whole(a), "")) &&
		(r.GetRole() == "" || slices.ContainsFunc(a.GetRoles(), func(x *demarcv1.AssetRole) bool { return x.GetRole() == r.GetRole() })) &&
		(r.GetProtocol() == "" || slices.ContainsFunc(a.GetProtocols(), func(x *demarcv1.AssetProtocol) bool { return x.GetName() == r.GetProtocol() }))
}

// assetTexts are those that a search looks into.
func assetTexts(a *demarcv1.Asset) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, t := range [...]string{
			a.GetVendor(), a.GetProduct(), a.GetModel(), a.GetFirmware(), a.GetSerial(), a.GetHardware(), a.GetOs(),
			a.GetSegment(), a.GetSite(), a.GetKind(), a.GetPresence(), a.GetId(),
		} {
			if !yield(t) {
				return
			}
		}
		for _, all := range [...][]string{a.GetIps(), a.GetMacs(), a.GetNames()} {
			for _, t := range all {
				if !yield(t) {
					return
				}
			}
		}
		for _, x := range a.GetRoles() {
			if !yield(x.GetRole()) {
				return
			}
		}
		for _, x := range a.GetPlaces() {
			if !yield(x.GetBoundary()) {
				return
			}
		}
		for _, x := range a.GetAnnotations() {
			if !yield(x.GetValue()) {
				return
			}
		}
	}
}

func standsIn(a *demarcv1.Asset, boundary string) bool {
	return slices.ContainsFunc(a.GetPlaces(), func(p *demarcv1.Place) bool { return p.GetBoundary() == boundary })
}

func firstAddress(a *demarcv1.Asset) string { return cmp.Or(firstOf(a.GetIps()), firstOf(a.GetMacs())) }

func firstOf(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

func firstRole(a *demarcv1.Asset) string {
	if len(a.GetRoles()) == 0 {
		return ""
	}
	return a.GetRoles()[0].GetRole()
}

func firstBoundary(a *demarcv1.Asset) string {
	if len(a.GetPlaces()) == 0 {
		return ""
	}
	return a.GetPlaces()[0].GetBoundary()
}

// level sorts what has none last.
func level(a *demarcv1.Asset) uint64 {
	if a.Level == nil {
		return 1 << 32
	}
	return uint64(a.GetLevel())
}
