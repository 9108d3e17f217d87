package server

import (
	"strings"
	"testing"

	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

const byRole = `---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: plc-to-historian}
spec:
  purpose: Values for the historian
  from: {boundary: line4, roles: [plc]}
  to: {boundary: dmz}
  services: [{protocol: s7comm, ports: [102]}]
`

// isPLC lets a device say what it is.
func (l *lab) isPLC(ip string) {
	l.t.Helper()
	l.send("a", &demarcv1.Body{Facts: []*demarcv1.FactDelta{{
		Of: addr(ip), Attribute: "role", Value: "plc", Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY,
		FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano(),
	}}})
}

// A role in an agreement is a list of those that had it when the documents were
// applied. What takes it later is not covered, until a person has it resolved.
func TestRolesResolveWhenApplied(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 102, "s7comm", l.now))
	l.isPLC("10.20.4.10")
	l.send("a", flow("10.50.1.20", "10.20.4.11", 102, "s7comm", l.now))
	r, err := l.apply(documents(plantDocs, byRole), applyOptions{})
	l.must(err)
	if got := strings.Join(r.GetResolved(), "|"); got != "Interconnection/plc-to-historian: roles plc of line4: 10.20.4.10" {
		t.Errorf("%s", got)
	}
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.expect(l.engine, "10.50.1.20", "10.20.4.11", verdict.Unauthorized)
	l.isPLC("10.20.4.11") // its connections are judged again, and say so
	l.expect(l.engine, "10.50.1.20", "10.20.4.11", verdict.Unauthorized)
	v := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.11").GetVerdict()
	if !strings.Contains(v.GetReason(), "unauthorized (matches plc-to-historian, not confirmed): 10.20.4.11 is plc now") {
		t.Errorf("%s", v.GetReason())
	}
	// Another document does not confirm it.
	other := strings.Replace(plantDocs, "title: Corporate", "title: Offices", 1)
	_, err = l.apply(documents(other, byRole), applyOptions{})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.11", verdict.Unauthorized)
	if a, b := dump(l.engine), dump(l.restarted()); a != b {
		t.Errorf("life:\n%s\nreplay:\n%s", a, b)
	}
	_, err = l.apply(documents(other, byRole), applyOptions{Resolve: true})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.11", verdict.Authorized)
	r, err = l.apply(documents(other, byRole), applyOptions{Resolve: true})
	if err != nil || len(r.GetResolved()) != 0 || r.GetPolicyVersion() != 4 {
		t.Errorf("nothing changed: %v %v", r, err)
	}
}

// A device that takes the name of a member is not the member.
func TestGroupMembersResolveWhenApplied(t *testing.T) {
	l := newLab(t)
	named := func(ip string) {
		l.send("a", &demarcv1.Body{Facts: []*demarcv1.FactDelta{{
			Of: addr(ip), Attribute: "name", Value: "scada-b", Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY,
			FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano(),
		}}})
	}
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.11", 4840, "opcua", l.now))
	named("10.20.4.11")
	one := strings.Replace(agreement, "{boundary: line4}", "{boundary: line4, cidrs: [10.20.4.10/32]}", 1)
	_, err = l.apply(documents(plantDocs, one, "---\napiVersion: demarc/v1\nkind: Group\nmetadata: {name: pair}\nspec: {type: redundant, members: [10.20.4.10, scada-b]}\n"), applyOptions{})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.11", verdict.Authorized)
	l.send("a", flow("10.50.1.20", "10.20.4.12", 4840, "opcua", l.now))
	named("10.20.4.12")
	l.expect(l.engine, "10.50.1.20", "10.20.4.12", verdict.Unauthorized)
}
