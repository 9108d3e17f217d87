package condition

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// veiled makes a flow of which operations cannot be counted, in one of the ways
// in which the wire hides them.
func veiled(c *demarcv1.JudgedConnection, how int) {
	d := c.Connection
	switch how {
	case 0:
		d.Outcome = "one-sided"
	case 1:
		d.Protocol, d.Grade = "unknown", ""
	case 2:
		d.Grade = "hint"
	case 3:
		d.Grade = "behaviour"
	case 4:
		d.Security = "sign-and-encrypt"
	case 5:
		d.SecurityFacts = &demarcv1.SecurityFacts{Tls: "1.3"}
	case 6:
		d.ServerPackets = 0
	case 7:
		d.Operations = nil
	}
}

const veils = 8

// Whatever traffic there is, a rule on operations holds only where every flow in
// its scope was read: unknown == 0 stays unknown. And a flow that breaks it
// breaks it, whatever else there is.
func TestUnknownIsNeverZero(t *testing.T) {
	classes := ot.OperationNames()
	docs := map[string]World{}
	for _, class := range classes {
		for _, rule := range []string{"connection.operations.%s == 0", "!(connection.operations.%s > 0)", "connection.operations.%s < 1", "0 >= connection.operations.%s"} {
			text := fmt.Sprintf(rule, class)
			docs[class+rule] = seen(t, `require: "`+text+`"`)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		class := rapid.SampledFrom(classes).Draw(t, "class")
		rule := rapid.SampledFrom([]string{"connection.operations.%s == 0", "!(connection.operations.%s > 0)", "connection.operations.%s < 1", "0 >= connection.operations.%s"}).Draw(t, "rule")
		w := docs[class+rule]
		hidden, broken := false, false
		for i := range rapid.IntRange(1, 6).Draw(t, "flows") {
			ops := map[string]uint64{}
			for _, o := range rapid.SliceOfNDistinct(rapid.SampledFrom(classes), 1, 3, rapid.ID).Draw(t, "operations") {
				ops[o] = rapid.Uint64Range(1, 1000).Draw(t, "n")
			}
			c := flow("dmz", "line4", "opcua", ops)
			c.Id = fmt.Sprintf("c-%d", i)
			if how := rapid.IntRange(-3, veils-1).Draw(t, "veil"); how >= 0 {
				veiled(c, how)
				hidden = hidden || c.Connection.Operations[class] == 0
			}
			broken = broken || c.Connection.Operations[class] > 0
			w.Connections = append(w.Connections, c)
		}
		got := Judge(w)
		if len(got) != 1 {
			t.Fatalf("%d results", len(got))
		}
		want := Holds
		switch {
		case broken:
			want = Violated
		case hidden:
			want = NotObservable
		}
		if got[0].State != want {
			t.Fatalf("%s, want %s: %s", got[0].State, want, got[0].Reason)
		}
	})
}
