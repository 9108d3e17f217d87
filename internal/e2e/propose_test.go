package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPropose: on day one, without a document, the plant is drafted; what was
// drafted is not in force, is taken by apply --dry-run and then by apply, and
// leaves nothing of it to draft again. Files that are there stay.
func TestPropose(t *testing.T) {
	agent, bin := programs(t)
	c := newCollector(t, bin)
	if out := c.must("propose"); !bytes.Contains(out, []byte("# Nothing stands in no boundary")) {
		t.Errorf("of nothing: %s", out)
	}
	state := t.TempDir()
	if out, err := runProgram(agent, "enroll", "--collector", c.uplinkAddr, "--state", state, "--token", strings.TrimSpace(string(c.must("token", "create", "-q", "--agent", "a", "--site", "houston")))); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, segment := range []string{"line4", "line5", "dmz", "corp"} {
		if out, err := runProgram(agent, "read", "--collector", c.uplinkAddr, "--state", state, "--segment", segment, filepath.Join("..", "..", "testdata", "plant", segment+".pcap")); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	c.judged()
	drafts := filepath.Join(t.TempDir(), "drafts")
	c.must("propose", "--out", drafts)
	for file, want := range map[string]string{
		"sites.yaml":            "- {name: line4, local: [192.168.1.0/24]}",
		"boundaries.yaml":       "metadata: {name: dmz}",
		"shared-services.yaml":  "metadata: {name: dmz-directory}",
		"interconnections.yaml": "{protocol: opcua, ports: [4840], operations: [subscribe, diagnose, authenticate]}",
	} {
		text, err := os.ReadFile(filepath.Join(drafts, file))
		if err != nil || !bytes.Contains(text, []byte(want)) || !bytes.Contains(text, []byte("Nobody approved any of this")) {
			t.Errorf("%s: %v: lacks %q:\n%s", file, err, want, clip(text))
		}
	}
	if out := c.must("get", "boundaries"); !bytes.Contains(out, []byte("None.")) {
		t.Errorf("drafting put something in force: %s", out)
	}
	if _, err := c.try("propose", "--out", drafts); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("overwritten: %v", err)
	}
	whole := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(whole, c.must("propose"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{drafts, whole} {
		if out := c.must("apply", "-f", path, "--dry-run"); !bytes.Contains(out, []byte("Dry run: nothing was changed")) {
			t.Errorf("%s: %s", path, out)
		}
	}
	var r struct {
		Candidates []struct{ Kind, Name, Text string }
	}
	if err := json.Unmarshal(c.must("propose", "-o", "json"), &r); err != nil || len(r.Candidates) < 15 {
		t.Errorf("%d candidates: %v", len(r.Candidates), err)
	}
	c.must("apply", "-f", drafts)
	c.judged()
	if err := json.Unmarshal(c.must("propose", "-o", "json"), &r); err != nil || len(r.Candidates) != 0 {
		t.Errorf("drafted again: %v %v", r.Candidates, err)
	}
	if out := c.must("propose", "--all"); !bytes.Contains(out, []byte("kind: Interconnection")) {
		t.Errorf("--all: %s", clip(out))
	}
	for _, bad := range [][]string{{"propose", "-o", "table"}, {"propose", "--site", "nowhere"}, {"propose", "--out", drafts, "-o", "json"}} {
		if _, err := c.try(bad...); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func runProgram(name string, args ...string) ([]byte, error) {
	return exec.Command(name, args...).CombinedOutput() // our own programs
}
