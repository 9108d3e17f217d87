package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// systemRows are the kinds of systems that a plant's authorizations name: each
// is found, or on record in deploy/example.
var systemRows = []row{
	{name: "MES", acts: mes},
	{name: "SCADA server and client", check: func(d *desk) {
		if r := d.role("192.168.1.5", "scada-server"); !strings.Contains(r.GetWhy(), "polls 3 controllers") {
			d.t.Errorf("it is one because it %s", r.GetWhy())
		}
		for server, port := range map[string]uint32{"192.168.1.10": 102, "192.168.1.20": 44818, "192.168.1.30": 502} { // what it polls
			d.judged("internal", "192.168.1.5", server, port)
		}
	}},
	{name: "DCS", acts: dcs},
	{name: "PLC, RTU, IED, HMI and EWS", acts: fieldIdentities},
	{name: "Quality record system", check: func(d *desk) {
		d.role("10.60.60.30", "quality-record")
		leaves(d, "laboratory", "quality", "corporate", "yes", "quality-record for 3650d, on hold")
	}},
	{name: "Batch record system", check: func(d *desk) {
		leaves(d, "line5", "batch", "dmz", "yes", "batch-record for 1825d")
		d.says("explain boundary/line5", "Retention: batch-record: what was recorded by 2026-03-10 is to be kept to 2031-03-09")
		d.says("explain lines-ato", "Retention of line5: batch-record")
	}},
	{name: "ERP interface", acts: erpInterface},
	{name: "Cloud service", check: func(d *desk) {
		c := d.judged("authorized", "10.50.1.40", "198.51.100.70", 443)
		if s := c.GetConnection().GetSecurityFacts().GetServerName(); s != "ingest.insight.example" || c.GetServerBoundary() != "cloud-platform" {
			d.t.Errorf("%s in %s", s, c.GetServerBoundary())
		}
		if !slices.Contains(c.GetVerdict().GetDocuments(), "SharedService/cloud-front-door") || !slices.Contains(c.GetVerdict().GetDocuments(), "Authorization/cloud-atu") {
			d.t.Errorf("it stands on %v", c.GetVerdict().GetDocuments())
		}
	}, acts: cloudByName},
	{name: "IIoT platform", check: func(d *desk) {
		d.role("10.20.4.40", "iiot-gateway")
		d.role("10.50.1.40", "iiot-broker")
		if c := d.judged("authorized", "10.20.4.40", "10.50.1.40", 1883); c.GetClientBoundary() != "line4" || c.GetServerBoundary() != "dmz" || c.GetConnection().GetProtocol() != "sparkplug" {
			d.t.Errorf("%s from %s to %s", c.GetConnection().GetProtocol(), c.GetClientBoundary(), c.GetServerBoundary())
		}
	}},
	{name: "Data historian", check: func(d *desk) {
		d.role("10.50.1.20", "historian")
		c := d.judged("authorized", "10.50.1.20", "10.20.5.10", 4840)
		d.says("explain "+c.GetId(), "Interconnection/line5-to-historian")
		d.says("explain boundary/dmz", "line5-to-historian, from line5 to dmz", "carries batch")
		leaves(d, "line5", "batch", "dmz", "yes", "batch-record for 1825d")
	}},
	{name: "Remote access service", check: func(d *desk) {
		var all demarcv1.ListRemoteAccessResponse
		d.read(&all, "get", "remote-access")
		seen := map[string]string{}
		for _, x := range all.GetRemoteAccess() {
			if x.GetFirstSeen() == nil || x.GetLastSeen() == nil {
				d.t.Errorf("%v says not when", x)
			}
			seen[x.GetBoundary()+" "+x.GetDevice()+" "+x.GetTool()] = x.GetWay() + ", " + x.GetVerdict()
		}
		for what, way := range map[string]string{
			"line4 10.20.4.60 rdp": "jump-host, authorized", "line5 10.20.5.60 rdp": "direct, unauthorized", "line5 10.20.5.60 TeamViewer": "outbound, unauthorized",
		} {
			if seen[what] != way {
				d.t.Errorf("%s is %q, not %s", what, seen[what], way)
			}
		}
		d.says("get findings --kind remote-access", "Remote access by rdp from corporate to line5", "Remote access by TeamViewer")
	}},
	{name: "Shared network", acts: sharedNetwork},
	{name: "Corporate network", check: func(d *desk) {
		if b := d.boundary("corporate"); b.GetKind() != "enterprise" || b.GetDomain() != "it" {
			d.t.Errorf("%v", b)
		}
		if c := d.judged("unauthorized", "10.60.61.30", "10.20.4.11", 102); !strings.Contains(c.GetVerdict().GetReason(), "no interconnection joins corporate and line4") {
			d.t.Errorf("denied because %s", c.GetVerdict().GetReason())
		}
	}},
	{name: "Manufacturing control environment", check: func(d *desk) {
		for name, kind := range map[string]string{"line4": "control-environment", "dmz": "system", "laboratory": "application"} {
			if got := d.boundary(name).GetKind(); got != kind {
				d.t.Errorf("%s is %s", name, got)
			}
		}
	}},
	{name: "Customer system", check: func(d *desk) {
		for name, want := range map[string][2]string{
			"insight": {"system", "cloud-platform"}, "insight-org": {"org", "insight"}, "insight-production": {"space", "insight-org"}, "insight-staging": {"space", "insight-org"},
			"insight-app": {"application", "insight-production"}, "insight-database": {"service-instance", "insight-production"},
		} {
			if b := d.boundary(name); b.GetKind() != want[0] || b.GetRecord().GetParent() != want[1] {
				d.t.Errorf("%s is %s in %s", name, b.GetKind(), b.GetRecord().GetParent())
			}
		}
		d.says("explain insight", "judged as separate from it")
	}, acts: customerAssets},
	{name: "Provider platform", check: func(d *desk) {
		b := d.boundary("cloud-platform")
		if b.GetKind() != "provider" || b.GetRecord().GetCategorization().GetIntegrity() != "moderate" || b.GetAssets() != 1 {
			d.t.Errorf("%v", b)
		}
		a := d.authorization("cloud-pato")
		if a.GetOrganization() != "Joint Authorization Board" || a.GetRecord().GetPackage().GetId() != "F1900000042" {
			d.t.Errorf("%v", a)
		}
	}},
}

func TestSystems(t *testing.T) { holds(t, systemRows) }

// leaves checks the report of regulated flows.
func leaves(d *desk, from, record, to, word, retention string) {
	d.t.Helper()
	var all demarcv1.ListRegulatedResponse
	d.read(&all, "get", "regulated", "--boundary", from)
	for _, f := range all.GetFlows() {
		if f.GetTo() == to && f.GetVerdict() == "authorized" && slices.Contains(f.GetCarries(), record) {
			if f.GetLeaves() != word || f.GetRetention() != retention || !slices.Contains(f.GetRecords(), record) {
				d.t.Errorf("%v", f)
			}
			return
		}
	}
	d.t.Errorf("nothing of %s goes to %s: %v", from, to, all.GetFlows())
}

// Hosts of the office and of the DMZ, as the scenes of rows have them.
var (
	erpServer = at{"00:50:56:60:10:10", "10.60.60.10", 128}
	mesServer = at{"00:50:56:60:10:20", "10.60.60.20", 128}
	collects  = at{"00:50:56:50:01:20", "10.50.1.20", 128} // the historian
	panelFour = at{"28:63:36:50:10:14", "10.20.4.50", 128}
)

// mes: MES is found by what it tells ERP, with its evidence; a role that a
// person gives it stays when another agent tells everything again.
func mes(t *testing.T) {
	s := newScene(t)
	corp := s.port("agent", "corp", nil)
	for _, a := range []at{mesServer, erpServer} {
		s.announce(corp, 0, a)
	}
	s.tcp(8080, post(`<b:ProcessProductionPerformance xmlns:b="http://www.mesa.org/xml/B2MML"/>`), view{corp, 0, mesServer, erpServer})
	d := newDesk(t)
	d.example()
	sceneHeard(d, s)
	if r := d.role("10.60.60.20", "mes"); r.GetGrade() != "behaviour" || !strings.Contains(r.GetWhy(), "ProcessProductionPerformance") || d.asset("10.60.60.20").GetLevel() != 3 {
		t.Errorf("level %d, %v", d.asset("10.60.60.20").GetLevel(), r)
	}
	d.must("asset", "set", d.asset("10.60.60.20").GetId(), "role=batch-record")
	sceneHeard(d, s)
	if a := d.asset("10.60.60.20"); a.GetRoles()[0].GetRole() != "batch-record" {
		t.Errorf("what a person said is lost: %v", a.GetRoles())
	}
}

// erpInterface: between levels 3 and 4 an agreement says what of ISA-95 is
// exchanged, and messages that show are held against it. From level 2 straight
// to ERP is a finding, also where it is agreed.
func erpInterface(t *testing.T) {
	s := newScene(t)
	dmz, four := s.port("agent", "dmz", nil), s.port("agent", "line4", nil)
	for _, a := range []at{collects, mesServer, erpServer} {
		s.announce(dmz, 0, a)
	}
	s.announce(four, 0, panelFour)
	fetch := func(document string) []line {
		return []line{
			{false, ascii("GET /figures HTTP/1.1\r\nHost: x\r\n\r\n")},
			{true, ascii("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: " + strconv.Itoa(len(document)) + "\r\n\r\n" + document)},
		}
	}
	s.tcp(8080, fetch(`<b:ShowProductionPerformance xmlns:b="http://www.mesa.org/xml/B2MML"/>`), view{dmz, 0, mesServer, collects})
	s.tcp(8080, fetch(`<b:ShowMaterialLot xmlns:b="http://www.mesa.org/xml/B2MML"/>`), view{dmz, 0, mesServer, collects})
	s.tcp(8080, post(`{"made":4711}`), view{dmz, 0, collects, erpServer}, view{four, 0, collects, erpServer})
	s.tcp(8080, post(`{"made":4711}`), view{four, 0, panelFour, erpServer})
	d := newDesk(t)
	d.example(`apiVersion: demarc/v1
kind: Interconnection
metadata: {name: line4-to-erp}
spec: {purpose: Figures of line 4 straight to ERP, from: {boundary: line4}, to: {boundary: corporate, cidrs: [10.60.60.10/32]}, services: [{protocol: http, ports: [8080]}]}
`)
	sceneHeard(d, s)
	c := d.judged("authorized", "10.60.60.20", "10.50.1.20", 8080)
	d.says("explain "+c.GetId(), "ISA-95, agreed: production-performance", "10.50.1.20 sends ShowProductionPerformance, production-performance", "10.50.1.20 sends ShowMaterialLot, material, which is not agreed")
	d.says("explain boundary/corporate", "historian-to-mes, from dmz to corporate", "exchanges production-performance")
	d.judged("unauthorized", "10.50.1.20", "10.60.60.10", 8080) // past MES
	straight := d.judged("authorized", "10.20.4.50", "10.60.60.10", 8080)
	if len(straight.GetFindings()) != 1 {
		t.Fatalf("findings %v", straight.GetFindings())
	}
	d.says("explain "+straight.GetFindings()[0], "past-erp-interface", "past any ERP interface", "Controllers and business systems meet without a level between them")
}

// hello is how a TLS 1.2 client asks for a server by its name, and the answer
// (RFC 5246, 7.4.1; RFC 6066, 3).
func hello(server string) []line {
	name := hexWord(len(server)) + ascii(server)
	list := "00" + name
	extension := "0000" + hexWord(len(list)/2+2) + hexWord(len(list)/2) + list
	random := strings.Repeat("5a", 32)
	client := "0303" + random + "00" + "0002c02f" + "0100" + hexWord(len(extension)/2) + extension
	answer := "0303" + random + "00" + "c02f" + "00"
	record := func(kind, body string) string {
		message := kind + "00" + hexWord(len(body)/2) + body
		return "160303" + hexWord(len(message)/2) + message
	}
	return []line{{false, record("01", client)}, {true, record("02", answer)}}
}

// cloudByName: a cloud service is known by the name that it is asked for, and
// is a finding where nobody decided on it.
func cloudByName(t *testing.T) {
	s := newScene(t)
	dmz := s.port("agent", "dmz", nil)
	router, hub := at{"00:09:0f:09:10:50", "10.50.1.1", 255}, at{"", "203.0.113.80", 50}
	gateway := at{"00:50:56:50:01:40", "10.50.1.40", 64}
	s.arp(dmz, 0, gateway, router)
	s.tcp(443, hello("line4.azure-devices.net"), view{dmz, 0, gateway, hub.via(router)})
	d := newDesk(t)
	d.example()
	sceneHeard(d, s)
	if r := d.role("203.0.113.80", "cloud-service"); !strings.Contains(r.GetWhy(), "line4.azure-devices.net") {
		t.Errorf("%v", r)
	}
	c := d.judged("unauthorized", "10.50.1.40", "203.0.113.80", 443)
	if n := c.GetConnection().GetSecurityFacts().GetServerName(); n != "line4.azure-devices.net" || len(c.GetFindings()) != 1 {
		t.Errorf("%q, findings %v", n, c.GetFindings())
	}
	d.says("explain "+c.GetFindings()[0], "internet-exposure")
}

// customerAssets: every part of a customer's system may hold assets, and is
// judged by its own decision.
func customerAssets(t *testing.T) {
	s := newScene(t)
	dmz := s.port("agent", "dmz", nil)
	router, gateway := at{"00:09:0f:09:10:50", "10.50.1.1", 255}, at{"00:50:56:50:01:40", "10.50.1.40", 64}
	app, staging := at{"", "198.51.100.71", 50}, at{"", "198.51.100.72", 50}
	s.arp(dmz, 0, gateway, router)
	for _, a := range []at{app, staging} {
		s.tcp(443, hello("x.insight.example"), view{dmz, 0, gateway, a.via(router)})
	}
	d := newDesk(t)
	d.example(`apiVersion: demarc/v1
kind: Boundary
metadata: {name: insight-app}
spec: {title: Application insight, kind: application, domain: external, environment: production, parent: insight-production, members: [{site: houston, cidrs: [198.51.100.71/32]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: insight-staging}
spec: {title: Space staging, kind: space, domain: external, environment: staging, parent: insight-org, members: [{site: houston, cidrs: [198.51.100.72/32]}]}
`)
	sceneHeard(d, s)
	for name, words := range map[string]string{"insight-app": "insight-ato (ato-with-conditions), as a part of insight", "insight-staging": "insight-staging-iatt (iatt)"} {
		if b := d.boundary(name); b.GetAssets() != 1 || !strings.Contains(b.GetAuthorization(), words) {
			t.Errorf("%s holds %d assets under %s", name, b.GetAssets(), b.GetAuthorization())
		}
	}
}

// sceneHeard lets a desk hear the frames of a scene's ports.
func sceneHeard(d *desk, s *scene) {
	d.t.Helper()
	for _, p := range s.ports {
		d.hear(p.capture(d.t), p.cfg.Default)
	}
}

// capture is what a port showed, as a file.
func (p *spanPort) capture(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scene.pcap")
	if err := os.WriteFile(file, p.file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// identified is a Modbus device's answer to Read Device Identification: vendor,
// product, revision (MODBUS Application Protocol 6.21).
func identified(vendor, product, revision string) []line {
	object := func(id int, s string) string { return hexByte(id) + hexByte(len(s)) + ascii(s) }
	objects := object(0, vendor) + object(1, product) + object(2, revision)
	return []line{
		{false, "000100000005 01 2b0e0100"},
		{true, "00010000" + hexWord(8+len(objects)/2) + "01 2b0e010100000" + "3" + objects},
	}
}

func hexByte(n int) string {
	return string("0123456789abcdef"[n>>4]) + string("0123456789abcdef"[n&15])
}

func hexWord(n int) string { return hexByte(n>>8) + hexByte(n&255) }

// dcs: a controller of a distributed control system says what it is; one that
// says nothing is a controller without vendor, and none of a DCS.
func dcs(t *testing.T) {
	s := newScene(t)
	port := s.port("agent", "boilers", nil)
	station := at{"d4:be:d9:40:10:06", "10.20.6.10", 128}
	known, unknown := at{"00:22:e5:00:00:01", "10.20.6.21", 0}, at{"02:00:00:00:06:22", "10.20.6.22", 0}
	for _, a := range []at{station, known, unknown} {
		s.announce(port, 0, a)
	}
	s.tcp(502, append(identified("Emerson", "DeltaV MD Plus", "14.3"), modbusRead("01")...), view{port, 0, station, known})
	s.tcp(502, modbusRead("01"), view{port, 0, station, unknown})
	d := newDesk(t)
	d.example()
	sceneHeard(d, s)
	d.role("10.20.6.21", "dcs-controller")
	if a := d.asset("10.20.6.21"); a.GetVendor() != "Emerson" || d.boundary("boiler-house").GetAssets() != 3 {
		t.Errorf("vendor %q", a.GetVendor())
	}
	d.role("10.20.6.22", "plc")
	if a := d.asset("10.20.6.22"); a.GetVendor() != "" || len(a.GetRoles()) != 1 {
		t.Errorf("a device that said nothing is %q, %v", a.GetVendor(), a.GetRoles())
	}
}

// fieldIdentities: devices say what they are in CIP, S7, Modbus, OPC UA and
// BACnet.
func fieldIdentities(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4")
	d.hear(filepath.Join(root, "testdata", "bacnet", "device.pcap"), "corp")
	d.hear(filepath.Join(root, "testdata", "dnp3", "control.pcap"), "dmz")
	d.identity("192.168.1.20", "Rockwell Automation", "", "11.4")           // CIP identity object
	d.identity("192.168.1.10", "Siemens", "6ES7 315-2EH14-0AB0", "V3.2.14") // S7 SZL
	d.identity("192.168.1.30", "Schneider Electric", "TSXETG100", "2.70")   // Modbus function 43
	d.identity("10.20.4.10", "Example Automation", "", "8.2.4")             // OPC UA BuildInfo
	d.role("10.20.4.11", "plc")
	d.role("10.20.4.50", "hmi")
	d.role("10.20.4.60", "engineering-workstation")
	roles := map[string]bool{}
	var all demarcv1.ListAssetsResponse
	d.read(&all, "get", "assets")
	for _, a := range all.GetAssets() {
		for _, r := range a.GetRoles() {
			roles[r.GetRole()] = true
		}
		if slices.ContainsFunc(a.GetFacts(), func(f *demarcv1.Fact) bool { return f.GetAttribute() == "bacnet.device_instance" }) && a.GetModel() == "" {
			t.Errorf("a BACnet device says no model: %v", a)
		}
	}
	if !roles["rtu"] {
		t.Errorf("roles %v: no RTU among them", roles)
	}
	station := newDesk(t) // its samples have the addresses of those above
	station.example()
	station.hear(filepath.Join(root, "testdata", "mms", "control.pcap"), "dmz")
	station.role("10.77.0.2", "ied")
}

// sharedNetwork: two lines print in one network. Both officials are listed, and
// each flow is one line's.
func sharedNetwork(t *testing.T) {
	s := newScene(t)
	port := s.port("agent", "line4", nil)
	printer, four, five := at{"00:07:4d:00:00:20", "10.20.8.20", 0}, at{"28:63:36:50:10:14", "10.20.4.50", 0}, at{"28:63:36:50:10:15", "10.20.5.50", 0}
	for _, a := range []at{printer, four, five} {
		s.announce(port, 0, a)
	}
	label := []line{{false, ascii("^XA^FO50,50^FDLOT 4711^FS^XZ")}}
	s.tcp(9100, label, view{port, 0, four, printer})
	s.tcp(9100, label, view{port, 0, five, printer})
	d := newDesk(t)
	d.example(`apiVersion: demarc/v1
kind: Authorization
metadata: {name: line5-ato}
spec: {decision: ato, issuer: {organization: Example Foods}, officials: [{name: Noor Haddad}], boundaries: [line5], granted: 2026-03-01}
`)
	sceneHeard(d, s)
	for client, boundary := range map[string]string{"10.20.4.50": "line4", "10.20.5.50": "line5"} {
		if c := d.judged("internal", client, "10.20.8.20", 9100); c.GetClientBoundary() != boundary || c.GetServerBoundary() != boundary {
			t.Errorf("the flow of %s is between %s and %s", client, c.GetClientBoundary(), c.GetServerBoundary())
		}
	}
	d.says("explain line4", "Shared network 10.20.8.0/24", "Dana Ortiz", "Noor Haddad")
}
