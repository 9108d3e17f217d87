package condition

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// ato is an authorization over line4 with one condition.
func ato(condition string) string {
	return `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec:
  decision: ato-with-conditions
  boundaries: [line4]
  granted: 2026-03-01
  expires: 2029-03-01
  connect: [{to: dmz, decision: atc, granted: 2026-03-01, expires: 2027-03-01}]
  conditions:
    - {id: C1, statement: "It must be so.", ` + condition + `}
`
}

// flow is a connection between two boundaries, ten minutes before noon.
func flow(from, to, protocol string, ops map[string]uint64) *demarcv1.JudgedConnection {
	at := timestamppb.New(noon.Add(-10 * time.Minute))
	address := map[string]string{"line4": "10.20.4.10", "dmz": "10.50.1.20", "corporate": "10.60.0.15", "internet": "203.0.113.9", "": "10.9.0.1"}
	return &demarcv1.JudgedConnection{
		Id: "c-" + from + to, Site: "houston", ClientBoundary: from, ServerBoundary: to, Verdict: &demarcv1.Verdict{Verdict: "authorized"},
		Connection: &demarcv1.Connection{
			Client: address[from], Server: address[to], Segment: "line4", Transport: "tcp", Port: 102, Protocol: protocol, Grade: "content",
			DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged", ClientPackets: 9, ServerPackets: 9, Operations: ops,
			FirstSeen: at, LastSeen: at, Security: "none",
		},
	}
}

// seen is a world in which line4 was heard for the whole day.
func seen(t *testing.T, condition string, flows ...*demarcv1.JudgedConnection) World {
	t.Helper()
	docs, p := documents(t, ato(condition))
	if err := Compile(docs); err != nil {
		t.Fatal(err)
	}
	l := NewLedger()
	hear(l, "a", "line4", noon.Add(-Window), noon)
	return World{Policy: p, Documents: docs, Connections: flows, Ledger: l, Now: noon}
}

func one(t *testing.T, w World) Result {
	t.Helper()
	all := Judge(w)
	if len(all) != 1 {
		t.Fatalf("%d conditions", len(all))
	}
	return all[0]
}

var (
	reads  = map[string]uint64{"read": 5}
	writes = map[string]uint64{"read": 5, "write": 2}
)

func TestChecks(t *testing.T) {
	with := func(c *demarcv1.JudgedConnection, change func(*demarcv1.Connection)) *demarcv1.JudgedConnection {
		change(c.GetConnection())
		return c
	}
	edge := func() *demarcv1.JudgedConnection { return flow("dmz", "line4", "s7comm", reads) }
	for _, c := range []struct {
		name, condition string
		flows           []*demarcv1.JudgedConnection
		state           string
	}{
		{"via the dmz", "check: only-via, with: {via: dmz, to: {domain: it}}", []*demarcv1.JudgedConnection{edge()}, Holds},
		{"past the dmz", "check: only-via, with: {via: dmz, to: {domain: it}}", []*demarcv1.JudgedConnection{edge(), flow("corporate", "line4", "s7comm", reads)}, Violated},
		{"an end that stands nowhere", "check: only-via, with: {via: dmz, to: {domain: it}}", []*demarcv1.JudgedConnection{edge(), flow("", "line4", "s7comm", reads)}, NotObservable},
		{"a try", "check: no-internet", []*demarcv1.JudgedConnection{edge(), with(flow("line4", "internet", "tls", nil), func(d *demarcv1.Connection) { d.Outcome = "unanswered" })}, Holds},
		{"the Internet", "check: no-internet", []*demarcv1.JudgedConnection{flow("line4", "internet", "tls", nil)}, Violated},
		{"nothing crosses, so the edge does not show", "check: no-internet", []*demarcv1.JudgedConnection{flow("line4", "line4", "s7comm", reads)}, NotObservable},
		{"reads", "check: read-only-from-outside", []*demarcv1.JudgedConnection{edge()}, Holds},
		{"writes", "check: read-only-from-outside", []*demarcv1.JudgedConnection{flow("dmz", "line4", "s7comm", writes)}, Violated},
		{"encrypted operations", "check: read-only-from-outside", []*demarcv1.JudgedConnection{with(edge(), func(d *demarcv1.Connection) { d.Security = "sign-and-encrypt" })}, NotObservable},
		{"one side alone", "check: read-only-from-outside", []*demarcv1.JudgedConnection{with(edge(), func(d *demarcv1.Connection) { d.Outcome = "one-sided" })}, NotObservable},
		{"in the clear", "check: encrypted", []*demarcv1.JudgedConnection{edge()}, Violated},
		{"protected", "check: encrypted", []*demarcv1.JudgedConnection{with(edge(), func(d *demarcv1.Connection) { d.Security = "sign-and-encrypt" })}, Holds},
		{"protection that does not show", "check: encrypted", []*demarcv1.JudgedConnection{with(edge(), func(d *demarcv1.Connection) { d.Security = "" })}, NotObservable},
		{"old TLS", "check: encrypted, with: {tls: \"1.2\"}", []*demarcv1.JudgedConnection{with(edge(), func(d *demarcv1.Connection) { d.SecurityFacts = &demarcv1.SecurityFacts{Tls: "1.0"} })}, Violated},
		{"not that protocol", "check: encrypted, with: {protocols: [opcua]}", []*demarcv1.JudgedConnection{edge()}, Holds},
		{"opened from inside", "check: initiator, with: {initiator: inside}", []*demarcv1.JudgedConnection{flow("line4", "dmz", "opcua", reads)}, Holds},
		{"opened from outside", "check: initiator, with: {initiator: inside}", []*demarcv1.JudgedConnection{edge()}, Violated},
		{"a direction from a port", "check: initiator, with: {initiator: inside}", []*demarcv1.JudgedConnection{with(edge(), func(d *demarcv1.Connection) { d.DirectionBasis = "port" })}, NotObservable},
		{"a tool", "check: no-remote-access-tools", []*demarcv1.JudgedConnection{flow("corporate", "line4", "rdp", nil)}, Violated},
		{"no tool", "check: no-remote-access-tools", []*demarcv1.JudgedConnection{edge()}, Holds},
		{"what is not identified may be one", "check: no-remote-access-tools", []*demarcv1.JudgedConnection{flow("corporate", "line4", "unknown", nil)}, NotObservable},
		{"agreed", "check: agreement-in-force", []*demarcv1.JudgedConnection{edge()}, Holds},
		{"not on record", "check: peer-authorized", []*demarcv1.JudgedConnection{edge()}, Violated},
		{"on the list", "check: allow-list, with: {peers: [10.50.1.0/24]}", []*demarcv1.JudgedConnection{edge()}, Holds},
		{"not on the list", "check: allow-list, with: {peers: [10.50.2.0/24]}", []*demarcv1.JudgedConnection{edge()}, Violated},
		{"papers", "check: atc-within-ato", nil, Holds},
		{"one home each", "check: no-dual-homed", nil, Holds},
		{"heard", "check: visibility-at-least", nil, Holds},
		{"by too few", "check: visibility-at-least, with: {agents: 2}", nil, Violated},
		{"lately", "check: evidence-newer-than, with: {age: 1h}", nil, Holds},
		{"an attestation that nobody gave", "attest: {by: system-owner, every: 90d}", nil, AttestationDue},
	} {
		if r := one(t, seen(t, c.condition, c.flows...)); r.State != c.state {
			t.Errorf("%s: %s (%s), want %s", c.name, r.State, r.Reason, c.state)
		}
	}
}

// TestExpressions: what was not seen is unknown, never zero.
func TestExpressions(t *testing.T) {
	const noWrite = "require: 'connection.operations.write == 0', scope: {openedBy: outside}"
	dark := flow("dmz", "line4", "s7comm", nil)
	old := flow("dmz", "line4", "s7comm", writes)
	old.Connection.FirstSeen = timestamppb.New(noon.Add(-100 * time.Hour))
	old.OperationsLast = map[string]*timestamppb.Timestamp{"write": timestamppb.New(noon.Add(-99 * time.Hour)), "read": old.Connection.LastSeen}
	for _, c := range []struct {
		name, condition string
		flow            *demarcv1.JudgedConnection
		state           string
	}{
		{"read", noWrite, flow("dmz", "line4", "s7comm", reads), Holds},
		{"written", noWrite, flow("dmz", "line4", "s7comm", writes), Violated},
		{"nothing decoded", noWrite, dark, NotObservable},
		{"a write of old", noWrite, old, Holds},
		{"through a list", "require: '[connection].all(c, c.operations.write == 0)'", dark, NotObservable},
		{"negated", "require: '!(connection.operations.write > 0)'", dark, NotObservable},
		{"known in spite of it", "require: 'connection.operations.write == 0 || connection.port == 102'", dark, Holds},
		{"a device not known", "require: '!(\"plc\" in server.roles)'", dark, NotObservable},
		{"an error", "require: '1 / (connection.port - 102) == 0'", dark, NotObservable},
		{"a number that is not exact", "require: 'connection.operations.read > 3'", old, NotObservable},
		{"the TLS version that does not show", "require: 'connection.tls == \"\"'", dark, NotObservable},
	} {
		edge := flow("line4", "dmz", "opcua", reads)
		edge.Connection.Port = 4840
		w := seen(t, c.condition, c.flow)
		if r := one(t, w); r.State != c.state {
			t.Errorf("%s: %s (%s), want %s", c.name, r.State, r.Reason, c.state)
		}
	}
}

func TestOperationsAreTheVocabulary(t *testing.T) {
	var o Operations
	for i, class := range ot.OperationNames() {
		if o.field(ot.Operation(i)) == nil {
			t.Errorf("expressions do not see %s", class)
		}
	}
}

// TestRefusedAtApply: by line, with what would be right.
func TestRefusedAtApply(t *testing.T) {
	bomb := "[0,1,2,3,4,5,6,7,8,9]"
	for range 8 {
		bomb += ".map(x, [x,x,x,x,x,x,x,x,x,x])"
	}
	for condition, want := range map[string]string{
		"require: 'connection.operations.wrote == 0'":            "undefined field 'wrote'",
		"require: 'connection.port'":                             "must give true or false",
		"require: 'env(\"HOME\") == \"\"'":                       "undeclared reference",
		"require: 'connection.port =='":                          "Syntax error",
		"require: '" + bomb + ".size() == 0'":                    "more than four loops",
		"require: '" + strings.Repeat("(", 200) + "true'":        "require:",
		"require: '" + strings.Repeat("true && ", 999) + "true'": "require:",
	} {
		docs, _ := documents(t, ato(condition))
		err := Compile(docs)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "plant.yaml:") {
			t.Errorf("%.60s: %v, want %q", condition, err, want)
		}
	}
}

// TestSilenceNeverPasses: without sight no check over traffic holds, and a fresh
// world gives no state that passes.
func TestSilenceNeverPasses(t *testing.T) {
	conditions := []string{"require: 'connection.operations.write == 0'"}
	for _, name := range Checks() {
		if checks[name].need == papers && name == "atc-within-ato" {
			continue
		}
		with := map[string]string{
			"only-via": ", with: {via: dmz}", "initiator": ", with: {initiator: inside}", "evidence-newer-than": ", with: {age: 1h}", "allow-list": ", with: {peers: [10.0.0.0/8]}",
			"time-window": `, with: {schedule: {from: "00:00", until: "24:00"}}`, "volume-limit": ", with: {bytes: 1GB}", "cadence": ", with: {atMost: 1h}",
			"one-way": ", with: {from: {boundary: line4}, to: {boundary: dmz}}",
		}[name]
		conditions = append(conditions, "check: "+name+with)
	}
	for _, c := range conditions {
		for name, change := range map[string]func(*World){
			"nobody listens":    func(w *World) { w.Ledger = NewLedger() },
			"no ledger":         func(w *World) { w.Ledger = nil },
			"for an hour alone": func(w *World) { w.Ledger = NewLedger(); hear(w.Ledger, "a", "line4", noon.Add(-time.Hour), noon) },
			"no more":           func(w *World) { w.Now = noon.Add(26 * time.Hour) },
			"long ago":          func(w *World) { w.Now = noon.Add(90 * 24 * time.Hour) },
		} {
			if name == "for an hour alone" && strings.Contains(c, "evidence-newer-than") {
				continue // that hour is what it asks for
			}
			w := seen(t, c)
			change(&w)
			if r := one(t, w); r.State == Holds || r.State == NotExercised {
				t.Errorf("%s, %s: %s (%s)", c, name, r.State, r.Reason)
			}
		}
	}
}

func TestStates(t *testing.T) {
	edge := flow("dmz", "line4", "s7comm", reads)
	w := seen(t, "check: no-internet", edge)
	w.Now = noon.Add(90 * 24 * time.Hour)
	if r := one(t, w); r.State != Stale || !strings.HasPrefix(r.Words, "stale since 2026-05-12") {
		t.Errorf("%s: %s", r.State, r.Words)
	}
	w = seen(t, "check: no-internet", flow("line4", "internet", "tls", nil))
	w.Now = noon.Add(90 * 24 * time.Hour)
	if r := one(t, w); r.State != Violated || !strings.Contains(r.Words, "until 2026-04-12 12:00") {
		t.Errorf("what was violated when nothing was heard any more: %s, %s", r.State, r.Words)
	}
	w = seen(t, "check: encrypted, with: {from: {domain: it}}", edge)
	if r := one(t, w); r.State != NotExercised || !strings.HasPrefix(r.Words, "holds, not exercised since") {
		t.Errorf("%s: %s", r.State, r.Words)
	}
	w = seen(t, "check: no-internet, maxLoss: 1%", edge)
	lose(w.Ledger, "a", "line4", "kernel-drop", noon.Add(-time.Hour), 5000)
	if r := one(t, w); r.State != NotObservable || !strings.Contains(r.Reason, "more than 1%") {
		t.Errorf("%s: %s", r.State, r.Reason)
	}
}

// TestEveryCheckIsDescribed: deploy/checks.md says of each what it needs and
// what makes it what it is.
func TestEveryCheckIsDescribed(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "deploy", "checks.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(page), "\n## ")
	for _, name := range append(Checks(), "require", "attest") {
		found := ""
		for _, s := range sections {
			if title, text, _ := strings.Cut(s, "\n"); title == name {
				found = text
			}
		}
		for _, part := range []string{"Subject:", "Sight:", "Violated:", "Not observable:", "Stale:"} {
			if !strings.Contains(found, part) && name != "attest" {
				t.Errorf("deploy/checks.md: section %s lacks %s", name, part)
			}
		}
	}
	for _, class := range ot.OperationNames() {
		if !strings.Contains(string(page), "`"+class+"`") {
			t.Errorf("deploy/checks.md does not name the operation %s", class)
		}
	}
}
