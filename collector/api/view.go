package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/internal/identity"
	demarcv1 "demarc/proto/demarc/v1"
)

// within is the service as the caller sees it: what stands outside the limits
// of the caller's roles is not there. Every method that reads begins with it.
func (s *Service) within(ctx context.Context) *Service {
	p := Caller(ctx)
	if p.Everywhere(readers...) {
		return s
	}
	v := &view{Plant: s.Plant, p: p, over: map[string]bool{}, near: map[string]bool{}}
	for _, b := range s.Plant.Policy().Boundaries() {
		if sites := s.sitesOf(b.Name); p.Over(b.Name, sites, readers...) {
			v.over[b.Name] = true
			for _, site := range sites {
				v.near[site] = true
			}
		}
	}
	narrow := *s
	narrow.Plant, narrow.seen = v, v
	return &narrow
}

// view is a Plant less what a caller's roles do not reach.
type view struct {
	Plant
	p    Principal
	over map[string]bool // boundaries
	near map[string]bool // sites that one of them has members at
}

// site reports whether the whole of a site is seen.
func (v *view) site(name string) bool { return v.p.At(name, readers...) }

func (v *view) asset(a *demarcv1.Asset) bool {
	return v.site(a.GetSite()) || slices.ContainsFunc(a.GetPlaces(), func(p *demarcv1.Place) bool { return v.over[p.GetBoundary()] })
}

func (v *view) connection(c *demarcv1.JudgedConnection) bool {
	return v.site(c.GetSite()) || v.over[c.GetClientBoundary()] || v.over[c.GetServerBoundary()]
}

// finding: one that stands in no boundary shows with its authorization or with
// what it is made of.
func (v *view) finding(f *demarcv1.Finding) bool {
	if f.GetSite() != "" && v.site(f.GetSite()) || v.over[f.GetFromBoundary()] || v.over[f.GetToBoundary()] || v.authorization(f.GetAuthorization()) {
		return true
	}
	return slices.ContainsFunc(f.GetAssets(), func(id string) bool { _, ok := v.Asset(id); return ok }) ||
		slices.ContainsFunc(f.GetConnections(), func(id string) bool { _, _, ok := v.Connection(id); return ok })
}

func (v *view) authorization(name string) bool {
	d := v.Policy().Decision(name)
	return d != nil && slices.ContainsFunc(d.Boundaries, func(b string) bool { return v.over[b] })
}

// document reports whether a document concerns what is seen: its own name, or
// a name in its text.
func (v *view) document(kind, name, text string) bool {
	switch kind {
	case "Site":
		return v.site(name) || v.near[name]
	case "Boundary":
		return v.over[name]
	case "Authorization":
		return v.authorization(name)
	}
	return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}), func(word string) bool { return v.over[word] })
}

// sees reports whether a document concerns what the caller sees.
func (s *Service) sees(kind, name, text string) bool {
	return s.seen == nil || s.seen.document(kind, name, text)
}

func kept[T any](all []T, keep func(T) bool) []T {
	var some []T
	for _, x := range all {
		if keep(x) {
			some = append(some, x)
		}
	}
	return some
}

func (v *view) Assets() []*demarcv1.Asset { return kept(v.Plant.Assets(), v.asset) }

func (v *view) Connections() []*demarcv1.JudgedConnection {
	return kept(v.Plant.Connections(), v.connection)
}

func (v *view) Findings() []*demarcv1.Finding { return kept(v.Plant.Findings(), v.finding) }

func (v *view) Conditions(now time.Time) []Standing {
	return kept(v.Plant.Conditions(now), func(c Standing) bool { return v.authorization(c.Authorization) })
}

func (v *view) Snapshots() []*finding.Snapshot {
	return kept(v.Plant.Snapshots(), func(x *finding.Snapshot) bool { return v.authorization(x.Authorization) })
}

// Proposals: one may be about a boundary that is not in force yet.
func (v *view) Proposals() []*demarcv1.Proposal {
	return kept(v.Plant.Proposals(), func(x *demarcv1.Proposal) bool {
		return slices.ContainsFunc(x.GetBoundaries(), func(b string) bool { return v.over[b] || v.p.Over(b, nil, readers...) })
	})
}

func (v *view) Notices() []boundary.Notice {
	return kept(v.Plant.Notices(), func(n boundary.Notice) bool {
		kind, name, _ := strings.Cut(n.Document, "/")
		return v.document(kind, name, n.Document+" "+n.Words)
	})
}

func (v *view) Drift(authorization string, now time.Time) ([]finding.Difference, bool) {
	if !v.authorization(authorization) {
		return nil, true
	}
	all, ok := v.Plant.Drift(authorization, now)
	return kept(all, func(d finding.Difference) bool {
		return slices.ContainsFunc(d.Thing.Boundaries, func(b string) bool { return v.over[b] })
	}), ok
}

func (v *view) Asset(id string) (*demarcv1.Asset, bool) {
	a, ok := v.Plant.Asset(id)
	return a, ok && v.asset(a)
}

func (v *view) Addresses(asset string) []identity.Of {
	if _, ok := v.Asset(asset); !ok {
		return nil
	}
	return v.Plant.Addresses(asset)
}

func (v *view) Connection(id string) (inventory.Connection, *demarcv1.JudgedConnection, bool) {
	c, j, ok := v.Plant.Connection(id)
	return c, j, ok && v.connection(j)
}

func (v *view) Finding(id string) (*demarcv1.Finding, bool) {
	f, ok := v.Plant.Finding(id)
	return f, ok && v.finding(f)
}
