package server

import (
	"strings"
	"testing"

	"demarc/collector/finding"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

const listedDocs = `---
apiVersion: demarc/v1
kind: Inventory
metadata: {name: line4-hw}
spec:
  list: hardware
  approvedBy: Dana Ortiz
  rows:
    - {name: scada, ips: [10.20.4.10], macs: ["00:0e:8c:14:04:0a"]}
    - {name: plc, serial: S-4711}
`

func listing() string {
	return strings.Replace(plantDocs, "{title: Line 4,", "{title: Line 4, components: {inventory: line4-hw},", 1)
}

// Where a list of what was authorized is given, no agreement covers a device
// that is not on it, and the device is one finding with all its connections.
func TestUnlisted(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(listing(), listedDocs, agreement), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.send("a", flow("10.50.1.20", "10.20.4.77", 4840, "opcua", l.now))
	l.send("a", flow("10.50.1.21", "10.20.4.77", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.77", verdict.Unauthorized)
	c := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.77")
	if r := c.GetVerdict().GetReason(); !strings.Contains(r, "line4-to-historian would cover it, but 10.20.4.77 is unlisted: it is on no row of Inventory/line4-hw") {
		t.Errorf("%s", r)
	}
	f := l.Findings()
	if len(f) != 1 || f[0].GetKind() != finding.Unlisted || len(f[0].GetConnections()) != 2 || len(f[0].GetAssets()) != 1 {
		t.Fatalf("%v", f)
	}
	if !strings.HasPrefix(f[0].GetTitle(), "10.20.4.77 stands in line4 and on no list") {
		t.Errorf("%s", f[0].GetTitle())
	}
	// It says that it is the device on the list: its connections are judged again.
	l.send("a", &demarcv1.Body{Facts: []*demarcv1.FactDelta{{
		Of: addr("10.20.4.77"), Attribute: "serial", Value: "s4711", Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY,
		FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano(),
	}}})
	l.expect(l.engine, "10.50.1.20", "10.20.4.77", verdict.Authorized)
	l.expect(l.engine, "10.50.1.21", "10.20.4.77", verdict.Authorized)
	if a, b := dump(l.engine), dump(l.restarted()); a != b {
		t.Errorf("life:\n%s\nreplay:\n%s", a, b)
	}
}

// An address is easily taken: another MAC at a listed one is another device.
func TestUnlistedAtAListedAddress(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(listing(), listedDocs, agreement), applyOptions{})
	l.must(err)
	b := flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now)
	b.Endpoints[1].Mac = []byte{0, 0x0e, 0x8c, 9, 9, 9}
	l.send("a", b)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Unauthorized)
	if r := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetReason(); !strings.Contains(r, "scada has its ip, but another mac") {
		t.Errorf("%s", r)
	}
}
