package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGate: the conditions of the example's authorizations, judged on what an
// agent of line 4 heard (line 5 was never heard), before a restart and behind
// it, and what gate makes of them.
func TestGate(t *testing.T) {
	agent, bin := programs(t)
	c := newCollector(t, bin)
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	state := t.TempDir()
	c.enrol(agent, state)
	if err := feed(agent, c.uplinkAddr, state, filepath.Join("..", "..", "testdata", "plant", "line4.pcap"), 0); err != nil {
		t.Fatal(err)
	}
	c.judged()
	want := map[string]string{"lines-ato/C1": "violated", "lines-ato/C2": "violated", "lines-ato/C3": "not-observable", "lines-ato/C4": "attestation-due", "lines-ato/C5": "attestation-due", "lines-ato/C6": "not-observable", "insight-ato/I1": "attestation-due"}
	check := func() {
		t.Helper()
		var all struct {
			Conditions []struct{ ID, State string }
		}
		if err := json.Unmarshal(c.must("get", "conditions", "-o", "json"), &all); err != nil {
			t.Fatal(err)
		}
		for _, x := range all.Conditions {
			if x.State != want[x.ID] {
				t.Errorf("%s is %q, not %q", x.ID, x.State, want[x.ID])
			}
		}
		if len(all.Conditions) != len(want) {
			t.Errorf("%d conditions", len(all.Conditions))
		}
		for name, code := range map[string]int{"lines-ato": 1, "plant-network-ato": 2} { // violated; no condition, so nothing to tell
			_, err := c.try("gate", name)
			if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != code {
				t.Errorf("gate %s: %v, not exit status %d", name, err, code)
			}
		}
	}
	check()
	c.kill()
	c.start()
	c.judged()
	check()
}
