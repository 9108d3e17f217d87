package role

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"demarc/internal/ot"
)

// Bounds of a fingerprint file.
const (
	maxFingerprintFile = 1 << 20 // bytes
	maxFingerprints    = 1000
)

type fingerprintFile struct {
	Sets         map[string][]string `yaml:"sets"`
	Fingerprints []fileFingerprint   `yaml:"fingerprints"`
}

// fileFingerprint has the conditions of a rule of roles.yaml, and more.
type fileFingerprint struct {
	Name   string            `yaml:"name"`
	Grade  string            `yaml:"grade"`
	Facts  []filePattern     `yaml:"facts"`
	Uses   []fileUse         `yaml:"uses"`
	Names  []string          `yaml:"names"`
	Router bool              `yaml:"router"`
	MACs   []string          `yaml:"macs"`
	Ports  []string          `yaml:"ports"`
	Set    map[string]string `yaml:"set"`
	Say    string            `yaml:"say"`
	Tests  []fileVector      `yaml:"tests"`
}

type filePattern struct {
	Attribute string   `yaml:"attribute"`
	Is        []string `yaml:"is"`
	Has       []string `yaml:"has"`
	Match     string   `yaml:"match"`
}

// fileVector is a device, and what the entry must tell of it: nothing when
// gives is left out.
type fileVector struct {
	Facts map[string]string `yaml:"facts"`
	Names []string          `yaml:"names"`
	MACs  []string          `yaml:"macs"`
	Ports []string          `yaml:"ports"`
	Uses  []fileVectorUse   `yaml:"uses"`
	Gives map[string]string `yaml:"gives"`
}

type fileVectorUse struct {
	As         string   `yaml:"as"`
	Protocol   string   `yaml:"protocol"`
	Operations []string `yaml:"operations"`
	Peers      int      `yaml:"peers"`
}

// LoadFingerprints reads a file; see ReadFingerprints.
func LoadFingerprints(path string) (*Fingerprints, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("fingerprints: %w", err)
	}
	if info.Size() > maxFingerprintFile {
		return nil, fmt.Errorf("fingerprints: %s: %d bytes, at most %d", path, info.Size(), maxFingerprintFile)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("fingerprints: %w", err)
	}
	return ReadFingerprints(path, text)
}

// ReadFingerprints makes fingerprints of YAML and runs the tests of each. An
// unknown key, a bad or slow pattern, an entry without a test or with one that
// fails is an error with file and line; all entries are tried.
func ReadFingerprints(path string, text []byte) (*Fingerprints, error) {
	text, err := plain(path, text)
	if err != nil {
		return nil, err
	}
	var file fingerprintFile
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return nil, errors.New(place(path, err))
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, errors.New(place(path, err))
	}
	if len(file.Fingerprints) == 0 || len(file.Fingerprints) > maxFingerprints {
		return nil, fmt.Errorf("%s:1: %d fingerprints: want 1 to %d, as in fingerprints: [{name: ..., facts: [...], set: {vendor: ...}, ...}]", path, len(file.Fingerprints), maxFingerprints)
	}
	out := &Fingerprints{}
	var wrong []error
	seen := map[string]bool{}
	steps := 0
	for i := range file.Fingerprints {
		f := &file.Fingerprints[i]
		ready, err := f.ready(file.Sets)
		if err == nil && seen[f.Name] {
			err = errors.New("the name stands twice")
		}
		seen[f.Name] = true
		if err == nil {
			err = f.prove(&ready)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: fingerprint %q: %w", path, lineOf(tree, i, err), f.Name, err))
			continue
		}
		if steps += ready.steps(); steps > maxSlow {
			return nil, fmt.Errorf("%s:%d: fingerprint %q: the patterns up to here are too slow together, %d steps for each byte at the worst, at most %d: use smaller repetitions", path, lineOf(tree, i, nil), f.Name, steps, maxSlow)
		}
		out.entries = append(out.entries, ready)
	}
	return out, errors.Join(wrong...)
}

// Summary says how many entries and tests a file has, by entry.
func (f *Fingerprints) Summary() []string {
	var names []string
	for i := range f.entries {
		names = append(names, f.entries[i].name)
	}
	return names
}

var yamlPosition = regexp.MustCompile(`^\[(\d+):(\d+)\] `)

// place turns the library's message of many lines into path:line:column: text.
func place(path string, err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if yamlPosition.MatchString(line) {
		return yamlPosition.ReplaceAllString(line, path+":$1:$2: ")
	}
	return path + ": " + line
}

// placed is a fault of one part of an entry.
type placed struct {
	part string // "facts[1].match"
	error
}

func (p placed) Unwrap() error { return p.error }

// lineOf is where the faulty part of the i-th entry stands, or the entry.
func lineOf(tree *ast.File, i int, err error) int {
	entry := "$.fingerprints[" + strconv.Itoa(i) + "]"
	if p, ok := errors.AsType[placed](err); ok {
		if line := lineAt(tree, entry+"."+p.part); line > 0 {
			return line
		}
	}
	return max(1, lineAt(tree, entry))
}

// lineAt is where a path leads, 0 when nowhere.
func lineAt(tree *ast.File, at string) int {
	path, err := yaml.PathString(at)
	if err != nil {
		return 0
	}
	node, err := path.FilterFile(tree)
	if err != nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

var (
	fingerprintName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)
	macPrefix       = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){2,5}$`)
	attributeName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	portName        = regexp.MustCompile(`^(tcp|udp)/[1-9][0-9]{0,4}$`)
)

// settable are the attributes that a fingerprint may set.
var settable = []string{string(ot.Vendor), string(ot.Product), string(ot.Model), string(ot.FirmwareRev), string(ot.OS), string(ot.RoleAttr)}

func (f *fileFingerprint) ready(sets map[string][]string) (fingerprint, error) {
	p := fingerprint{name: f.Name, ports: f.Ports}
	if err := f.check(); err != nil {
		return p, err
	}
	plain := fileBut{Uses: f.Uses, Names: f.Names, Router: f.Router}
	for i, x := range f.Facts {
		if !attributeName.MatchString(x.Attribute) {
			return p, placed{fmt.Sprintf("facts[%d]", i), fmt.Errorf("attribute %q: want one as demarc-agent read --format json shows them under facts", x.Attribute)}
		}
		if x.Match == "" {
			plain.Facts = append(plain.Facts, fileFact{Attribute: x.Attribute, Is: x.Is, Has: x.Has})
			continue
		}
		if len(x.Is)+len(x.Has) > 0 {
			return p, placed{fmt.Sprintf("facts[%d]", i), errors.New("a fact needs attribute and one of is, has and match")}
		}
		re, err := readPattern(x.Attribute, x.Match)
		if err != nil {
			return p, placed{fmt.Sprintf("facts[%d].match", i), err}
		}
		p.patterns = append(p.patterns, re)
	}
	p.rule = rule{grade: ot.ParseGrade(f.Grade), weight: usualWeight, say: f.Say}
	if len(plain.Facts)+len(plain.Uses)+len(plain.Names) > 0 || plain.Router {
		var err error
		if p.when, err = plain.ready(sets); err != nil {
			return p, err
		}
	}
	for _, m := range f.MACs {
		p.macs = append(p.macs, strings.ToLower(m))
	}
	for _, a := range slices.Sorted(maps.Keys(f.Set)) {
		p.set = append(p.set, setting{ot.Attribute(a), f.Set[a]})
	}
	return p, nil
}

// check holds an entry to its form.
func (f *fileFingerprint) check() error {
	switch {
	case !fingerprintName.MatchString(f.Name):
		return fmt.Errorf("name %q: want lower-case letters, digits, dots and dashes, at most 40", f.Name)
	case ot.ParseGrade(f.Grade) == ot.GradeNone:
		return fmt.Errorf("grade %q: want hint, behaviour, content or identity", f.Grade)
	case f.Say == "":
		return errors.New("say is missing: the reason in words, as in say: \"shows the page title {value}\"")
	case len(f.Facts)+len(f.Uses)+len(f.Names)+len(f.MACs)+len(f.Ports) == 0 && !f.Router:
		return errors.New("no condition: want facts, uses, names, macs or ports")
	case len(f.Set) == 0:
		return fmt.Errorf("set is missing: want one of %s", strings.Join(settable, ", "))
	}
	for _, a := range slices.Sorted(maps.Keys(f.Set)) {
		if err := settles(a, f.Set[a]); err != nil {
			return placed{"set", fmt.Errorf("set: %w", err)}
		}
	}
	for _, m := range f.MACs {
		if !macPrefix.MatchString(strings.ToLower(m)) {
			return placed{"macs", fmt.Errorf("macs: %q: want three to six bytes, as in 00:0e:8c", m)}
		}
	}
	for _, p := range f.Ports {
		if _, number, _ := strings.Cut(p, "/"); !portName.MatchString(p) || number > "65535" && len(number) == 5 {
			return placed{"ports", fmt.Errorf("ports: %q: want tcp/NUMBER or udp/NUMBER, up to 65535", p)}
		}
	}
	return nil
}

// settles reports whether an attribute may be set to a value.
func settles(a, value string) error {
	switch {
	case !slices.Contains(settable, a):
		return fmt.Errorf("%s cannot be set: want one of %s", a, strings.Join(settable, ", "))
	case a == string(ot.RoleAttr) && !known(ot.Role(value)):
		return fmt.Errorf("role %q is not known", value)
	case value == "" || len(value) > maxPattern || strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("%s: want 1 to %d bytes of plain text", a, maxPattern)
	}
	return nil
}

// prove runs the entry's tests: at least one device that it knows.
func (f *fileFingerprint) prove(p *fingerprint) error {
	known := false
	for i := range f.Tests {
		t := &f.Tests[i]
		part := fmt.Sprintf("tests[%d]", i)
		d, err := t.device()
		if err != nil {
			return placed{part, fmt.Errorf("test %d: %w", i+1, err)}
		}
		got := map[string]string{}
		for _, x := range p.told(&view{Device: d}, nil) {
			got[x.Attribute] = x.Value
		}
		if !maps.Equal(got, t.Gives) {
			return placed{part, fmt.Errorf("test %d: gives %s, want %s", i+1, listed(got), listed(t.Gives))}
		}
		known = known || len(t.Gives) > 0
	}
	if !known {
		return errors.New("no test that it knows a device: add tests: [{facts: {...}, gives: {vendor: ...}}]")
	}
	return nil
}

func listed(m map[string]string) string {
	if len(m) == 0 {
		return "nothing"
	}
	var all []string
	for _, a := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%s %q", a, m[a]))
	}
	return strings.Join(all, ", ")
}

// device is what a test describes: facts at grade identity, protocols by
// content.
func (t *fileVector) device() (*Device, error) {
	d := &Device{Names: t.Names, MACs: lower(t.MACs)}
	for _, a := range slices.Sorted(maps.Keys(t.Facts)) {
		d.Facts = append(d.Facts, Fact{Attribute: a, Value: t.Facts[a], Source: "test", Grade: ot.Identity})
	}
	for _, u := range t.Uses {
		as := slices.Index([]string{Client.String(), Server.String(), Peer.String()}, u.As)
		if as < 0 {
			return nil, fmt.Errorf("uses: as %q: want client, server or peer", u.As)
		}
		use := Use{As: As(as), Protocol: u.Protocol, Grade: ot.Content, Outcome: ot.Exchanged, Peers: max(u.Peers, 1)}
		for _, name := range u.Operations {
			i := slices.Index(ot.OperationNames(), name)
			if i < 0 {
				return nil, fmt.Errorf("uses: %q is not a class of operation", name)
			}
			use.Operations[i] = 1
		}
		d.Uses = append(d.Uses, use)
	}
	if len(t.Ports) > 0 {
		d.Uses = append(d.Uses, Use{As: Server, Protocol: "unknown", Outcome: ot.Exchanged, Peers: 1, Ports: t.Ports})
	}
	return d, nil
}
