package api

import (
	"strings"
	"testing"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestGate: what is violated or due fails, what nobody saw cannot be told, and
// nothing to hold is no pass.
func TestGate(t *testing.T) {
	for conditions, want := range map[string]string{
		"[]": gateCannot,
		"[{id: C1, statement: s, check: atc-within-ato}]":                                                              gateHolds,
		"[{id: C1, statement: s, check: no-internet}]":                                                                 gateCannot,
		"[{id: C1, statement: s, check: no-internet}, {id: C2, statement: s, attest: {by: system-owner, every: 90d}}]": gateFails,
	} {
		s, p := newService(t)
		text := docs + "---\napiVersion: demarc/v1\nkind: Authorization\nmetadata: {name: line4-ato}\nspec: {decision: ato, boundaries: [line4], granted: 2026-03-01, " +
			"connect: [{to: dmz, decision: atc, granted: 2026-03-01}], conditions: " + conditions + "}\n"
		d, err := boundary.Read([]boundary.File{{Path: "docs.yaml", Content: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		if p.policy, err = boundary.Compile(d, 4); err != nil {
			t.Fatal(err)
		}
		p.docs = d
		s.Clock = func() time.Time { return time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC) }
		g, err := s.Gate(reader(t), &demarcv1.GateRequest{Authorization: "line4-ato"})
		if err != nil || g.GetResult() != want {
			t.Errorf("%s: %v, %v, want %s", conditions, g, err, want)
		}
		if len(g.GetConditions()) == 0 {
			continue
		}
		x, err := s.Explain(reader(t), &demarcv1.ExplainRequest{Id: "line4-ato/C1"})
		if err != nil || !strings.HasPrefix(strings.Join(x.GetLines(), "\n"), "line4-ato/C1: ") {
			t.Errorf("%v, %v", x, err)
		}
	}
	s, _ := newService(t)
	if _, err := s.Gate(reader(t), &demarcv1.GateRequest{Authorization: "nobody"}); err == nil {
		t.Error("an authorization that is in no document is taken")
	}
}
