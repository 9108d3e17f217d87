package emass

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"demarc/collector/boundary"
	"demarc/collector/paper/sheet"
	demarcv1 "demarc/proto/demarc/v1"
)

func conn(id, from, to, protocol string, port uint32, more ...func(*demarcv1.JudgedConnection)) *demarcv1.JudgedConnection {
	c := &demarcv1.JudgedConnection{Id: id, ClientBoundary: from, ServerBoundary: to, Verdict: &demarcv1.Verdict{}, Connection: &demarcv1.Connection{Transport: "tcp", Port: port, Protocol: protocol, Grade: "content", Outcome: "exchanged"}}
	for _, m := range more {
		m(c)
	}
	return c
}

func plant() *Facts {
	return &Facts{
		Boundaries: []string{"line4"},
		Assets: []*demarcv1.Asset{
			{Id: "a-1", Ips: []string{"10.20.4.11", "10.20.4.12"}, Names: []string{"plc-1", "second"}, Vendor: "Siemens", Product: "S7-1500", Model: "6ES7 515", Firmware: "V2.9", Serial: "S C-1", Roles: []*demarcv1.AssetRole{{Role: "plc", Grade: "identity"}}, Annotations: []*demarcv1.Annotation{{Field: "place", Value: "cabinet 7"}}},
			{Id: "a-2", Parent: "a-1", Model: "module"},
			{Id: "a-3", Ips: []string{"10.20.4.1"}, Names: []string{"=cmd|' /C calc'!A0"}, Vendor: "@SUM(1)", Model: "-1+2", Serial: "+49", Os: "Linux", Roles: []*demarcv1.AssetRole{{Role: "firewall", Grade: "identity"}}},
			{Id: "a-4", Macs: []string{"00:80:63:5a:10:04"}, Kind: "router"},
		},
		Connections: []*demarcv1.JudgedConnection{
			conn("c-1", "dmz", "line4", "opcua", 4840, func(c *demarcv1.JudgedConnection) {
				c.Verdict.Documents, c.Connection.Security = []string{"Interconnection/x"}, "sign-and-encrypt"
			}),
			conn("c-2", "line4", "line4", "modbus", 502, func(c *demarcv1.JudgedConnection) { c.Connection.Security = "none" }),
			conn("c-3", "line4", "line4", "modbus", 502),
			conn("c-4", "line4", "corp", "unknown", 9999),
			conn("c-5", "line4", "corp", "http", 80, func(c *demarcv1.JudgedConnection) { c.Connection.Outcome = "refused" }),
		},
		Agreements: []*demarcv1.Agreement{{Document: "Interconnection/x", Purpose: "=values, for the \"historian\""}},
	}
}

// written is a list, as a spreadsheet and as `import` read it.
func written(t testing.TB, list string, f *Facts) (rows []map[string]string, again []boundary.Row, missing []string) {
	t.Helper()
	text, missing, err := Write(list, f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, c := range r {
			row[all[0][i]] = c
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				t.Errorf("%s: a spreadsheet takes %q for a formula", list, c)
			}
		}
		rows = append(rows, row)
	}
	again, _, err = sheet.Read("x.csv", text, list)
	if err != nil || len(again) != len(rows) {
		t.Fatalf("%s is not read again: %v, %d of %d rows\n%s", list, err, len(again), len(rows), text)
	}
	return rows, again, missing
}

func TestHardware(t *testing.T) {
	rows, again, missing := written(t, "hardware", plant())
	if len(rows) != 3 || rows[0]["assetName"] != "plc-1" || rows[0]["nickname"] != "second" || rows[0]["componentType"] != "plc" || rows[0]["assetIpAddress"] != "10.20.4.11; 10.20.4.12" || rows[0]["OsIosFwVersion"] != "V2.9" || rows[0]["location"] != "cabinet 7" ||
		rows[1]["componentType"] != "Firewall" || rows[2]["componentType"] != "Router" || rows[2]["assetName"] != "00:80:63:5a:10:04" || rows[0]["publicFacing"] != "" {
		t.Errorf("%v", rows)
	}
	if r := again[0]; r.Name != "plc-1" || r.Vendor != "Siemens" || r.Model != "6ES7 515" || r.Serial != "S C-1" || r.Firmware != "V2.9" || len(r.IPs) != 2 || r.Location != "cabinet 7" {
		t.Errorf("%+v", r)
	}
	if r := again[1]; r.Name != "=cmd|' /C calc'!A0" || r.Vendor != "@SUM(1)" || r.Model != "-1+2" || r.Serial != "+49" {
		t.Errorf("what looks like a formula is not taken back as it was: %+v", r)
	}
	all := strings.Join(missing, "\n")
	for _, want := range []string{"publicFacing", "approvalStatus", "criticalAsset", "eMASS documents none for plc"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q lacks %s", all, want)
		}
	}
	if strings.Contains(all, "serialNumber") {
		t.Errorf("a column that is filled is listed: %q", all)
	}
}

func TestSoftware(t *testing.T) {
	rows, again, missing := written(t, "software", plant())
	if len(rows) != 2 || rows[1]["softwareName"] != "S7-1500" || rows[1]["version"] != "V2.9" || again[1].Vendor != "Siemens" || again[1].Version != "V2.9" || again[0].Name != "Linux" {
		t.Errorf("%v %v", rows, again)
	}
	if !slices.Contains(missing, "version: 1 of 2 told none, and eMASS wants one") {
		t.Errorf("%q", missing)
	}
}

func TestServices(t *testing.T) {
	rows, again, missing := written(t, "services", plant())
	want := []map[string]string{
		{"Direction": "Inbound", "Boundary Crossing": "Y", "Source": "dmz", "Destination": "line4", "Ports": "4840", "Protocols": "TCP", "Services": "opcua", "Purpose": "'=values, for the \"historian\"", "Encrypted": "Y", "Data Sensitivity": ""},
		{"Direction": "Internal", "Boundary Crossing": "N", "Source": "line4", "Destination": "line4", "Ports": "502", "Protocols": "TCP", "Services": "modbus", "Purpose": "", "Encrypted": "", "Data Sensitivity": ""},
	}
	if len(rows) != 2 {
		t.Fatalf("%v", rows)
	}
	for i := range want {
		for k, v := range want[i] {
			if rows[i][k] != v {
				t.Errorf("row %d, %s: %q, want %q", i, k, rows[i][k], v)
			}
		}
	}
	if r := again[0]; r.Protocol != "opcua" || !r.Ports.Holds(4840) || r.From != "dmz" || r.To != "line4" || r.Name != `=values, for the "historian"` {
		t.Errorf("%+v", r)
	}
	if !slices.ContainsFunc(missing, func(s string) bool { return strings.Contains(s, "tcp/9999 from line4 to corp") }) {
		t.Errorf("%q", missing)
	}
}

func TestNothingToList(t *testing.T) {
	for _, list := range append(slices.Clone(Lists), "people") {
		if text, _, err := Write(list, &Facts{}); err == nil || text != nil {
			t.Errorf("%s of nothing: %q", list, text)
		}
	}
}

// FuzzRoundTrip: whatever devices call themselves, the list is read again as it
// was written, and no cell begins a formula.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "=1", "'=1", "-", "n/a", "\x00", "\xff", "\u202e=1", "a\r\n=2", "\t=3", "\ufeff=4", strings.Repeat("long ", 2000), `"`, ",;", "＝5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := plant()
		for _, a := range x.Assets {
			a.Names, a.Vendor, a.Product, a.Model, a.Serial, a.Firmware = []string{s, s}, s, s, s, s, s
		}
		x.Agreements[0].Purpose = s
		for _, list := range Lists {
			if _, _, err := Write(list, x); err == nil {
				written(t, list, x)
			}
		}
	})
}
