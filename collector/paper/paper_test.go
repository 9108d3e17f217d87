package paper

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

const docs = `
{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, components: {inventory: hw}, members: [{site: houston, cidrs: [10.20.4.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: values}, spec: {purpose: p, from: {boundary: line4}, to: {boundary: dmz}, services: [{protocol: opcua, ports: [4840]}]}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: files}, spec: {purpose: p, from: {boundary: line4}, to: {boundary: dmz}, services: [{protocol: smb}]}}
---
apiVersion: demarc/v1
kind: Inventory
metadata: {name: hw}
spec:
  list: hardware
  approvedBy: Ana
  rows:
    - {name: plc-1, vendor: Siemens AG, model: 6ES7 315, serial: S C-1, firmware: V3.2.6, ips: [10.20.4.11]}
    - {name: plc-2, serial: S C-2, firmware: 3.2.6}
    - {name: panel, macs: ["00:0e:8c:00:00:50"]}
    - {name: scada}
---
apiVersion: demarc/v1
kind: Inventory
metadata: {name: sw}
spec:
  list: software
  boundary: line4
  rows:
    - {name: S7-300, vendor: Siemens, version: V3.2.6}
    - {name: WinCC}
---
apiVersion: demarc/v1
kind: Inventory
metadata: {name: pps}
spec:
  list: services
  boundary: line4
  rows:
    - {protocol: opcua, ports: [4840], from: dmz}
    - {protocol: s7comm, ports: [102], from: dmz}
    - {protocol: modbus, ports: [503], from: dmz}
    - {protocol: ssh, ports: [22]}
`

// asset makes one that stands in a boundary: "10.20.4.11=line4 serial=x".
func asset(id, text string) *demarcv1.Asset {
	a := &demarcv1.Asset{Id: id, Kind: "device", LastSeen: timestamppb.Now()}
	for w := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "serial":
			a.Serial = value
			a.Facts = append(a.Facts, &demarcv1.Fact{Attribute: "serial", Value: value, Grade: "identity"})
		case "firmware":
			a.Firmware = value
		case "vendor":
			a.Vendor = value
		case "product":
			a.Product = value
		case "mac":
			a.Macs = append(a.Macs, value)
		case "name":
			a.Names = append(a.Names, value)
		default:
			a.Ips = append(a.Ips, key)
			a.Places = append(a.Places, &demarcv1.Place{Address: key, Boundary: value})
		}
	}
	return a
}

// link makes a connection: "dmz>line4 opcua 4840".
func link(id, text string, documents ...string) *demarcv1.JudgedConnection {
	var ends, protocol, verdict string
	var port uint32
	if _, err := fmt.Sscan(text, &ends, &protocol, &port, &verdict); err != nil {
		panic(text + ": " + err.Error())
	}
	from, to, _ := strings.Cut(ends, ">")
	return &demarcv1.JudgedConnection{
		Id: id, ClientBoundary: from, ServerBoundary: to, Verdict: &demarcv1.Verdict{Verdict: verdict, Documents: documents},
		Connection: &demarcv1.Connection{Id: id, Transport: "tcp", Port: port, Protocol: protocol, Grade: "content", Outcome: "exchanged", LastSeen: timestamppb.Now()},
	}
}

func world(t *testing.T) World {
	t.Helper()
	d, err := boundary.Read([]boundary.File{{Path: "d.yaml", Content: []byte(docs)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	tried := link("c9", "dmz>line4 rdp 3389 unauthorized")
	tried.Connection.Outcome = "refused"
	return World{Policy: p, Documents: d, Assets: []*demarcv1.Asset{
		asset("a1", "10.20.4.11=line4 serial=SC1 vendor=Siemens product=S7-300 firmware=V3.2.6"),
		asset("a2", "10.50.1.7=dmz serial=SC-2 firmware=V2.0.1 product=S7-300"),
		asset("a3", "10.20.4.77=line4 mac=00:0e:8c:00:00:77"),
		asset("a4", "10.20.4.10=line4 name=SCADA"),
	}, Connections: []*demarcv1.JudgedConnection{
		link("c1", "dmz>line4 opcua 4840 authorized", "Interconnection/values"),
		link("c2", "dmz>line4 modbus 502 unauthorized"),
		link("c3", "line4>dmz s7comm 102 unauthorized"),
		link("c4", "line4>line4 enip 44818 internal"),
		tried,
	}}
}

func told(rows []*demarcv1.ReconcileRow) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %s %s %v%v", r.GetBucket(), strings.ReplaceAll(r.GetName(), " ", "_"), r.GetKey(), r.GetAssets(), r.GetConnections())
		for _, d := range r.GetDifferences() {
			fmt.Fprintf(&b, " %s: %s | %s", d.GetField(), d.GetPaper(), d.GetWire())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestReconcile(t *testing.T) {
	w := world(t)
	for list, want := range map[string]string{
		"hardware": `seen plc-1 serial [a1][]
different plc-2 serial [a2][] firmware: 3.2.6 | V2.0.1 boundary: line4 | dmz
never-seen panel  [][]
seen scada name [a4][]
not-on-paper 10.20.4.77  [a3][]
`,
		"software": `seen S7-300 name [a1][]
never-seen WinCC  [][]
`,
		"services": `seen opcua_on_port_4840,_dmz_to_line4  [][c1]
different s7comm_on_port_102,_dmz_to_line4  [][c3] direction: dmz to line4 | line4 to dmz
different modbus_on_port_503,_dmz_to_line4  [][c2] ports: port 503 | tcp/502
never-seen ssh_on_port_22,_anywhere_to_line4  [][]
not-on-paper enip_on_tcp/44818,_line4_to_line4  [][c4]
`,
		"interconnections": `seen values  [][c1]
never-seen files  [][]
not-on-paper s7comm_on_tcp/102,_line4_to_dmz  [][c3]
not-on-paper modbus_on_tcp/502,_dmz_to_line4  [][c2]
`,
	} {
		rows, missing := Reconcile(w, "line4", list)
		if got := told(rows); got != want || len(missing) != 0 {
			t.Errorf("%s: %v\n%s\nwant\n%s", list, missing, got, want)
		}
	}
	if _, missing := Reconcile(w, "dmz", "hardware"); len(missing) != 1 || missing[0] != "no hardware list of dmz is given" {
		t.Errorf("%v", missing)
	}
}
