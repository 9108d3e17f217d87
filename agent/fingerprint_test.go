package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFingerprintCommand(t *testing.T) {
	const good = `fingerprints: [{name: a, grade: content, facts: [{attribute: http.title, match: '^A (\d+)'}], set: {vendor: A, model: "$1"}, say: x, tests: [{facts: {http.title: A 12}, gives: {vendor: A, model: "12"}}]}]`
	run := func(text string) (string, error) {
		file := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		c := command()
		c.SetOut(&b)
		c.SetErr(&b)
		c.SetArgs([]string{"fingerprint", "test", file})
		err := c.Execute()
		return b.String(), err
	}
	if out, err := run(good); err != nil || !strings.Contains(out, "good: a") || !strings.Contains(out, "1 fingerprints, every test passes") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := run(strings.Replace(good, `model: "12"`, `model: "13"`, 1)); err == nil || !strings.Contains(err.Error(), `f.yaml:1: fingerprint "a": test 1: gives`) {
		t.Errorf("a test that fails: %v", err)
	}
}
