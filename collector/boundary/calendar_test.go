package boundary

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const dated = `
{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}], review: {state: survey, until: 2026-04-30}}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: support}
spec:
  purpose: Support
  from: {boundary: dmz}
  to: {boundary: line4}
  services: [{protocol: rdp, ports: [3389]}]
  activation: per-window
  agreement: {type: isa, reference: I-1, signed: 2026-03-01, expires: 2027-03-01, reviewEvery: 90d}
  sides: [{boundary: line4, approval: approved, granted: 2026-03-01, expires: 2026-12-31}]
---
apiVersion: demarc/v1
kind: SharedService
metadata: {name: names}
spec: {purpose: Names, provider: {boundary: dmz}, consumers: [line4], services: [{protocol: dns, ports: [53]}], sides: [{boundary: dmz, approval: approved, granted: 2026-03-01, expires: 2026-08-31}]}
---
{apiVersion: demarc/v1, kind: Window, metadata: {name: visit}, spec: {type: vendor-session, interconnection: support, from: "2026-04-12T08:00Z", until: "2026-04-12T16:00Z", approvedBy: Lee}}
---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: ato}
spec:
  decision: ato
  issuer: {organization: acme}
  boundaries: [line4]
  granted: 2026-03-01
  expires: 2027-02-28
  connect: [{to: dmz, decision: atc, granted: 2026-03-01, expires: 2026-09-30}]
  review: {every: 180d, last: 2026-03-01}
  residualRisks: [{id: R1, statement: No passwords, acceptedBy: Ana, acceptedOn: 2026-03-01, until: 2026-10-31}]
`

// Everything that ends or is due stands in the calendar once, with what it is
// about, and is announced before.
func TestCalendar(t *testing.T) {
	d, err := Read([]File{{Path: "d.yaml", Content: []byte(dated)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range p.Calendar() {
		got = append(got, fmt.Sprintf("%s %s %s: %s %v", x.At.UTC().Format("2006-01-02T15:04"), x.Kind, x.Document, x.What, x.Boundaries))
	}
	want := []string{
		"2026-04-12T16:00 window-ends Window/visit: Window/visit of support [dmz line4]",
		"2026-05-01T00:00 survey-ends Boundary/line4: the survey of line4 [line4]",
		"2026-05-30T00:00 review-due Interconnection/support: the review of support is due [dmz line4]",
		"2026-08-28T00:00 review-due Authorization/ato: the review of ato is due [line4]",
		"2026-09-01T00:00 ended SharedService/names: the approval of dmz of names [dmz line4]",
		"2026-10-01T00:00 ended Authorization/ato: the atc of ato to dmz [line4]",
		"2026-11-01T00:00 acceptance-ended Authorization/ato: the acceptance of risk R1 in ato [line4]",
		"2027-01-01T00:00 ended Interconnection/support: the approval of line4 of support [dmz line4]",
		"2027-03-01T00:00 ended Authorization/ato: ato [line4]",
		"2027-03-02T00:00 ended Interconnection/support: the agreement I-1 of support [dmz line4]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	at := time.Date(2026, 9, 3, 0, 0, 0, 0, time.UTC)
	told := map[string]bool{}
	for _, n := range StandingNotices(p.Notices(), at) {
		told[n.Words] = true
	}
	for _, words := range []string{"the approval of dmz of names ended 2026-08-31", "the review of support is due", "the atc of ato to dmz ends 2026-09-30, in 30 days"} {
		if !told[words] {
			t.Errorf("nobody is told %q by %s: %v", words, at, told)
		}
	}
}
