package hdf

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func facts(s string) *Facts {
	f := &Facts{Title: "authorization lines-ato" + s, At: noon, Software: "1" + s, Authorizations: []*demarcv1.Authorization{{Name: "lines-ato", Decision: "ato", State: "in force"}}}
	for i, state := range []string{"holds", "not-exercised", "violated", "not-observable", "stale", "attested", "attestation-due", "of a later version"} {
		f.Conditions = append(f.Conditions, &demarcv1.Condition{Id: "lines-ato/C" + string(rune('1'+i)), Authorization: "lines-ato", Statement: s + "Sentence.", State: state, Words: s + state, Reason: s + "because", Test: s, Controls: []string{"SC-7(5)"}, To: timestamppb.New(noon.Add(-time.Hour)), Evidence: []string{s}})
	}
	return f
}

// need are the keys that the schema of exec JSON asks for (mitre/heimdall2,
// libs/inspecjs/schemas/exec-json.json), by the object that has them.
var need = map[string][]string{
	"":         {"platform", "profiles", "statistics", "version"},
	"platform": {"name", "release"},
	"profiles": {"name", "sha256", "supports", "attributes", "groups", "controls"},
	"groups":   {"id", "controls"},
	"controls": {"id", "impact", "refs", "tags", "source_location", "results"},
	"results":  {"code_desc", "start_time"},
}

// TestFormIsTheSchemas: what the schema asks for is there, and of its type.
func TestFormIsTheSchemas(t *testing.T) {
	text, err := Write(facts(""))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var check func(of string, v any)
	check = func(of string, v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				check(of, x)
			}
		case map[string]any:
			for _, key := range need[of] {
				seen++
				switch x := v[key].(type) {
				case nil:
					t.Errorf("%q has no %s", of, key)
				case string:
					if x == "" {
						t.Errorf("%q has an empty %s", of, key)
					}
				case float64:
					if x < 0 || x > 1 {
						t.Errorf("%s is %v", key, x)
					}
				}
			}
			for key, x := range v {
				if key != "tags" && !(of == "groups" && key == "controls") && of != "statistics" && key != "statistics" {
					check(key, x)
				}
			}
		}
	}
	check("", v)
	if seen < 50 {
		t.Errorf("only %d keys were looked at", seen)
	}
}

// TestStatesAreTrue: only what holds passed; what could not be seen is skipped,
// and says why.
func TestStatesAreTrue(t *testing.T) {
	text, err := Write(facts(""))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Write(facts("")); !bytes.Equal(text, again) {
		t.Error("the same facts give other bytes")
	}
	var x file
	if err := json.Unmarshal(text, &x); err != nil {
		t.Fatal(err)
	}
	want := []string{"passed", "passed", "failed", "skipped", "skipped", "passed", "skipped", "error"}
	for i, c := range x.Profiles[0].Controls {
		r := c.Results[0]
		if r.Status != want[i] || (r.Status == "skipped") != (r.Skip != "") || !strings.Contains(r.Skip+r.Said, "because") || r.Start != "2026-03-10T11:00:00Z" {
			t.Errorf("%s: %+v, want %s", c.ID, r, want[i])
		}
		if nist := c.Tags["nist"].([]any); nist[0] != "SC-7 (5)" {
			t.Errorf("%v", nist)
		}
	}
	if s := x.Statistics.Controls; s["passed"].Total != 3 || s["failed"].Total != 1 || s["skipped"].Total != 3 {
		t.Errorf("%v", s)
	}
	later := facts("")
	later.Conditions[0].State = "violated"
	text, _ = Write(later)
	var y file
	if err := json.Unmarshal(text, &y); err != nil || y.Profiles[0].SHA256 != x.Profiles[0].SHA256 {
		t.Errorf("another result is another profile: %v", err)
	}
}

// FuzzHostile: whatever sentences say, the file is JSON with nothing in it that
// does not show.
func FuzzHostile(f *testing.F) {
	for _, s := range []string{"", "\x00\x1b", "\u202e\u2028", "<script>", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := Write(facts(s))
		if err != nil || !json.Valid(text) || bytes.ContainsAny(text, "\u202e\u2028\x1b") {
			t.Fatalf("%v %s", err, text)
		}
	})
}
