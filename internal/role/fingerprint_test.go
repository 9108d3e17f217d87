package role

import (
	"fmt"
	"strings"
	"testing"

	"demarc/internal/ot"
)

const acme = `fingerprints:
  - name: acme.doser
    grade: content
    facts: [{attribute: http.title, match: '^ACME Dosing v([0-9.]+)'}]
    macs: ["00:0E:8C"]
    ports: [tcp/9100]
    uses: [{as: server, protocols: [modbus]}]
    set: {vendor: ACME, product: Dosing Controller, firmware: "$1", role: plc}
    say: "shows the page title {value}"
    tests:
      - facts: {http.title: "ACME Dosing v2.1"}
        macs: ["00:0e:8c:01:02:03"]
        ports: [tcp/9100]
        uses: [{as: server, protocol: modbus}]
        gives: {vendor: ACME, product: Dosing Controller, firmware: "2.1", role: plc}
      - facts: {http.title: "ACME Dosing v2.1"}
`

func TestFingerprint(t *testing.T) {
	f, err := ReadFingerprints("acme.yaml", []byte(acme))
	if err != nil || len(f.Summary()) != 1 {
		t.Fatal(err)
	}
	UseFingerprints(f)
	defer UseFingerprints(nil)
	d := Device{
		MACs:  []string{"00:0e:8c:01:02:03"},
		Facts: []Fact{{Attribute: "http.title", Value: "ACME Dosing v2.1", Source: "http.body.title", Grade: ot.Content}},
		Uses:  []Use{{As: Server, Protocol: "modbus", Grade: ot.Content, Outcome: ot.Exchanged, Peers: 1, Ports: []string{"tcp/9100"}}},
	}
	told := Told(&d)
	if len(told) != 4 || told[0].Grade != ot.Content || told[0].Source != "fingerprint.acme.doser: shows the page title ACME Dosing v2.1" {
		t.Fatalf("%+v", told)
	}
	d.Facts = append(d.Facts, told...)
	claims := Default().Of(&d)
	if len(claims) == 0 || claims[0].Role != ot.PLC || claims[0].Why != "shows the page title ACME Dosing v2.1 (fingerprint acme.doser)" {
		t.Errorf("%+v", claims)
	}
	d.Facts[0].Grade = ot.Hint
	if told := Told(&d); told[0].Grade != ot.Hint {
		t.Errorf("what is set is better founded than its fact: %+v", told)
	}
}

// A MAC prefix, a port or a name is a hint, whatever the entry says.
func TestFingerprintOfAHint(t *testing.T) {
	f, err := ReadFingerprints("f", []byte(`fingerprints: [{name: a, grade: identity, macs: ["00:0e:8c"], set: {vendor: A}, say: x, tests: [{macs: ["00:0e:8c:00:00:01"], gives: {vendor: A}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	told := f.told(&view{Device: &Device{MACs: []string{"00:0e:8c:00:00:01"}}}, nil)
	if len(told) != 1 || told[0].Grade != ot.Hint {
		t.Errorf("%+v", told)
	}
}

func TestShippedFingerprints(t *testing.T) {
	if n := len(defaultFingerprints().entries); n < 4 {
		t.Errorf("%d entries", n)
	}
}

func TestFingerprintsRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown key":     {"    grade:", "    graed:", "acme.yaml:3:5: unknown field"},
		"no YAML":         {"fingerprints:", "fingerprints: [", "acme.yaml:"},
		"bad pattern":     {"v([0-9.]+)", "v([0-9.]+", "acme.yaml:4: fingerprint \"acme.doser\": match"},
		"look-ahead":      {"v([0-9.]+)", "(?=v)", "RE2"},
		"slow pattern":    {"v([0-9.]+)", "[0-9a-f]{150}x[a-z]{150}", "too slow"},
		"too much":        {"v([0-9.]+)", "((a{100}){100}){100}", "match"},
		"long pattern":    {"v([0-9.]+)", strings.Repeat("a", 300), "at most 256"},
		"no test":         {"gives: {vendor: ACME, product: Dosing Controller, firmware: \"2.1\", role: plc}", "gives: {}", "test 1"},
		"failing test":    {"firmware: \"2.1\"", "firmware: \"2.2\"", `test 1: gives firmware "2.1"`},
		"a role":          {"role: plc}\n    say", "role: plx}\n    say", "plx"},
		"a grade":         {"grade: content", "grade: sure", "grade"},
		"not settable":    {"set: {vendor: ACME,", "set: {serial: ACME,", "serial cannot be set"},
		"no reason":       {"say: \"shows the page title {value}\"", "say: \"\"", "say is missing"},
		"a MAC":           {"00:0E:8C", "000E8C", "macs"},
		"a port":          {"ports: [tcp/9100]\n    uses", "ports: [\"9100\"]\n    uses", "ports"},
		"a name":          {"acme.doser", "Acme Doser", "name"},
		"as":              {"{as: server, protocol: modbus}", "{as: boss, protocol: modbus}", "client, server or peer"},
		"a port too high": {"ports: [tcp/9100]\n    uses", "ports: [tcp/70000]\n    uses", "acme.yaml:6: fingerprint \"acme.doser\": ports"},
		"an attribute":    {"attribute: http.title", "attribute: HTTP title", "acme.yaml:4: fingerprint \"acme.doser\": attribute"},
		"a protocol":      {"protocols: [modbus]", "protocols: [modbuss]", `protocol "modbuss"`},
		"a bell":          {"product: Dosing Controller, firmware: \"$1\"", "product: \"a\\u0007b\", firmware: \"$1\"", "plain text"},
		"an alias":        {"macs: [\"00:0E:8C\"]", "macs: &m [\"00:0E:8C\"]", "acme.yaml:5:11: anchors"},
		"a tag":           {"name: acme.doser", "name: !!str acme.doser", "acme.yaml:2:11"},
		"two documents":   {"fingerprints:", "fingerprints: []\n---\nfingerprints:", "acme.yaml:2:1: a second document"},
		"Latin 1":         {"vendor: ACME,", "vendor: ACM\xc9,", "acme.yaml:8: not plain text"},
		"deep":            {"macs: [", "macs: " + strings.Repeat("[", 1000), "acme.yaml:5:27: lists and mappings"},
		"deep lists":      {"    macs:", "    - " + strings.Repeat("- ", 1000), "acme.yaml:5:"},
		"a wide mapping":  {"    set:", strings.Repeat("    x: 1\n", 300) + "    set:", "more than 256 keys"},
		"an unknown set":  {"protocols: [modbus]", "protocols: [$bus]", "set \"bus\""},
	} {
		text := strings.Replace(acme, c.from, c.to, 1)
		if text == acme {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := ReadFingerprints("acme.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	for name, text := range map[string]string{"a byte order mark": "\ufeff" + acme, "lines of Windows": strings.ReplaceAll(acme, "\n", "\r\n"), "a head": "---\n" + acme} {
		if _, err := ReadFingerprints("acme.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := slowFile(t, 200); err == nil || !strings.Contains(err.Error(), "too slow together") {
		t.Errorf("two hundred patterns that are all but too slow: %v", err)
	}
	if err := slowFile(t, 100); err != nil {
		t.Errorf("a hundred: %v", err)
	}
	twice := acme + strings.TrimPrefix(acme, "fingerprints:\n")
	if _, err := ReadFingerprints("acme.yaml", []byte(twice)); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one name twice: %v", err)
	}
	if _, err := ReadFingerprints("acme.yaml", nil); err == nil {
		t.Error("an empty file is taken")
	}
}

// slowFile reads n entries of patterns that are each all but too slow.
func slowFile(t *testing.T, n int) error {
	t.Helper()
	var b strings.Builder
	b.WriteString("fingerprints:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: n%d, grade: content, facts: [{attribute: a, match: '^a{270}'}], set: {vendor: A}, say: x, tests: [{facts: {a: %s}, gives: {vendor: A}}]}\n", i, strings.Repeat("a", 270))
	}
	_, err := ReadFingerprints("slow.yaml", []byte(b.String()))
	return err
}

func FuzzReadFingerprints(f *testing.F) {
	f.Add([]byte(acme))
	f.Add(shippedFingerprints)
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := ReadFingerprints("f", text); err == nil {
			d := Device{Facts: []Fact{{Attribute: "http.title", Value: "ACME Dosing v2", Grade: ot.Identity}}}
			got.told(&view{Device: &d}, nil)
		}
	})
}
