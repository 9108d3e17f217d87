package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"demarc/collector/api"
	"demarc/collector/store"
)

// TestMetrics: Prometheus is told the numbers of the lists, to each what the
// roles reach, and of the process to who runs the collector.
func TestMetrics(t *testing.T) {
	p := newProbing(t, "enforced")
	p.now = p.now.Add(time.Hour)
	p.send("a", flow("10.20.4.50", "10.20.4.10", 102, "s7comm", p.now))
	p.send("a", flow("10.50.1.20", "10.20.4.10", 80, "http", p.now))
	for name, x := range map[string]struct {
		role  store.Role
		sites []string
		told  []string
		not   []string
	}{
		"everywhere": {store.Admin, nil, []string{
			`demarc_connections{protocol="s7comm",verdict="internal"} 1`, `demarc_connections{protocol="http",verdict="out-of-terms"} 1`,
			`demarc_findings{kind="out-of-terms",status="open"} 1`, `demarc_agent_state{agent="a1",site="houston",state="never"} 1`,
			`demarc_agent_state{agent="c1",site="houston",state="connected"} 0`, `demarc_agent_lost_batches_total{agent="b1",site="alpha"} 0`,
			"demarc_policy_version 1", "process_start_time_seconds", `demarc_assets{presence="active",site="houston"} 3`,
		}, nil},
		"another site": {store.Analyst, []string{"alpha"}, []string{`demarc_agent_state{agent="b1",site="alpha",state="never"} 1`}, []string{"demarc_connections{", "demarc_findings{", "demarc_assets{", `agent="a1"`, "process_start_time_seconds"}},
	} {
		w := httptest.NewRecorder()
		p.Metrics(w, httptest.NewRequestWithContext(p.as("sam", x.role, x.sites...), http.MethodGet, "/metrics", http.NoBody))
		for _, line := range x.told {
			if !strings.Contains(w.Body.String(), "\n"+line) {
				t.Errorf("%s: %q is not told in\n%s", name, line, w.Body)
			}
		}
		for _, words := range x.not {
			if strings.Contains(w.Body.String(), words) {
				t.Errorf("%s: %q is told", name, words)
			}
		}
	}
	w := httptest.NewRecorder()
	p.Metrics(w, httptest.NewRequestWithContext(api.As(t.Context(), api.Principal{Name: "nobody"}), http.MethodGet, "/metrics", http.NoBody))
	if strings.Contains(w.Body.String(), "demarc_agent_") || strings.Contains(w.Body.String(), "demarc_connections{") {
		t.Errorf("somebody without a role is told\n%s", w.Body)
	}
}
