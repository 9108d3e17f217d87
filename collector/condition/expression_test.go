package condition

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

func TestWhatAnExpressionReads(t *testing.T) {
	for text, want := range map[string]string{
		"connection.operations.write == 0 && connection.operations.program == 0":     "connection.operations.program connection.operations.write",
		"connection.protocol == 'opcua' || client.roles.exists(r, r == 'historian')": "client.roles connection.protocol",
		"connection.protocol.startsWith('s7')":                                       "connection.protocol",
		"server.level <= 2 && server.names.size() > 0":                               "server.level server.names",
		"connection == connection":                                                   "connection",
		"1 == 1":                                                                     "",
	} {
		e, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(e.reads)), " "); got != want || e.whole != (want == "connection") {
			t.Errorf("%s reads %q (whole: %v), want %q", text, got, e.whole, want)
		}
	}
}

// What an expression says of one connection holds for all of which it reads the
// same, and for no other.
func TestExpressionsOfManyAsOfEach(t *testing.T) {
	kinds := func(id string, change func(*demarcv1.JudgedConnection)) *demarcv1.JudgedConnection {
		c := flow("dmz", "line4", "opcua", map[string]uint64{"read": 3})
		c.Id = id
		change(c)
		return c
	}
	all := []*demarcv1.JudgedConnection{
		kinds("c-1", func(*demarcv1.JudgedConnection) {}),
		kinds("c-2", func(c *demarcv1.JudgedConnection) { c.Connection.Operations["write"] = 1 }),
		kinds("c-3", func(c *demarcv1.JudgedConnection) { c.Connection.Grade = "hint" }),
		kinds("c-4", func(c *demarcv1.JudgedConnection) { c.Connection.Protocol = "modbus" }),
		kinds("c-5", func(c *demarcv1.JudgedConnection) { c.Connection.Security = "sign-and-encrypt" }),
		kinds("c-6", func(c *demarcv1.JudgedConnection) { c.Connection.Port = 4840 }),
		kinds("c-7", func(c *demarcv1.JudgedConnection) { c.Connection.OpenedBy = "server" }),
		kinds("c-8", func(c *demarcv1.JudgedConnection) { c.Verdict.Verdict = "undecided" }),
	}
	expressions := []string{
		"connection.operations.write == 0", "connection.protocol == 'opcua'", "connection.port != 4840", "connection.opened_by == 'client'",
		"connection.verdict == 'authorized'", "connection.security == 'none' || connection.operations.read < 2", "client.level < 3",
	}
	for _, class := range ot.OperationNames() {
		expressions = append(expressions, "connection.operations."+class+" == 0") // unknown where it cannot be told
	}
	for _, e := range expressions {
		together := one(t, seen(t, `require: "`+e+`"`, all...))
		var violated, unknown []string
		for _, c := range all {
			switch r := one(t, seen(t, `require: "`+e+`"`, c)); {
			case r.State == Violated:
				violated = append(violated, r.Connections...)
			case len(r.Connections) > 0:
				unknown = append(unknown, r.Connections...)
			}
		}
		each := slices.Sorted(slices.Values(slices.Concat(violated, unknown)))
		if got := slices.Sorted(slices.Values(together.Connections)); !slices.Equal(got, each) || (together.State == Violated) != (len(violated) > 0) {
			t.Errorf("%s: together %s %v; each by itself violated %v, not told %v", e, together.State, got, violated, unknown)
		}
	}
}

// What passes the check when it is applied and costs too much all the same is
// stopped when it runs, and tells nothing.
func TestBombIsStoppedWhenItRuns(t *testing.T) {
	w := seen(t, `require: "!server.names.exists(a, server.names.exists(b, a + b == 'x'))"`, flow("dmz", "line4", "opcua", map[string]uint64{"read": 3}))
	names := make([]string, 3000)
	for i := range names {
		names[i] = strings.Repeat("n", i%60+1)
	}
	w.Connections[0].Connection.ServerAsset = "a-1"
	w.Assets = []*demarcv1.Asset{{Id: "a-1", Site: "houston", Names: names}}
	begun := time.Now()
	r := one(t, w)
	if took := time.Since(begun); r.State != NotObservable || !strings.Contains(r.Reason, "cost limit exceeded") || took > 10*time.Second {
		t.Errorf("%s in %s: %s", r.State, took, r.Reason)
	}
}
