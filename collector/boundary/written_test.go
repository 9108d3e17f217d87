package boundary

import "testing"

func TestConditionsInTheFormThatIsTested(t *testing.T) {
	d, err := Read([]File{{Path: "d.yaml", Content: []byte(`
{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: ato}
spec:
  decision: ato
  issuer: {organization: acme}
  boundaries: [line4]
  granted: 2026-03-01
  conditions:
    - {id: A, statement: x, check: only-via, with: {via: dmz, to: {domain: it, levels: [3.5, 4]}}}
    - {id: B, statement: x, require: connection.operations.write == 0, scope: {to: {roles: [plc], cidrs: [10.20.4.0/28]}, openedBy: outside}, window: 36h, staleAfter: 30d, maxLoss: 0.1%}
    - {id: C, statement: x, attest: {by: system-owner, every: 90d}}
    - {id: D, statement: x, check: volume-limit, with: {bytes: 2GB}}
    - {id: E, statement: x, check: time-window, with: {schedule: {days: [mon], from: "06:00", until: "18:30"}}}
    - {id: F, statement: x, check: no-transitive-path, with: {hops: 3}}
    - {id: G, statement: x, check: no-dual-homed}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"check: only-via; with: {via: dmz, to: {domain: it, levels: [3.5, 4]}}",
		"require: connection.operations.write == 0; scope: {to: {roles: [plc], cidrs: [10.20.4.0/28]}, openedBy: outside}; window: 36h; staleAfter: 30d; maxLoss: 0.1%",
		"attest {by: system-owner, every: 90d}",
		"check: volume-limit; with: {bytes: 2000000000B}",
		"check: time-window; with: {schedule: {days: [mon], from: 06:00, until: 18:30}}",
		"check: no-transitive-path; with: {hops: 3}",
		"check: no-dual-homed",
	}
	for i, c := range d.Authorizations[0].Conditions {
		if got := c.Test(); got != want[i] {
			t.Errorf("%s: %s, want %s", c.ID.Name, got, want[i])
		}
	}
}
