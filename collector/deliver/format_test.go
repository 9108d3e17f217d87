package deliver

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/config"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

var update = flag.Bool("update", false, "rewrite the samples")

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

// hostile is a name as a device may give itself one.
const hostile = "plc|1=\\ \x1b[31m\r\nCEF:0|x\u202egnp.exe\xff"

func writes(client, server, reason string) *demarcv1.JudgedConnection {
	return &demarcv1.JudgedConnection{
		Id: "c-1", Site: "houston", ClientBoundary: "corporate", ServerBoundary: "line4",
		Connection: &demarcv1.Connection{Client: client, Server: server, Transport: "tcp", Port: 502, Protocol: "modbus", Operations: map[string]uint64{"write": 3, "read": 40}},
		Verdict:    &demarcv1.Verdict{Verdict: "unauthorized", Reason: reason, Documents: []string{"Interconnection/line4-to-historian"}, PolicyVersion: 7},
	}
}

// samples are the events of which each format has a sample.
func samples() map[string]*Event {
	f := &demarcv1.Finding{
		Id: "f-abc", Kind: "unauthorized", Title: "corporate writes to line4 with modbus, and nothing agrees to it", Why: "Nobody has accepted that risk.", Severity: 80, Status: "open", Revision: 1,
		SeverityTerms: []string{"+60: joins ot and it", "+20: acts on the process (write)", "= 80"}, FromBoundary: "corporate", ToBoundary: "line4", Service: "modbus", Site: "houston",
		Technique: "T0855 Unauthorized Command Message", Connections: []string{"c-1", "c-2", "c-3"}, FirstSeen: timestamppb.New(noon.Add(-time.Hour)), LastSeen: timestamppb.New(noon),
	}
	raised := OfFinding(f, []*demarcv1.JudgedConnection{writes("10.60.61.30", "10.20.4.11", "no interconnection joins corporate and line4"), writes("2001:db8::7", "10.20.4.12", "the same")})
	raised.Kind, raised.Time, raised.Words = "finding.raised", noon, "Raised as unauthorized, severity 80"
	bad := OfFinding(&demarcv1.Finding{Id: "f-bad", Kind: "unlisted", Title: hostile + " stands in line4", Why: hostile, Severity: 55, Status: "closed", ToBoundary: "line4"},
		[]*demarcv1.JudgedConnection{writes("00:0e:8c:12:34:56", "01:0c:cd:01:00:01", hostile)})
	bad.Kind, bad.Time, bad.Words, bad.Actor, bad.Was = "finding.closed", noon, "as fixed: "+strings.Repeat(hostile, 200), "uid 1000 ("+hostile+")", 60
	bad.Flow.Transport, bad.Flow.Port, bad.Flow.Protocol = "ethernet", 0x88b8, "goose"
	broken := OfCondition("line4-ato", "C2", "Nothing outside the boundary writes to a controller.", "violated", "violated", "10.60.61.30 writes to 10.20.4.11")
	broken.Time, broken.Controls, broken.Boundaries, broken.Policy = noon, []string{"SC-7"}, []string{"line4"}, 7
	ended := &Event{
		Time: noon, Kind: "authorization.ended", What: config.Authorizations, Severity: 70, Title: "line4-ato ended 2026-04-11", Words: "Due 2026-04-12T00:00:00Z", Subject: "Authorization/line4-ato",
		Class: "ended", Documents: []string{"Authorization/line4-ato"}, Boundaries: []string{"line4"}, Page: "/authorizations", Policy: 7,
	}
	silent := &Event{Time: noon, Kind: "agent.silent", What: config.Agents, Severity: 70, Title: "Agent agent-l4 is silent", Subject: "agent-l4", Class: "silent", Status: "silent", Site: "houston", Page: "/agents"}
	act := OfAudit(&store.AuditEntry{Sequence: 12, Act: store.Act{Time: noon, Who: "uid 1000 (ana)", What: "policy apply", On: "version 7", Detail: "3 documents changed"}, Hash: store.Digest{1, 2, 3}})
	all := map[string]*Event{"raised": raised, "hostile": bad, "condition": broken, "ended": ended, "silent": silent, "audit": act}
	for name, e := range all {
		if name != "audit" {
			e.Finish()
		}
	}
	return all
}

var here = About{Host: "collector.plant.example", Version: "1.0", Pages: "https://collector.plant.example:8443"}

func TestSamplesOfEachFormat(t *testing.T) {
	for name, e := range samples() {
		for of := range formats {
			t.Run(name+" "+of, func(t *testing.T) {
				text := Render(of, e, here)
				checkText(t, text)
				if of != "cef" {
					var b bytes.Buffer
					if err := json.Indent(&b, text, "", "  "); err != nil {
						t.Fatal(err)
					}
					text = b.Bytes()
				}
				file := filepath.Join("testdata", name+"."+of)
				if *update {
					if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil || string(text)+"\n" != string(want) {
					t.Errorf("%v\n%s\nwant\n%s", err, text, want)
				}
			})
		}
	}
}

// checkText: one line of text that log servers take as it is.
func checkText(t *testing.T, text []byte) {
	t.Helper()
	if len(text) > maxMessage || !utf8.Valid(text) {
		t.Errorf("%d octets, UTF-8 %v", len(text), utf8.Valid(text))
	}
	for _, r := range string(text) {
		if !unicode.IsPrint(r) {
			t.Errorf("%q in %s", r, text)
		}
	}
}

var (
	cefLine = regexp.MustCompile(`^CEF:0\|((?:[^|\\]|\\[|\\])*)\|((?:[^|\\]|\\[|\\])*)\|((?:[^|\\]|\\[|\\])*)\|((?:[^|\\]|\\[|\\])*)\|((?:[^|\\]|\\[|\\])*)\|(\d|10)\|(.*)$`)
	cefKey  = regexp.MustCompile(`(?:^| )([a-zA-Z0-9]+)=`)
	unName  = strings.NewReplacer(`\\`, `\`, `\|`, `|`)
	unValue = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\n`, "\n", `\r`, "\r")
)

// readCEF reads a line as a receiver does: an equals sign that no backslash
// stands before ends a key.
func readCEF(t *testing.T, line string) (name string, pairs map[string]string) {
	t.Helper()
	m := cefLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no CEF: %q", line)
	}
	pairs = map[string]string{}
	keys := cefKey.FindAllStringSubmatchIndex(m[7], -1)
	for i, k := range keys {
		end := len(m[7])
		if i+1 < len(keys) {
			end = keys[i+1][0]
		}
		pairs[m[7][k[2]:k[3]]] = unValue.Replace(m[7][k[1]:end])
	}
	return unName.Replace(m[5]), pairs
}

func TestCEFIsReadBack(t *testing.T) {
	e := samples()["raised"]
	name, pairs := readCEF(t, string(Render("cef", e, here)))
	if name != e.Title || pairs["src"] != "10.60.61.30" || pairs["dst"] != "10.20.4.11" || pairs["dpt"] != "502" || pairs["proto"] != "TCP" || pairs["externalId"] != e.ID ||
		pairs["request"] != "https://collector.plant.example:8443/findings/f-abc" || pairs["cs1"] != "corporate > line4" || pairs["cs2"] != "Interconnection/line4-to-historian" || pairs["cn1"] != "80" {
		t.Errorf("%s %v", name, pairs)
	}
}

func FuzzCEF(f *testing.F) {
	f.Add("plc", "a=b|c\\", hostile)
	f.Add("\\", "|", "=")
	f.Add("a\\=b \\n", " x=1", "\r\n")
	f.Fuzz(func(t *testing.T, title, words, actor string) {
		e := &Event{Time: noon, Kind: "finding.raised", What: config.Findings, Title: title, Words: words, Actor: actor, Flow: &Flow{Client: words, Server: actor, Transport: title}}
		for _, finished := range []bool{false, true} {
			if finished {
				e.Finish()
			} else if !utf8.ValidString(title + words + actor) {
				continue
			}
			text := string(cef(e, &here))
			if strings.ContainsAny(text, "\r\n") {
				t.Fatalf("%q breaks the line", text)
			}
			if finished {
				checkText(t, fit(cef, e, &here))
			}
			name, pairs := readCEF(t, text)
			want := strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ").Replace(e.Title)
			if name != want {
				t.Fatalf("name %q, want %q", name, want)
			}
			for key, value := range map[string]string{"msg": e.Words, "suser": e.Actor} {
				if pairs[key] != value {
					t.Fatalf("%s is %q, want %q of %q", key, pairs[key], value, text)
				}
			}
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add(hostile, 10)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = min(max(n, 0), 1000)
		c := Clean(s, n)
		if !utf8.ValidString(c) || utf8.RuneCountInString(c) > 10*n+3 {
			t.Fatalf("%q of %q", c, s)
		}
		for _, r := range c {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q in %q", r, c)
			}
		}
		if again := Clean(c, len(c)); again != c {
			t.Fatalf("%q cleaned again is %q", c, again)
		}
	})
}

// TestOCSFHasWhatTheSchemaRequires: attributes that version 1.2 of the schema
// requires of the classes, written down by hand.
func TestOCSFHasWhatTheSchemaRequires(t *testing.T) {
	required := map[float64][]string{
		0:    {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"},
		2003: {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "finding_info", "compliance"},
		2004: {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "finding_info"},
	}
	classes := map[float64]bool{}
	for name, e := range samples() {
		var f map[string]any
		if err := json.Unmarshal(Render("ocsf", e, here), &f); err != nil {
			t.Fatal(err)
		}
		class := f["class_uid"].(float64)
		classes[class] = true
		for _, key := range required[class] {
			if _, there := f[key]; !there {
				t.Errorf("%s lacks %s", name, key)
			}
		}
		if f["type_uid"] != class*100+f["activity_id"].(float64) {
			t.Errorf("%s: type_uid %v", name, f["type_uid"])
		}
		within := map[string][]string{"metadata": {"product", "version"}, "finding_info": {"title", "uid"}, "compliance": {"standards"}}
		for object, keys := range within {
			o, there := f[object].(map[string]any)
			for _, key := range keys {
				if _, has := o[key]; there && !has {
					t.Errorf("%s: %s lacks %s", name, object, key)
				}
			}
		}
	}
	if len(classes) != len(required) {
		t.Errorf("classes %v", classes)
	}
}

// TestECSKeepsToItsVocabulary: values that version 8 of the schema allows, written
// down by hand.
func TestECSKeepsToItsVocabulary(t *testing.T) {
	types := map[string][]string{
		"intrusion_detection": {"allowed", "denied", "info"}, "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
		"configuration": {"access", "change", "creation", "deletion", "info"}, "host": {"access", "change", "end", "info", "start"},
	}
	for name, e := range samples() {
		var f struct {
			Event struct {
				Kind           string
				Category, Type []string
			}
			Timestamp time.Time `json:"@timestamp"`
			ECS       struct{ Version string }
		}
		if err := json.Unmarshal(Render("ecs", e, here), &f); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains("alert event state", f.Event.Kind) || !f.Timestamp.Equal(noon) || f.ECS.Version == "" || len(f.Event.Category) == 0 {
			t.Errorf("%s: %+v", name, f)
		}
		for _, c := range f.Event.Category {
			for _, of := range f.Event.Type {
				if !strings.Contains(strings.Join(types[c], " ")+" ", of+" ") {
					t.Errorf("%s: type %s is none of category %s", name, of, c)
				}
			}
		}
	}
}

func TestLevels(t *testing.T) {
	for severity, want := range map[uint32]string{0: "info", 19: "info", 20: "low", 39: "low", 40: "medium", 69: "medium", 70: "high", 89: "high", 90: "critical", 100: "critical"} {
		if got := Level(severity); got != want {
			t.Errorf("%d is %s, want %s", severity, got, want)
		}
	}
}
