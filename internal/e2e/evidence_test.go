package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// inspect makes an inspection package, checks it, and returns what is in it.
func (d *desk) inspect(args ...string) map[string]string {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "package.zip")
	d.must(append([]string{"export", "evidence", "--file", file}, args...)...)
	if out, err := d.verify(file, "--pin", d.key()); err != nil || strings.Count(out, "intact") != 6 {
		d.t.Fatalf("%v: %s", err, out)
	}
	return unzipped(d.t, file)
}

// key is the fingerprint that status prints.
func (d *desk) key() string {
	d.t.Helper()
	return regexp.MustCompile(`(?m)^key\s+([0-9a-f]{64})$`).FindStringSubmatch(string(d.must("status")))[1]
}

// verify checks a package where no collector is.
func (d *desk) verify(file string, args ...string) (string, error) {
	d.t.Helper()
	cmd := exec.Command(d.bin, append([]string{"verify", file}, args...)...) // our own program
	cmd.Dir, cmd.Env = d.t.TempDir(), []string{"HOME=" + d.t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func unzipped(t *testing.T, file string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // only read
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(text)
	}
	return all
}

// inspectionPackage: one command writes all that stands behind an authorization,
// for somebody without Demarc; another tells, without any collector, whether it
// was changed.
func inspectionPackage(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4", "line5", "dmz", "corp")
	d.pass(time.Minute)
	d.wait("conditions are judged", func() bool { return len(d.findings("condition")) == 2 })
	d.must("authorization", "revise", "lines-ato", "--decision", "ato-with-conditions", "--reason", "reviewed on site")
	d.must("attest", "lines-ato/C4", "--statement", "I watched two sign in")
	f := d.finding("unauthorized", "corporate", "line4")
	d.must("finding", "assign", f.GetId(), "--to", "Ana")
	d.pass(time.Second)
	moment := stamp(d.clock())
	files := d.inspect("lines-ato")
	for name, words := range map[string][]string{
		"README.txt":                             {"INSPECTION PACKAGE of authorization lines-ato", "demarc-collector verify", "openssl dgst", "connections-line4.json", "batch-record"},
		"summary.html":                           {"Nothing outside the lines writes to them.", "Dana Ortiz", "reviewed on site", "10.60.61.30", f.GetId(), "What could not be seen"},
		"not-seen.txt":                           {"line5, over the last day", "operations of 1 connection could not be observed", "C5, attestation due", "no hardware list of line5"},
		"documents/authorization-lines-ato.yaml": {"residualRisks:", "id: C3"},
		"documents/interconnection-line4-to-broker.yaml": {"purpose:"},
		"documents/inventory-line4-hardware.yaml":        {"plc-filler"},
		"documents/authorization-cloud-atu.yaml":         {"cloud-atu"}, // what the plant's network leans on
		"policy.json":                                    {`"version": 1`, `"document": "Boundary/line4"`},
		"authorizations.json":                            {"plant-network-ato", "reviewed on site"},
		"conditions.json":                                {"write was counted 3 times", "I watched two sign in"},
		"findings.json":                                  {f.GetId(), "Ana"},
		"connections-line4.json":                         {"10.60.61.30", `"unauthorized"`, `"not_observable"`},
		"assets-line4.json":                              {"192.168.1.10"},
		"inventory-line4.json":                           {"palletizer", "never-seen"},
		"agreements.json":                                {"HOU-ISA-2026-004"},
		"audit.jsonl":                                    {`"what":"policy apply"`, `"on":"lines-ato/C4"`},
	} {
		for _, w := range words {
			if !strings.Contains(files[name], w) {
				t.Errorf("%s lacks %q", name, w)
			}
		}
	}
	if files["documents/boundary-laboratory.yaml"] != "" || strings.Contains(files["agreements.json"], "laboratory-to-mes") {
		t.Error("the package tells of what it is not of")
	}
	for name, text := range files {
		for _, word := range []string{"compliant", "certified", "guaranteed"} {
			if strings.Contains(strings.ToLower(text), word) {
				t.Errorf("%s says %q", name, word)
			}
		}
	}
	d.pass(time.Hour)
	d.says("get audit --what evidence", "lines-ato", "SHA-256 of its manifest")
	d.refuses("no authorization is named", "export", "evidence", "nobodys-ato")
	d.refuses("is no time", "export", "evidence", "lines-ato", "--as-of", "soon")
	once, again := filepath.Join(d.dir, "once.zip"), filepath.Join(d.dir, "again.zip")
	d.must("export", "evidence", "lines-ato", "--as-of", moment, "--file", once)
	d.refuses("is there already", "export", "evidence", "lines-ato", "--file", once)
	d.must("apply", "-f", d.file(edited(t, "authorizations.yaml", "every: 180d", "every: 365d")))
	d.must("explain", "lines-ato", "--as-of", stamp(d.clock()))
	d.must("export", "evidence", "lines-ato", "--as-of", moment, "--file", again)
	one, err := os.ReadFile(once)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := os.ReadFile(again); err != nil || !bytes.Equal(one, two) {
		t.Errorf("two packages of %s differ (%v)", moment, err)
	}
	d.altered(once)
}

// altered changes a package in every way, and sees it told.
func (d *desk) altered(file string) {
	d.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		d.t.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // only read
	refused := func(what string, data []byte, want string) {
		d.t.Helper()
		other := filepath.Join(d.dir, "altered.zip")
		if err := os.WriteFile(other, data, 0o600); err != nil {
			d.t.Fatal(err)
		}
		if out, err := d.verify(other, "--pin", d.key()); err == nil || !strings.Contains(out, want) {
			d.t.Errorf("%s: %v: %s, want %q", what, err, out, want)
		}
	}
	for _, f := range z.File { // within what is packed of each file
		at, err := f.DataOffset()
		if err != nil {
			d.t.Fatal(err)
		}
		changed := slices.Clone(data)
		changed[at+int64(f.CompressedSize64)/2] ^= 1
		refused("a bit of "+f.Name, changed, f.Name)
	}
	refused("the end cut off", data[:len(data)-100], "it was cut off")
	refused("something behind it", append(slices.Clone(data), "more"...), "something was put behind it")
	if out, err := d.verify(file, "--pin", strings.Repeat("0", 64)); err == nil || !strings.Contains(out, "another collector made it") {
		d.t.Errorf("%v: %s", err, out)
	}
	var r struct {
		Manifest struct{ Boundaries []string }
		Faults   []string
	}
	if out, err := d.verify(file, "-o", "json"); err != nil || json.Unmarshal([]byte(out), &r) != nil || len(r.Manifest.Boundaries) != 2 || len(r.Faults) != 0 {
		d.t.Errorf("%v: %s", err, out)
	}
}
