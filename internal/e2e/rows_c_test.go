package e2e

import (
	"archive/zip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"demarc/internal/plant"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestSecurityTeam walks, row by row, what a security team does that reviews how
// the plant drifts away from its boundaries, from the command line.
func TestSecurityTeam(t *testing.T) {
	holds(t, []row{
		{name: "C1_logical_map", check: logicalMap},
		{name: "C2_zone_matrix", check: zoneMatrix},
		{name: "C3_declared_against_observed", check: func(d *desk) {
			if b := d.boundary("line4"); b.GetAssets() < 10 || !slices.Contains(b.GetMembers(), "VLAN 104 of site houston") {
				d.t.Errorf("%v", b)
			}
			var in demarcv1.ListAssetsResponse
			d.read(&in, "get", "assets", "--boundary", "line4")
			if n := d.boundary("line4").GetAssets(); len(in.GetAssets()) < int(n) { // parts stand with their whole
				d.t.Errorf("%d are listed of %d", len(in.GetAssets()), n)
			}
			d.says("get findings --kind unplaced", "No boundary holds 10.20.9.0/24")
			d.says("get reconcile line4", "never-seen", "palletizer", "not-on-paper", "not on paper")
			d.says("explain "+d.asset("10.20.9.14").GetId(), "10.20.9.14 in no boundary", "Finding f-")
		}},
		{name: "C4_allow_list_with_owner_and_reason", check: allowList},
		{name: "C5_learned_is_not_authorized", acts: learnedIsNotAuthorized},
		{name: "C6_diff_of_two_moments", acts: twoMoments},
		{name: "C7_drift_queue", acts: driftQueue},
		{name: "C8_OT_to_IT", check: func(d *desk) {
			f := d.finding("unauthorized", "corporate", "line4")
			if f.GetSeverity() != 80 || f.GetStatus() != "open" || len(f.GetConnections()) != 1 {
				d.t.Errorf("%v", f)
			}
			d.says("explain "+f.GetId(), "Severity: +60: joins ot and it", "no interconnection joins corporate and line4", "ATT&CK for ICS: T08")
			d.says("get connections --from corporate --to line4", "unauthorized", "10.60.61.30")
		}},
		{name: "C9_OT_to_Internet", check: func(d *desk) {
			if f := d.finding("internet-exposure", "line4", "internet"); f.GetSeverity() < 70 || !f.GetUrgent() {
				d.t.Errorf("%v", f)
			}
			d.says("get crossings --to internet --search line4", "2 unauthorized", "ot to external")
			d.says("get findings --kind internet-exposure -o csv", "line4 exchanges with the Internet")
		}},
		{name: "C10_remote_access_inventory", check: remoteAccess},
		{name: "C11_second_paths", check: secondPaths},
		{name: "C12_cadence_and_still_happening", acts: cadence},
		{name: "C13_frames_as_evidence", acts: framesAsEvidence},
		{name: "C14_merged_across_sensors", acts: twoSensors},
		{name: "C15_delivery_to_a_SIEM", acts: delivery},
	})
}

// record lets an agent that keeps frames, tap, read a port of the example plant.
func (d *desk) record(port string) {
	d.t.Helper()
	state := d.t.TempDir()
	d.enrolAs(d.agent, state, site, "tap")
	settings := filepath.Join(state, "agent.yaml")
	if err := os.WriteFile(settings, []byte("state: "+state+"\nslices: {payload: all}\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.runAgent("read", "--config", settings, "--collector", d.uplinkAddr, "--segment", port, filepath.Join(root, "testdata", "plant", port+".pcap"))
	d.settled()
}

// framesAsEvidence: the agent that read a capture hands over the frames of what
// is not authorized, and they are in the inspection package.
func framesAsEvidence(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.record("line4")
	f := d.finding("unauthorized", "corporate", "line4")
	all := d.rows("get slices --finding " + f.GetId())
	if len(all) != 1 || all[0]["AGENT"] != "tap" || all[0]["INTERFACE"] != "line4.pcap" || all[0]["CONNECTION"] != f.GetConnections()[0] {
		t.Fatalf("%v", all)
	}
	d.says("explain "+f.GetId(), "Recorded: slice "+all[0]["ID"], "by agent tap on line4.pcap", all[0]["SHA-256"])
	file := filepath.Join(t.TempDir(), "write.pcapng")
	d.must("export", "slice", all[0]["ID"], "--file", file)
	d.refuses("is there already", "export", "slice", all[0]["ID"], "--file", file)
	d.refuses("no slice has the id", "export", "slice", "s-0000000000000000")
	if got := len(readFrames(t, file)); strconv.Itoa(got) != all[0]["FRAMES"] || got < 10 {
		t.Errorf("%d frames of %s", got, all[0]["FRAMES"])
	}
	d.says("verify "+file, "Intact", "10.60.61.30 -> 10.20.4.11, tcp/102", "agent tap of site "+site)
	d.says("get audit", "slice record", "slice export")

	for _, without := range []bool{false, true} {
		pack := filepath.Join(t.TempDir(), "evidence.zip")
		d.must("export", "evidence", "--boundary", "line4", "--file", pack, fmt.Sprintf("--without-slices=%v", without))
		z, err := zip.OpenReader(pack)
		if err != nil {
			t.Fatal(err)
		}
		there := slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "slices/"+all[0]["ID"]+".pcapng" })
		if err := z.Close(); err != nil || there == without {
			t.Errorf("without slices %v: %v, %v", without, there, err)
		}
		d.says("verify "+pack, "recorded frames", map[bool]string{false: "each sealed by the agent that recorded it; 0 more", true: "0, each sealed by the agent that recorded it"}[without])
	}
}

// finding is the one of a kind between two boundaries.
func (d *desk) finding(kind, from, to string) *demarcv1.Finding {
	d.t.Helper()
	var all demarcv1.ListFindingsResponse
	d.read(&all, "get", "findings", "--kind", kind)
	for _, f := range all.GetFindings() {
		if f.GetFromBoundary() == from && f.GetToBoundary() == to {
			return f
		}
	}
	d.t.Fatalf("no %s from %s to %s: %v", kind, from, to, all.GetFindings())
	return nil
}

// rows reads what a command prints as CSV, by its head.
func (d *desk) rows(command string) (all []map[string]string) {
	d.t.Helper()
	lines, err := csv.NewReader(strings.NewReader(string(d.must(append(strings.Fields(command), "-o", "csv")...)))).ReadAll()
	if err != nil || len(lines) == 0 {
		d.t.Fatalf("%s: %v", command, err)
	}
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, cell := range l {
			row[lines[0][i]] = cell
		}
		all = append(all, row)
	}
	return all
}

// logicalMap: the groups, what stands in each, and which speaks with which, so
// that nothing is drawn between groups that are not there.
func logicalMap(d *desk) {
	groups := map[string]int{"internet": 0, "none": 0}
	for _, b := range d.rows("get boundaries") {
		groups[b["BOUNDARY"]] = 0
	}
	for _, a := range d.rows("get assets") {
		for name := range strings.FieldsSeq(a["BOUNDARY"]) {
			groups[name]++
		}
	}
	if groups["line4"] < 10 || groups["dmz"] < 6 || groups["(none)"] != 2 {
		d.t.Errorf("groups %v", groups)
	}
	edges := map[string]bool{}
	for _, x := range d.rows("get crossings") {
		for _, end := range []string{x["FROM"], x["TO"]} {
			if _, there := groups[end]; !there {
				d.t.Errorf("%s is no group", end)
			}
		}
		edges[x["FROM"]+" "+x["TO"]] = true
	}
	for _, e := range []string{"line4 dmz", "dmz line4", "dmz corporate", "corporate line5", "dmz cloud-platform"} {
		if !edges[e] {
			d.t.Errorf("nothing joins %s: %v", e, edges)
		}
	}
	if edges["line4 line5"] || edges["line4 line4"] {
		d.t.Errorf("%v", edges)
	}
}

// zoneMatrix: as rows, as JSON and laid out.
func zoneMatrix(d *desk) {
	var all demarcv1.ListCrossingsResponse
	d.read(&all, "get", "crossings")
	by := map[string]*demarcv1.Crossing{}
	connections := uint32(0)
	for _, x := range all.GetCrossings() {
		by[x.GetFrom()+" "+x.GetTo()] = x
		connections += x.GetConnections()
	}
	x := by["corporate line4"]
	if x.GetConnections() != 1 || x.GetVerdicts()["unauthorized"] != 1 || x.GetProtocols()["s7comm"] != 1 || x.GetOperations()["write"] != 3 || len(x.GetFindings()) != 1 || len(x.GetAgreements()) != 0 || x.GetFromDomain() != "it" || x.GetToDomain() != "ot" {
		d.t.Errorf("%v", x)
	}
	x = by["line4 dmz"]
	if x.GetVerdicts()["authorized"] != x.GetConnections() || x.GetProtocols()["dns"] == 0 || !slices.Contains(x.GetAgreements(), "SharedService/plant-directory") || x.GetLive() != x.GetConnections() {
		d.t.Errorf("%v", x)
	}
	if x = by["line4 internet"]; x.GetInVain() != 1 || x.GetConnections() != 2 {
		d.t.Errorf("%v", x)
	}
	var crossing demarcv1.ListConnectionsResponse
	d.read(&crossing, "get", "connections")
	n := uint32(0)
	for _, c := range crossing.GetConnections() {
		if a, b := c.GetClientBoundary(), c.GetServerBoundary(); a != b && (b != "" || c.GetVerdict().GetVerdict() != "internal") {
			n++
		}
	}
	if n != connections {
		d.t.Errorf("the matrix holds %d connections of %d", connections, n)
	}
	for line := range strings.Lines(string(d.must("get", "crossings", "--matrix"))) {
		if cells := strings.Fields(line); cells[0] == "corporate" && (cells[len(cells)-1] != "(1)" || !strings.Contains(line, "1 (1)")) {
			d.t.Errorf("%s", line)
		}
	}
	if got := d.rows("get crossings --boundary line5 --verdict out-of-terms"); len(got) != 1 || got[0]["FROM"] != "dmz" || got[0]["VERDICTS"] != "1 authorized, 1 out-of-terms" {
		d.t.Errorf("%v", got)
	}
	d.says("get crossings --from none", "1 undecided")
	d.refuses(`boundary "lin4" is in no document: known are archive`, "get", "crossings", "--boundary", "lin4")
}

// allowList: what is agreed, by whom and why, and whatever is authorized stands
// on it.
func allowList(d *desk) {
	agreed := map[string]map[string]string{}
	for _, a := range d.rows("get agreements") {
		if a["PURPOSE"] == "" || a["OWNER"] == "" {
			d.t.Errorf("nobody says why or who: %v", a)
		}
		agreed[a["AGREEMENT"]] = a
	}
	a := agreed["line4-to-historian"]
	if a["OWNER"] != "Line 4 engineering" || a["PURPOSE"] != "Process values of line 4 for the site historian" || a["PAPER"] != "security-plans HOU-ISA-2026-004" || a["STATE"] != "in force" || a["SEEN"] != "1 authorized" {
		d.t.Errorf("%v", a)
	}
	var all demarcv1.ListConnectionsResponse
	d.read(&all, "get", "connections", "--verdict", "authorized")
	for _, c := range all.GetConnections() {
		if !slices.ContainsFunc(c.GetVerdict().GetDocuments(), func(doc string) bool { _, name, _ := strings.Cut(doc, "/"); return agreed[name] != nil }) {
			d.t.Errorf("%s stands on no agreement: %v", c.GetId(), c.GetVerdict().GetDocuments())
		}
	}
	d.says("explain line4-to-historian", "owner Line 4 engineering, line4@houston.example", "dmz approved by Lee Tran on 2026-02-01", "Seen: 1 authorized")
	d.refuses(`state "x" is not known: use in force, lapsed, not in force`, "get", "agreements", "--state", "x")
}

// learnedIsNotAuthorized: a survey, drafts and a snapshot authorize nothing.
func learnedIsNotAuthorized(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4", "corp")
	verdicts := func() (all []string) {
		for _, c := range d.rows("get connections") {
			all = append(all, c["ID"]+" "+c["VERDICT"])
		}
		slices.Sort(all)
		return all
	}
	before := verdicts()
	if !slices.ContainsFunc(before, func(s string) bool { return strings.HasSuffix(s, " unauthorized") }) {
		t.Fatal("nothing is unauthorized: there was nothing to learn")
	}
	d.must("propose", "--out", filepath.Join(t.TempDir(), "drafts"))
	d.must("snapshot", "take", "lines-ato", "--reason", "as found")
	text := string(d.must("get", "boundaries", "-o", "yaml"))
	survey := regexp.MustCompile(`(?m)^  title: `).ReplaceAllString(text, "  review: {state: survey, until: 2026-05-01}\n  title: ")
	d.apply(survey)
	d.settled()
	if after := verdicts(); !slices.Equal(before, after) {
		t.Errorf("learning changed verdicts:\n%v\n%v", before, after)
	}
	var held demarcv1.ListFindingsResponse
	d.read(&held, "get", "findings", "--survey", "yes")
	if len(held.GetFindings()) == 0 || slices.ContainsFunc(held.GetFindings(), (*demarcv1.Finding).GetUrgent) {
		t.Errorf("in the worklist: %v", held.GetFindings())
	}
	d.says("get findings --survey no", "Remote access by rdp from corporate to line5", "internet-exposure") // never held back
	d.says("status", "survey     ", "findings alarm nobody yet")
	if out, err := d.try("gate", "lines-ato"); err == nil || !strings.Contains(string(out), "line4 is in survey") {
		t.Errorf("%v %s", err, out)
	}
}

// twoMoments: what differs between two moments, of assets, links and attributes.
func twoMoments(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4")
	first := d.clock()
	d.pass(time.Hour)
	d.plant("dmz")
	d.must("asset", "set", d.asset("10.20.4.11").GetId(), "owner=Line 4 engineering")
	d.must("authorization", "suspend", "lines-ato", "--reason", "a test")
	d.settled()
	second := d.clock()
	d.pass(time.Hour)
	var all demarcv1.ListChangesResponse
	d.read(&all, "diff", stamp(first), stamp(second))
	has := func(what, change, name, field, before, after string) {
		t.Helper()
		if !slices.ContainsFunc(all.GetChanges(), func(x *demarcv1.Change) bool {
			return x.GetWhat() == what && x.GetChange() == change && strings.Contains(x.GetName(), name) && x.GetField() == field && x.GetBefore() == before && x.GetAfter() == after
		}) {
			t.Errorf("no %s %s %q %s: %q, %q", change, what, name, field, before, after)
		}
	}
	has("asset", "new", "10.60.60.20", "", "", "")
	has("asset", "changed", "10.20.4.11", "owner", "", "Line 4 engineering")
	has("connection", "new", "10.60.60.20 -> 10.50.1.20 tcp/5432", "", "", "")
	has("authorization", "changed", "lines-ato", "state", "in force", "lapsed")
	has("agreement", "changed", "line4-to-historian, line4 to dmz", "state", "in force", "lapsed")
	if all.GetFrom().GetAt().AsTime().Equal(all.GetTo().GetAt().AsTime()) || all.GetTotal() != uint32(len(all.GetChanges())) {
		t.Errorf("%v to %v, %d of %d", all.GetFrom(), all.GetTo(), len(all.GetChanges()), all.GetTotal())
	}
	if got := d.rows("diff " + stamp(first) + " " + stamp(second) + " --what connection --change new --boundary corporate"); len(got) == 0 {
		t.Error("nothing new of corporate")
	}
	if out := string(d.must("diff", stamp(second))); !strings.HasSuffix(out, "None.\n") {
		t.Errorf("nothing happened since: %s", out)
	}
	d.refuses("name the earlier moment first", "diff", stamp(second), stamp(first))
	d.refuses("what can be told begins at", "diff", "2020-01-01")
	d.refuses("write 2026-03-14T10:00Z", "diff", "yesterday")
	d.refuses(`what "thing" is not known: use asset, connection`, "diff", stamp(first), "--what", "thing")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// pass lets the clock go on.
func (d *desk) pass(by time.Duration) { d.set(d.clock().Add(by)) }

// follow lets one agent go on hearing what the first port of a scene shows, and
// the clock come to the end of it. It passes a quarter hour's edge behind the
// last report: what more than news moved is judged there.
func (d *desk) follow(s *scene) {
	d.t.Helper()
	if edge := s.now.Truncate(quarter.Span).Add(-time.Second); d.clock().Before(edge) {
		d.set(edge)
	}
	hear := d.hear
	if port := s.ports[0]; d.ears[port.cfg.Default] != "" {
		hear = d.hearAgain
	}
	hear(s.saved(), s.ports[0].cfg.Default)
	s.ports[0].clear(s.t)
	if d.clock().Before(s.now) {
		d.set(s.now)
	}
	d.pass(10 * time.Second) // what is looked at by the clock comes soon after
	s.wait(time.Minute)
}

// saved is a file of what the scene's first port has shown.
func (s *scene) saved() string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "scene.pcap")
	if err := os.WriteFile(file, s.ports[0].file.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// clear begins a new capture at the port.
func (p *spanPort) clear(t *testing.T) {
	t.Helper()
	p.file.Reset()
	p.w = pcapgo.NewWriter(&p.file)
	if err := p.w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
}

// remoteAccess: who can act from afar on what, by which tool and way, and what
// agrees to it.
func remoteAccess(d *desk) {
	by := map[string]map[string]string{}
	for _, r := range d.rows("get remote-access") {
		by[r["BOUNDARY"]+" "+r["DEVICE"]+" "+r["TOOL"]] = r
	}
	for what, want := range map[string]map[string]string{
		"dmz 10.50.1.30 rdp":          {"WAY": "direct", "PEER": "10.60.61.40", "PEER BOUNDARY": "corporate", "VERDICT": "authorized", "AGREEMENT": "admin-to-jump-host", "FINDINGS": ""},
		"line4 10.20.4.60 rdp":        {"WAY": "jump-host", "PEER": "10.50.1.30", "VIA": "jump, jump-host of dmz", "BEHIND": "10.60.61.40 (corporate) by rdp", "VERDICT": "authorized", "AGREEMENT": "jump-host-to-line4", "STILL": "yes", "FIRST SEEN": "2026-03-10 13:58:38"},
		"line5 10.20.5.60 rdp":        {"WAY": "direct", "PEER": "10.60.61.21", "PEER BOUNDARY": "corporate", "VERDICT": "unauthorized", "AGREEMENT": "", "LAST SEEN": "2026-03-10 13:59:23"},
		"line5 10.20.5.60 TeamViewer": {"WAY": "outbound", "PEER": "203.0.113.40 (router7.teamviewer.com)", "PEER BOUNDARY": "internet", "VERDICT": "unauthorized", "SESSIONS": "2"},
	} {
		row := by[what]
		if row == nil {
			d.t.Errorf("%s is not listed: %v", what, by)
			continue
		}
		for column, value := range want {
			if row[column] != value {
				d.t.Errorf("%s: %s is %q, want %q", what, column, row[column], value)
			}
		}
		if row["VERDICT"] == "unauthorized" && !strings.HasPrefix(row["FINDINGS"], "f-") {
			d.t.Errorf("%s is no finding: %v", what, row)
		}
	}
	if len(by) != 4 {
		d.t.Errorf("%d ways: %v", len(by), by)
	}
	if got := d.rows("get remote-access --boundary line5 --way direct --tool RDP"); len(got) != 1 || got[0]["DEVICE"] != "10.20.5.60" {
		d.t.Errorf("%v", got)
	}
	d.refuses(`way "through" is not known: use outbound, direct, jump-host, asked-for`, "get", "remote-access", "--way", "through")
}

// secondPaths: the ways around the access points that documents name.
func secondPaths(d *desk) {
	by := map[string]map[string]string{}
	for _, r := range d.rows("get second-paths") {
		address, _, _ := strings.Cut(r["ADDRESSES"], " ")
		by[address] = r
	}
	if r := by["10.20.5.30"]; r["KIND"] != "dual-homed" || r["BOUNDARIES"] != "corporate line5" || r["NAMED"] != "none" || !strings.Contains(r["WHY"], "stands on the links of corp VLAN 61 and line5 VLAN 105") || r["FINDINGS"] != d.finding("dual-homed", "corporate", "line5").GetId() {
		d.t.Errorf("%v", r)
	}
	if r := by["10.20.9.1"]; r["KIND"] != "router" || r["NAMED"] != "none" || r["BOUNDARIES"] != "none" || r["SEGMENT"] != "line4" {
		d.t.Errorf("%v", r)
	}
	if r := by["10.20.4.1"]; r["KIND"] != "router" || r["NAMED"] != "fw-plant-line4, firewall of line4" {
		d.t.Errorf("%v", r)
	}
	if _, there := by["10.20.4.10"]; there {
		d.t.Error("a host on one link is no way between boundaries")
	}
	for _, r := range d.rows("get second-paths --unnamed") {
		if r["NAMED"] != "none" {
			d.t.Errorf("%v", r)
		}
	}
}

// everyHour lets hosts poll a controller for some hours.
func (s *scene) everyHour(p *spanPort, hours int, plc at, hosts ...at) {
	for range hours {
		for _, h := range hosts {
			s.tcp(502, modbusRead("01"), view{p, 0, h, plc})
		}
		s.wait(time.Hour)
	}
}

// driftQueue: what is new, changed and gone against the snapshot of a decision,
// assigned, accepted to an end for a reason, and open again when that has come.
func driftQueue(t *testing.T) {
	s := newScene(t)
	port := s.port("agent", "line4", nil)
	panel, plc, laptop := at{"00:0e:8c:00:0a:20", "10.20.4.20", 0}, at{"00:80:f4:00:0a:02", "10.20.4.11", 0}, at{"00:0c:29:00:0b:99", "10.20.4.99", 128}
	old := at{"00:80:f4:00:0a:03", "10.20.4.12", 0}
	for _, a := range []at{panel, plc, old} {
		s.announce(port, 0, a)
	}
	s.tcp(502, identified("Schneider Electric", "M340", "2.70"), view{port, 0, panel, plc})
	s.everyHour(port, 24, plc, panel)
	s.everyHour(port, 24, old, panel)
	d := newDesk(t)
	d.example()
	d.follow(s)
	d.says("get drift lines-ato", "None.")
	d.must("snapshot", "take", "lines-ato", "--reason", "ATO letter of 2026-02-01")
	d.says("get drift lines-ato", "None.")

	s.announce(port, 0, laptop)
	s.tcp(502, modbusRead("01"), view{port, 0, laptop, plc})
	s.tcp(502, identified("Schneider Electric", "M340", "3.10"), view{port, 0, panel, plc})
	s.everyHour(port, 24, plc, panel)
	d.follow(s)
	d.wait("drift is a finding", func() bool { return len(d.rows("get findings --drift yes")) >= 3 })
	kinds := map[string]map[string]string{}
	for _, r := range d.rows("get drift lines-ato") {
		if r["CAUSE"] != "reality" || r["FINDING"] == "" {
			t.Errorf("%v", r)
		}
		kinds[r["DRIFT"]] = r
	}
	for kind, words := range map[string]string{"new-asset": "10.20.4.99", "new-connection": "10.20.4.99", "changed-asset": "10.20.4.11"} {
		if !strings.Contains(kinds[kind]["WHAT"]+kinds[kind]["WHY"], words) {
			t.Errorf("%s: %v", kind, kinds[kind])
		}
	}

	id := kinds["new-connection"]["FINDING"]
	d.must("finding", "assign", id, "--to", "ana")
	d.must("finding", "comment", id, "--text", "asked the shift")
	d.refuses("needs an owner", "finding", "accept", id, "--reason", "x", "--until", "2026-05-20")
	d.must("finding", "accept", id, "--owner", "J. Doe", "--reason", "commissioning", "--until", "2026-05-20", "--mitigation", "watched")
	d.says("get findings --assignee ana", "deviation-approved to 2026-05-20")
	d.says("get calendar", "the acceptance by J. Doe of", "2026-05-20", "the finding is open again")
	d.set(time.Date(2026, time.May, 21, 0, 0, 1, 0, time.UTC))
	d.wait("the acceptance ends", func() bool {
		return strings.Contains(string(d.must("get", "findings", "--assignee", "ana", "-o", "csv")), ",open,ana,")
	})
	d.says("get findings --history "+id, "assign", "asked the shift", "accept", "the acceptance by")
	d.refuses("fixed, false-positive, duplicate", "finding", "close", id)
	d.must("finding", "close", id, "--reason", "false-positive", "--comment", "the vendor's own laptop")
	d.says("get findings --status closed", "closed as false-positive")

	s.everyHour(port, 4*7*24, plc, panel) // nobody hears the old controller any more
	d.follow(s)
	d.pass(15 * time.Minute) // what is gone tells nothing: snapshots are looked at by the clock
	d.wait("what is gone is drift", func() bool { return len(d.rows("get findings --kind drift-gone-asset")) == 1 })
	d.says("get drift lines-ato", "gone-asset", "10.20.4.12", "while those that heard it listened on")
}

// cadence: first and last seen, how much, how often, and whether it still
// happens, as far as the agents that saw it listened.
func cadence(t *testing.T) {
	s := newScene(t)
	port := s.port("agent", "line4", nil)
	panel, plc, weekly := at{"00:0e:8c:00:0a:20", "10.20.4.20", 0}, at{"00:80:f4:00:0a:02", "10.20.4.11", 0}, at{"00:0c:29:00:0b:50", "10.20.4.50", 128}
	begun := s.now
	for range 3 {
		s.tcp(502, modbusRead("01"), view{port, 0, weekly, plc})
		s.everyHour(port, 7*24, plc, panel)
	}
	d := newDesk(t)
	d.example()
	d.follow(s)
	row := func(client string) map[string]string {
		t.Helper()
		for _, r := range d.rows("get connections --search " + client) {
			if r["CLIENT"] == client {
				return r
			}
		}
		t.Fatalf("no connection of %s", client)
		return nil
	}
	if r := row("10.20.4.20"); r["STILL"] != "yes" || r["HOW OFTEN"] != "usually silent for 60 min between" || r["SESSIONS"] != "504" || r["FIRST SEEN"] != begun.Format(time.DateTime) || r["BYTES"] == "0" || r["SEEN BY"] == "" {
		t.Errorf("%v", r)
	}
	if r := row("10.20.4.50"); r["STILL"] != "yes" || r["HOW OFTEN"] != "usually silent for 7 d between" || r["SESSIONS"] != "3" {
		t.Errorf("%v", r)
	}
	s.everyHour(port, 3*7*24, plc, panel)
	d.follow(s)
	if r := row("10.20.4.50"); r["STILL"] != "no" || !strings.Contains(r["HOW OFTEN"], "and "+r["SEEN BY"]+" listened until") {
		t.Errorf("%v", r)
	}
	d.says("get connections --activity silent", "10.20.4.50")
	d.says("explain "+row("10.20.4.50")["ID"], "Still happening: no, nothing since 2026-05-18")
	d.pass(48 * time.Hour)
	if r := row("10.20.4.20"); r["STILL"] != "not observable" || !strings.Contains(r["HOW OFTEN"], r["SEEN BY"]+" heard nothing after") {
		t.Errorf("%v", r)
	}
	d.refuses(`activity "x" is not known: use live, silent, not-observable`, "get", "connections", "--activity", "x")
}

// twoSensors: what two agents saw is one connection with the counts of one, and
// one finding.
func twoSensors(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("corp")
	before := d.flow("10.60.61.30", "10.20.4.11", 102)
	d.wait("the conditions that break are findings", func() bool { return len(d.rows("get findings --kind condition")) == 2 })
	findings := d.rows("get findings")
	d.hear(filepath.Join(root, "testdata", "plant", "corp.pcap"), "corp") // another agent, the same frames
	after := d.flow("10.60.61.30", "10.20.4.11", 102)
	if before.GetId() != after.GetId() || len(after.GetAgents()) != 2 || after.GetConnection().GetClientBytes() != before.GetConnection().GetClientBytes() || after.GetConnection().GetSessions() != before.GetConnection().GetSessions() {
		t.Errorf("%v\n%v", before, after)
	}
	if again := d.rows("get findings"); len(again) != len(findings) {
		t.Errorf("%d findings were %d", len(again), len(findings))
	}
	d.plant("line4") // which sees it at the other end
	after = d.flow("10.60.61.30", "10.20.4.11", 102)
	if f := d.finding("unauthorized", "corporate", "line4"); len(after.GetAgents()) != 3 || len(f.GetConnections()) != 1 || f.GetConnections()[0] != after.GetId() {
		t.Errorf("%v of %v", f.GetConnections(), after.GetAgents())
	}
	d.says("explain "+after.GetId(), "Seen by "+strings.Join(after.GetAgents(), ", "))
}

var code = regexp.MustCompile("`([^`]+)`")

// TestCommandsAnswer: what deploy/commands.md names as the answer to a question
// answers, with what the example plant holds.
func TestCommandsAnswer(t *testing.T) {
	d := newDeskAt(t, after.Add(-time.Hour))
	d.example()
	d.set(after)
	d.plant(plant.Ports()...)
	d.record("line4")
	d.must("snapshot", "take", "lines-ato", "--reason", "as it was decided on")
	bundles := d.byFiles(d.agent, "apart", t.TempDir(), filepath.Join(root, "testdata", "plant", "line4.pcap"))
	names := strings.NewReplacer( // ids depend on what was heard
		"c-f2745cu5sjya", d.flow("10.60.61.30", "10.20.4.11", 102).GetId(), "a-uzrabxxq5868", d.asset("10.20.4.1").GetId(), "diff 7d", "diff "+stamp(d.clock().Add(-30*time.Minute)),
		"inspection.zip", filepath.Join(d.dir, "inspection.zip"), "f-4k2mzq7x3bna", d.finding("unauthorized", "corporate", "line4").GetId(),
		"write.pcapng", filepath.Join(d.dir, "write.pcapng"), "/media/usb/*.demarc", strings.Join(bundles, " "),
	)
	n, page := 0, read(t, "deploy/commands.md")
	t.Chdir(t.TempDir()) // where files go that are not named
	for l := range strings.Lines(page) {
		question, answer, found := strings.Cut(strings.TrimPrefix(l, "| "), " | ")
		if !found || !strings.HasPrefix(l, "| ") {
			continue
		}
		for _, c := range code.FindAllStringSubmatch(answer, -1) {
			n++
			out, err := d.try(strings.Fields(names.Replace(c[1]))...)
			if err != nil && strings.Contains(err.Error(), "there is no change to tell of") {
				continue // an answer as well
			}
			if err != nil && c[1] != "gate lines-ato" || len(out) < 5 {
				t.Errorf("%s: %s: %v: %s", question, c[1], err, out)
			}
		}
	}
	if n < 30 {
		t.Errorf("%d commands: the page is not read", n)
	}
}
