package boundary

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const schemaFile = "../../deploy/demarc.schema.json"

func TestSchemaIsCommitted(t *testing.T) {
	got, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s is not what the document types say: run make schema (%v)", schemaFile, err)
	}
}

// fits says where a value breaks the schema, in the subset of JSON Schema that
// Schema writes; empty when nowhere.
func fits(root, s map[string]any, v any, at string) string {
	if ref, ok := s["$ref"].(string); ok {
		s = root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
	}
	if c, ok := s["const"]; ok && fmt.Sprint(c) != fmt.Sprint(v) {
		return fmt.Sprintf("%s: %v is not %v", at, v, c)
	}
	if list, ok := s["enum"].([]any); ok && !slices.ContainsFunc(list, func(x any) bool { return fmt.Sprint(x) == fmt.Sprint(v) }) {
		return fmt.Sprintf("%s: %v is none of %v", at, v, list)
	}
	if list, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(list, func(x any) bool { return fits(root, x.(map[string]any), v, at) == "" }) {
		return fmt.Sprintf("%s: %v fits no form", at, v)
	}
	if p, ok := s["pattern"].(string); ok {
		if text, is := v.(string); !is || !regexp.MustCompile(p).MatchString(text) {
			return fmt.Sprintf("%s: %v does not match %s", at, v, p)
		}
	}
	if bad := typed(root, s, v, at); bad != "" {
		return bad
	}
	all, _ := s["allOf"].([]any)
	for _, one := range all {
		c := one.(map[string]any)
		if fits(root, c["if"].(map[string]any), v, at) == "" {
			if bad := fits(root, c["then"].(map[string]any), v, at); bad != "" {
				return bad
			}
		}
	}
	return ""
}

func typed(root, s map[string]any, v any, at string) string {
	switch v := v.(type) {
	case map[string]any:
		if k, ok := s["type"]; ok && k != "object" {
			return at + ": a mapping"
		}
		return mapping(root, s, v, at)
	case []any:
		if k, ok := s["type"]; ok && k != "array" {
			return at + ": a list"
		}
		items, _ := s["items"].(map[string]any)
		for i, one := range v {
			if bad := fits(root, items, one, fmt.Sprintf("%s[%d]", at, i)); bad != "" {
				return bad
			}
		}
	case string:
		if k, ok := s["type"]; ok && k != "string" {
			return at + ": text"
		}
	case bool:
		if k, ok := s["type"]; ok && k != "boolean" {
			return at + ": true or false"
		}
	default:
		if k, ok := s["type"]; ok && k != "integer" {
			return fmt.Sprintf("%s: %v is a number", at, v)
		}
	}
	return ""
}

func mapping(root, s, v map[string]any, at string) string {
	properties, _ := s["properties"].(map[string]any)
	for k, one := range v {
		p, ok := properties[k].(map[string]any)
		if !ok && s["additionalProperties"] == false {
			return at + ": no key " + k
		}
		if ok {
			if bad := fits(root, p, one, at+"."+k); bad != "" {
				return bad
			}
		}
	}
	required, _ := s["required"].([]any)
	for _, k := range required {
		if _, ok := v[k.(string)]; !ok {
			return at + ": needs " + k.(string)
		}
	}
	return ""
}

// The examples, and every sample that Read takes, fit the schema; what it can
// tell apart does not.
func TestExamplesFitTheSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../deploy/example/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples (%v)", err)
	}
	n := 0
	for _, path := range append(examples, samples(t, "accepted")...) {
		for one := range strings.SplitSeq(string(load(t, path).Content), "\n---") {
			var doc map[string]any
			if err := yaml.Unmarshal([]byte(one), &doc); err != nil || doc == nil {
				t.Fatalf("%s: %v", path, err)
			}
			if bad := fits(schema, schema, doc, filepath.Base(path)); bad != "" {
				t.Error(bad)
			}
			n++
		}
	}
	if n < 30 {
		t.Errorf("%d documents", n)
	}
	for _, bad := range []string{
		"{apiVersion: demarc/v1, kind: Authorization, metadata: {name: a}, spec: {decision: ato, boundaries: [a], conditons: []}}",
		"{apiVersion: demarc/v1, kind: Authorization, metadata: {name: a}, spec: {decision: maybe, boundaries: [a]}}",
		"{apiVersion: demarc/v1, kind: Boundary, metadata: {name: a}, spec: {title: A}}",
		"{apiVersion: demarc/v1, kind: Boundary, metadata: {name: A B}, spec: {title: A, domain: ot}}",
		"{apiVersion: demarc/v1, kind: Boundary, metadata: {name: a}}",
		"{apiVersion: demarc/v1, kind: Border, metadata: {name: a}}",
		"{apiVersion: demarc/v1, kind: Window, metadata: {name: a}, spec: {type: change, from: soon, until: 2026-01-01}}",
	} {
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(bad), &doc); err != nil {
			t.Fatal(err)
		}
		if fits(schema, schema, doc, "") == "" {
			t.Errorf("fits: %s", bad)
		}
	}
}
