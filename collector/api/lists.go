package api

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// Verdicts, the worst first: the order of lists.
var verdicts = []string{
	verdict.Unauthorized, verdict.OutOfTerms, verdict.Lapsed, verdict.Undecided, verdict.Authorized, verdict.Internal,
}

// oneOf refuses a filter that is none of the values.
func oneOf(what, value string, values []string) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return status.Errorf(codes.InvalidArgument, "%s %q is not known: use %s", what, value, strings.Join(values, ", "))
}

func (s *Service) knownBoundary(name string) error {
	if name == "" || name == boundary.Internet {
		return nil
	}
	if _, ok := s.Plant.Policy().Boundary(name); ok {
		return nil
	}
	var names []string
	for _, b := range s.Plant.Policy().Boundaries() {
		names = append(names, b.Name)
	}
	return status.Errorf(codes.InvalidArgument, "boundary %q is in no document: known are %s", name, orNone(names))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none, apply documents first"
	}
	return strings.Join(names, ", ")
}

// ListConnections lists connections, the worst verdict first, of a verdict the
// latest first.
func (s *Service) ListConnections(_ context.Context, r *demarcv1.ListConnectionsRequest) (*demarcv1.ListConnectionsResponse, error) {
	if err := cmp.Or(oneOf("verdict", r.GetVerdict(), verdicts), s.knownBoundary(r.GetBoundary())); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(s.Plant.Connections(), func(c *demarcv1.JudgedConnection) bool {
		return r.GetVerdict() != "" && c.GetVerdict().GetVerdict() != r.GetVerdict() ||
			r.GetBoundary() != "" && c.GetClientBoundary() != r.GetBoundary() && c.GetServerBoundary() != r.GetBoundary()
	})
	slices.SortFunc(all, func(a, b *demarcv1.JudgedConnection) int {
		x, y := a.GetConnection(), b.GetConnection()
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			y.GetLastSeen().AsTime().Compare(x.GetLastSeen().AsTime()),
			compareAddress(x.GetClient(), y.GetClient()), compareAddress(x.GetServer(), y.GetServer()),
			cmp.Compare(x.GetPort(), y.GetPort()), cmp.Compare(a.GetId(), b.GetId()),
		)
	})
	return &demarcv1.ListConnectionsResponse{Connections: all}, nil
}

func rank(c *demarcv1.JudgedConnection) int {
	return slices.Index(verdicts, c.GetVerdict().GetVerdict())
}

// ListAssets lists assets by site and address, parts behind what they are
// parts of.
func (s *Service) ListAssets(_ context.Context, r *demarcv1.ListAssetsRequest) (*demarcv1.ListAssetsResponse, error) {
	if err := s.knownBoundary(r.GetBoundary()); err != nil {
		return nil, err
	}
	all := s.Plant.Assets()
	by := make(map[string]*demarcv1.Asset, len(all))
	for _, a := range all {
		by[a.GetId()] = a
	}
	whole := func(a *demarcv1.Asset) *demarcv1.Asset {
		if p := by[a.GetParent()]; p != nil {
			return p
		}
		return a
	}
	all = slices.DeleteFunc(all, func(a *demarcv1.Asset) bool {
		return r.GetSite() != "" && a.GetSite() != r.GetSite() || r.GetBoundary() != "" && !standsIn(whole(a), r.GetBoundary())
	})
	slices.SortFunc(all, func(a, b *demarcv1.Asset) int {
		x, y := whole(a), whole(b)
		return cmp.Or(
			strings.Compare(x.GetSite(), y.GetSite()), compareAddress(firstAddress(x), firstAddress(y)), strings.Compare(x.GetId(), y.GetId()),
			cmp.Compare(len(a.GetParent()), len(b.GetParent())), strings.Compare(a.GetId(), b.GetId()),
		)
	})
	return &demarcv1.ListAssetsResponse{Assets: all}, nil
}

func standsIn(a *demarcv1.Asset, boundary string) bool {
	return slices.ContainsFunc(a.GetPlaces(), func(p *demarcv1.Place) bool { return p.GetBoundary() == boundary })
}

func firstAddress(a *demarcv1.Asset) string {
	for _, all := range [][]string{a.GetIps(), a.GetMacs()} {
		if len(all) > 0 {
			return all[0]
		}
	}
	return ""
}

// compareAddress sorts addresses by number, IP before MAC.
func compareAddress(a, b string) int {
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

// surveyed reports whether a finding stands in the worklist of a survey: every
// boundary of the plant that it names is in one, and it is not urgent.
func (s *Service) surveyed(f *demarcv1.Finding) bool {
	policy, now, in := s.Plant.Policy(), s.Clock(), false
	for _, b := range []string{f.GetFromBoundary(), f.GetToBoundary()} {
		if policy.Surveyed(b, now) {
			in = true
		} else if b != "" && b != boundary.Internet {
			return false
		}
	}
	return in && !f.GetUrgent()
}

// ListSites lists the sites of the documents, and those that only agents name.
func (s *Service) ListSites(context.Context, *demarcv1.ListSitesRequest) (*demarcv1.ListSitesResponse, error) {
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
	r := &demarcv1.ListSitesResponse{}
	for _, x := range sites {
		r.Sites = append(r.Sites, x)
	}
	slices.SortFunc(r.Sites, func(a, b *demarcv1.Site) int { return strings.Compare(a.GetName(), b.GetName()) })
	return r, nil
}

// ListBoundaries lists boundaries with what stands in them.
func (s *Service) ListBoundaries(context.Context, *demarcv1.ListBoundariesRequest) (*demarcv1.ListBoundariesResponse, error) {
	r := &demarcv1.ListBoundariesResponse{}
	by := map[string]*demarcv1.BoundarySummary{}
	world := s.world()
	sights := condition.Sights(world)
	for _, b := range world.Policy.Boundaries() {
		x := &demarcv1.BoundarySummary{
			Name: b.Name, Title: b.Title, Kind: b.Kind, Domain: b.Domain, Members: b.Members,
			Authorization: s.authorizationOf(b.Name), Sight: sightOf(sights[b.Name]),
		}
		if s.Clock().Before(b.Survey) {
			x.SurveyUntil = timestamppb.New(b.Survey)
		}
		by[b.Name] = x
		r.Boundaries = append(r.Boundaries, x)
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
	return r, nil
}
