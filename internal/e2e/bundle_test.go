package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	demarcv1 "demarc/proto/demarc/v1"
)

// TestBundlesInPlaceOfALink: an agent that was enrolled by files and heard by
// files alone gives the collector what it would have had by a link.
func TestBundlesInPlaceOfALink(t *testing.T) {
	agent, collector := programs(t)
	examples, file := filepath.Join("..", "..", "deploy", "example"), filepath.Join("..", "..", "testdata", "plant", "line4.pcap")

	linked := newCollector(t, collector)
	linked.must("apply", "-f", examples)
	state := t.TempDir()
	linked.enrol(agent, state)
	if err := feed(agent, linked.uplinkAddr, state, file, 0); err != nil {
		t.Fatal(err)
	}
	want := linked.judged()

	apart := newCollector(t, collector)
	apart.must("apply", "-f", examples)
	files := apart.byFiles(agent, "a1", t.TempDir(), file)
	for range 2 { // the second time changes nothing
		apart.must(append([]string{"import", "bundle"}, files...)...)
	}
	if text := string(apart.must("get", "agents")); !strings.Contains(text, "by bundle") || strings.Contains(text, "silent") {
		t.Errorf("%s", text)
	}
	got := apart.judged()
	for what := range want {
		if a, b := stable(want[what]), stable(got[what]); !bytes.Equal(a, b) {
			t.Errorf("%s differ from those by a link%s", what, firstDifference(a, b))
		}
	}
}

// byFiles lets an agent without a link read a capture: it is admitted by files,
// and what it saw is on the stick, in the bundles that are returned.
func (p *plantProcess) byFiles(agent, name, stick, capture string) (bundles []string) {
	p.t.Helper()
	state := p.t.TempDir()
	p.admit(agent, state, name, stick)
	run := func(args ...string) string {
		p.t.Helper()
		out, err := exec.Command(agent, append(args, "--state", state)...).CombinedOutput()
		if err != nil {
			p.t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	run("read", "--collector", "none", "--segment", "line4", capture)
	if said := run("export", stick); !strings.Contains(said, name+"-000000000001-") {
		p.t.Errorf("%s", said)
	}
	if said := run("export", stick); said != "Nothing is new since the last export.\n" {
		p.t.Errorf("%s", said)
	}
	bundles, err := filepath.Glob(filepath.Join(stick, "*.demarc"))
	if err != nil || len(bundles) == 0 {
		p.t.Fatalf("no bundles (%v)", err)
	}
	return bundles
}

// admit enrols an agent by files on a stick.
func (p *plantProcess) admit(agent, state, name, stick string) {
	p.t.Helper()
	request, answer := filepath.Join(stick, "a.csr"), filepath.Join(stick, "a.crt")
	run := func(args ...string) {
		p.t.Helper()
		if out, err := exec.Command(agent, append(args, "--state", state)...).CombinedOutput(); err != nil {
			p.t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	run("enroll", "--request", request)
	p.must("agent", "admit", request, "--site", site, "--agent", name, "--answer", answer)
	run("enroll", "--answer", answer)
	for _, x := range []string{request, answer} {
		if text, err := os.ReadFile(x); err != nil || bytes.Contains(text, []byte("PRIVATE")) {
			p.t.Errorf("%s holds a key, or is not there (%v)", x, err)
		}
	}
}

// agentNamed is an agent as `get agents` has it.
func (p *plantProcess) agentNamed(name string) *demarcv1.Agent {
	p.t.Helper()
	var all demarcv1.ListAgentsResponse
	if err := protojson.Unmarshal(p.must("get", "agents", "-o", "json"), &all); err != nil {
		p.t.Fatal(err)
	}
	for _, a := range all.GetAgents() {
		if a.GetName() == name {
			return a
		}
	}
	p.t.Fatalf("no agent %s", name)
	return nil
}
