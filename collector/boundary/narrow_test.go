package boundary

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const narrowBase = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec: {title: Houston}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24, 10.20.5.0/24]}], review: {state: survey, until: 2026-06-01}}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line5}
spec: {title: Line 5, domain: ot, members: [{site: houston, cidrs: [10.20.9.0/24]}]}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: x}
spec:
  purpose: Values
  owner: {name: Line 4}
  from: {boundary: line4, cidrs: [10.20.4.0/25, 10.20.4.128/25]}
  to: {boundary: dmz}
  services: [{protocol: opcua, ports: [4840, 4841], operations: [read, write]}, {protocol: modbus, ports: [502]}]
  agreement: {type: isa, signed: 2026-01-01, expires: 2027-01-01}
  sides: [{boundary: line4, approval: approved}]
---
apiVersion: demarc/v1
kind: SharedService
metadata: {name: names}
spec: {purpose: Names, provider: {boundary: dmz, addresses: [10.50.1.5, 10.50.1.6]}, consumers: [line4, line5], services: [{protocol: dns, ports: [53]}]}
---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: ato}
spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, expires: 2027-01-01, conditions: [{id: C1, statement: None leave., check: no-internet}], residualRisks: [{id: R1, statement: Old, acceptedBy: A, acceptedOn: 2026-01-01, until: 2027-01-01}]}
`

func readAll(t *testing.T, text string) *Documents {
	t.Helper()
	d, err := Read([]File{{Path: "x.yaml", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// widenings are the documents of a change that may widen.
func widenings(t *testing.T, before, after string) []string {
	t.Helper()
	a, b := readAll(t, before), readAll(t, after)
	var wide []string
	for _, c := range b.Compare(a) {
		if why := Widening(c, a, b); why != "" {
			wide = append(wide, c.Kind+"/"+c.Name+": "+why)
		}
	}
	return wide
}

func TestWhatNarrowsActsAtOnce(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"title: Line 4", "title: Line four"},
		{"state: survey", "state: enforced"},
		{"until: 2026-06-01", "until: 2026-05-01"},
		{"domain: ot,", "domain: ot, internalDefault: deny,"},
		{"purpose: Values", "purpose: Values of line 4"},
		{"[10.20.4.0/25, 10.20.4.128/25]", "[10.20.4.0/25]"},
		{", {protocol: modbus, ports: [502]}]", "]"},
		{"[4840, 4841]", "[4841]"},
		{"[read, write]", "[read]"},
		{"  services: [{", "  initiator: from\n  services: [{"},
		{"  services: [{", "  schedule: {from: \"22:00\", until: \"06:00\"}\n  services: [{"},
		{"  services: [{", "  activation: per-window\n  openers: [ana]\n  maxLength: 8h\n  services: [{"},
		{"signed: 2026-01-01, expires: 2027-01-01", "signed: 2026-01-01, expires: 2026-12-31"},
		{"approval: approved", "approval: withdrawn"},
		{"approval: approved", "approval: approved, expires: 2026-09-01"},
		{"[line4, line5]", "[line4]"},
		{"[10.50.1.5, 10.50.1.6]", "[10.50.1.6]"},
		{"granted: 2026-01-01, expires: 2027-01-01", "granted: 2026-01-01, expires: 2026-08-01"},
		{"check: no-internet}]", "check: no-internet}, {id: C2, statement: No tools., check: no-remote-access-tools}]"},
		{"[{id: R1, statement: Old, acceptedBy: A, acceptedOn: 2026-01-01, until: 2027-01-01}]", "[]"},
	} {
		after := strings.Replace(narrowBase, c.from, c.to, 1)
		if after == narrowBase {
			t.Fatalf("%q is not there", c.from)
		}
		if wide := widenings(t, narrowBase, after); len(wide) > 0 {
			t.Errorf("%q -> %q waits: %v", c.from, c.to, wide)
		}
		// The way back widens, but for what means nothing to a verdict.
		if strings.HasPrefix(c.from, "title") || strings.HasPrefix(c.from, "purpose") {
			continue
		}
		if wide := widenings(t, after, narrowBase); len(wide) != 1 {
			t.Errorf("%q -> %q acts at once: %v", c.to, c.from, wide)
		}
	}
}

func TestWhatMayWidenWaits(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"domain: ot", "domain: dmz"},
		{"cidrs: [10.20.4.0/24, 10.20.5.0/24]", "cidrs: [10.20.4.0/24]"}, // what stood there is judged by nothing any more
		{"10.20.5.0/24", "10.20.6.0/24"},
		{"title: Line 4", "title: Line 4, isolated: true"},
		{"[read, write]", "[read, control]"},
		{", operations: [read, write]", ""},
		{", ports: [4840, 4841]", ""},
		{"[4840, 4841]", "any"},
		{"protocol: modbus", "protocol: dnp3"},
		{"cidrs: [10.20.4.0/25, 10.20.4.128/25]", "cidrs: [10.20.4.0/24]"},
		{", cidrs: [10.20.4.0/25, 10.20.4.128/25]", ""},
		{"signed: 2026-01-01, expires: 2027-01-01", "signed: 2026-01-01"},
		{"decision: ato", "decision: ato-with-conditions"},
		{"check: no-internet", "check: no-remote-access-tools"},
		{"granted: 2026-01-01, expires", "granted: 2025-01-01, expires"},
		{"[10.50.1.5, 10.50.1.6]", "[10.50.1.5, 10.50.1.7]"},
		{", addresses: [10.50.1.5, 10.50.1.6]", ""},
	} {
		after := strings.Replace(narrowBase, c.from, c.to, 1)
		if after == narrowBase {
			t.Fatalf("%q is not there", c.from)
		}
		if wide := widenings(t, narrowBase, after); len(wide) != 1 {
			t.Errorf("%q -> %q: %v", c.from, c.to, wide)
		}
	}
}

func TestNewAndGoneDocuments(t *testing.T) {
	all := strings.SplitAfter(narrowBase, "---\n")
	without := func(kind string) string {
		return strings.TrimSuffix(strings.Join(slices.DeleteFunc(slices.Clone(all), func(d string) bool { return strings.Contains(d, "kind: "+kind) }), ""), "---\n")
	}
	for kind, atOnce := range map[string]bool{"Interconnection": true, "SharedService": true, "Authorization": false} {
		if wide := widenings(t, narrowBase, without(kind)); (len(wide) == 0) != atOnce {
			t.Errorf("%s removed: %v", kind, wide)
		}
		if wide := widenings(t, without(kind), narrowBase); len(wide) != 1 {
			t.Errorf("%s new: %v", kind, wide)
		}
	}
	asking := strings.Replace(narrowBase, "check: no-internet", "check: agreement-in-force", 1)
	if wide := widenings(t, asking, strings.Replace(without("Interconnection"), "check: no-internet", "check: agreement-in-force", 1)); len(wide) != 1 {
		t.Errorf("an agreement goes that a condition asks for: %v", wide)
	}
}

// TestNarrowingNamesKeys: a line for a key that no document has would be a
// promise that nothing keeps.
func TestNarrowingNamesKeys(t *testing.T) {
	for kind, rules := range narrowing {
		i := slices.Index(Kinds(), kind)
		if i < 0 {
			t.Errorf("kind %s", kind)
			continue
		}
		for key := range rules {
			typ := kinds[i].spec
			for name := range strings.SplitSeq(key, ".") {
				for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
					typ = typ.Elem()
				}
				f, ok := fieldOf(typ, name)
				if !ok {
					t.Errorf("%s has no key %s", kind, key)
					break
				}
				typ = f.Type
			}
		}
	}
}
