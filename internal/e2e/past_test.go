package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	demarcv1 "demarc/proto/demarc/v1"
)

// TestPast: what the commands said at a moment they say again of that moment,
// after the plant, the documents and an official's decision have moved on, and
// after the collector was killed; what they say now is something else.
func TestPast(t *testing.T) {
	agent, bin := programs(t)
	c := newCollectorWith(t, bin, "pages: off\npast: {every: 1h, maxMB: 64}")
	before := time.Now().UTC().Add(-time.Minute)
	documents := t.TempDir()
	if err := os.CopyFS(documents, os.DirFS(filepath.Join("..", "..", "deploy", "example"))); err != nil {
		t.Fatal(err)
	}
	c.must("apply", "-f", documents)
	state := t.TempDir()
	c.enrol(agent, state)
	plant := filepath.Join("..", "..", "testdata", "plant")
	if err := feed(agent, c.uplinkAddr, state, filepath.Join(plant, "line4.pcap"), 0); err != nil {
		t.Fatal(err)
	}
	c.judged()
	asked := [][]string{
		{"get", "sites"},
		{"get", "boundaries"},
		{"get", "authorizations"},
		{"get", "conditions"},
		{"get", "assets", "-o", "json"},
		{"get", "connections", "-o", "csv"},
		{"get", "connections", "-o", "json"},
		{"get", "findings", "-o", "json"},
		{"get", "documents", "-o", "yaml"},
		{"get", "crossings"},
		{"get", "remote-access", "-o", "json"},
		{"get", "second-paths"},
		{"get", "agreements"},
		{"get", "calendar"},
		{"get", "regulated"},
		{"get", "paths", "--from", "line4"},
		{"get", "reconcile", "line4", "-o", "csv"},
		{"explain", "lines-ato/C1"},
		{"explain", firstConnection(t, c)},
	}
	answers := func() (all [][]byte) {
		for _, args := range asked {
			all = append(all, c.must(args...))
		}
		return all
	}
	// Conditions are judged by the clock: at is when nothing is to come any more.
	var at string
	said := answers()
	waitFor(t, "a state that stays", func() bool {
		time.Sleep(2 * time.Second)
		at = time.Now().UTC().Format(time.RFC3339Nano)
		before := said
		said = answers()
		return slices.EqualFunc(before, said, bytes.Equal)
	})

	c.must("authorization", "suspend", "lines-ato", "--reason", "a test")
	if err := feed(agent, c.uplinkAddr, state, filepath.Join(plant, "line5.pcap"), 0); err != nil {
		t.Fatal(err)
	}
	sites, err := filepath.Glob(filepath.Join(documents, "*.yaml"))
	if err != nil || len(sites) == 0 {
		t.Fatal(sites, err)
	}
	for _, path := range sites {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("title: "), []byte("title: New ")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.must("apply", "-f", documents)
	c.judged()
	check := func(how string) {
		t.Helper()
		for i, args := range asked {
			got := c.must(append(args, "--as-of", at)...)
			if !slices.Contains(args, "-o") {
				head, rest, _ := bytes.Cut(got, []byte("\n"))
				if !bytes.HasPrefix(head, []byte("As of 20")) || !bytes.Contains(head, []byte("policy version 1, ")) {
					t.Errorf("%s: %v says first %q", how, args, head)
				}
				got = rest
			}
			if want := said[i]; !bytes.Equal(withoutAsOf(t, args, got), withoutAsOf(t, args, want)) {
				t.Errorf("%s: %v\nsaid %s\nnow  %s", how, args, clip(want), clip(got))
			}
		}
	}
	check("later")
	c.kill()
	c.start()
	check("after a restart")
	changed := 0
	for i, args := range asked {
		if !bytes.Equal(c.must(args...), said[i]) {
			changed++
		}
	}
	if changed < 8 {
		t.Errorf("only %d of %d answers differ now: there was nothing to look back through", changed, len(asked))
	}

	diff := string(c.must("diff", at))
	for _, want := range []string{"asset", "connection", "new", "authorization  changed  lines-ato", "state", "in force", "lapsed"} {
		if !strings.Contains(diff, want) {
			t.Errorf("diff lacks %q: %s", want, clip([]byte(diff)))
		}
	}
	if out := string(c.must("diff", at, at)); !strings.HasSuffix(out, "\nNone.\n") || strings.Count(out, "As of ") != 2 {
		t.Errorf("a moment differs from itself: %s", out)
	}
	var one demarcv1.ListChangesResponse
	if err := protojson.Unmarshal(c.must("diff", at, "-o", "json", "--what", "authorization", "--boundary", "line4"), &one); err != nil || one.GetTotal() != 1 || one.GetFrom().GetPolicyVersion() != 1 || one.GetTo() != nil {
		t.Errorf("%v %v", err, &one)
	} else if x := one.GetChanges()[0]; x.GetId() != "lines-ato" || x.GetField() != "state" || x.GetBefore() != "in force" || x.GetAfter() != "lapsed" || x.GetBoundaries()[0] != "line4" {
		t.Errorf("%v", x)
	}
	if _, err := c.try("diff", "1h", "2h"); err == nil || !strings.Contains(err.Error(), "name the earlier moment first") {
		t.Errorf("%v", err)
	}

	for text, want := range map[string]string{
		before.Format(time.RFC3339): "what can be told begins at 20",
		"2126-01-01":                "lies ahead",
		"yesterday":                 "write 2026-03-14T10:00Z",
		"-3h":                       "or how long ago",
		time.Now().Add(time.Hour).Format(time.RFC3339): "lies ahead",
	} {
		if _, err := c.try("get", "assets", "--as-of", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--as-of %s: %v, want %q", text, err, want)
		}
	}
}

func firstConnection(t *testing.T, c *plantProcess) string {
	t.Helper()
	var all struct{ Connections []struct{ ID string } }
	if err := json.Unmarshal(c.must("get", "connections", "-o", "json"), &all); err != nil || len(all.Connections) == 0 {
		t.Fatal(err, len(all.Connections))
	}
	return all.Connections[0].ID
}

// withoutAsOf takes out of an answer in JSON which moment it is of.
func withoutAsOf(t *testing.T, args []string, out []byte) []byte {
	t.Helper()
	if args[len(args)-1] != "json" {
		return out
	}
	var m map[string]any
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "as_of")
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func clip(b []byte) []byte { return b[:min(len(b), 1500)] }
