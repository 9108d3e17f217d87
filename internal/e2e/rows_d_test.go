package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// TestOfficial walks, row by row, what an authorizing official and who prepares
// decisions for them do, from the command line.
func TestOfficial(t *testing.T) {
	holds(t, []row{
		{name: "D1_authorization_record", check: func(d *desk) {
			a := d.authorization("lines-ato")
			r := a.GetRecord()
			if a.GetDecision() != "ato-with-conditions" || r.GetOfficials()[0].GetName() != "Dana Ortiz" || a.GetGranted().AsTime().Format(time.DateOnly) != "2026-02-01" || len(r.GetResidualRisks()) != 1 || a.GetConditions() < 5 {
				d.t.Errorf("%v", a)
			}
			d.says("explain lines-ato", "ato-with-conditions, in force", "Decided by: Dana Ortiz", "granted 2026-02-01", "Residual risk R1, moderate", "Condition lines-ato/C1", "SHA-256 2c26b46b")
			d.says("get authorizations", "insight-staging-iatt", "2036-02-01", "vendor-analytics-denial is dato")
		}},
		{name: "D2_authorization_history", acts: history},
		{name: "D3_authority_to_connect", acts: authorityToConnect},
		{name: "D4_condition_that_a_machine_tests", acts: testableConditions},
		{name: "D5_states_of_conditions", acts: conditionStates},
		{name: "D6_boundary_stated", check: func(d *desk) {
			d.says("explain boundary/line4", "192.168.1.0/24 in segment line4 of site houston", "VLAN 104 of site houston", "00:80:63:5a:10:04 of site houston", "Access point: fw-plant-line4, firewall", "Assets that stand in it: 13")
			for _, r := range d.rows("get boundaries") {
				if r["BOUNDARY"] == "line4" && (r["DOMAIN"] != "ot" || r["ASSETS"] != "13" || !strings.Contains(r["MEMBERS"], "10.20.4.0/24 of site houston")) {
					d.t.Errorf("%v", r)
				}
			}
			if out := string(d.must("get", "boundaries", "-o", "yaml")); !strings.Contains(out, "cidrs: [10.20.4.0/24]") || !strings.Contains(out, "vlans: [14, 104]") {
				d.t.Error("what was stated is not written back")
			}
		}},
		{name: "D7_inheritance", check: func(d *desk) {
			in := d.authorization("insight-ato").GetRecord().GetInherits()
			if len(in) != 1 || in[0].GetAuthorization() != "cloud-atu" || !slices.Contains(in[0].GetFull(), "PE-3") || !slices.Contains(in[0].GetPartial(), "AC-2") {
				d.t.Errorf("%v", in)
			}
			d.says("explain boundary/insight-app", "Part of: insight-production", "insight-ato (ato-with-conditions), as a part of insight", "Controls from cloud-atu")
			d.says("explain cloud-atu", "Takes over from cloud-pato", "Leaned on by: insight-ato, lines-ato, plant-network-ato, recipes-ato")
		}},
		{name: "D8_consolidated_ATO", check: func(d *desk) {
			d.says("explain archive-ato", "Consolidated: one decision over the system and archive-host", "Lends: nothing")
			d.refuses("archive-ato is consolidated", "apply", "--dry-run", "-f", d.file(leveraging("archive-ato")))
		}},
		{name: "D9_second_system_reuses", acts: reuse},
		{name: "D10_expiry_calendar_and_effects", acts: expiry},
		{name: "D11_rescission_reaches_all", acts: rescission},
		{name: "D12_hardware_and_software_against_the_wire", check: func(d *desk) {
			rows := map[string]map[string]string{}
			for _, list := range []string{"hardware", "software"} {
				for _, r := range d.rows("get reconcile line4 --list " + list) {
					if r["LIST"] != list {
						d.t.Errorf("%s lists %v", list, r)
					}
					rows[list+" "+r["ROW"]+" "+r["BUCKET"]] = r
				}
			}
			if r := rows["hardware plc-packer different"]; r["DIFFERENCES"] != "firmware: paper V4.4.0, wire V4.5.2" || !strings.Contains(r["PAPER"], "inventories.yaml") {
				d.t.Errorf("%v", r)
			}
			for _, name := range []string{"hardware plc-filler seen", "hardware palletizer never-seen", "software SCADA line 4 seen", "software CPU 1214C DC/DC/DC not-on-paper"} {
				if rows[name] == nil {
					d.t.Errorf("no %s: %v", name, rows)
				}
			}
			d.says("get reconcile line4", "on paper and seen", "Seen over the last day: segment line4")
		}},
		{name: "D13_ports_protocols_services_against_the_wire", check: func(d *desk) {
			buckets := map[string]string{}
			for _, r := range d.rows("get reconcile line4 --list services") {
				buckets[r["ROW"]] = r["BUCKET"]
			}
			for row, bucket := range map[string]string{"opcua on port 4840, dmz to line4": "seen", "modbus on port 502, dmz to line4": "never-seen", "s7comm on tcp/102, corporate to line4": "not-on-paper"} {
				if buckets[row] != bucket {
					d.t.Errorf("%s is %q, want %s: %v", row, buckets[row], bucket, buckets)
				}
			}
		}},
		{name: "D14_agreement_tied_to_flows", check: func(d *desk) {
			var all demarcv1.ListAgreementsResponse
			d.read(&all, "get", "agreements", "--search", "HOU-ISA-2026-005")
			if len(all.GetAgreements()) != 1 {
				d.t.Fatal(all.GetAgreements())
			}
			x := all.GetAgreements()[0]
			if x.GetName() != "line5-to-historian" || x.GetType() != "security-plans" || x.GetVerdicts()["authorized"] != 1 || x.GetVerdicts()["out-of-terms"] != 1 || x.GetLive() != 2 || !slices.Equal(x.GetCarries(), []string{"batch"}) || len(x.GetSides()) != 2 || len(x.GetFindings()) != 1 {
				d.t.Errorf("%v", x)
			}
			d.says("get reconcile dmz --list interconnections", "line5-to-historian", "different", "service: paper as agreed, wire http on tcp/80 is not agreed")
		}},
		{name: "D15_visibility", check: func(d *desk) {
			d.says("explain lines-ato/C1", "Sight of line4: segment line4: by a", "VLANs 14 104 109", "loss 0%")
			d.says("explain boundary/laboratory", "no agent was heard on a segment of laboratory")
			d.says("get boundaries", "SEEN OVER THE LAST DAY", "heard for")
			c := d.judged("authorized", "10.50.1.20", "10.20.5.10", 4840)
			d.says("explain "+c.GetId(), "Not observable: operations", "Sight of line5 over the last day", "Sight of dmz over the last day")
		}},
		{name: "D16_residual_risk_and_compensation", check: func(d *desk) {
			d.says("explain lines-ato", "Controllers of both lines have no passwords", "Accepted by Dana Ortiz on 2026-02-01 to 2036-02-01; compensated by C2 (violated), C5 (attestation due)", "Condition lines-ato/C2: Nothing outside the lines writes to them. violated")
			d.says("explain lines-ato/C2", "write was counted 3 times", "Connection c-")
			d.says("get calendar --kind acceptance-ended", "the acceptance of risk R1 in lines-ato", "2036-02-01")
		}},
		{name: "D17_plan_of_action", acts: planOfAction},
		{name: "D18_signed_decision_log", acts: decisionLog},
		{name: "D19_connection_brief", check: func(d *desk) {
			c := d.judged("authorized", "10.50.1.20", "10.20.5.10", 4840)
			d.says("explain "+c.GetId(),
				"10.50.1.20 -> 10.20.5.10, opcua over tcp/4840", // who and what
				"Client 10.50.1.20 stands in dmz", "Server 10.20.5.10 stands in line5",
				"Process and batch values of line 5 for the site historian; in force", // why
				"owner Line 5 engineering, line5@houston.example", "security-plans HOU-ISA-2026-005, signed 2026-02-01", "dmz approved by Lee Tran on 2026-02-01",
				"Decision lines-ato: ato-with-conditions, in force", "Dana Ortiz", "Connection of lines-ato to dmz: atc, granted 2026-02-01", // authority, to connect as well
				"Term operations: not-observable", "It stands on Interconnection/line5-to-historian", // verdict
				"from the client", "opened by client", "Still happening: yes", // evidence
				"Condition lines-ato/C2", "Residual risk lines-ato/R1", "authorized since 2026-03-10",
			)
			f := d.judged("out-of-terms", "10.50.1.20", "10.20.5.10", 80)
			d.says("explain "+f.GetId(), "http on tcp/80 is not agreed", "Finding f-", "severity 35, open")
		}},
		{name: "D20_formats_of_others", acts: otherFormats},
		{name: "D23_inspection_package", acts: inspectionPackage},
	})
}

// history: what was decided is added to and never taken back, and each act is
// told with its reason.
func history(t *testing.T) {
	d := newDesk(t)
	d.example()
	before := d.clock()
	d.pass(time.Hour)
	d.must("authorization", "suspend", "lines-ato", "--reason", "flood in the hall", "--until", "2026-03-20")
	d.says("explain lines-ato", "lapsed", "flood in the hall")
	d.pass(time.Hour)
	d.must("authorization", "revise", "lines-ato", "--decision", "ato", "--reason", "the hall is dry")
	d.says("explain lines-ato", "in force", "suspend to 2026-03-2", "flood in the hall", "the hall is dry", "recorded by")
	acts := d.authorization("lines-ato").GetActs()
	if len(acts) != 2 || acts[0].GetKind() != "suspend" || acts[1].GetKind() != "revise" || !acts[0].GetEffective().AsTime().Before(acts[1].GetEffective().AsTime()) {
		t.Errorf("%v", acts)
	}
	d.must("authorization", "extend", "insight-staging-iatt", "--until", "2037-02-01", "--reason", "the test goes on")
	if a := d.authorization("insight-staging-iatt"); a.GetUntil().AsTime().Year() != 2037 {
		t.Errorf("%v", a)
	}
	d.apply(`apiVersion: demarc/v1
kind: Authorization
metadata: {name: lines-ato-2026}
spec: {decision: ato, issuer: {organization: Example Foods}, officials: [{name: Dana Ortiz}], boundaries: [line4, line5], granted: 2026-03-10, supersedes: lines-ato}
`)
	if a := d.authorization("lines-ato"); a.GetState() != "superseded" || len(a.GetActs()) != 2 {
		t.Errorf("%v", a)
	}
	d.refuses("nothing more is decided on it", "authorization", "suspend", "lines-ato", "--reason", "x")
	d.says("explain boundary/line4", "Authority: lines-ato-2026 (ato)")
	d.says("explain lines-ato --as-of "+stamp(before), "ato-with-conditions, in force")
	d.refuses("no authorization is named", "authorization", "rescind", "lines-ata", "--reason", "x")
	d.refuses("reason", "authorization", "rescind", "lines-ato-2026")
}

// authorityToConnect: a decision of its own with its own end; it ends before the
// ATO, and what it covered has lapsed then.
func authorityToConnect(t *testing.T) {
	d := newDesk(t)
	d.example(lines("connect: [{to: dmz, decision: atc, granted: 2026-02-01, expires: 2026-03-10}]"))
	d.plant("line4", "dmz")
	d.judged("authorized", "10.50.1.20", "10.20.4.10", 4840)
	d.says("explain lines-ato", "Connection to dmz: atc, granted 2026-02-01 to 2026-03-10")
	d.says("get calendar", "2026-03-10", "the atc of lines-ato to dmz", "what it covers has lapsed")
	d.wait("the end is announced", func() bool {
		return strings.Contains(string(d.must("get", "notices")), "the atc of lines-ato to dmz ends 2026-03-10, in 7 days")
	})
	d.refuses("a connection may not outlive its authorization", "apply", "--dry-run", "-f", d.file(lines("expires: 2026-05-31\n  connect: [{to: dmz, decision: atc, granted: 2026-02-01, expires: 2026-06-30}]")))
	d.set(time.Date(2026, time.March, 11, 0, 0, 1, 0, time.UTC))
	d.wait("the flow lapses", func() bool { return d.flow("10.50.1.20", "10.20.4.10", 4840).GetVerdict().GetVerdict() == "lapsed" })
	d.says("explain "+d.flow("10.50.1.20", "10.20.4.10", 4840).GetId(), "the atc of lines-ato to dmz ended 2026-03-10")
}

// lines is lines-ato with more in it.
func lines(more string) string {
	return `apiVersion: demarc/v1
kind: Authorization
metadata: {name: lines-ato}
spec:
  decision: ato
  issuer: {organization: Example Foods}
  officials: [{name: Dana Ortiz}]
  boundaries: [line4, line5]
  leverages: [{authorization: plant-network-ato, services: [plant-directory]}]
  granted: 2026-02-01
  ` + more + "\n"
}

// testableConditions: a sentence and the test of it, read before it is taken.
func testableConditions(t *testing.T) {
	d := newDesk(t)
	d.example(lines(`conditions:
    - {id: N, statement: "Nothing outside the lines writes to a controller.", scope: {to: {roles: [plc]}, openedBy: outside}, require: "connection.operations.write == 0 && connection.operations.program == 0"}
    - {id: H, statement: "The lines reach corporate only through the DMZ.", controls: [SC-7], check: only-via, with: {via: dmz, to: {domain: it}}}
    - {id: M, statement: "Whoever comes from afar shows two factors.", attest: {by: system-owner, every: 90d}}`))
	d.plant("line4", "line5", "corp", "dmz")
	d.wait("they are judged", func() bool { return d.condition("lines-ato/N").GetState() == "violated" })
	d.says("explain lines-ato/N", "Condition: Nothing outside the lines writes to a controller.", "Judged by: require: connection.operations.write == 0 && connection.operations.program == 0; scope: {to: {roles: [plc]}, openedBy: outside}", "10.60.61.30", "10.20.4.11")
	d.says("explain lines-ato/H", "Judged by: check: only-via; with: {via: dmz, to: {domain: it}}", "Controls: SC-7")
	d.says("explain lines-ato/M", "Judged by: attest {by: system-owner, every: 90d}")
	d.refuses("undefined field 'wirte'", "apply", "-f", d.file(lines(`conditions: [{id: N, statement: x, require: "connection.operations.wirte == 0"}]`)))
	d.refuses("only-over", "apply", "-f", d.file(lines(`conditions: [{id: N, statement: x, check: only-over}]`)))
}

// watched is a line beyond which a historian stands, and what was signed for it.
const watched = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec: {segments: [{name: line4}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.20.9.0/24]}]}
---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec:
  decision: ato-with-conditions
  issuer: {organization: Example Foods}
  boundaries: [line4]
  granted: 2026-02-01
  conditions:
    - {id: V, statement: "Nothing outside writes to the line.", check: read-only-from-outside, staleAfter: 7d}
    - {id: H, statement: "No more than a gigabyte a day crosses.", check: volume-limit, with: {bytes: 1GB}, staleAfter: 7d}
    - {id: T, statement: "No remote tools reach the line.", check: no-remote-access-tools, staleAfter: 7d}
    - {id: E, statement: "What reaches the archive is encrypted.", check: encrypted, scope: {to: {boundary: dmz}}, staleAfter: 7d}
    - {id: A, statement: "Remote sessions use two factors.", attest: {by: system-owner, every: 90d}}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: values}
spec: {purpose: Values, from: {boundary: line4}, to: {boundary: dmz}, services: [{protocol: opcua, ports: [4840]}]}
`

// conditionStates: holds, not exercised, violated, not observable, stale, attested
// and due, each with its evidence, its window and its reason.
func conditionStates(t *testing.T) {
	s := newScene(t)
	port := s.port("agent", "line4", nil)
	for _, a := range []at{plcA, routerL} {
		s.announce(port, 0, a)
	}
	const day = 6 * 24 // every ten minutes
	s.polls(port, day+6, modbusRead("01"))
	d := newDesk(t)
	d.apply(watched)
	d.follow(s)
	is := func(id, state, why string) *demarcv1.Condition {
		t.Helper()
		for deadline := time.Now().Add(patience); d.condition("line4-ato/"+id).GetState() != state; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is not %s:\n%s", id, state, d.must("get", "conditions"))
			}
		}
		c := d.condition("line4-ato/" + id)
		if !strings.Contains(c.GetWords()+": "+c.GetReason(), why) {
			t.Errorf("%s is %s: %s, want %q", id, c.GetWords(), c.GetReason(), why)
		}
		return c
	}
	if c := is("V", "holds", "full sight from 2026-05-04"); len(c.GetSight()) == 0 || c.GetTo().AsTime().Sub(c.GetFrom().AsTime()) < 24*time.Hour || c.GetPolicyVersion() != 1 {
		t.Errorf("%v", c)
	}
	is("H", "holds", "holds")
	is("E", "not-exercised", "")
	is("A", "attestation-due", "nobody has attested it; the system-owner is to")
	s.polls(port, 1, []line{{false, "000100000006 01 06 0001 0005"}, {true, "000100000006 01 06 0001 0005"}})
	d.follow(s)
	if c := is("V", "violated", "write was counted once"); len(c.GetConnections()) != 1 || !strings.Contains(strings.Join(c.GetEvidence(), " "), "10.20.9.50") {
		t.Errorf("%v", c)
	}
	if out, err := d.try("gate", "line4-ato"); err == nil || !strings.Contains(string(out), "Violated:\n  line4-ato/V") || !strings.Contains(string(out), "Attestation due:\n  line4-ato/A") {
		t.Errorf("%v %s", err, out)
	}
	d.must("attest", "line4-ato/A", "--statement", "I watched two sign in")
	is("A", "attested", "I watched two sign in")
	s.wait(3 * 24 * time.Hour) // nobody listens
	s.polls(port, 1, modbusRead("01"))
	d.follow(s)
	is("T", "not-observable", "")
	d.pass(8 * 24 * time.Hour)
	is("H", "stale", "nothing was heard since")
	d.pass(91 * 24 * time.Hour)
	is("A", "attestation-due", "")
	d.says("explain line4-ato/V", "Sight of line4: segment line4: by a", "From 2026-05", "holds")
}

// polls lets a SCADA server beyond the router ask a controller every ten
// minutes.
func (s *scene) polls(p *spanPort, n int, talk []line) {
	for range n {
		s.tcp(502, talk, view{p, 0, scada.via(routerL), plcA})
		s.wait(10 * time.Minute)
	}
}

// reuse: another system takes over from what an agency decided on the
// provider, without asking for its package again, and still needs its own.
func reuse(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.says("explain cloud-atu", "Package: F1900000042", "approved")
	d.apply(strings.Replace(leveraging("cloud-atu"), "leverages: [{authorization: cloud-atu}]", "leverages: [{authorization: cloud-atu, controls: [{id: PE-3, extent: full}]}]", 1))
	a := d.authorization("newcomer-ato")
	if a.GetState() != "in force" || a.GetRecord().GetPackage() != nil || a.GetRecord().GetInherits()[0].GetStanding() == "" || !slices.Contains(a.GetRecord().GetInherits()[0].GetFull(), "PE-3") {
		t.Errorf("%v", a)
	}
	if by := d.authorization("cloud-atu").GetLeanedOnBy(); !slices.Contains(by, "newcomer-ato") {
		t.Errorf("%v", by)
	}
	d.apply("apiVersion: demarc/v1\nkind: Boundary\nmetadata: {name: third}\nspec: {title: A third system, domain: external, parent: cloud-platform, isolated: true}\n")
	d.says("explain boundary/third", "no authorization on record") // the provider's is not its own
	d.must("authorization", "rescind", "cloud-atu", "--reason", "breach")
	d.says("explain newcomer-ato", "Takes over from cloud-atu (cloud-atu was rescinded")
}

// expiry: what ends is announced and listed with what falls, and falls by itself.
func expiry(t *testing.T) {
	d := newDesk(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy", "example"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "interconnections.yaml")
	example, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "reference: HOU-ISA-2026-004, signed: 2026-02-01", "reference: HOU-ISA-2026-004, signed: 2026-02-01, expires: 2026-03-10, reviewEvery: 30d", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("apply", "-f", dir)
	d.plant("line4", "dmz")
	c := d.judged("authorized", "10.50.1.20", "10.20.4.10", 4840)
	var dates demarcv1.ListCalendarResponse
	d.read(&dates, "get", "calendar", "--ahead", "2026-04-01")
	var ends, review *demarcv1.CalendarEntry
	for i, x := range dates.GetEntries() {
		if i > 0 && x.GetDue().AsTime().Before(dates.GetEntries()[i-1].GetDue().AsTime()) {
			t.Errorf("%v stands behind %v", x, dates.GetEntries()[i-1])
		}
		if x.GetDocument() == "Interconnection/line4-to-historian" {
			if x.GetKind() == "ended" {
				ends = x
			} else {
				review = x
			}
		}
	}
	if ends == nil || ends.GetConnections() != 1 || ends.GetOverdue() || !slices.Equal(ends.GetBoundaries(), []string{"dmz", "line4"}) || ends.GetConsequence() != "what it covers has lapsed; 1 live connection stands on it" {
		t.Errorf("%v", ends)
	}
	if review == nil || review.GetKind() != "review-due" || !review.GetOverdue() {
		t.Errorf("%v", review)
	}
	d.says("get agreements --search HOU-ISA-2026-004", "in force", "2026-03-10")
	d.says("get notices", "the agreement HOU-ISA-2026-004 of line4-to-historian ends 2026-03-10, in 7 days", "the review of line4-to-historian is due")
	d.set(time.Date(2026, time.March, 11, 0, 0, 1, 0, time.UTC))
	d.wait("the flow has lapsed", func() bool { return d.flow("10.50.1.20", "10.20.4.10", 4840).GetVerdict().GetVerdict() == "lapsed" })
	d.says("get notices --search HOU-ISA-2026-004", "the agreement HOU-ISA-2026-004 of line4-to-historian ended 2026-03-10")
	d.says("get agreements --state lapsed", "line4-to-historian", "the agreement HOU-ISA-2026-004 ended 2026-03-10")
	d.says("explain "+c.GetId(), "lapsed", "ended 2026-03-10", "Finding f-")
	d.says("get findings --kind lapsed", "line4-to-historian")
	d.refuses("or how far ahead", "get", "calendar", "--ahead", "soon")
}

// rescission: one act, with its consequences told before and after, reaches every
// system and flow that leans on the decision.
func rescission(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4", "line5", "dmz", "corp")
	d.judged("authorized", "10.20.4.10", "10.50.1.6", 389)
	told := string(d.must("authorization", "rescind", "plant-network-ato", "--reason", "flood", "--dry-run"))
	for _, words := range []string{"boundary dmz", "operates without authorization: plant-network-ato was rescinded", "authorization lines-ato leans on it", "authorized -> lapsed", "Dry run: nothing was recorded."} {
		if !strings.Contains(told, words) {
			t.Errorf("the rehearsal lacks %q: %s", words, told)
		}
	}
	d.judged("authorized", "10.20.4.10", "10.50.1.6", 389)
	done := string(d.must("authorization", "rescind", "plant-network-ato", "--reason", "flood"))
	if strings.Count(done, "authorized -> lapsed") != strings.Count(told, "authorized -> lapsed") {
		t.Errorf("other consequences than foretold:\n%s\n%s", told, done)
	}
	for _, flow := range []struct {
		client, server string
		port           uint32
	}{{"10.20.4.10", "10.50.1.6", 389}, {"10.50.1.20", "10.20.4.10", 4840}, {"10.50.1.40", "198.51.100.70", 443}} {
		if c := d.judged("lapsed", flow.client, flow.server, flow.port); !strings.Contains(c.GetVerdict().GetReason(), "plant-network-ato was rescinded") {
			t.Errorf("%s", c.GetVerdict().GetReason())
		}
	}
	d.says("get findings --kind operating-without-authorization", "dmz")
	d.says("get findings --kind lapsed", "plant-network-ato")
	d.says("get agreements --state lapsed", "plant-directory", "plant-network-ato was rescinded")
	d.says("explain lines-ato", "Takes over from plant-network-ato (plant-network-ato was rescinded")
}

// planOfAction: an item raised from a violated condition, closed by evidence.
func planOfAction(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4", "corp")
	id := ""
	d.pass(10 * time.Second)
	d.wait("the condition is a finding", func() bool {
		for _, r := range d.rows("get findings --kind condition") {
			if strings.Contains(r["FINDING"], "C2 of lines-ato") {
				id = r["ID"]
			}
		}
		return id != ""
	})
	d.must("finding", "poam", id, "--title", "Close port 102", "--responsible", "J. Doe", "--resources", "one outage", "--due", "2026-06-01", "--milestone", "rule ordered=2026-05-01")
	d.says("explain "+id, "Close port 102", "J. Doe", "2026-06-01")
	d.says("get calendar --kind plan-due", "P1, Close port 102, by J. Doe", "2026-06-01")
	d.says("explain "+d.flow("10.60.61.30", "10.20.4.11", 102).GetId(), "Plan of "+id+", P1: Close port 102, by J. Doe, due 2026-06-01")
	d.must("finding", "poam", id, "--item", "P1", "--done", "rule ordered")
	evidence := filepath.Join(t.TempDir(), "change.pdf")
	if err := os.WriteFile(evidence, []byte("rule 12 removed"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("finding", "poam", id, "--item", "P1", "--close", "--evidence", "rule 12 removed", "--artefact", evidence)
	d.says("get findings --history "+id, "Close port 102", "rule 12 removed", "poam")
	if out := string(d.must("get", "calendar", "--kind", "plan-due")); out != "None.\n" {
		t.Errorf("a closed item is due: %s", out)
	}
}

// decisionLog: every decision with who signed, its paper and its reason, in a log
// that is chained by hash.
func decisionLog(t *testing.T) {
	d := newDesk(t)
	d.example()
	letter := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(letter, []byte("signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("signed"))
	d.must("authorization", "suspend", "lines-ato", "--reason", "letter of 2026-03-10", "--official", "Dana Ortiz", "--artefact", letter)
	d.says("explain lines-ato", "suspend: letter of 2026-03-10, decided by Dana Ortiz, recorded by uid ", ", paper SHA-256 "+hex.EncodeToString(sum[:]))
	d.must("finding", "close", "--kind", "no-snapshot", "--reason", "ceased", "--comment", "taken elsewhere")
	d.says("get audit", "suspend", "lines-ato", "letter of 2026-03-10", "policy apply", "finding")
	d.says("audit verify", "entries")
}
