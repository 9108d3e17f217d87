package propose

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

var now = time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)

// plant is a world that is made by hand.
type plant struct {
	World
	files []boundary.File
}

func newPlant(t *testing.T, documents string) *plant {
	t.Helper()
	p := &plant{World: World{Policy: boundary.Empty(), Documents: &boundary.Documents{}, Now: now}}
	if documents != "" {
		p.files = []boundary.File{{Path: "plant.yaml", Content: []byte(documents)}}
		docs, err := boundary.Read(p.files)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := boundary.Compile(docs, 1)
		if err != nil {
			t.Fatal(err)
		}
		p.Documents, p.Policy = docs, policy
	}
	return p
}

// device adds one that stands in a boundary, "" for none.
func (p *plant) device(segment, address, role, in string) {
	a := &demarcv1.Asset{
		Id: "a-" + segment + address, Site: "houston", Segment: segment, Ips: []string{address}, FirstSeen: timestamppb.New(now.Add(-time.Hour)), LastSeen: timestamppb.New(now),
		Places: []*demarcv1.Place{{Address: address, Boundary: in}},
	}
	if slices.ContainsFunc(p.Assets, func(b *demarcv1.Asset) bool { return b.GetId() == a.GetId() }) {
		return
	}
	if segment != "" {
		a.Macs = []string{"00:0e:8c:00:00:01"}
	}
	if role != "" {
		a.Roles = []*demarcv1.AssetRole{{Role: role, Grade: "content"}}
	}
	p.Assets = append(p.Assets, a)
}

// talk adds a connection between the assets at two addresses.
func (p *plant) talk(client, server, protocol string, port uint32, operations ...string) *demarcv1.JudgedConnection {
	c := &demarcv1.JudgedConnection{
		Id: fmt.Sprintf("c-%d", len(p.Connections)), Site: "houston", Verdict: &demarcv1.Verdict{Verdict: "undecided"},
		Connection: &demarcv1.Connection{
			Client: client, Server: server, Transport: "tcp", Port: port, Protocol: protocol, Grade: "content", DirectionBasis: "syn", Outcome: "exchanged", Sessions: 2,
			FirstSeen: timestamppb.New(now.Add(-time.Hour)), LastSeen: timestamppb.New(now), Operations: map[string]uint64{},
		},
	}
	for _, o := range operations {
		c.Connection.Operations[o] = 3
	}
	for _, a := range p.Assets {
		if len(a.GetIps()) == 0 {
			continue
		}
		if a.GetIps()[0] == client {
			c.Connection.ClientAsset, c.ClientBoundary = a.GetId(), a.GetPlaces()[0].GetBoundary()
		}
		if a.GetIps()[0] == server {
			c.Connection.ServerAsset, c.ServerBoundary = a.GetId(), a.GetPlaces()[0].GetBoundary()
		}
	}
	p.Connections = append(p.Connections, c)
	return c
}

// draft drafts, and fails unless what was drafted is taken beside the documents
// and is the same from whatever order.
func (p *plant) draft(t *testing.T) (map[string]*demarcv1.Candidate, []string) {
	t.Helper()
	all, left := Draft(p.World)
	files := slices.Clone(p.files)
	by := map[string]*demarcv1.Candidate{}
	text := ""
	for _, c := range all {
		by[c.GetKind()+"/"+c.GetName()] = c
		files = append(files, boundary.File{Path: "draft/" + c.GetKind() + c.GetName() + ".yaml", Content: []byte(c.GetText())})
		text += prototext.Format(c)
		if len(c.GetEvidence()) == 0 || !strings.HasPrefix(c.GetText(), "# ") {
			t.Errorf("%s says not what it rests on", c.GetName())
		}
	}
	docs, err := boundary.Read(files)
	if err == nil {
		err = docs.CheckAt(now)
	}
	if err == nil {
		_, err = boundary.Compile(docs, 2)
	}
	if err != nil {
		t.Fatalf("the draft is not taken: %v\n%s", err, text)
	}
	other := p.World
	other.Assets, other.Connections = slices.Clone(p.Assets), slices.Clone(p.Connections)
	rand.Shuffle(len(other.Assets), func(i, j int) { other.Assets[i], other.Assets[j] = other.Assets[j], other.Assets[i] })
	rand.Shuffle(len(other.Connections), func(i, j int) {
		other.Connections[i], other.Connections[j] = other.Connections[j], other.Connections[i]
	})
	again, leftAgain := Draft(other)
	same := ""
	for _, c := range again {
		same += prototext.Format(c)
	}
	if same != text || !slices.Equal(left, leftAgain) {
		t.Errorf("another order, another draft:\n%s\n%s", text, same)
	}
	return by, left
}

func has(t *testing.T, c *demarcv1.Candidate, lines ...string) {
	t.Helper()
	if c == nil {
		t.Errorf("not drafted: %q", lines)
		return
	}
	for _, l := range lines {
		if !strings.Contains(c.GetText(), l) {
			t.Errorf("%s lacks %q:\n%s", c.GetName(), l, c.GetText())
		}
	}
}

// A plant without any document: its levels become boundaries, what crosses
// becomes agreements, and what many use a shared service.
func TestDraftOfAPlant(t *testing.T) {
	p := newPlant(t, "")
	p.device("line4", "10.20.4.10", "scada-server", "")
	p.device("line4", "10.20.4.11", "plc", "")
	p.device("line4", "192.168.1.5", "plc", "")
	p.device("line5", "192.168.1.5", "plc", "") // the same address, another device
	p.device("line5", "10.20.5.10", "hmi", "")
	p.device("dmz", "10.50.1.5", "domain-controller", "")
	p.device("dmz", "10.50.1.20", "historian", "")
	p.device("dmz", "10.50.1.30", "jump-host", "")
	p.device("", "10.60.1.7", "workstation", "")
	p.device("", "10.60.2.9", "workstation", "")
	p.talk("10.50.1.20", "10.20.4.10", "opcua", 4840, "read", "subscribe")
	p.talk("10.60.1.7", "10.20.4.11", "s7comm", 102, "write", "read")
	p.talk("10.60.1.7", "10.50.1.20", "", 8443)
	p.talk("10.60.1.7", "10.50.1.20", "tls", 443)
	for i, a := range []string{"10.20.4.10", "10.20.5.10", "10.60.2.9"} {
		p.talk(a, "10.50.1.5", "dns", 53, "read").Connection.Sessions = uint64(i)
	}
	p.talk("10.60.2.9", "10.20.5.10", "rdp", 3389).Connection.Outcome = "refused"
	all, left := p.draft(t)
	has(t, all["Site/houston"], "{name: line4, local: [192.168.1.0/24]}", "{name: line5, local: [192.168.1.0/24]}", "- {name: dmz}")
	has(t, all["Boundary/line4"], "domain: ot ", "levels: [0, 1, 2]", "{site: houston, cidrs: [10.20.4.0/24]}", "{site: houston, segment: line4, cidrs: [192.168.1.0/24]}",
		"2 plc, 1 scada-server", "review: {state: survey, until: 2026-06-11}", "# parties:")
	has(t, all["Boundary/line5"], "{site: houston, segment: line5, cidrs: [192.168.1.0/24]}")
	has(t, all["Boundary/dmz"], "domain: dmz ", "levels: [3.5]")
	has(t, all["Boundary/net-10-60"], "domain: it ", "cidrs: [10.60.1.0/24]", "cidrs: [10.60.2.0/24]", "# Doubtful: no agent listens on its own link")
	has(t, all["Interconnection/line4-to-dmz"], "from: {boundary: line4, cidrs: [10.20.4.10/32]}", "to: {boundary: dmz, cidrs: [10.50.1.20/32]}", "initiator: to",
		"{protocol: opcua, ports: [4840], operations: [read, subscribe]}   # 1 connection, 3 read, 3 subscribe")
	has(t, all["Interconnection/net-10-60-to-line4"], "initiator: from", "information moves both ways", "it joins it and ot directly: should it be there at all?", "it changes devices in line4 from outside")
	has(t, all["Interconnection/net-10-60-to-dmz"], "{protocol: tls, ports: [443]}", "# not identified: 1 connection to tcp/8443", "which way information moves was not seen")
	has(t, all["SharedService/dmz-dns"], "consumers: [line4, line5, net-10-60]", `addresses: ["10.50.1.5"]`, "used by 3 devices (1 of line4, 1 of line5, 1 of net-10-60)")
	if len(all) != 9 {
		t.Errorf("%d candidates", len(all))
	}
	if !slices.Equal(left, []string{"connections that came to nothing, refused or unanswered: 1"}) {
		t.Errorf("%q", left)
	}
	for _, c := range all {
		if strings.Contains(c.GetText(), "\n  owner:") || strings.Contains(c.GetText(), "\n  agreement:") || strings.Contains(c.GetText(), "approv") {
			t.Errorf("%s pretends that somebody approved it:\n%s", c.GetName(), c.GetText())
		}
	}
}

// Beside documents nothing is drafted twice: neither names nor ranges, nor what
// an agreement covers, unless everything is asked for.
func TestDraftBesideDocuments(t *testing.T) {
	p := newPlant(t, `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec: {segments: [{name: line4}, {name: dmz}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}
`)
	p.device("line4", "10.20.4.10", "scada-server", "line4")
	p.device("line4", "10.20.9.14", "plc", "")
	p.device("dmz", "10.50.1.20", "historian", "dmz")
	p.device("line4", "198.51.100.7", "", "") // of the site: documents would place it in the Internet otherwise
	agreed := p.talk("10.50.1.20", "10.20.4.10", "opcua", 4840, "read")
	agreed.Verdict.Verdict = "authorized"
	p.talk("10.50.1.20", "10.20.9.14", "modbus", 502, "read")
	all, _ := p.draft(t)
	has(t, all["Boundary/line4-control"], "cidrs: [10.20.9.0/24]")
	has(t, all["Boundary/line4-enterprise"], "cidrs: [198.51.100.0/24]", "no device here proved a role")
	has(t, all["Interconnection/line4-control-to-dmz"], "cidrs: [10.20.9.14/32]")
	if len(all) != 3 {
		t.Errorf("%d candidates", len(all))
	}
	p.All = true
	all, _ = p.draft(t)
	has(t, all["Interconnection/line4-to-dmz"], "protocol: opcua")
	p.Site = "elsewhere"
	if all, _ = p.draft(t); len(all) != 0 {
		t.Errorf("of another site: %v", all)
	}
}

// Whatever devices say of themselves stays in comments, and whatever was seen
// makes a draft that is taken.
func TestDraftOfAnything(t *testing.T) {
	evil := []string{"a\nkind: Authorization", "x\u2028y", "#{}: [", "\"", "---", strings.Repeat("n", 300), "\x1b[31m", ""}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		p := newPlant(t, "")
		roles := []string{"", "plc", "hmi", "historian", "workstation", "jump-host", "mes", "firewall"}
		for range 3 + r.IntN(40) {
			address := fmt.Sprintf("10.%d.%d.%d", r.IntN(3), r.IntN(4), r.IntN(6)+1)
			switch r.IntN(8) {
			case 0:
				address = fmt.Sprintf("2001:db8:%d::%d", r.IntN(2), r.IntN(4)+1)
			case 1:
				address = "203.0.113.9"
			case 2:
				address = "00:80:63:5a:10:04"
			}
			segment := []string{"", "line4", "line5", "corp"}[r.IntN(4)]
			p.device(segment, address, roles[r.IntN(len(roles))], "")
			a := p.Assets[len(p.Assets)-1]
			a.Names = []string{evil[r.IntN(len(evil))]}
			if strings.Contains(a.GetId(), "00:80:63") {
				a.Ips, a.Macs = nil, []string{"00:80:63:5a:10:04"}
			}
		}
		byAddress := func() string {
			a := p.Assets[r.IntN(len(p.Assets))]
			if len(a.GetIps()) == 0 {
				return "239.1.1.1"
			}
			return a.GetIps()[0]
		}
		hosts := p.Assets
		p.Assets = slices.DeleteFunc(slices.Clone(hosts), func(a *demarcv1.Asset) bool { return len(a.GetIps()) == 0 })
		if len(p.Assets) == 0 {
			continue
		}
		for range r.IntN(80) {
			c := p.talk(byAddress(), byAddress(), []string{"", "unknown", "opcua", "dns", "ntp", "smb", "ldap", "rdp", "modbus", "no such"}[r.IntN(10)], uint32(r.IntN(70000)%65536),
				[]string{"read", "write", "alarm", "authenticate"}[r.IntN(4)])
			c.Connection.DirectionBasis = []string{"syn", "port", ""}[r.IntN(3)]
		}
		p.Assets = hosts
		p.draft(t)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// One station that reads many devices over SNMP is a shared service that the
// station opens; two hosts that read one device each are agreements as any other.
func TestMonitoringIsAService(t *testing.T) {
	p := newPlant(t, `{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line5}, spec: {title: L5, domain: ot, members: [{site: houston, cidrs: [10.20.5.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
`)
	for _, station := range []string{"10.50.1.60", "10.50.1.61", "10.50.1.62"} {
		p.device("dmz", station, "", "dmz")
	}
	snmp := func(client, server string, port uint32, operations ...string) {
		p.talk(client, server, "snmp", port, operations...).Connection.Transport = "udp"
	}
	for i := range 6 {
		line := 4 + i%2
		device := fmt.Sprintf("10.20.%d.%d", line, 10+i)
		p.device(fmt.Sprintf("line%d", line), device, "plc", fmt.Sprintf("line%d", line))
		snmp("10.50.1.60", device, 161, "read")
	}
	snmp("10.20.4.10", "10.50.1.60", 162, "alarm") // a trap
	snmp("10.50.1.61", "10.20.4.10", 161, "read")
	snmp("10.50.1.62", "10.20.4.12", 161, "read", "write")
	by, _ := p.draft(t)
	c := by["SharedService/dmz-monitoring"]
	if c == nil {
		t.Fatalf("%v", by)
	}
	for _, want := range []string{
		"monitors 6 devices (3 of line4, 3 of line5), 7 connections", `addresses: ["10.50.1.60"]`, "consumers: [line4, line5]",
		"{protocol: snmp, ports: [161], opens: provider}   # 6 connections, 18 read", "{protocol: snmp, ports: [162]}   # 1 connection, 3 alarm",
	} {
		if !strings.Contains(c.GetText(), want) {
			t.Errorf("lacks %q:\n%s", want, c.GetText())
		}
	}
	if c.GetDevices() != 7 || c.GetConnections() != 7 || len(c.GetDoubts()) != 0 {
		t.Errorf("%v", c)
	}
	rest := 0
	for name, x := range by {
		if strings.HasPrefix(name, "Interconnection/") && strings.Contains(x.GetText(), "protocol: snmp") {
			rest++
		}
		if strings.HasPrefix(name, "SharedService/") && x != c {
			t.Errorf("%s:\n%s", name, x.GetText())
		}
	}
	if rest == 0 {
		t.Error("what the other two read is drafted nowhere")
	}
	snmp("10.50.1.60", "10.20.4.10", 161, "write")
	if by, _ = p.draft(t); !strings.Contains(strings.Join(by["SharedService/dmz-monitoring"].GetDoubts(), " "), "it writes to devices as well, on 1 connection") {
		t.Errorf("%v", by["SharedService/dmz-monitoring"].GetDoubts())
	}
}
