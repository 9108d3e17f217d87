package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	state, stick := t.TempDir(), t.TempDir()
	request, answer := filepath.Join(stick, "a.csr"), filepath.Join(stick, "a.crt")
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(agent, append(args, "--state", state)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	run("enroll", "--request", request)
	apart.must("agent", "admit", request, "--site", "houston", "--agent", "a1", "--answer", answer)
	run("enroll", "--answer", answer)
	for _, x := range []string{request, answer} {
		if text, err := os.ReadFile(x); err != nil || bytes.Contains(text, []byte("PRIVATE")) {
			t.Errorf("%s holds a key, or is not there (%v)", x, err)
		}
	}
	run("read", "--collector", "none", "--segment", "line4", file)
	if said := run("export", stick); !strings.Contains(said, "a1-000000000001-") {
		t.Errorf("%s", said)
	}
	if said := run("export", stick); said != "Nothing is new since the last export.\n" {
		t.Errorf("%s", said)
	}
	files, err := filepath.Glob(filepath.Join(stick, "*.demarc"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no bundles (%v)", err)
	}
	for range 2 { // the second time changes nothing
		apart.must(append([]string{"import", "bundle"}, files...)...)
	}
	got := apart.judged()
	for what := range want {
		if a, b := stable(want[what]), stable(got[what]); !bytes.Equal(a, b) {
			t.Errorf("%s differ from those by a link%s", what, firstDifference(a, b))
		}
	}
}
