package main

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"

	"demarc/internal/plant"
	demarcv1 "demarc/proto/demarc/v1"
)

// seen is what the collector shows.
type seen struct {
	boundaries  []*demarcv1.BoundarySummary
	assets      []*demarcv1.Asset
	connections []*demarcv1.JudgedConnection
	findings    []*demarcv1.Finding
}

func look(ctx context.Context, c *collector) (seen, error) {
	var (
		boundaries  demarcv1.ListBoundariesResponse
		assets      demarcv1.ListAssetsResponse
		connections demarcv1.ListConnectionsResponse
		findings    demarcv1.ListFindingsResponse
	)
	if err := c.get(ctx, &boundaries, "get", "boundaries"); err != nil {
		return seen{}, err
	}
	if err := c.get(ctx, &assets, "get", "assets"); err != nil {
		return seen{}, err
	}
	if err := c.get(ctx, &connections, "get", "connections"); err != nil {
		return seen{}, err
	}
	if err := c.get(ctx, &findings, "get", "findings"); err != nil {
		return seen{}, err
	}
	return seen{boundaries.Boundaries, assets.Assets, connections.Connections, findings.Findings}, nil
}

// elsewhere counts the assets that stand in no boundary of the documents: those
// of the Internet, those that stand nowhere, and parts, which stand with the
// asset that they belong to.
func (s seen) elsewhere() (internet, nowhere, parts int) {
	for _, a := range s.assets {
		stands := map[string]bool{}
		for _, p := range a.Places {
			stands[p.Boundary] = true
		}
		delete(stands, "")
		outside := stands["internet"]
		delete(stands, "internet")
		switch {
		case len(stands) > 0:
		case outside:
			internet++
		case a.Kind == "part":
			parts++
		default:
			nowhere++
		}
	}
	return internet, nowhere, parts
}

// uncovered are the connections that no agreement covers, those of the most
// severe finding first.
func (s seen) uncovered() []*demarcv1.JudgedConnection {
	severity := map[string]uint32{}
	for _, f := range s.findings {
		for _, id := range f.Connections {
			severity[id] = max(severity[id], f.Severity)
		}
	}
	var all []*demarcv1.JudgedConnection
	for _, c := range s.connections {
		if slices.Contains([]string{"unauthorized", "out-of-terms", "lapsed"}, c.Verdict.GetVerdict()) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b *demarcv1.JudgedConnection) int {
		return cmp.Compare(severity[b.Id], severity[a.Id])
	})
	return all
}

const expectations = captures + "/expected.yaml"

// expected reads what was planted.
func expected() (plant.Expected, error) {
	text, err := os.ReadFile(expectations)
	if err != nil {
		return plant.Expected{}, err
	}
	return plant.ReadExpected(text)
}

// found are the findings, each with the addresses that it is about.
func (s seen) found() []plant.Found {
	ends, ips := map[string][]string{}, map[string][]string{}
	for _, c := range s.connections {
		ends[c.Id] = []string{c.Connection.GetClient(), c.Connection.GetServer()}
	}
	for _, a := range s.assets {
		ips[a.Id] = a.Ips
	}
	all := make([]plant.Found, 0, len(s.findings))
	for _, f := range s.findings {
		addresses := map[string]bool{}
		for _, id := range f.Connections {
			for _, a := range ends[id] {
				addresses[a] = true
			}
		}
		for _, id := range f.Assets {
			for _, a := range ips[id] {
				addresses[a] = true
			}
		}
		all = append(all, plant.Found{Finding: f, Addresses: slices.Sorted(maps.Keys(addresses))})
	}
	return all
}
