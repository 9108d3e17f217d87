package api

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

var siteList = list[*demarcv1.Site]{
	order: "name",
	columns: map[string]column[*demarcv1.Site]{
		"name":        func(k key, s *demarcv1.Site) key { return k.text(s.GetName()) },
		"title":       func(k key, s *demarcv1.Site) key { return k.text(s.GetTitle()) },
		"assets":      func(k key, s *demarcv1.Site) key { return k.number(uint64(s.GetAssets())) },
		"connections": func(k key, s *demarcv1.Site) key { return k.number(uint64(s.GetConnections())) },
	},
	id: func(k key, s *demarcv1.Site) key { return k.exact(s.GetName()) },
}

// ListSites lists the sites of the documents, and those that only agents name.
func (s *Service) ListSites(ctx context.Context, r *demarcv1.ListSitesRequest) (*demarcv1.ListSitesResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	sites := map[string]*demarcv1.Site{}
	site := func(name string) *demarcv1.Site {
		if sites[name] == nil {
			sites[name] = &demarcv1.Site{Name: name, Title: "(in no document)"}
		}
		return sites[name]
	}
	for _, x := range s.Plant.Policy().Sites() {
		sites[x.Name] = &demarcv1.Site{Name: x.Name, Title: x.Title, Segments: x.Segments}
	}
	for _, a := range s.Plant.Assets() {
		if a.GetParent() == "" {
			site(a.GetSite()).Assets++
		}
	}
	for _, c := range s.Plant.Connections() {
		site(c.GetSite()).Connections++
	}
	p, err := siteList.page(r, slices.Collect(maps.Values(sites)), func(x *demarcv1.Site) bool { return s.sees("Site", x.GetName(), "") })
	return &demarcv1.ListSitesResponse{AsOf: as, Sites: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// ListBoundaries lists boundaries with what stands in them, in the order of the
// documents.
func (s *Service) ListBoundaries(ctx context.Context, r *demarcv1.ListBoundariesRequest) (*demarcv1.ListBoundariesResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err != nil {
		return nil, err
	}
	all := s.boundaries()
	p, err := boundaryList(all).page(r, all, func(b *demarcv1.BoundarySummary) bool {
		return words.in(slices.Values(append([]string{b.GetName(), b.GetTitle(), b.GetKind(), b.GetDomain(), b.GetAuthorization()}, b.GetMembers()...)))
	})
	return &demarcv1.ListBoundariesResponse{AsOf: as, Boundaries: p.rows, NextPageToken: p.next, Total: p.total}, err
}

func boundaryList(all []*demarcv1.BoundarySummary) list[*demarcv1.BoundarySummary] {
	return list[*demarcv1.BoundarySummary]{
		columns: map[string]column[*demarcv1.BoundarySummary]{
			"name":          func(k key, b *demarcv1.BoundarySummary) key { return k.text(b.GetName()) },
			"title":         func(k key, b *demarcv1.BoundarySummary) key { return k.text(b.GetTitle()) },
			"domain":        func(k key, b *demarcv1.BoundarySummary) key { return k.text(b.GetDomain()) },
			"assets":        func(k key, b *demarcv1.BoundarySummary) key { return k.number(uint64(b.GetAssets())) },
			"findings":      func(k key, b *demarcv1.BoundarySummary) key { return k.number(uint64(b.GetFindings())) },
			"authorization": func(k key, b *demarcv1.BoundarySummary) key { return k.text(b.GetAuthorization()) },
		},
		id: position(all),
	}
}

// boundaries counts what stands in each.
func (s *Service) boundaries() []*demarcv1.BoundarySummary {
	var all []*demarcv1.BoundarySummary
	by := map[string]*demarcv1.BoundarySummary{}
	world := s.world()
	sights, seen := condition.Sights(world), inhabited(world)
	papers := map[string]*boundary.Boundary{}
	for _, b := range world.Documents.Boundaries {
		papers[b.Name] = b
	}
	for _, b := range world.Policy.Boundaries() {
		if !s.sees("Boundary", b.Name, "") {
			continue
		}
		x := &demarcv1.BoundarySummary{
			Name: b.Name, Title: b.Title, Kind: b.Kind, Domain: b.Domain, Members: b.Members,
			Authorization: world.Policy.AuthorityWords(b.Name, world.Now, seen[b.Name]), Sight: sightOf(sights[b.Name]),
		}
		if s.Clock().Before(b.Survey) {
			x.SurveyUntil = timestamppb.New(b.Survey)
		}
		if paper := papers[b.Name]; paper != nil {
			x.Record = boundaryRecord(world.Policy, world.Documents, paper, seen, world.Now)
		}
		by[b.Name] = x
		all = append(all, x)
	}
	for _, a := range world.Assets {
		in := map[string]bool{}
		for _, p := range a.GetPlaces() {
			if x := by[p.GetBoundary()]; x != nil && !in[p.GetBoundary()] {
				in[p.GetBoundary()] = true
				x.Assets++
			}
		}
	}
	for _, f := range s.Plant.Findings() {
		if f.GetStatus() == "closed" {
			continue
		}
		if x := by[f.GetFromBoundary()]; x != nil {
			x.Findings++
		}
		if x := by[f.GetToBoundary()]; x != nil && f.GetToBoundary() != f.GetFromBoundary() {
			x.Findings++
		}
	}
	return all
}

// inhabited are the boundaries in which an asset stands, or in a part of which
// one does.
func inhabited(w condition.World) map[string]bool {
	in := map[string]bool{}
	for _, a := range w.Assets {
		for _, p := range a.GetPlaces() {
			for name := p.GetBoundary(); name != "" && !in[name]; {
				in[name] = true
				b, _ := w.Policy.Boundary(name)
				if b.Isolated {
					break
				}
				name = b.Parent
			}
		}
	}
	return in
}
