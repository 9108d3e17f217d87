package server

import (
	"strings"
	"testing"

	"demarc/collector/api"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// Drafts tell those whose role reaches one boundary of nothing else.
func TestDraftsStayWithinARole(t *testing.T) {
	l := newLab(t)
	l.must2(l.apply(documents(plantDocs, lineATO), applyOptions{}))
	l.send("a", flow("10.60.1.1", "10.50.1.20", 443, "tls", l.now))
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	l.send("a", flow("10.9.9.9", "10.9.9.8", 443, "tls", l.now))
	s := api.New(api.Config{Plant: l.engine, Store: l.store, Clock: l.clock})
	told := func(boundaries ...string) string {
		ctx := api.As(t.Context(), api.Principal{Name: "rita", Roles: []store.Grant{{Role: store.Auditor, Boundaries: boundaries}}})
		r, err := s.Propose(ctx, &demarcv1.ProposeRequest{})
		l.must(err)
		var all []string
		for _, c := range r.GetCandidates() {
			all = append(all, c.GetText())
		}
		return strings.Join(all, "\n")
	}
	if all := told(); !strings.Contains(all, "10.9.9.") || !strings.Contains(all, "10.50.1.20") || !strings.Contains(all, "10.20.4.10") {
		t.Fatalf("nothing to hide:\n%s", all)
	}
	if line := told("line4"); strings.Contains(line, "10.9.9.") || strings.Contains(line, "10.50.1.20") || !strings.Contains(line, "10.20.4.10") {
		t.Errorf("line4 alone is told of:\n%s", line)
	}
	ctx := api.As(t.Context(), api.Principal{Name: "rita", Roles: []store.Grant{{Role: store.Auditor, Boundaries: []string{"dmz"}}}})
	if _, err := s.ProposeReuse(ctx, &demarcv1.ProposeReuseRequest{Authorization: "line4-ato", Boundary: "dmz"}); err == nil {
		t.Error("an authorization beyond the role is told of")
	}
}
