package role

import (
	"slices"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func parsed(attribute, value string) Fact {
	return Fact{Attribute: attribute, Value: value, Source: "test", Grade: ot.Content}
}

// Each role of the two seeds is found with its reasons, and a device that is
// almost one is not.
func TestRoleAndNearMiss(t *testing.T) {
	polls := func(n int) []Use { return []Use{use(Client, "modbus", n, ot.Read, ot.Write)} }
	for _, c := range []struct {
		role    ot.Role
		what    string
		d       Device
		why     string
		nearly  string
		near    Device
		instead ot.Role // what the near miss is, "" for nothing known
	}{
		{
			ot.SCADAServer, "polls five outstations",
			Device{Uses: []Use{use(Client, "dnp3", 5, ot.Read, ot.Control)}},
			"polls 5 controllers with dnp3 read and control",
			"polls two",
			Device{Uses: polls(2)},
			ot.HMI,
		},
		{
			ot.SCADAServer, "a Sparkplug host application",
			Device{Facts: []Fact{parsed("sparkplug.host_application", "scada-1")}, Uses: []Use{use(Client, "sparkplug", 1, ot.Subscribe)}},
			"is Sparkplug host application scada-1",
			"the broker that passes its state on",
			Device{Facts: []Fact{parsed("sparkplug.host_application", "scada-1")}, Uses: []Use{use(Server, "sparkplug", 3)}},
			ot.IIoTBroker,
		},
		{
			ot.DCSController, "says so",
			Device{Facts: []Fact{says("product", "DeltaV MD Plus")}},
			"DeltaV MD Plus",
			"a controller whose vendor nobody knows",
			Device{Uses: []Use{use(Server, "modbus", 1, ot.Read)}},
			ot.PLC,
		},
		{
			ot.DCSServer, "says so",
			Device{Facts: []Fact{says("product", "Experion PKS Server")}},
			"Experion PKS Server",
			"a controller of the same maker",
			Device{Facts: []Fact{says("product", "Experion C300 controller")}},
			ot.DCSController,
		},
		{
			ot.PLC, "answers reads and writes",
			Device{Uses: []Use{use(Server, "s7comm", 2, ot.Read, ot.Write)}},
			"answers s7comm read and write of 2 clients",
			"is only named: a scanner asked for its identity",
			Device{Uses: []Use{use(Server, "enip", 0, ot.Diagnose)}},
			"",
		},
		{
			ot.RTU, "answers telecontrol",
			Device{Uses: []Use{use(Server, "iec104", 1, ot.Subscribe)}},
			"answers 1 client in iec104",
			"asks in telecontrol",
			Device{Uses: []Use{use(Client, "iec104", 1, ot.Subscribe)}},
			ot.HMI,
		},
		{
			ot.IED, "publishes GOOSE",
			Device{Uses: []Use{use(Client, "goose", 0)}},
			"publishes goose",
			"an MMS client",
			Device{Uses: []Use{use(Client, "mms", 3, ot.Read)}},
			"",
		},
		{
			ot.HMI, "operates one controller",
			Device{Uses: polls(1)},
			"polls 1 controller with modbus read and write",
			"a gate that translates addresses for one",
			Device{Router: true, Uses: polls(1)},
			ot.NetworkDevice,
		},
		{
			ot.EngineeringWorkstation, "downloads a program",
			Device{Uses: []Use{use(Client, "s7comm", 1, ot.Read, ot.Program)}},
			"programs 1 controller with s7comm program",
			"reads the same controller",
			Device{Uses: []Use{use(Client, "s7comm", 1, ot.Read, ot.Diagnose)}},
			ot.HMI,
		},
		{
			ot.Historian, "collects and keeps",
			Device{Uses: []Use{use(Client, "opcua", 3, ot.Subscribe), use(Client, "tds", 1)}},
			"collects from 3 servers with opcua subscribe and keeps or passes on in tds",
			"reads what a historian keeps",
			Device{Uses: []Use{use(Client, "pi", 1, ot.Read)}},
			"",
		},
		{
			ot.MES, "reports production",
			Device{Facts: []Fact{parsed("b2mml.message", "ProcessProductionPerformance")}, Uses: []Use{use(Client, "http", 1, ot.Write)}},
			"reports or fetches production: sends ProcessProductionPerformance",
			"plans it",
			Device{Facts: []Fact{parsed("b2mml.message", "ProcessProductionSchedule")}, Uses: []Use{use(Client, "http", 1, ot.Write)}},
			ot.ERP,
		},
		{
			ot.QualityRecord, "a LIMS",
			Device{Facts: []Fact{says("http.title", "LabWare LIMS")}, Uses: []Use{use(Server, "http", 4)}},
			"LabWare LIMS",
			"a panel that shows samples",
			Device{Facts: []Fact{says("http.title", "Sample rate")}, Uses: []Use{use(Server, "http", 4)}},
			ot.Server,
		},
		{
			ot.BatchRecord, "keeps batches",
			Device{Facts: []Fact{parsed("b2mml.message", "ProcessBatchProductionRecord")}},
			"keeps batches: sends ProcessBatchProductionRecord",
			"asks for one",
			Device{Facts: []Fact{parsed("b2mml.message", "GetBatchProductionRecord")}, Uses: []Use{use(Client, "http", 1)}},
			ot.Workstation,
		},
		{
			ot.ERPInterface, "takes from a plant database, sends to business",
			Device{Facts: []Fact{parsed("b2mml.message", "ProcessProductionPerformance")}, Uses: []Use{use(Client, "tds", 2), use(Client, "http", 1, ot.Write)}},
			"exchanges ProcessProductionPerformance (test) and passes on in tds",
			"only asks a database",
			Device{Uses: []Use{use(Client, "tds", 2), use(Client, "smb", 1)}},
			ot.Workstation,
		},
		{
			ot.CloudService, "is asked for by its name",
			Device{Facts: []Fact{parsed("tls.server_name", "iot.eu-west-1.amazonaws.com")}, Uses: []Use{use(Server, "tls", 1)}},
			"is asked for as iot.eu-west-1.amazonaws.com",
			"asks for one",
			Device{Facts: []Fact{parsed("cloud_service", "AWS IoT")}, Uses: []Use{use(Client, "tls", 1)}},
			ot.Workstation,
		},
		{
			ot.IIoTGateway, "a Sparkplug edge node",
			Device{Facts: []Fact{parsed("sparkplug.edge_node", "gw-4")}, Uses: []Use{use(Client, "sparkplug", 1, ot.Transfer)}},
			"is Sparkplug edge node gw-4 and publishes to 1 broker with sparkplug",
			"the broker it publishes through",
			Device{Facts: []Fact{parsed("sparkplug.edge_node", "gw-4")}, Uses: []Use{use(Server, "sparkplug", 5)}},
			ot.IIoTBroker,
		},
		{
			ot.IIoTBroker, "serves MQTT",
			Device{Uses: []Use{use(Server, "mqtt", 9)}},
			"serves mqtt to 9 clients",
			"subscribes",
			Device{Uses: []Use{use(Client, "mqtt", 1, ot.Subscribe)}},
			"",
		},
		{
			ot.RemoteAccess, "ends tunnels",
			Device{Uses: []Use{use(Server, "openvpn", 3)}},
			"is entered by 3 clients with openvpn",
			"is entered with RDP alone",
			Device{Uses: []Use{use(Server, "rdp", 3)}},
			"",
		},
		{
			ot.JumpHost, "is entered and goes on",
			Device{Uses: []Use{use(Server, "rdp", 1), use(Client, "ssh", 2), use(Client, "vnc", 1)}},
			"is entered by 1 client with rdp and goes on to",
			"only goes out",
			Device{Uses: []Use{use(Client, "rdp", 4)}},
			ot.Workstation,
		},
		{
			ot.NetworkDevice, "takes part in the spanning tree",
			Device{Uses: []Use{use(Client, "stp", 0)}},
			"sends stp",
			"a workstation that tells LLDP",
			Device{Facts: []Fact{says("lldp.capabilities", "station")}, Uses: []Use{use(Client, "smb", 1)}},
			ot.Workstation,
		},
	} {
		claims := Default().Of(&c.d)
		if len(claims) == 0 || claims[0].Role != c.role || !strings.Contains(claims[0].Why, c.why) {
			t.Errorf("%s, %s: %+v", c.role, c.what, claims)
		}
		near := Default().Of(&c.near)
		if slices.ContainsFunc(near, func(x Claim) bool { return x.Role == c.role }) {
			t.Errorf("%s, near miss %s: %+v", c.role, c.nearly, near)
		}
		if first := append(near, Claim{})[0].Role; first != c.instead {
			t.Errorf("%s, near miss %s: is %q, want %q", c.role, c.nearly, first, c.instead)
		}
	}
}

// Weight orders claims of one grade and chooses within a group; counter-evidence
// silences a rule.
func TestWeightAndCounterEvidence(t *testing.T) {
	r, err := Read([]byte(`
groups: [[plc, rtu]]
rules:
  - {role: plc, grade: hint, names: [box], say: a}
  - {role: rtu, grade: hint, weight: 60, names: [box], but: [{names: [bread, box], facts: [{attribute: os, has: ["*"]}]}], say: b}
  - {role: hmi, grade: hint, weight: 90, names: [box], say: c}
`))
	if err != nil {
		t.Fatal(err)
	}
	text := func(d Device) (s string) {
		for _, c := range r.Of(&d) {
			s += string(c.Role) + " "
		}
		return s
	}
	if got := text(Device{Names: []string{"box"}}); got != "hmi rtu " {
		t.Errorf("by weight: %s", got)
	}
	if got := text(Device{Names: []string{"box"}, Facts: []Fact{parsed("os", "Windows 7")}}); got != "hmi plc " {
		t.Errorf("with counter-evidence: %s", got)
	}
	for what, text := range map[string]string{"weight 101": "weight: 101", "but: no condition": "but: [{}]"} {
		if _, err := Read([]byte("rules: [{role: plc, grade: hint, names: [plc], " + text + "}]")); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
