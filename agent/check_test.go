package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"demarc/agent/config"
	"demarc/agent/spancheck"
)

// execute runs a command line in this process.
func execute(args ...string) (string, error) {
	var b bytes.Buffer
	c := command()
	c.SetOut(&b)
	c.SetErr(&b)
	c.SetArgs(args)
	err := c.Execute()
	return b.String(), err
}

func TestCheckOfAFile(t *testing.T) {
	file := filepath.Join("..", "testdata", "plant", "line5.pcap")
	out, err := execute("check", file, "--format", "json")
	var all []checked
	if e := json.Unmarshal([]byte(out), &all); e != nil || len(all) != 1 {
		t.Fatalf("%v: %s", e, out)
	}
	x := all[0]
	if x.Source != file || x.Frames == 0 || x.Bytes == 0 || x.Seconds < 60 || len(x.Results) != 10 || x.Verdict != spancheck.Overall(x.Results) {
		t.Errorf("%+v", x)
	}
	if passes := x.Verdict == spancheck.Good || x.Verdict == spancheck.Warning; passes != (err == nil) {
		t.Errorf("%v ends with %v", x.Verdict, err)
	}
	out, _ = execute("check", file)
	for _, r := range x.Results {
		if !strings.Contains(out, r.ID) || !strings.Contains(out, r.Evidence) || !strings.Contains(out, r.Cure) {
			t.Errorf("the table lacks %+v", r)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"no interface to listen on":   {"check"},
		"not both":                    {"check", "--interface", "eth1", "x.pcap"},
		"table or json":               {"check", "x.pcap", "--format", "xml"},
		"no-such-file.pcap":           {"check", "no-such-file.pcap"},
		"there is none of this name":  {"check", "--interface", "no-such-if"},
		"--for must be":               {"check", "--interface", "lo", "--for", "-1s"},
		"no agent answers":            {"status", "--state", t.TempDir()},
		"--output \"csv\" is not":     {"status", "-o", "csv"},
		"collector: \"c\" is not hos": {"init", "--collector", "c", "--config", filepath.Join(t.TempDir(), "a.yaml")},
	} {
		if _, err := execute(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

// TestWorstFirst: what must be done stands at the top.
func TestWorstFirst(t *testing.T) {
	var b bytes.Buffer
	results := []spancheck.Result{
		{ID: "a", Evidence: "fine"},
		{ID: "b", Verdict: spancheck.CannotTell, Evidence: "who knows"},
		{ID: "c", Verdict: spancheck.Bad, Evidence: "broken", Cure: "mend it"},
		{ID: "d", Verdict: spancheck.Warning, Evidence: "odd"},
	}
	err := conclude(&b, "table", []checked{{Source: "eth1", Verdict: spancheck.Bad, Results: results}})
	if err == nil || err.Error() != "eth1: bad: c" {
		t.Errorf("%v", err)
	}
	at := -1
	for _, w := range []string{"broken", "mend it", "odd", "who knows", "fine"} {
		i := strings.Index(b.String(), w)
		if i <= at {
			t.Errorf("%q stands wrong in\n%s", w, b.String())
		}
		at = i
	}
	b.Reset()
	if err := conclude(&b, "table", []checked{{Source: "eth1", Verdict: spancheck.Warning, Results: results[3:]}}); err != nil {
		t.Errorf("a warning fails: %v", err)
	}
}

// TestSettingsForAnyMachine: what init writes is what run reads.
func TestSettingsForAnyMachine(t *testing.T) {
	for _, c := range []struct {
		all   []candidate
		ports int
	}{
		{nil, 0},
		{[]candidate{{Name: "eth0", MAC: "02:00:00:00:00:01", Addresses: "10.0.0.1/24, fd00::1/64"}}, 0},
		{[]candidate{{Name: "eth0", Addresses: "10.0.0.1/24"}, {Name: "eth1"}, {Name: "enp3s0.7", Down: true}}, 2},
	} {
		text, err := settingsFor("", c.all)
		if err != nil {
			t.Fatal(err)
		}
		got, err := config.Parse("agent.yaml", text)
		if err != nil || len(got.Interfaces) != c.ports || got.Collector != "" || got.State == "" {
			t.Errorf("%+v, %v\n%s", got, err, text)
		}
		for _, x := range c.all {
			if !strings.Contains(string(text), x.Name) {
				t.Errorf("%s is not in\n%s", x.Name, text)
			}
		}
	}
}
