package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"demarc/collector/finding"
	"demarc/collector/paper"
	demarcv1 "demarc/proto/demarc/v1"
)

// knownSide is knownBoundary for lists that have a word for no boundary.
func (s *Service) knownSide(name string) error {
	if name == paper.None {
		return nil
	}
	return s.knownBoundary(name)
}

// open are the findings, and which of them are not closed.
func (s *Service) open() (all []*demarcv1.Finding, ids map[string]bool) {
	all, ids = s.Plant.Findings(), map[string]bool{}
	for _, f := range all {
		if f.GetStatus() != finding.Closed {
			ids[f.GetId()] = true
		}
	}
	return all, ids
}

type crossing = *demarcv1.Crossing

var crossingList = list[crossing]{
	order: "verdict, findings desc, from, to",
	columns: map[string]column[crossing]{
		"verdict": func(k key, x crossing) key {
			for i, v := range verdicts { // the worst that it has
				if x.GetVerdicts()[v] > 0 {
					return k.number(uint64(i))
				}
			}
			return k.number(uint64(len(verdicts)))
		},
		"from":        func(k key, x crossing) key { return k.text(x.GetFrom()) },
		"to":          func(k key, x crossing) key { return k.text(x.GetTo()) },
		"connections": func(k key, x crossing) key { return k.number(uint64(x.GetConnections())) },
		"live":        func(k key, x crossing) key { return k.number(uint64(x.GetLive())) },
		"findings":    func(k key, x crossing) key { return k.number(uint64(len(x.GetFindings()))) },
		"bytes":       func(k key, x crossing) key { return k.number(x.GetBytes()) },
		"first_seen":  func(k key, x crossing) key { return k.time(x.GetFirstSeen()) },
		"last_seen":   func(k key, x crossing) key { return k.time(x.GetLastSeen()) },
	},
	id: func(k key, x crossing) key { return k.exact(x.GetFrom()).exact(x.GetTo()) },
}

// ListCrossings lists which boundary speaks with which, the worst verdict first.
func (s *Service) ListCrossings(ctx context.Context, r *demarcv1.ListCrossingsRequest) (*demarcv1.ListCrossingsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("verdict", r.GetVerdict(), verdicts), s.knownSide(r.GetBoundary()), s.knownSide(r.GetFrom()), s.knownSide(r.GetTo())); err != nil {
		return nil, err
	}
	w := s.paperWorld()
	activity := s.Plant.Activity(w.Connections, s.Clock())
	_, open := s.open()
	all := paper.Crossings(w, r.GetInside(), func(i int) bool { return activity[i].State == Live }, open)
	p, err := crossingList.page(r, all, func(x crossing) bool { return crossingMatches(r, x) && words.in(crossingTexts(x)) })
	return &demarcv1.ListCrossingsResponse{AsOf: as, Crossings: p.rows, NextPageToken: p.next, Total: p.total}, err
}

func crossingMatches(r *demarcv1.ListCrossingsRequest, x crossing) bool {
	return (is(r.GetBoundary(), x.GetFrom()) || is(r.GetBoundary(), x.GetTo())) && is(r.GetFrom(), x.GetFrom()) && is(r.GetTo(), x.GetTo()) &&
		(r.GetVerdict() == "" || x.GetVerdicts()[r.GetVerdict()] > 0) && (r.GetProtocol() == "" || x.GetProtocols()[r.GetProtocol()] > 0)
}

func crossingTexts(x crossing) func(func(string) bool) {
	texts := append([]string{x.GetFrom(), x.GetTo(), x.GetFromDomain(), x.GetToDomain()}, x.GetAgreements()...)
	texts = slices.Concat(texts, sortedKeys(x.GetVerdicts()), sortedKeys(x.GetProtocols()), sortedKeys(x.GetOperations()))
	return slices.Values(texts)
}

type remoteAccess = *demarcv1.RemoteAccess

var remoteAccessList = list[remoteAccess]{
	order: "boundary, way, tool, device",
	columns: map[string]column[remoteAccess]{
		"boundary":      func(k key, x remoteAccess) key { return k.text(x.GetBoundary()) },
		"device":        func(k key, x remoteAccess) key { return k.address(x.GetDevice()) },
		"tool":          func(k key, x remoteAccess) key { return k.text(x.GetTool()) },
		"way":           func(k key, x remoteAccess) key { return k.number(uint64(slices.Index(paper.Ways, x.GetWay()))) },
		"peer_boundary": func(k key, x remoteAccess) key { return k.text(x.GetPeerBoundary()) },
		"verdict":       func(k key, x remoteAccess) key { return k.number(uint64(slices.Index(verdicts, x.GetVerdict()) + 1)) },
		"sessions":      func(k key, x remoteAccess) key { return k.number(x.GetSessions()) },
		"first_seen":    func(k key, x remoteAccess) key { return k.time(x.GetFirstSeen()) },
		"last_seen":     func(k key, x remoteAccess) key { return k.time(x.GetLastSeen()) },
	},
	id: func(k key, x remoteAccess) key { return k.exact(x.GetId()) },
}

// ListRemoteAccess lists who can act from afar on what, by the boundary that is
// reached.
func (s *Service) ListRemoteAccess(ctx context.Context, r *demarcv1.ListRemoteAccessRequest) (*demarcv1.ListRemoteAccessResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("way", r.GetWay(), paper.Ways), oneOf("verdict", r.GetVerdict(), verdicts), s.knownSide(r.GetBoundary())); err != nil {
		return nil, err
	}
	w := s.paperWorld()
	activity := s.Plant.Activity(w.Connections, s.Clock())
	_, open := s.open()
	all := paper.RemoteAccess(w, func(i int) string { return activity[i].State }, open)
	p, err := remoteAccessList.page(r, all, func(x remoteAccess) bool {
		return is(r.GetBoundary(), x.GetBoundary()) && is(strings.ToLower(r.GetTool()), strings.ToLower(strings.TrimSuffix(x.GetTool(), "?"))) &&
			is(r.GetWay(), x.GetWay()) && is(r.GetVerdict(), x.GetVerdict()) && words.in(remoteAccessTexts(x))
	})
	return &demarcv1.ListRemoteAccessResponse{AsOf: as, RemoteAccess: p.rows, NextPageToken: p.next, Total: p.total}, err
}

func remoteAccessTexts(x remoteAccess) func(func(string) bool) {
	return slices.Values(slices.Concat([]string{
		x.GetBoundary(), x.GetDevice(), x.GetTool(), x.GetKind(), x.GetPeerBoundary(), x.GetPeerName(), x.GetWay(), x.GetVia(), x.GetVerdict(), x.GetReason(), x.GetSite(), x.GetActivity(),
	}, x.GetPeers(), x.GetBehind(), x.GetDocuments(), x.GetAgents()))
}

type secondPath = *demarcv1.SecondPath

var secondPathList = list[secondPath]{
	order: "named, kind, address",
	columns: map[string]column[secondPath]{
		"named": func(k key, x secondPath) key { return k.text(x.GetNamed()) },
		"kind": func(k key, x secondPath) key {
			return k.number(uint64(slices.Index(paper.SecondPathKinds, x.GetKind())))
		},
		"address":    func(k key, x secondPath) key { return k.address(firstOf(x.GetAddresses())) },
		"boundary":   func(k key, x secondPath) key { return k.text(firstOf(x.GetBoundaries())) },
		"site":       func(k key, x secondPath) key { return k.text(x.GetSite()) },
		"first_seen": func(k key, x secondPath) key { return k.time(x.GetFirstSeen()) },
		"last_seen":  func(k key, x secondPath) key { return k.time(x.GetLastSeen()) },
	},
	id: func(k key, x secondPath) key { return k.exact(x.GetId()) },
}

// ListSecondPaths lists the devices that are a way between boundaries, those that
// no document names first.
func (s *Service) ListSecondPaths(ctx context.Context, r *demarcv1.ListSecondPathsRequest) (*demarcv1.ListSecondPathsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("kind", r.GetKind(), paper.SecondPathKinds), s.knownSide(r.GetBoundary())); err != nil {
		return nil, err
	}
	findings, open := s.open()
	all := slices.DeleteFunc(paper.SecondPaths(s.paperWorld(), findings, open), func(x secondPath) bool {
		return x.GetAsset() == "" && !slices.ContainsFunc(x.GetBoundaries(), func(b string) bool { return s.sees("Boundary", b, "") })
	})
	p, err := secondPathList.page(r, all, func(x secondPath) bool {
		return (r.GetBoundary() == "" || slices.Contains(x.GetBoundaries(), r.GetBoundary()) || r.GetBoundary() == paper.None && len(x.GetBoundaries()) == 0) &&
			is(r.GetKind(), x.GetKind()) && (!r.GetUnnamed() || x.GetNamed() == "") &&
			words.in(slices.Values(slices.Concat([]string{x.GetKind(), x.GetNamed(), x.GetSite(), x.GetSegment(), x.GetId()}, x.GetAddresses(), x.GetNames(), x.GetBoundaries(), x.GetWhy())))
	})
	return &demarcv1.ListSecondPathsResponse{AsOf: as, SecondPaths: p.rows, NextPageToken: p.next, Total: p.total}, err
}
