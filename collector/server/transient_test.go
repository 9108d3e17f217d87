package server

import (
	"strings"
	"testing"

	"demarc/collector/finding"
	"demarc/collector/verdict"
)

// laptops are engineers' machines that roam between the line and the office.
const laptops = `---
apiVersion: demarc/v1
kind: Group
metadata: {name: laptops}
spec: {type: transient, members: ["00:0e:8c:32:01:14"], mayStandIn: [corporate]}
`

// A device that roams is placed where it stands. Where it may not, no agreement
// covers it, and it is one finding; its place is nobody else's.
func TestTransientDeviceStandsWhereItMay(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, laptops), applyOptions{})
	l.must(err)
	// 10.50.1.20 has the MAC of the laptop (see mac): it roams in the dmz, where it
	// may not stand.
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.send("a", flow("10.50.1.21", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Unauthorized)
	l.expect(l.engine, "10.50.1.21", "10.20.4.10", verdict.Authorized)
	c := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10")
	if r := c.GetVerdict().GetReason(); !strings.Contains(r, "it roams, and Group/laptops lets it stand in corporate alone") {
		t.Errorf("%s", r)
	}
	f := l.Findings()
	if len(f) != 1 || f[0].GetKind() != finding.Unlisted || len(f[0].GetConnections()) != 1 || !strings.Contains(f[0].GetWhy(), "Group/laptops") {
		t.Fatalf("%v", f)
	}
	l.kept()
	// Where its group lets it, what is agreed for the place covers it.
	_, err = l.apply(documents(plantDocs, agreement, strings.Replace(laptops, "[corporate]", "[corporate, dmz]", 1)), applyOptions{})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	// With the group gone it is as any device.
	_, err = l.apply(documents(plantDocs, agreement), applyOptions{Prune: true})
	l.must(err)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.kept()
}
