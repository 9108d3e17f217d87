package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// systemsLater is what a row of TestC1 still lacks.
var systemsLater = map[string]string{
	"Batch_record_system":   "evidence is not kept by the retention class yet: the class is shown where records leave",
	"Remote_access_service": "no one list says which sessions come by the jump host and which are direct: connections and findings do",
	"ERP_interface":         "the ISA-95 category is on paper; traffic does not confirm it yet",
}

// TestC1: every kind of system that a plant's authorizations name is found, or on
// record.
func TestC1(t *testing.T) {
	holds(t, []row{
		{name: "MES", acts: mesKept},
		{name: "SCADA_server", check: func(d *desk) {
			if r := d.role("192.168.1.5", "scada-server"); !strings.Contains(r.GetWhy(), "polls 3 controllers") {
				d.t.Errorf("it is one because it %s", r.GetWhy())
			}
			for server, port := range map[string]uint32{"192.168.1.10": 102, "192.168.1.20": 44818, "192.168.1.30": 502} { // what it polls
				d.judged("internal", "192.168.1.5", server, port)
			}
		}},
		{name: "DCS", acts: dcs},
		{name: "PLC_RTU_IED_HMI_EWS", acts: fieldIdentities},
		{name: "Quality_record_system", check: func(d *desk) {
			d.role("10.60.60.30", "quality-record")
			leaves(d, "laboratory", "quality", "corporate", "yes", "quality-record for 3650d, on hold")
		}},
		{name: "Batch_record_system", check: func(d *desk) {
			leaves(d, "line5", "batch", "dmz", "yes", "batch-record for 1825d")
		}},
		{name: "ERP_interface", check: func(d *desk) {
			d.judged("authorized", "10.60.60.20", "10.50.1.20", 5432)
			d.says("explain boundary/corporate", "historian-to-mes, from dmz to corporate", "exchanges production-performance")
			d.judged("unauthorized", "10.50.1.20", "10.60.60.10", 8080) // past MES, straight to ERP
		}},
		{name: "Cloud_service", check: func(d *desk) {
			c := d.judged("authorized", "10.50.1.40", "198.51.100.70", 443)
			if s := c.GetConnection().GetSecurityFacts().GetServerName(); s != "ingest.insight.example" || c.GetServerBoundary() != "cloud-platform" {
				d.t.Errorf("%s in %s", s, c.GetServerBoundary())
			}
			if !slices.Contains(c.GetVerdict().GetDocuments(), "SharedService/cloud-front-door") {
				d.t.Errorf("it stands on %v", c.GetVerdict().GetDocuments())
			}
			unknown := d.judged("unauthorized", "10.20.4.50", "203.0.113.34", 443)
			if len(unknown.GetFindings()) != 1 {
				d.t.Errorf("a cloud that nobody decided on is in findings %v", unknown.GetFindings())
			}
		}},
		{name: "IIoT_platform", check: func(d *desk) {
			d.role("10.20.4.40", "iiot-gateway")
			d.role("10.50.1.40", "iiot-broker")
			if c := d.judged("authorized", "10.20.4.40", "10.50.1.40", 1883); c.GetClientBoundary() != "line4" || c.GetServerBoundary() != "dmz" || c.GetConnection().GetProtocol() != "sparkplug" {
				d.t.Errorf("%s from %s to %s", c.GetConnection().GetProtocol(), c.GetClientBoundary(), c.GetServerBoundary())
			}
		}},
		{name: "Data_historian", check: func(d *desk) {
			d.role("10.50.1.20", "historian")
			c := d.judged("authorized", "10.50.1.20", "10.20.5.10", 4840)
			d.says("explain "+c.GetId(), "Interconnection/line5-to-historian")
			d.says("explain boundary/dmz", "line5-to-historian, from line5 to dmz", "carries batch")
		}},
		{name: "Remote_access_service", check: func(d *desk) {
			// The agreed way by the jump host, and the one past it.
			for client, verdict := range map[string]string{"10.50.1.30": "authorized"} {
				if c := d.judged(verdict, client, "10.20.4.60", 3389).GetConnection(); c.GetFirstSeen() == nil || c.GetLastSeen() == nil || c.GetProtocol() != "rdp" {
					d.t.Errorf("%v", c)
				}
			}
			d.judged("unauthorized", "10.60.61.21", "10.20.5.60", 3389)
			d.says("get findings --kind remote-access", "Remote access by rdp from corporate to line5", "Remote access by TeamViewer")
		}},
		{name: "Shared_network", acts: sharedNetwork},
		{name: "Corporate_network", check: func(d *desk) {
			if b := d.boundary("corporate"); b.GetKind() != "enterprise" || b.GetDomain() != "it" {
				d.t.Errorf("%v", b)
			}
			if c := d.judged("unauthorized", "10.60.61.30", "10.20.4.11", 102); !strings.Contains(c.GetVerdict().GetReason(), "no interconnection joins corporate and line4") {
				d.t.Errorf("denied because %s", c.GetVerdict().GetReason())
			}
		}},
		{name: "Manufacturing_control_environment", check: func(d *desk) {
			for name, kind := range map[string]string{"line4": "control-environment", "dmz": "system", "laboratory": "application"} {
				if got := d.boundary(name).GetKind(); got != kind {
					d.t.Errorf("%s is %s", name, got)
				}
			}
		}},
		{name: "Customer_system", check: func(d *desk) {
			for name, want := range map[string][2]string{
				"insight": {"system", "cloud-platform"}, "insight-org": {"org", "insight"}, "insight-production": {"space", "insight-org"}, "insight-staging": {"space", "insight-org"},
				"insight-app": {"application", "insight-production"}, "insight-database": {"service-instance", "insight-production"},
			} {
				if b := d.boundary(name); b.GetKind() != want[0] || b.GetRecord().GetParent() != want[1] {
					d.t.Errorf("%s is %s in %s", name, b.GetKind(), b.GetRecord().GetParent())
				}
			}
			d.says("explain insight", "judged as separate from it")
		}},
		{name: "Provider_platform", check: func(d *desk) {
			b := d.boundary("cloud-platform")
			if b.GetKind() != "provider" || b.GetRecord().GetCategorization().GetIntegrity() != "moderate" || b.GetAssets() != 1 {
				d.t.Errorf("%v", b)
			}
			a := d.authorization("cloud-pato")
			if a.GetOrganization() != "Joint Authorization Board" || a.GetRecord().GetPackage().GetId() != "F1900000042" {
				d.t.Errorf("%v", a)
			}
		}},
	}, systemsLater)
}

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

// mesKept: MES is found by its SQL and web-service traffic, with reasons; a role
// that a person gives it stays when another agent tells everything again.
func mesKept(t *testing.T) {
	d := newDesk(t, "none")
	d.example()
	d.plant("corp", "dmz")
	if a := d.asset("10.60.60.20"); a.GetLevel() != 3 || d.role("10.60.60.20", "mes").GetWhy() == "" {
		t.Errorf("level %d, %v", a.GetLevel(), a.GetRoles())
	}
	d.must("asset", "set", d.asset("10.60.60.20").GetId(), "role=batch-record")
	d.plant("corp", "dmz")
	if a := d.asset("10.60.60.20"); a.GetRoles()[0].GetRole() != "batch-record" {
		t.Errorf("what a person said is lost: %v", a.GetRoles())
	}
}

// sceneHeard lets a desk hear the frames of a scene's ports.
func sceneHeard(d *desk, s *scene) {
	d.t.Helper()
	for _, p := range s.ports {
		file := filepath.Join(d.t.TempDir(), "scene.pcap")
		if err := os.WriteFile(file, p.file.Bytes(), 0o600); err != nil {
			d.t.Fatal(err)
		}
		d.hear(file, p.cfg.Default)
	}
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
	port := s.port("agent", "line4", nil)
	station := at{"d4:be:d9:40:10:14", "10.20.4.10", 128}
	known, unknown := at{"00:22:e5:00:00:01", "10.20.4.21", 0}, at{"02:00:00:00:04:22", "10.20.4.22", 0}
	for _, a := range []at{station, known, unknown} {
		s.announce(port, 0, a)
	}
	s.tcp(502, append(identified("Emerson", "DeltaV MD Plus", "14.3"), modbusRead("01")...), view{port, 0, station, known})
	s.tcp(502, modbusRead("01"), view{port, 0, station, unknown})
	d := newDesk(t, "none")
	d.example()
	sceneHeard(d, s)
	d.role("10.20.4.21", "dcs-controller")
	if a := d.asset("10.20.4.21"); a.GetVendor() != "Emerson" {
		t.Errorf("vendor %q", a.GetVendor())
	}
	d.role("10.20.4.22", "plc")
	if a := d.asset("10.20.4.22"); a.GetVendor() != "" || len(a.GetRoles()) != 1 {
		t.Errorf("a device that said nothing is %q, %v", a.GetVendor(), a.GetRoles())
	}
}

// fieldIdentities: devices say what they are in CIP, S7, Modbus, OPC UA and
// BACnet.
func fieldIdentities(t *testing.T) {
	d := newDesk(t, "none")
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
	if !roles["rtu"] { // an IED: TestRolesOfTraffic
		t.Errorf("roles %v: no RTU among them", roles)
	}
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
	d := newDesk(t, "none")
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
