package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// Explain says how a connection came to its verdict, a condition to its state,
// what a finding is made of, what a device is, or what is on record of an
// authorization, a boundary or an agreement.
func (s *Service) Explain(ctx context.Context, r *demarcv1.ExplainRequest) (*demarcv1.ExplainResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if c, j, ok := s.Plant.Connection(r.GetId()); ok {
		j = s.active([]*demarcv1.JudgedConnection{j})[0]
		lines := s.connectionLines(c, j)
		if as == nil {
			lines = append(lines, s.sliceLines(r.GetId())...)
		}
		return &demarcv1.ExplainResponse{AsOf: as, Connection: j, Lines: lines}, nil
	}
	if f, ok := s.Plant.Finding(r.GetId()); ok {
		lines := s.findingLines(f)
		for _, c := range f.GetConnections() {
			if as == nil {
				lines = append(lines, s.sliceLines(c)...)
			}
		}
		return &demarcv1.ExplainResponse{AsOf: as, Finding: f, Lines: lines}, nil
	}
	if a, ok := s.Plant.Asset(r.GetId()); ok {
		return &demarcv1.ExplainResponse{AsOf: as, Asset: a, Lines: s.assetLines(a)}, nil
	}
	for _, explain := range []func(string) (*demarcv1.ExplainResponse, bool){s.explainCondition, s.explainDocument, s.explainAgreement} {
		if told, ok := explain(r.GetId()); ok {
			told.AsOf = as
			return told, nil
		}
	}
	if as != nil {
		return nil, status.Errorf(codes.NotFound, "nothing was named %q then: see the lists with --as-of", r.GetId())
	}
	return nil, status.Errorf(codes.NotFound, "nothing is named %q: give the id of a connection, a finding, an asset or a condition, or the name of an authorization, a boundary or an agreement, as `demarc-collector get` lists them", r.GetId())
}

func (s *Service) connectionLines(c inventory.Connection, j *demarcv1.JudgedConnection) []string {
	d, v, policy := j.GetConnection(), j.GetVerdict(), s.Plant.Policy()
	lines := []string{
		fmt.Sprintf("%s -> %s, %s at site %s: %s.", d.GetClient(), d.GetServer(), service(d), j.GetSite(), v.GetVerdict()),
		"Why: " + v.GetReason(),
		"Client " + d.GetClient() + " " + stands(policy.Place(c.Site, c.Client)),
		"Server " + d.GetServer() + " " + stands(policy.Place(c.Site, c.Server)),
	}
	for _, b := range []string{j.GetClientBoundary(), j.GetServerBoundary()} {
		if line := "Authority over " + b + ": " + policy.AuthorityWords(b, s.Clock(), true) + "."; b != "" && b != boundary.Internet && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for _, t := range v.GetTerms() {
		lines = append(lines, fmt.Sprintf("Term %s: %s, %s", t.GetTerm(), t.GetState(), t.GetWhy()))
	}
	if docs := v.GetDocuments(); len(docs) > 0 {
		lines = append(lines, "It stands on "+strings.Join(docs, ", ")+".")
	}
	for _, n := range v.GetNotObservable() {
		lines = append(lines, "Not observable: "+n)
	}
	lines = append(lines, evidence(j)...)
	lines = append(lines, "Still happening: "+stillWords(j.GetActivity()))
	lines = append(lines, s.exchangeLines(c, j)...)
	lines = append(lines, fmt.Sprintf("Judged by policy version %d for %s; %s since %s.",
		v.GetPolicyVersion(), when(v.GetJudgedAt().AsTime()), v.GetVerdict(), when(v.GetSince().AsTime())))
	return append(lines, s.briefLines(j)...)
}

// evidence is what was seen of a connection, and by whom.
func evidence(j *demarcv1.JudgedConnection) []string {
	d := j.GetConnection()
	by := "no agent"
	if len(j.GetAgents()) > 0 {
		by = strings.Join(j.GetAgents(), ", ")
	}
	lines := []string{
		fmt.Sprintf("Seen by %s from %s to %s: %s, %d bytes from the client, %d from the server; %s.",
			by, when(d.GetFirstSeen().AsTime()), when(d.GetLastSeen().AsTime()), sessionWords(d.GetSessions()), d.GetClientBytes(), d.GetServerBytes(), d.GetOutcome()),
		fmt.Sprintf("Protocol %s by %s; who is client by %s; opened by %s.", d.GetProtocol(), orWord(d.GetGrade(), "nothing"), orWord(d.GetDirectionBasis(), "nothing"), orWord(d.GetOpenedBy(), "unknown")),
	}
	if ops := d.GetOperations(); len(ops) > 0 {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(ops)) {
			all = append(all, fmt.Sprintf("%d %s", ops[name], name))
		}
		lines = append(lines, "Operations: "+strings.Join(all, ", ")+".")
	}
	return lines
}

func sessionWords(n uint64) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

func stillWords(a *demarcv1.Activity) string {
	word := map[string]string{Live: "yes", Silent: "no", Unheard: "not observable"}[a.GetState()]
	return word + ", " + a.GetWhy() + "."
}

func service(d *demarcv1.Connection) string {
	if d.GetTransport() == "ethernet" {
		return fmt.Sprintf("%s over ethernet 0x%04x", d.GetProtocol(), d.GetPort())
	}
	return fmt.Sprintf("%s over %s/%d", d.GetProtocol(), d.GetTransport(), d.GetPort())
}

func stands(p boundary.Placement) string {
	switch {
	case p.Boundary != "":
		return fmt.Sprintf("stands in %s: %s.", p.Boundary, p.Why)
	case p.Group:
		return "needs no boundary: " + p.Why + "."
	case len(p.Ambiguous) > 0:
		return "could stand in " + strings.Join(p.Ambiguous, " or ") + ": " + p.Why + "."
	}
	return "stands in no boundary: " + p.Why + "."
}

func (s *Service) findingLines(f *demarcv1.Finding) []string {
	lines := []string{
		fmt.Sprintf("%s: %s, severity %d, %s.", f.GetTitle(), f.GetKind(), f.GetSeverity(), f.GetStatus()),
		"Why it matters: " + f.GetWhy(),
	}
	for _, t := range f.GetSeverityTerms() {
		lines = append(lines, "Severity: "+t)
	}
	if f.GetTechnique() != "" {
		lines = append(lines, "ATT&CK for ICS: "+f.GetTechnique())
	}
	if f.GetFirstSeen() != nil {
		lines = append(lines, fmt.Sprintf("Seen from %s to %s at site %s.", when(f.GetFirstSeen().AsTime()), when(f.GetLastSeen().AsTime()), f.GetSite()))
	}
	if f.GetCeased() != "" {
		lines = append(lines, fmt.Sprintf("Nothing of it holds since %s: %s. It waits for somebody to close it.", when(f.GetCeasedSince().AsTime()), f.GetCeased()))
	}
	for _, what := range f.GetUnused() {
		lines = append(lines, "Unused: "+what)
	}
	for _, id := range f.GetConnections() {
		if _, j, ok := s.Plant.Connection(id); ok {
			d := j.GetConnection()
			lines = append(lines, fmt.Sprintf("Connection %s: %s -> %s, %s: %s, %s", id, d.GetClient(), d.GetServer(), service(d), j.GetVerdict().GetVerdict(), j.GetVerdict().GetReason()))
		}
	}
	for _, id := range f.GetAssets() {
		words := "Asset " + id
		if a, ok := s.Plant.Asset(id); ok {
			words += ": " + assetName(a)
		}
		lines = append(lines, words)
	}
	return append(lines, s.historyLines(f)...)
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}
