package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// conceptRows are the concepts of authorization: each is on record in
// deploy/example, and has the effect that it should have.
var conceptRows = []row{
	{name: "ATO, a signed statement", check: func(d *desk) {
		docs := d.authorization("lines-ato").GetRecord().GetDocuments()
		if len(docs) != 1 || docs[0].GetSigner() != "Dana Ortiz" || docs[0].GetSigned() == nil || len(docs[0].GetSha256()) != 64 {
			d.t.Errorf("signed: %v", docs)
		}
	}, acts: editAfterSigning},
	{name: "Authorizing official and other parties", check: func(d *desk) {
		d.says("explain boundary/line4", "system-owner: Line 4 engineering", "risk-executive: Kim Osei", "Decided by: Dana Ortiz (Example Foods)")
	}, acts: onlyOfficialsDecide},
	{name: "Decision apart from evidence", check: func(d *desk) {
		a := d.authorization("lines-ato")
		if c := d.condition("lines-ato/C1"); c.GetState() != "violated" || a.GetState() != "in force" || len(a.GetActs()) != 0 {
			d.t.Errorf("a condition that is %s leaves the decision %s, with acts %v", c.GetState(), a.GetState(), a.GetActs())
		}
		d.refuses("a program decides nothing", "user", "add", "robot", "--kind", "program", "--role", "official")
	}},
	{name: "Conditions", check: func(d *desk) {
		for id, state := range map[string]string{"lines-ato/C1": "violated", "lines-ato/C2": "violated", "lines-ato/C4": "attestation-due"} {
			if c := d.condition(id); c.GetState() != state || c.GetReason() == "" {
				d.t.Errorf("%s is %s because %s", id, c.GetState(), c.GetReason())
			}
		}
		d.says("explain "+d.flow("10.60.61.30", "10.20.4.11", 102).GetId(), "Condition lines-ato/C2: Nothing outside the lines writes to them. violated", "this connection is why")
	}},
	{name: "Time-bound", acts: timeBound},
	{name: "Condition-bound, without a date", check: func(d *desk) {
		if a := d.authorization("lines-ato"); a.GetUntil() != nil || a.GetState() != "in force" || !slices.Contains(a.GetRecord().GetReviewTriggers(), "members-changed over 5%") {
			d.t.Errorf("%v", a)
		}
	}, acts: triggered},
	{name: "Periodic review", acts: reviewed},
	{name: "Residual risk", check: func(d *desk) {
		r := d.authorization("lines-ato").GetRecord().GetResidualRisks()
		if len(r) != 1 || r[0].GetLevel() != "moderate" || r[0].GetAcceptedBy() != "Dana Ortiz" || r[0].GetUntil() == nil || !slices.Equal(r[0].GetMitigatedBy(), []string{"C2", "C5"}) {
			d.t.Fatalf("%v", r)
		}
		if f := r[0].GetFindings(); len(f) != 1 {
			d.t.Errorf("findings %v on what compensates for it", f)
		} else {
			d.says("explain lines-ato", "Residual risk R1, moderate: Controllers of both lines have no passwords", "findings "+f[0])
			d.says("explain "+f[0], "Condition C2 of lines-ato is violated")
		}
	}},
	{name: "Compensating controls", acts: compensated},
	{name: "Remediation planning", acts: planned},
	{name: "System categorization", check: func(d *desk) {
		if c := d.boundary("line4").GetRecord().GetCategorization(); c.GetConfidentiality() != "low" || c.GetIntegrity() != "moderate" {
			d.t.Errorf("%v", c)
		}
		d.says("explain boundary/dmz", "cloud-front-door, of cloud-platform for dmz", "categorized unequally (FIPS 199): confidentiality moderate and low (cloud-platform and dmz)")
		unweighed := strings.Replace(read(d.t, "deploy/example/cloud.yaml"), "  impact: {confidentiality: low, integrity: moderate, availability: low}\n", "", 1)
		if out := string(d.must("apply", "--dry-run", "-f", d.file(unweighed))); !strings.Contains(out, "cloud-front-door joins cloud-platform and dmz, which are categorized unequally") {
			d.t.Errorf("nothing warns: %s", out)
		}
	}},
	{name: "Control selection", check: func(d *desk) {
		d.says("get conditions", "CA-3", "CA-7", "CA-9", "SC-7", "AC-4", "AC-17", "AC-20", "CM-8", "SI-4")
	}},
	{name: "Continuous monitoring", check: func(d *desk) {
		for id, want := range map[string]string{"lines-ato/C1": "each quarter hour", "lines-ato/C4": "attested every 90d by the system-owner"} {
			c := d.condition(id)
			if !strings.Contains(c.GetFrequency(), want) || (c.GetTested() == nil) != (c.GetCheck() == "attest") {
				d.t.Errorf("%s is tested %s, last %v", id, c.GetFrequency(), c.GetTested())
			}
		}
		d.says("explain lines-ato/C1", "Tested: each quarter hour, and when what it looks at moves; last on 2026-03-10 14:")
		d.says("explain lines-ato/C4", "Tested: attested every 90d by the system-owner; not yet")
		d.says("get conditions", "LAST TEST")
	}},
	{name: "Rescinded or revised", acts: rescinded},
	{name: "Denied", check: func(d *desk) {
		d.says("explain vendor-analytics-denial", "dato, denies", "Reason: The vendor shares its administrator accounts", "Lends: nothing", "stopped")
		d.says("explain boundary/vendor-analytics", "vendor-analytics-denial denies it (dato)")
		d.refuses("vendor-analytics-denial is dato: it covers nothing that could be lent", "authorization", "reuse", "vendor-analytics-denial", "--for", "suppliers")
		if out := string(d.must("apply", "--dry-run", "-f", d.file(leveraging("vendor-analytics-denial")))); !strings.Contains(out, "warning: ") || !strings.Contains(out, "vendor-analytics-denial is dato") {
			d.t.Errorf("nothing warns who leans on it: %s", out)
		}
	}},
	{name: "Production go-live gate", acts: goLive},
	{name: "P-ATO", check: func(d *desk) {
		d.says("explain boundary/forecast", "forecast-pato is a pato, which authorizes nobody to operate")
	}, acts: provisional},
	{name: "Agency ATO for the provider", check: func(d *desk) {
		d.refuses("it authorizes nobody to operate, and no decision of Example Foods over forecast", "apply", "--dry-run", "-f", d.file(leveraging("forecast-pato")))
		d.must("apply", "--dry-run", "-f", d.file(leveraging("cloud-atu")))
	}},
	{name: "Inherited ATO", check: func(d *desk) {
		in := d.authorization("insight-ato").GetRecord().GetInherits()
		if len(in) != 1 || in[0].GetAuthorization() != "cloud-atu" || !slices.Contains(in[0].GetFull(), "PE-3") || !slices.Contains(in[0].GetPartial(), "AC-2") {
			d.t.Errorf("%v", in)
		}
		out := string(d.must("authorization", "rescind", "cloud-atu", "--reason", "the platform was breached", "--dry-run"))
		if !strings.Contains(out, "authorized -> lapsed") || !strings.Contains(out, "198.51.100.70") {
			d.t.Errorf("the flow into the cloud keeps its cover: %s", out)
		}
	}},
	{name: "Second system", check: func(d *desk) {
		if a := d.authorization("cloud-atu"); !slices.Contains(a.GetLeanedOnBy(), "insight-ato") || !slices.Contains(a.GetLeanedOnBy(), "recipes-ato") {
			d.t.Errorf("leaned on by %v", a.GetLeanedOnBy())
		}
		d.says("explain boundary/recipes", "Authority: recipes-ato (ato)")
	}, acts: secondSystem},
	{name: "Consolidated ATO", check: func(d *desk) {
		d.refuses("archive-ato is consolidated", "apply", "--dry-run", "-f", d.file(leveraging("archive-ato")))
		d.refuses("archive-ato is consolidated", "authorization", "reuse", "archive-ato", "--for", "suppliers")
		d.says("explain archive-ato", "Lends: nothing: archive-ato is consolidated")
	}},
	{name: "Package request and review", check: func(d *desk) {
		for name, state := range map[string]string{"cloud-atu": "approved", "suppliers-decision": "received", "forecast-pato": "concerns", "vendor-analytics-denial": "stopped"} {
			if p := d.authorization(name).GetRecord().GetPackage(); p.GetState() != state || p.GetRequested() == nil {
				d.t.Errorf("the package of %s: %v", name, p)
			}
		}
	}},
	{name: "Early start", check: func(d *desk) {
		d.says("explain suppliers-decision", "Early start: allowed by Robin Shah on 2026-02-18", "nothing is covered by it")
		d.says("explain boundary/suppliers", "suppliers-decision is not granted yet")
	}},
	{name: "System security plan", check: func(d *desk) {
		if p := d.boundary("insight").GetRecord().GetSecurityPlan(); p.GetHref() == "" || p.GetSigner() != "Maria Chen" {
			d.t.Errorf("%v", p)
		}
		d.says("explain boundary/insight", "Controls from cloud-atu", "PE-3, CP-9 in full")
	}},
	{name: "ATO letter", check: func(d *desk) {
		d.says("authorization letter lines-ato", "Authorization: lines-ato", "decides nothing until the authorizing official has signed it", "authorization to operate with conditions",
			"line4, Line 4 control system", "C1. The lines exchange nothing with the Internet. (SC-7, CA-3; each quarter hour", "R1, moderate. Controllers", "Dana Ortiz, Example Foods", "Signature: ____")
		d.refuses("no authorization is named", "authorization", "letter", "nobodys-ato")
	}},
	{name: "Audit documents", check: func(d *desk) {
		if r := d.boundary("laboratory").GetRecord().GetRetention(); r.GetClass() != "quality-record" || !r.GetHold() {
			d.t.Errorf("%v", r)
		}
		d.says("get regulated --boundary laboratory", "quality-record for 3650d, on hold")
		d.says("explain boundary/laboratory", "Retention: quality-record: what was recorded by 2026-03-10 is to be kept to 2036-03-07; on hold: nothing of it goes until the hold is lifted")
		files := d.inspect("--boundary", "laboratory")
		for _, words := range []string{"laboratory: quality-record: what was recorded by 2026-03-10 is to be kept to 2036-03-07; on hold", "The collector itself keeps", "records that its agents sent for 90 days"} {
			if !strings.Contains(strings.Join(strings.Fields(files["README.txt"]), " "), words) {
				d.t.Errorf("the package lacks %q: %s", words, files["README.txt"])
			}
		}
		if !strings.Contains(files["summary.html"], "on hold") || !strings.Contains(files["documents/boundary-laboratory.yaml"], "hold: true") || files["regulated-laboratory.json"] == "" {
			d.t.Error("the package does not tell of the hold, its document or what leaves")
		}
	}},
	{name: "RMF step", check: func(d *desk) {
		for name, step := range map[string]string{"line4": "monitor", "suppliers": "implement", "insight-staging": "assess"} {
			if got := d.boundary(name).GetRecord().GetRmfStep(); got != step {
				d.t.Errorf("%s is at %q, not %s", name, got, step)
			}
		}
	}},
	{name: "ISO 27001 equivalence", check: func(d *desk) {
		d.says("explain archive-ato", "Management approval and risk acceptance archive-ato over archive, archive-host: management approval, in force.")
		d.says("authorization letter archive-ato", "Management approval and risk acceptance: archive-ato", "until the risk owner has signed it", "decide: management approval.")
		d.lacks("authorization letter archive-ato", "authorization to operate")
	}},
	{name: "Not a certification", check: func(d *desk) {
		for _, command := range []string{"explain lines-ato", "explain boundary/line4", "get conditions", "get findings", "get authorizations", "authorization letter lines-ato"} {
			out := strings.ToLower(string(d.must(strings.Fields(command)...)))
			for _, word := range []string{"compliant", "certified", "guaranteed"} {
				if strings.Contains(out, word) {
					d.t.Errorf("%s says %q", command, word)
				}
			}
		}
	}},
	{name: "ATO and change approval", acts: changeTicket},
	{name: "ATO and access authorization", acts: userRights},
	{name: "Fact and legacy", check: func(d *desk) {
		if a := d.authorization("cloud-pato"); a.GetOrganization() != "Joint Authorization Board" || a.GetState() != "in force" {
			d.t.Errorf("%v", a)
		}
	}},
}

func TestConcepts(t *testing.T) { holds(t, conceptRows) }

// leveraging is a system that takes over from a decision.
func leveraging(from string) string {
	return `apiVersion: demarc/v1
kind: Boundary
metadata: {name: newcomer}
spec: {title: A new system, domain: external}
---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: newcomer-ato}
spec: {decision: ato, issuer: {organization: Example Foods}, boundaries: [newcomer], granted: 2026-03-01, leverages: [{authorization: ` + from + `}]}
`
}

// edited is a file of the example in which one text stands for another.
func edited(t *testing.T, file, old, text string) string {
	t.Helper()
	all := read(t, "deploy/example/"+file)
	if strings.Count(all, old) == 0 {
		t.Fatalf("%s holds no %q", file, old)
	}
	return strings.Replace(all, old, text, 1)
}

// editAfterSigning: a change under the signed paper is a new revision, told as
// one that nobody signed; the one before stays readable.
func editAfterSigning(t *testing.T) {
	d := newDesk(t)
	d.example()
	before := d.clock()
	d.set(before.Add(time.Hour))
	out := string(d.apply(edited(t, "authorizations.yaml", "every: 180d", "every: 365d")))
	if !strings.Contains(out, "lines-ato is not what was signed") || !strings.Contains(out, "Policy version 2") {
		t.Errorf("the change passes without a word: %s", out)
	}
	d.says("policy diff 1", "changed  Authorization/lines-ato", "every: 180d", "every: 365d")
	d.says("explain lines-ato/C5", "attested every 365d")
	d.says("explain lines-ato/C5 --as-of "+before.Add(time.Minute).Format(time.RFC3339), "attested every 180d")
}

// timeBound: an end is told 90, 30 and 7 days ahead and when it comes; at that
// instant what leans on the decision loses its cover.
func timeBound(t *testing.T) {
	const name = "insight-staging-iatt"
	end := time.Date(2036, 2, 2, 0, 0, 0, 0, time.UTC) // it lasts to the day before
	d := newDeskAt(t, end.AddDate(0, 0, -91))
	d.example(`apiVersion: demarc/v1
kind: Boundary
metadata: {name: insight-staging}
spec: {title: Space staging, kind: space, domain: external, environment: staging, parent: insight-org, members: [{site: houston, cidrs: [198.51.100.72/32]}]}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: test-figures}
spec: {purpose: Figures for the test, from: {boundary: dmz}, to: {boundary: insight-staging}, initiator: from, services: [{protocol: tls, ports: [443]}]}
`)
	d.says("explain "+name, "to 2036-02-01")
	d.lacks("get notices", name+" ends")
	for _, days := range []int{90, 30, 7} {
		d.set(end.AddDate(0, 0, -days))
		d.comes("get notices", fmt.Sprintf("%s ends 2036-02-01, in %d days", name, days))
	}
	d.set(end.Add(-time.Minute))
	s := newScene(t)
	s.now = end.Add(-2 * time.Minute)
	dmz := s.port("agent", "dmz", nil)
	router, gateway, staging := at{"00:09:0f:09:10:50", "10.50.1.1", 255}, at{"00:50:56:50:01:40", "10.50.1.40", 64}, at{"", "198.51.100.72", 50}
	s.arp(dmz, 0, gateway, router)
	s.tcp(443, hello("staging.insight.example"), view{dmz, 0, gateway, staging.via(router)})
	sceneHeard(d, s)
	d.judged("authorized", "10.50.1.40", "198.51.100.72", 443)
	d.set(end)
	var v *demarcv1.Verdict
	d.wait("the flow into the staging space loses its cover", func() bool {
		v = d.flow("10.50.1.40", "198.51.100.72", 443).GetVerdict()
		return v.GetVerdict() == "lapsed"
	})
	if !v.GetSince().AsTime().Equal(end) || !strings.Contains(v.GetReason(), name+" ended 2036-02-01") {
		t.Errorf("lapsed since %v, not since the end: %s", v.GetSince().AsTime(), v.GetReason())
	}
	d.comes("get notices", name+" ended 2036-02-01")
	d.says("get findings --kind lapsed", "Authorization/"+name+" is no longer in force, and its traffic goes on")
}

// triggered: a decision without an end is to be reviewed when what it names
// happens, and lapses by that as little as by anything else.
func triggered(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.lacks("get notices", "review of lines-ato")
	d.apply(`apiVersion: demarc/v1
kind: Interconnection
metadata: {name: line4-to-weigher}
spec: {purpose: Weights, from: {boundary: line4}, to: {boundary: dmz}, services: [{protocol: opcua, ports: [4840]}]}
`)
	d.comes("get notices", "the review of lines-ato is due: a new agreement: Interconnection/line4-to-weigher")
	if a := d.authorization("lines-ato"); a.GetState() != "in force" || !slices.Contains(a.GetTriggers(), "a new agreement: Interconnection/line4-to-weigher") {
		t.Errorf("%s, fired %v", a.GetState(), a.GetTriggers())
	}
}

// reviewed: a review that is due stands among the notices until it is on
// record, and the decision stays in force.
func reviewed(t *testing.T) {
	d := newDeskAt(t, time.Date(2027, 2, 2, 8, 0, 0, 0, time.UTC))
	d.example()
	d.comes("get notices", "review-due", "the review of lines-ato is due", "the review of plant-network-ato is due")
	overdue := func(want ...string) {
		t.Helper()
		var names []string
		var all demarcv1.ListCalendarResponse
		d.read(&all, "get", "calendar")
		for _, e := range all.GetEntries() {
			if e.GetKind() == "review-due" && e.GetOverdue() {
				names = append(names, strings.TrimPrefix(e.GetDocument(), "Authorization/"))
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("overdue are %v, not %v", names, want)
		}
	}
	overdue("archive-ato", "cloud-atu", "insight-ato", "lines-ato", "plant-network-ato")
	d.says("explain lines-ato", "due 2027-02-01, overdue")
	if a := d.authorization("lines-ato"); a.GetState() != "in force" || a.GetReviewDue().AsTime().Format(time.DateOnly) != "2027-02-01" {
		t.Errorf("%s, review due %v", a.GetState(), a.GetReviewDue().AsTime())
	}
	d.apply(strings.ReplaceAll(read(t, "deploy/example/authorizations.yaml"), "review: {every: 365d, last: 2026-02-01}", "review: {every: 365d, last: 2027-02-02}"))
	overdue("archive-ato", "cloud-atu", "insight-ato")
	d.says("explain lines-ato", "last 2027-02-02, due 2028-02-02")
}

// compensated: of the controls that compensate for a risk one is tested against
// traffic, and one is attested, with its date.
func compensated(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4", "line5")
	d.says("explain lines-ato", "compensated by C2 (violated", "C5 (attestation due)")
	d.must("attest", "lines-ato/C5", "--statement", "walked both lines with the keys today")
	c := d.condition("lines-ato/C5")
	if c.GetState() != "attested" || !c.GetTested().AsTime().Equal(d.clock()) || c.GetUntil() == nil {
		t.Errorf("%s, last test %v, until %v", c.GetState(), c.GetTested().AsTime(), c.GetUntil())
	}
	d.says("explain lines-ato", "C5 (attested until 2026-09-06")
}

// rescinded: one act takes a decision back, what leaned on it is judged again
// and listed, and what stood before stays readable. A revision changes one.
func rescinded(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("dmz")
	before := d.clock().Add(time.Minute)
	d.set(before.Add(time.Hour))
	out := string(d.must("authorization", "rescind", "cloud-atu", "--reason", "the platform was breached", "--official", "Robin Shah"))
	for _, words := range []string{"authorization insight-ato leans on it", "authorization recipes-ato leans on it", "authorized -> lapsed", "cloud-atu was rescinded"} {
		if !strings.Contains(out, words) {
			t.Errorf("what comes of it lacks %q: %s", words, out)
		}
	}
	d.judged("lapsed", "10.50.1.40", "198.51.100.70", 443)
	d.says("explain cloud-atu", "rescind: the platform was breached, decided by Robin Shah")
	d.says("explain cloud-atu --as-of "+before.Format(time.RFC3339), "atu, in force")
	d.must("authorization", "revise", "lines-ato", "--decision", "iato", "--until", "2026-12-31", "--reason", "passwords are missing")
	if a := d.authorization("lines-ato"); a.GetDecision() != "iato" || a.GetUntil().AsTime().Format(time.DateOnly) != "2027-01-01" || len(a.GetActs()) != 1 {
		t.Errorf("%v", a)
	}
}

// goLive: whatever is seen in a boundary that nobody authorized yet operates
// without authorization, and the gate says so.
func goLive(t *testing.T) {
	d := newDesk(t)
	d.example()
	if b := d.boundary("suppliers"); !strings.HasPrefix(b.GetAuthorization(), "not authorized to operate, and nothing is seen there: suppliers-decision is not granted yet") {
		t.Errorf("nothing runs there, and it reads %s", b.GetAuthorization())
	}
	s := newScene(t)
	corp := s.port("agent", "corp", nil)
	portal, office := at{"00:50:56:62:00:10", "10.60.62.10", 64}, at{"00:50:56:61:00:10", "10.60.61.10", 64}
	s.arp(corp, 0, office, portal)
	s.tcp(443, hello("suppliers.example.com"), view{corp, 0, office, portal})
	sceneHeard(d, s)
	if b := d.boundary("suppliers"); b.GetAssets() != 1 || !strings.HasPrefix(b.GetAuthorization(), "operates without authorization: suppliers-decision is not granted yet") {
		t.Errorf("%d assets, %s", b.GetAssets(), b.GetAuthorization())
	}
	d.says("get findings --kind operating-without-authorization", "suppliers operates without authorization")
	out, err := d.try("gate", "suppliers-decision")
	if err == nil || !strings.Contains(string(out)+err.Error(), "exit status 1") {
		t.Errorf("the gate lets it pass: %s, %v", out, err)
	}
}

// provisional: a system that cites a P-ATO alone is not authorized, nor is what
// was agreed with it.
func provisional(t *testing.T) {
	s := newScene(t)
	corp := s.port("agent", "corp", nil)
	router, forecast := at{"00:09:0f:09:10:60", "10.60.0.1", 255}, at{"", "198.51.100.100", 50}
	s.arp(corp, 0, erpServer, router)
	s.tcp(8080, post(`{"sold":4711}`), view{corp, 0, erpServer, forecast.via(router)})
	d := newDesk(t)
	d.example()
	sceneHeard(d, s)
	c := d.judged("unauthorized", "10.60.60.10", "198.51.100.100", 8080)
	if r := c.GetVerdict().GetReason(); !strings.Contains(r, "sales-to-forecast would cover it, but forecast-pato is a pato, which authorizes nobody to operate") {
		t.Errorf("because %s", r)
	}
	d.says("get findings --kind operating-without-authorization", "forecast operates without authorization")
}

// secondSystem: what was reviewed of the provider is not reviewed again; the
// system still needs a decision of its own.
func secondSystem(t *testing.T) {
	d := newDesk(t)
	d.example()
	draft := d.must("authorization", "reuse", "cloud-atu", "--for", "machine-builder")
	for _, words := range []string{"Not done again: The review of the provider's package F1900000042, approved 2025-11-30", "taken over in full by insight-ato", "Remains: A decision of its own", `{id: "PE-3", extent: full}`, `{id: "AC-2", extent: partial}`} {
		if !strings.Contains(string(draft), words) {
			t.Errorf("the draft lacks %q:\n%s", words, draft)
		}
	}
	d.apply(string(draft))
	if b := d.boundary("machine-builder"); !strings.Contains(b.GetAuthorization(), "machine-builder-decision is not granted yet") {
		t.Errorf("the provider's decision covers it: %s", b.GetAuthorization())
	}
	if a := d.authorization("cloud-atu"); !slices.Contains(a.GetLeanedOnBy(), "machine-builder-decision") {
		t.Errorf("the reuse is on no record: %v", a.GetLeanedOnBy())
	}
	out := string(d.must("authorization", "rescind", "recipes-ato", "--reason", "closed", "--dry-run"))
	if !strings.Contains(out, "recipes-ato was rescinded") || strings.Contains(out, "after:  cloud-atu") {
		t.Errorf("without its own decision it falls to the provider's: %s", out)
	}
	if beneath := string(d.must("authorization", "reuse", "cloud-pato", "--for", "machine-builder", "--organization", "Example Foods")); !strings.Contains(beneath, "stands above a pato") {
		t.Errorf("nothing says to take over from one's own decision: %s", beneath)
	}
	d.refuses("record the ato or atu that Example Foods gave for forecast", "authorization", "reuse", "forecast-pato", "--for", "machine-builder", "--organization", "Example Foods")
	d.refuses(`boundary "nowhere" is in no document`, "authorization", "reuse", "cloud-atu", "--for", "nowhere")
}

// changeTicket: a ticket explains what differs from the snapshot while its
// window is open, and authorizes nothing.
func changeTicket(t *testing.T) {
	open := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC) // switch-exchange-2026-03 opens
	d := newDeskAt(t, open.Add(-time.Hour))
	d.example()
	d.plantNow("line5")
	d.must("snapshot", "take", "lines-ato", "--reason", "letter of 2026-02-01")
	d.set(open.Add(time.Hour))
	s := newScene(t)
	s.now = d.clock().Add(-time.Minute)
	line := s.port("agent", "line5", nil)
	added, panel := at{"00:80:63:5a:99:01", "10.20.5.99", 64}, at{"28:63:36:50:10:15", "10.20.5.50", 128}
	outside := at{"00:50:56:61:00:10", "10.60.61.10", 127}
	s.arp(line, 0, panel, added)
	s.tcp(80, post("{}"), view{line, 0, panel, added})
	s.tcp(80, post("{}"), view{line, 0, outside, added})
	d.hearAgain(s.ports[0].capture(t), "line5")
	d.set(d.clock().Add(time.Minute)) // what is there is held against it seconds later
	drift := func() (explained []string) {
		d.t.Helper()
		var all demarcv1.ListDriftResponse
		d.read(&all, "get", "drift")
		for _, x := range all.GetDrift() {
			if x.GetKind() == "new-asset" && strings.Contains(x.GetWords(), "10.20.5.99") {
				return append(x.GetExplainedBy(), x.GetCause())
			}
		}
		return nil
	}
	if got := drift(); !slices.Equal(got, []string{"switch-exchange-2026-03 (CHG-4720)", "reality"}) {
		t.Errorf("while the window is open the new device is explained by %v", got)
	}
	d.judged("unauthorized", "10.60.61.10", "10.20.5.99", 80) // the ticket authorizes nothing
	d.set(open.Add(5 * time.Hour))
	if got := drift(); !slices.Equal(got, []string{"reality"}) {
		t.Errorf("behind the window it is explained by %v", got)
	}
}

// userRights: who may do what in the software changes no verdict.
func userRights(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4")
	verdicts := func() string { return string(d.must("get", "connections", "-o", "csv")) }
	before := verdicts()
	for _, role := range []string{"engineer", "official", "admin"} {
		d.must("user", "add", role+"-of-all", "--role", role)
	}
	d.must("user", "add", "pipeline", "--kind", "program", "--role", "issm")
	d.must("token", "api", "create", "ci", "--user", "pipeline", "--scope", "issm")
	if after := verdicts(); after != before {
		t.Errorf("rights of users changed verdicts:\n%s\n%s", before, after)
	}
}
