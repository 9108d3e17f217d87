package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"demarc/collector/verdict"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Verdicts, the worst first: the order of lists.
var verdicts = []string{
	verdict.Unauthorized, verdict.OutOfTerms, verdict.Lapsed, verdict.Undecided, verdict.Authorized, verdict.Internal,
}

var outcomes = []string{ot.Exchanged.String(), ot.Refused.String(), ot.Unanswered.String(), ot.OneSided.String(), "unknown"}

type judgedConnection = *demarcv1.JudgedConnection

var connectionList = list[judgedConnection]{
	order: "verdict, last_seen desc, client, server",
	columns: map[string]column[judgedConnection]{
		"verdict": func(k key, c judgedConnection) key {
			return k.number(uint64(slices.Index(verdicts, c.GetVerdict().GetVerdict()) + 1))
		},
		"client":          func(k key, c judgedConnection) key { return k.address(c.GetConnection().GetClient()) },
		"server":          func(k key, c judgedConnection) key { return k.address(c.GetConnection().GetServer()) },
		"client_boundary": func(k key, c judgedConnection) key { return k.text(c.GetClientBoundary()) },
		"server_boundary": func(k key, c judgedConnection) key { return k.text(c.GetServerBoundary()) },
		"site":            func(k key, c judgedConnection) key { return k.text(c.GetSite()) },
		"segment":         func(k key, c judgedConnection) key { return k.text(c.GetConnection().GetSegment()) },
		"protocol":        func(k key, c judgedConnection) key { return k.text(c.GetConnection().GetProtocol()) },
		"transport":       func(k key, c judgedConnection) key { return k.text(c.GetConnection().GetTransport()) },
		"port":            func(k key, c judgedConnection) key { return k.number(uint64(c.GetConnection().GetPort())) },
		"outcome":         func(k key, c judgedConnection) key { return k.text(c.GetConnection().GetOutcome()) },
		"security":        func(k key, c judgedConnection) key { return k.text(c.GetConnection().GetSecurity()) },
		"sessions":        func(k key, c judgedConnection) key { return k.number(c.GetConnection().GetSessions()) },
		"bytes": func(k key, c judgedConnection) key {
			return k.number(c.GetConnection().GetClientBytes() + c.GetConnection().GetServerBytes())
		},
		"first_seen": func(k key, c judgedConnection) key { return k.time(c.GetConnection().GetFirstSeen()) },
		"last_seen":  func(k key, c judgedConnection) key { return k.time(c.GetConnection().GetLastSeen()) },
		"since":      func(k key, c judgedConnection) key { return k.time(c.GetVerdict().GetSince()) },
	},
	id: func(k key, c judgedConnection) key {
		return k.number(uint64(c.GetConnection().GetPort())).exact(c.GetId())
	},
}

// ListConnections lists connections, the worst verdict first, of a verdict the
// latest first.
func (s *Service) ListConnections(ctx context.Context, r *demarcv1.ListConnectionsRequest) (*demarcv1.ListConnectionsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	ids, err := idSet(r.GetIds())
	words, err2 := newSearch(r.GetSearch())
	if err := cmp.Or(err, err2, oneOf("verdict", r.GetVerdict(), verdicts), oneOf("outcome", r.GetOutcome(), outcomes),
		oneOf("operation", r.GetOperation(), ot.OperationNames()), oneOf("activity", r.GetActivity(), activityStates), s.knownBoundary(r.GetBoundary()),
		s.knownBoundary(r.GetClientBoundary()), s.knownBoundary(r.GetServerBoundary())); err != nil {
		return nil, err
	}
	by := map[string]uint32{}
	rows := s.inState(s.texts.connections.find(s.Plant.Connections(), words, connectionTexts), r.GetActivity())
	p, err := connectionList.page(r, rows, func(c judgedConnection) bool {
		if ids != nil && !ids[c.GetId()] || !connectionMatches(r, c) {
			return false
		}
		by[c.GetVerdict().GetVerdict()]++
		return is(r.GetVerdict(), c.GetVerdict().GetVerdict())
	})
	return &demarcv1.ListConnectionsResponse{AsOf: as, Connections: s.active(p.rows), NextPageToken: p.next, Total: p.total, Verdicts: by}, err
}

// connectionMatches holds a connection to the filters other than the verdict.
// It reads no field that none is about: there may be a million connections.
func connectionMatches(r *demarcv1.ListConnectionsRequest, c judgedConnection) bool {
	d, from, to := c.GetConnection(), c.GetClientBoundary(), c.GetServerBoundary()
	return (is(r.GetBoundary(), from) || is(r.GetBoundary(), to)) &&
		is(r.GetClientBoundary(), from) && is(r.GetServerBoundary(), to) && is(r.GetSite(), c.GetSite()) &&
		(r.GetSegment() == "" || r.GetSegment() == d.GetSegment()) && (r.GetProtocol() == "" || r.GetProtocol() == d.GetProtocol()) &&
		(r.GetOutcome() == "" || r.GetOutcome() == d.GetOutcome()) &&
		(r.GetAsset() == "" || r.GetAsset() == d.GetClientAsset() || r.GetAsset() == d.GetServerAsset()) &&
		(r.GetOperation() == "" || d.GetOperations()[r.GetOperation()] > 0) &&
		(!r.GetCrossing() || from != to && c.GetVerdict().GetVerdict() != verdict.Internal)
}

// connectionTexts are those that a search looks into.
func connectionTexts(c judgedConnection) func(func(string) bool) {
	return func(yield func(string) bool) {
		d, v := c.GetConnection(), c.GetVerdict()
		for _, t := range [...]string{
			d.GetClient(), d.GetServer(), d.GetProtocol(), d.GetTransport(), c.GetClientBoundary(), c.GetServerBoundary(), v.GetVerdict(), v.GetReason(),
			d.GetOutcome(), d.GetSegment(), c.GetSite(), d.GetSecurity(), c.GetId(),
		} {
			if !yield(t) {
				return
			}
		}
		yield(strconv.FormatUint(uint64(d.GetPort()), 10))
	}
}
