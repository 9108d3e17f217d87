package role

import (
	"slices"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func ops(o ...ot.Operation) (n [ot.NumOperations]uint64) {
	for _, x := range o {
		n[x] = 7
	}
	return n
}

func use(as As, protocol string, peers int, o ...ot.Operation) Use {
	return Use{As: as, Protocol: protocol, Grade: ot.Content, Outcome: ot.Exchanged, Peers: peers, Operations: ops(o...)}
}

func says(attribute, value string) Fact {
	return Fact{Attribute: attribute, Value: value, Source: "test", Grade: ot.Identity}
}

func TestRoles(t *testing.T) {
	hint := use(Server, "modbus", 1, ot.Read)
	hint.Grade = ot.Hint
	for _, c := range []struct {
		name string
		d    Device
		want string // "role grade", by comma
		why  string // part of the first reason
	}{
		{"nothing known", Device{}, "", ""},
		{"CIP device type", Device{Facts: []Fact{says("cip.device_type", "14")}}, "plc identity", "programmable logic controller, CIP device type 14 (test)"},
		{"CIP drive that answers", Device{Facts: []Fact{says("cip.device_type", "2")}, Uses: []Use{use(Server, "enip", 2, ot.Read)}}, "drive identity", "CIP device type 2"},
		{"S7 order number", Device{Facts: []Fact{says("model", "6ES7 315-2EH14-0AB0")}}, "plc identity", "6ES7 315-2EH14-0AB0"},
		{"S7 I/O station", Device{Facts: []Fact{says("model", "6ES7 155-6AU01-0BN0")}}, "io-device identity", ""},
		{"safety CPU", Device{Facts: []Fact{says("product", "CPU 317F-2 PN/DP")}}, "safety-controller identity", "CPU 317F-2 PN/DP"},
		{"OPC UA product", Device{Facts: []Fact{says("product", "KEPServerEX")}, Uses: []Use{use(Server, "opcua", 3, ot.Read)}}, "opc-server identity", "KEPServerEX"},
		{"a fact of low grade", Device{Facts: []Fact{{Attribute: "product", Value: "PanelView Plus", Source: "http.server", Grade: ot.Content}}}, "hmi content", ""},
		{"not a word", Device{Facts: []Fact{says("product", "Scpuz")}}, "", ""},
		{"answers reads", Device{Uses: []Use{use(Server, "modbus", 2, ot.Read, ot.Write)}}, "plc behaviour", "answers modbus read and write of 2 clients"},
		{"numerical control", Device{Uses: []Use{use(Server, "focas", 1, ot.Read)}}, "plc behaviour", "controls a machine: answers focas read of 1 client"},
		{"semiconductor equipment that calls its host", Device{Facts: []Fact{parsed("hsms.part", "equipment")}, Uses: []Use{use(Client, "hsms", 1, ot.Alarm)}}, "plc behaviour", "is equipment to a host"},
		{"its host", Device{Facts: []Fact{parsed("hsms.part", "host")}, Uses: []Use{use(Server, "hsms", 1, ot.Alarm)}}, "mes behaviour", "is host to semiconductor equipment"},
		{"serial device server", Device{Facts: []Fact{says("model", "NPort 5110")}}, "network-device identity", "NPort 5110"},
		{"port alone", Device{Uses: []Use{hint}}, "plc hint", ""},
		{"nobody asked", Device{Uses: []Use{use(Server, "modbus", 0, ot.Read)}}, "", ""},
		{"telecontrol", Device{Uses: []Use{use(Server, "iec104", 1)}}, "rtu behaviour", "answers 1 client in iec104"},
		{"goose", Device{Uses: []Use{use(Client, "goose", 0)}}, "ied behaviour", "publishes goose"},
		{"polls two", Device{Uses: []Use{use(Client, "modbus", 2, ot.Read)}}, "hmi behaviour", "polls 2 controllers with modbus read"},
		{"polls four", Device{Uses: []Use{use(Client, "modbus", 1, ot.Read), use(Client, "s7comm", 3, ot.Write)}}, "scada-server behaviour", "polls 4 controllers with modbus and s7comm read and write"},
		{"a controller that polls", Device{Uses: []Use{use(Server, "s7comm", 1, ot.Read), use(Client, "s7comm", 1, ot.Read)}}, "plc behaviour", ""},
		{"programs", Device{Uses: []Use{use(Client, "s7comm", 1, ot.Read, ot.Program)}}, "engineering-workstation behaviour", "programs 1 controller with s7comm program"},
		{"OPC server", Device{Uses: []Use{use(Server, "opcua", 1), use(Client, "modbus", 4, ot.Read)}}, "opc-server behaviour", "serves opcua to 1 client and polls 4 controllers with modbus"},
		{"OPC UA alone", Device{Uses: []Use{use(Server, "opcua", 1)}}, "opc-server hint", ""},
		{"historian", Device{Uses: []Use{use(Client, "opcua", 2, ot.Subscribe), use(Client, "tds", 1)}}, "historian behaviour", "collects from 2 servers with opcua subscribe and keeps or passes on in tds"},
		{"gateway", Device{Uses: []Use{use(Client, "modbus", 2, ot.Read), use(Client, "mqtt", 1)}}, "iiot-gateway behaviour", ""},
		{"broker", Device{Uses: []Use{use(Server, "mqtt", 9)}}, "iiot-broker behaviour", "serves mqtt to 9 clients"},
		{"database", Device{Uses: []Use{use(Server, "tds", 1), use(Server, "smb", 2)}}, "database behaviour", ""},
		{"directory", Device{Uses: []Use{use(Server, "kerberos", 4), use(Server, "ldap", 4), use(Server, "dns", 5)}}, "domain-controller behaviour", "serves kerberos and ldap to 8 clients"},
		{"jump host", Device{Uses: []Use{use(Server, "rdp", 1), use(Client, "rdp", 2)}}, "jump-host behaviour", "is entered by 1 client with rdp and goes on to 2 hosts with rdp"},
		{"rdp alone is none", Device{Uses: []Use{use(Client, "rdp", 2)}}, "workstation behaviour", ""},
		{"web server", Device{Uses: []Use{use(Server, "http", 2)}}, "server behaviour", ""},
		{"router", Device{Router: true}, "network-device behaviour", "frames of other addresses"},
		{"switch", Device{Facts: []Fact{says("lldp.capabilities", "bridge router")}}, "network-device identity", "says in LLDP"},
		{"told outright", Device{Facts: []Fact{says("role", "Historian")}}, "historian identity", "is told to be one (test)"},
		{"called", Device{Names: []string{"PLC07.line4.example"}}, "plc hint", "is called PLC07.line4.example"},
		{"called something else", Device{Names: []string{"replica-site"}}, "", ""},
		{"called what it is", Device{Names: []string{"hmi-1"}, Uses: []Use{use(Client, "modbus", 1, ot.Read)}}, "hmi behaviour", "polls 1 controller"},
		{"asked for by name", Device{Facts: []Fact{says("tls.server_name", "erp.houston.example")}, Uses: []Use{use(Server, "tls", 1)}}, "erp hint", "is called erp.houston.example"},
		{"collects and serves pages", Device{Uses: []Use{use(Client, "opcua", 2, ot.Subscribe), use(Server, "http", 2)}}, "historian behaviour", "collects from 2 servers with opcua subscribe and serves http to 2 clients"},
		{"only reads OPC UA", Device{Uses: []Use{use(Client, "opcua", 1, ot.Read)}}, "hmi hint", "reads from 1 server with opcua"},
		{"operates over OPC UA", Device{Uses: []Use{use(Client, "opcua", 1, ot.Read, ot.Write)}}, "hmi behaviour", "operates 1 server with opcua write"},
		{"browses", Device{Uses: []Use{use(Client, "http", 9)}}, "workstation hint", ""},
		{"called and does", Device{Names: []string{"mes01"}, Uses: []Use{use(Server, "tds", 1)}}, "database behaviour, mes hint", ""},
	} {
		claims := Default().Of(&c.d)
		var got []string
		for _, x := range claims {
			got = append(got, string(x.Role)+" "+x.Grade.String())
			if x.Why == "" || strings.ContainsAny(x.Why, "{}") {
				t.Errorf("%s: reason of %s: %q", c.name, x.Role, x.Why)
			}
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: got %q, want %q", c.name, s, c.want)
			continue
		}
		if len(claims) > 0 && !strings.Contains(claims[0].Why, c.why) {
			t.Errorf("%s: reason %q does not say %q", c.name, claims[0].Why, c.why)
		}
	}
}

func TestLevels(t *testing.T) {
	for role, want := range map[ot.Role]int{ot.PLC: 1, ot.Drive: 0, ot.HMI: 2, ot.Historian: 3, ot.ERP: 4} {
		if got, ok := Default().Level(role); !ok || got != want {
			t.Errorf("level of %s: %d, %t, want %d", role, got, ok, want)
		}
	}
	if _, ok := Default().Level(ot.Printer); ok {
		t.Error("a printer has no level")
	}
}

func TestReadRefuses(t *testing.T) {
	const good = "{role: plc, grade: hint, names: [plc], say: x}"
	if _, err := Read([]byte("rules: [" + good + "]")); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"unknown field":         "rules: [{role: plc, grade: hint, names: [plc], sey: x}]",
		"not a role":            "rules: [{role: plx, grade: hint, names: [plc]}]",
		"not a grade":           "rules: [{role: plc, grade: sure, names: [plc]}]",
		"no condition":          "rules: [{role: plc, grade: hint}]",
		"client, server":        "rules: [{role: plc, grade: hint, uses: [{as: both, protocols: [modbus]}]}]",
		"set \"x\"":             "rules: [{role: plc, grade: hint, uses: [{as: client, protocols: [$x]}]}]",
		"class of operation":    "rules: [{role: plc, grade: hint, uses: [{as: client, protocols: [modbus], operations: [reed]}]}]",
		"needs protocols":       "rules: [{role: plc, grade: hint, uses: [{as: client}]}]",
		"needs attribute":       "rules: [{role: plc, grade: hint, facts: [{attribute: x}]}]",
		"levels":                "levels: {boss: 1}",
		"groups":                "groups: [[boss]]",
		"rule 2 (hmi)":          "rules: [" + good + ", {role: hmi, grade: hint}]",
		"\"boss\" is not a rol": "rules: [{role: plc, grade: hint, names: [plc], unless: [boss]}]",
	} {
		_, err := Read([]byte(text))
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

// Every role that is shipped has a rule, or is one that only people assign.
func TestEveryRoleHasARule(t *testing.T) {
	people := []ot.Role{}
	for _, role := range ot.Roles() {
		has := slices.ContainsFunc(Default().rules, func(r rule) bool { return r.role == role })
		if has == slices.Contains(people, role) {
			t.Errorf("%s: has a rule is %t", role, has)
		}
	}
}
