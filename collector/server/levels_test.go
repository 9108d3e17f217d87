package server

import (
	"strings"
	"testing"

	"demarc/collector/api"
	"demarc/collector/finding"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

const straight = `---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: orders}
spec: {purpose: Orders, owner: {name: A}, from: {boundary: corporate}, to: {boundary: line4}, initiator: from, services: [{protocol: opcua, ports: [4840]}]}
`

// levels gives the boundaries of the plant their levels and categorization.
var levels = strings.NewReplacer(
	"title: Line 4,", "title: Line 4, levels: [0, 1, 2], categorization: {confidentiality: low, integrity: high, availability: high},",
	"title: Corporate,", "title: Corporate, systems: [erp], categorization: {confidentiality: low, integrity: moderate, availability: high},",
)

// From levels 0 to 2 straight to ERP is a finding although it is agreed.
func TestFlowPastTheERPInterfaceIsAFinding(t *testing.T) {
	for _, c := range []struct {
		name, docs, client, server string
		want                       bool
	}{
		{"ERP opens", levels.Replace(plantDocs), "10.60.1.1", "10.20.4.10", true},
		{"level 4 instead of ERP", strings.Replace(levels.Replace(plantDocs), "systems: [erp]", "levels: [4, 5]", 1), "10.60.1.1", "10.20.4.10", true},
		{"level 3 stands there too", strings.Replace(levels.Replace(plantDocs), "[0, 1, 2]", "[0, 1, 2, 3]", 1), "10.60.1.1", "10.20.4.10", false},
		{"no levels on paper", plantDocs, "10.60.1.1", "10.20.4.10", false},
	} {
		l := newLab(t)
		_, err := l.apply(documents(c.docs, straight), applyOptions{})
		l.must(err)
		l.send("a", flow(c.client, c.server, 4840, "opcua", l.now))
		l.expect(l.engine, c.client, c.server, verdict.Authorized)
		all := l.Findings()
		if got := len(all) == 1 && all[0].GetKind() == finding.PastInterface && all[0].GetSeverity() >= 50; got != c.want || !c.want && len(all) != 0 {
			t.Errorf("%s: %v", c.name, all)
		}
		l.kept()
	}
}

// An agreement between boundaries of unequal categorization is told when it is
// applied, and where either is explained.
func TestUnequalCategorizationIsTold(t *testing.T) {
	l := newLab(t)
	r, err := l.apply(documents(levels.Replace(plantDocs), straight, agreement), applyOptions{})
	l.must(err)
	want := "orders joins corporate and line4, which are categorized unequally: integrity moderate and high"
	told := 0
	for _, w := range r.GetWarnings() {
		if strings.Contains(w, want) {
			told++
		} else if strings.Contains(w, "categorized") {
			t.Errorf("%s", w) // the dmz has none
		}
	}
	if told != 1 {
		t.Errorf("%v", r.GetWarnings())
	}
	service := api.New(api.Config{Plant: l.engine, Clock: l.clock, Store: l.store})
	x, err := service.Explain(owner(t), &demarcv1.ExplainRequest{Id: "line4"})
	l.must(err)
	if all := strings.Join(x.GetLines(), "\n"); !strings.Contains(all, "categorized unequally (FIPS 199): integrity moderate and high (corporate and line4)") {
		t.Errorf("%s", all)
	}
}
