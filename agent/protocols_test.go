package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"demarc/agent/dissect"
)

func TestProtocolsCommand(t *testing.T) {
	all := dissect.Protocols()
	run := func(format string) []byte {
		var b bytes.Buffer
		c := command()
		c.SetOut(&b)
		c.SetArgs([]string{"protocols", "-o", format})
		if err := c.Execute(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var rows []struct {
		Name string
		Tier int
		Over []string
	}
	if err := json.Unmarshal(run("json"), &rows); err != nil || len(rows) != len(all) {
		t.Fatalf("json: %d rows, %v", len(rows), err)
	}
	lines, err := csv.NewReader(bytes.NewReader(run("csv"))).ReadAll()
	if err != nil || len(lines) != len(all)+1 {
		t.Fatalf("csv: %d lines, %v", len(lines), err)
	}
	text := string(run("table"))
	for i, p := range all {
		if rows[i].Name != p.Name || rows[i].Tier != p.Tier || lines[i+1][0] != p.Name || !strings.Contains(text, p.Standard) {
			t.Errorf("%s: json %v, csv %v", p.Name, rows[i], lines[i+1])
		}
	}
	if err := printProtocols(&bytes.Buffer{}, "xml", all); err == nil {
		t.Error("an unknown format passes")
	}
}
