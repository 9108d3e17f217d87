package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestBundleOfARunningAgent: an agent that listens and has no link tells by its
// bundles how it is, also behind a restart of the collector.
func TestBundleOfARunningAgent(t *testing.T) {
	agent, collector := programs(t)
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.Veth(t, "plant", "span")
	c := newCollector(t, collector)
	state, stick := t.TempDir(), t.TempDir()
	config := filepath.Join(state, "agent.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "collector: none\nstate: %s\ninterfaces: [{name: span, segment: line4}]\n", state), 0o600); err != nil {
		t.Fatal(err)
	}
	c.admit(agent, state, "a1", stick)
	run := exec.Command(agent, "run", "--config", config) // our own program
	run.Stderr = os.Stderr
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	}()
	waitFor(t, "the capture", func() bool { return listened(t, "span") })
	all := chosen(t, "line4.pcap", noNTP)
	play(t, all)
	var a *demarcv1.Agent
	waitFor(t, "a bundle that tells of every frame", func() bool {
		if out, err := exec.Command(agent, "export", "--config", config, stick).CombinedOutput(); err != nil { // our own program
			t.Fatalf("%v: %s", err, out)
		}
		files, err := filepath.Glob(filepath.Join(stick, "*.demarc"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			return false
		}
		c.must(append([]string{"import", "bundle"}, files...)...)
		a = c.agentNamed("a1")
		return a.GetFrames() >= uint64(len(all))
	})
	is := func(when string) {
		t.Helper()
		if a := c.agentNamed("a1"); a.GetState() != "by bundle" || a.GetFrames() != uint64(len(all)) || a.GetDrops() != 0 || a.GetLastFrame() == nil || a.GetLastHeard() == nil || a.GetDiskFreeBytes() == 0 || a.GetDiskBytes() < a.GetDiskFreeBytes() {
			t.Errorf("%s: %v", when, a)
		}
	}
	is("imported")
	c.kill()
	c.start()
	is("behind a restart")
	if text := string(c.must("get", "agents")); !strings.Contains(text, "DISK FREE") || !strings.Contains(text, "B of ") {
		t.Errorf("%s", text)
	}
}
