package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

const plan = `
{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}, spec: {timezone: America/Chicago}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}, {site: houston, cidrs: [10.30.0.0/24], shared: [line4, line5]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: cell}, spec: {title: Cell, domain: ot, parent: line4, members: [{site: houston, cidrs: [10.20.4.128/25]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: island}, spec: {title: Island, domain: ot, parent: line4, isolated: true, members: [{site: houston, cidrs: [10.20.4.64/26]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line5}, spec: {title: L5, domain: ot, members: [{site: houston, cidrs: [10.20.5.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: corporate}, spec: {title: IT, domain: it, members: [{site: houston, cidrs: [10.60.0.0/24]}]}}
---
`

// agreement is an Interconnection from line4 to dmz with spec's other keys.
func agreement(name, spec string) string {
	return "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: " + name + "}, spec: {purpose: Values, from: {boundary: line4}, to: {boundary: dmz}, " + spec + "}}\n---\n"
}

// elsewhere is an Interconnection between devices that the tests do not use,
// but for its dmz end.
func elsewhere(name, dmz string) string {
	return "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: " + name + "}, spec: {purpose: p, from: {boundary: line5, cidrs: [10.20.5.200/32]}, to: {boundary: dmz, cidrs: [" + dmz + "/32]}, services: [{protocol: opcua}]}}\n---\n"
}

func compile(t testing.TB, text string) *boundary.Policy {
	t.Helper()
	docs, err := boundary.Read([]boundary.File{{Path: "plan.yaml", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(docs, 3)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start is Monday, 2026-11-23 09:00 in Chicago.
var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// link is a connection as a test writes it: "10.50.1.20>10.20.4.10 tcp/4840
// opcua read,subscribe" and then key=value for what is not usual.
func link(t testing.TB, text string) inventory.Connection {
	t.Helper()
	words := strings.Fields(text)
	client, server, _ := strings.Cut(words[0], ">")
	d := &demarcv1.Connection{
		Transport: "tcp", Grade: "content", DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged",
		FirstSeen: timestamppb.New(start.Add(-time.Hour)), LastSeen: timestamppb.New(start), Operations: map[string]uint64{},
	}
	c := inventory.Connection{ID: text, Site: "houston", Data: d, Client: end(client), Server: end(server)}
	for _, w := range words[1:] {
		key, value, set := strings.Cut(w, "=")
		transport, port, ported := strings.Cut(w, "/")
		switch {
		case !set && !ported:
			d.Protocol = w
		case key == "grade":
			d.Grade = value
		case key == "basis":
			d.DirectionBasis = value
		case key == "opened":
			d.OpenedBy = value
		case key == "outcome":
			d.Outcome = value
		case key == "security":
			d.Security = value
		case key == "tls":
			d.SecurityFacts = &demarcv1.SecurityFacts{Tls: value}
		case key == "sni":
			d.SecurityFacts = &demarcv1.SecurityFacts{Tls: "1.3", ServerName: value}
		case key == "related":
			d.RelatedTo = value
		case key == "age":
			age, err := time.ParseDuration(value)
			if err != nil {
				t.Fatal(err)
			}
			d.FirstSeen = timestamppb.New(start.Add(-age))
		case key == "ops":
			for o := range strings.SplitSeq(value, ",") {
				d.Operations[o] = 3
			}
		case set:
			t.Fatalf("no key %s", key)
		default:
			d.Transport, d.Port = transport, number(t, port)
		}
	}
	return c
}

func number(t testing.TB, s string) uint32 {
	n := uint32(0)
	for _, c := range s {
		if c < '0' || c > '9' {
			t.Fatalf("%q is no port", s)
		}
		n = n*10 + uint32(c-'0')
	}
	return n
}

func end(s string) inventory.End {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return inventory.End{MAC: s, Segment: "line4"}
	}
	return inventory.End{Addr: a, Segment: "line4"}
}

const opc = `services: [{protocol: opcua, ports: [4840, "49152-65535"], operations: [read, subscribe]}]`

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name, docs, link, want string
		reason                 string // part of the reason
		terms                  string // "service=broken initiator=not-observable" of the terms that are not met
	}{
		{"internal", "", "10.20.4.20>10.20.4.10 tcp/102 s7comm ops=write", "internal", "inside line4; no authorization on record", ""},
		{"no agreement", "", "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=read,write", "unauthorized", "10.60.0.15 (corporate) wrote to 10.20.4.10 (line4) with s7comm; no interconnection joins corporate and line4", ""},
		{"to the internet", "", "10.20.4.20>198.51.100.9 tcp/443 tls sni=update.example.com", "unauthorized", "198.51.100.9 (internet, update.example.com) with tls; no interconnection joins line4 and internet", ""},
		{"unplaced client", "", "10.99.0.7>10.20.4.10 tcp/102 s7comm", "undecided", "10.99.0.7 stands in no boundary (no member entry holds it)", ""},
		{"unplaced both", "", "10.99.0.7>10.99.0.8 tcp/102 s7comm", "undecided", "and 10.99.0.8 stands in no boundary", ""},
		{"attempt", "", "10.20.4.20>198.51.100.9 tcp/443 unknown outcome=unanswered", "unauthorized", "10.20.4.20 (line4) tried in vain to reach 198.51.100.9 (internet) over tcp/443", ""},
		{"part and whole stand for themselves", "", "10.20.4.130>10.20.4.10 tcp/102 s7comm", "unauthorized", "no interconnection joins cell and line4", ""},
		{"shared entry is inside either", "", "10.30.0.5>10.20.5.1 tcp/80 http", "internal", "inside line5", ""},

		{"broadcast", "", "10.20.4.20>255.255.255.255 udp/68 dhcp", "internal", "stays in its segment", ""},
		{"link-local multicast", "", "10.99.0.7>224.0.0.251 udp/5353 mdns", "internal", "stays in its segment", ""},
		{"no address yet", "", "0.0.0.0>255.255.255.255 udp/67 dhcp", "internal", "", ""},
		{"frames without IP", "", "00:0e:8c:00:00:01>00:0e:8c:00:00:02 ethernet/34962 profinet-rt", "internal", "stays in its segment", ""},
		{"routed multicast", "", "10.20.4.20>239.192.4.7 udp/5000 unknown", "internal", "because nothing shows which devices receive it", ""},
		{"multicast of nobody", "", "10.99.0.7>239.192.4.7 udp/5000 unknown", "undecided", "stands in no boundary", ""},
		{"agreed group", "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: feed}, spec: {purpose: p, from: {boundary: line4}, to: {boundary: dmz, groups: [239.192.4.0/24]}, services: [{protocol: rtps}]}}", "10.20.4.20>239.192.4.7 udp/7400 rtps", "authorized", "as feed agrees", ""},
		{"agreed group does not cover a device", "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: feed}, spec: {purpose: p, from: {boundary: line4}, to: {boundary: dmz, groups: [239.192.4.0/24]}, services: [{protocol: rtps}]}}", "10.20.4.20>10.50.1.7 udp/7400 rtps", "unauthorized", "groups alone are agreed", ""},

		{"agreed", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read,subscribe,diagnose,authenticate,alarm", "authorized", "as hist agrees; no authorization on record", ""},
		{"agreed through the whole", agreement("hist", opc), "10.50.1.20>10.20.4.130 tcp/4840 opcua ops=read", "authorized", "(cell)", ""},
		{"an isolated part is not its whole", agreement("hist", opc), "10.50.1.20>10.20.4.70 tcp/4840 opcua ops=read", "unauthorized", "no interconnection joins dmz and island", ""},
		{"port in a range", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/50000 opcua ops=read", "authorized", "", ""},
		{"unagreed port", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/48010 opcua ops=read", "out-of-terms", "opcua on tcp/48010 is not agreed, opcua on port 4840, 49152-65535 is", "service=broken"},
		{"unagreed service", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/445 smb", "out-of-terms", "against hist: smb on tcp/445 is not agreed", "service=broken"},
		{"any port, identified", agreement("hist", "services: [{protocol: opcua, ports: any}]"), "10.50.1.20>10.20.4.10 tcp/9999 opcua ops=read", "authorized", "", ""},
		{"any port, not identified", agreement("hist", "services: [{protocol: opcua, ports: any}]"), "10.50.1.20>10.20.4.10 tcp/9999 unknown", "undecided", "the service on tcp/9999 is not identified", "service=not-observable"},
		{"any port, another service", agreement("hist", "services: [{protocol: opcua}]"), "10.50.1.20>10.20.4.10 tcp/9999 ssh", "out-of-terms", "", "service=broken"},
		{"not identified, in its first seconds", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/4840 unknown age=3s", "undecided", "hist joins line4 and dmz", "service=not-observable"},
		{"not identified, a while later", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/4840 unknown age=6s", "authorized", "not observable: service", "service=not-observable"},
		{"a port hint is no identification", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/4840 s7comm grade=hint", "authorized", "", "service=not-observable"},
		{"not identified on a port that is not agreed", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/445 smb grade=hint", "out-of-terms", "tcp/445 is not agreed", "service=broken"},
		{"not identified, and either end may be the server", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/1234 unknown basis=unknown", "undecided", "", "service=not-observable"},
		{"only the carrier shows", agreement("s7", "services: [{protocol: s7comm, ports: [102]}]"), "10.50.1.20>10.20.4.10 tcp/102 cotp", "authorized", "", "service=not-observable"},
		{"a covered name", agreement("mq", "services: [{protocol: mqtt, ports: [1883]}]"), "10.20.4.10>10.50.1.20 tcp/1883 sparkplug", "authorized", "", ""},

		{"initiator to, opened by to", agreement("hist", opc+", initiator: to"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "authorized", "", ""},
		{"initiator from, opened by to", agreement("hist", opc+", initiator: from"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "out-of-terms", "opened from dmz, and only line4 may open", "initiator=broken"},
		{"a port breaks no initiator", agreement("hist", opc+", initiator: from"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read basis=port", "authorized", "not observable: initiator", "initiator=not-observable"},
		{"opener unknown", agreement("hist", opc+", initiator: from"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read opened=unknown", "authorized", "", "initiator=not-observable"},
		{"the server opened", agreement("hist", opc+", initiator: from"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read opened=server", "authorized", "", ""},

		{"unlisted operation", agreement("hist", opc), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read,write", "out-of-terms", "write is not agreed: agreed are read, subscribe alone", "operations=broken"},
		{"write with the flow", agreement("hist", "services: [{protocol: opcua}]"), "10.20.4.10>10.50.1.20 tcp/4840 opcua ops=write", "authorized", "", ""},
		{"write against the flow", agreement("hist", "services: [{protocol: opcua}]"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=write", "out-of-terms", "write is not agreed: it moves information from dmz to line4, and line4 to dmz is agreed", "operations=broken"},
		{"read with the flow", agreement("hist", "services: [{protocol: opcua}]"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read,subscribe,alarm,diagnose", "authorized", "", ""},
		{"read against the flow", agreement("hist", "services: [{protocol: opcua}]"), "10.20.4.10>10.50.1.20 tcp/4840 opcua ops=read", "out-of-terms", "read is not agreed", "operations=broken"},
		{"transfer makes no direction", agreement("files", "services: [{protocol: ftp}]"), "10.20.4.10>10.50.1.20 tcp/21 ftp ops=transfer,authenticate", "authorized", "", ""},
		{"encryption hides operations", agreement("hist", `services: [{protocol: opcua, operations: [read], security: sign-and-encrypt, whenHidden: attest}]`), "10.50.1.20>10.20.4.10 tcp/4840 opcua security=sign-and-encrypt", "authorized", "not observable: operations", "operations=not-observable"},

		{"security met", agreement("hist", "services: [{protocol: opcua, security: sign}]"), "10.50.1.20>10.20.4.10 tcp/4840 opcua security=sign-and-encrypt", "authorized", "", ""},
		{"security broken", agreement("hist", "services: [{protocol: opcua, security: sign-and-encrypt}]"), "10.50.1.20>10.20.4.10 tcp/4840 opcua security=sign ops=read", "out-of-terms", "protection is sign, sign-and-encrypt is agreed", "security=broken"},
		{"security not seen", agreement("hist", "services: [{protocol: opcua, security: sign}]"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "authorized", "", "security=not-observable"},
		{"TLS new enough", agreement("web", `services: [{protocol: http, ports: [443], over: tls, security: {tls: "1.2"}}]`), "10.20.4.10>10.50.1.20 tcp/443 tls tls=1.3", "authorized", "", ""},
		{"TLS too old", agreement("web", `services: [{protocol: http, ports: [443], over: tls, security: {tls: "1.2"}}]`), "10.20.4.10>10.50.1.20 tcp/443 tls tls=1.0", "out-of-terms", "TLS 1.0 shows, TLS 1.2 is agreed", "security=broken"},
		{"over TLS, but in the clear", agreement("mq", `services: [{protocol: mqtt, ports: [8883], over: tls}]`), "10.20.4.10>10.50.1.20 tcp/8883 mqtt", "out-of-terms", "no protection shows on mqtt, TLS is agreed", "security=broken"},
		{"https is http over TLS", agreement("web", `services: [{protocol: https, ports: [443]}]`), "10.20.4.10>10.50.1.20 tcp/443 tls tls=1.2", "authorized", "", ""},
		{"TLS on an agreed port of a plain service", agreement("web", `services: [{protocol: ldap, ports: [636]}]`), "10.20.4.10>10.50.1.20 tcp/636 tls tls=1.2", "authorized", "", "service=not-observable"},

		{"in the schedule", agreement("hist", opc+`, schedule: {days: [mon], from: "08:00", until: "10:00"}`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "authorized", "", ""},
		{"outside the schedule", agreement("hist", opc+`, schedule: {days: [mon], from: "22:00", until: "06:00"}`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "out-of-terms", "last active mon 2026-11-23 09:00 cst, agreed is mon 22:00 to 06:00", "schedule=broken"},
		{"no window open", agreement("hist", opc+`, activation: per-window`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "out-of-terms", "no window is open", "schedule=broken"},
		{"path not judged yet", strings.Replace(agreement("hist", opc+`, through: [fw]`), "", "{apiVersion: demarc/v1, kind: Boundary, metadata: {name: edge}, spec: {title: E, domain: dmz, accessPoints: [{name: fw, kind: firewall}]}}\n---\n", 1), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "authorized", "not observable: path", "path=not-observable"},

		{"unagreed address", agreement("hist", strings.Replace(opc, "services", "owner: {name: x}, services", 1)) + "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: erp}, spec: {purpose: p, from: {boundary: line5}, to: {boundary: dmz, cidrs: [10.50.1.20/32]}, services: [{protocol: opcua}]}}", "10.50.1.21>10.20.5.10 tcp/4840 opcua ops=read", "unauthorized", "erp joins line5 and dmz, but 10.50.1.21 is no agreed address of dmz", ""},
		{"the agreement with one end", elsewhere("a", "10.50.1.1") + elsewhere("b", "10.50.1.21") + elsewhere("c", "10.50.1.2"), "10.50.1.21>10.20.5.10 tcp/4840 opcua ops=read", "unauthorized", "b joins line5 and dmz, but 10.20.5.10 is no agreed address of line5", ""},
		{"roles are not confirmed", "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: erp}, spec: {purpose: p, from: {boundary: line5, roles: [opc-server]}, to: {boundary: dmz}, services: [{protocol: opcua}]}}", "10.50.1.21>10.20.5.10 tcp/4840 opcua ops=read", "unauthorized", "10.20.5.10 was not opc-server of line5 when the documents were applied", ""},
		{"one of a redundant pair", single + scadaPair, "10.50.1.20>10.20.4.11 tcp/4840 opcua ops=read", "authorized", "as scada agrees", ""},
		{"the address that moves between them", single + scadaPair, "10.50.1.20>10.20.4.9 tcp/4840 opcua ops=read", "authorized", "as scada agrees", ""},
		{"a pair without its group", single, "10.50.1.20>10.20.4.11 tcp/4840 opcua ops=read", "unauthorized", "10.20.4.11 is no agreed address of line4", ""},
		{"beside a redundant pair", single + scadaPair, "10.50.1.20>10.20.4.12 tcp/4840 opcua ops=read", "unauthorized", "10.20.4.12 is no agreed address of line4", ""},
		{"agreed name", "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: cloud}, spec: {purpose: p, from: {boundary: dmz}, to: {boundary: internet, names: ['*.azure-devices.net']}, services: [{protocol: mqtt, over: tls, ports: [8883]}]}}", "10.50.1.20>203.0.113.9 tcp/8883 tls sni=Hub1.azure-devices.net", "authorized", "", ""},
		{"another name", "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: cloud}, spec: {purpose: p, from: {boundary: dmz}, to: {boundary: internet, names: ['*.azure-devices.net']}, services: [{protocol: mqtt, over: tls, ports: [8883]}]}}", "10.50.1.20>203.0.113.9 tcp/8883 tls sni=azure-devices.net.example.com", "unauthorized", "goes by the name azure-devices.net.example.com, and agreed are *.azure-devices.net", ""},
		{"no name", "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: cloud}, spec: {purpose: p, from: {boundary: dmz}, to: {boundary: internet, names: ['*.azure-devices.net']}, services: [{protocol: mqtt, over: tls, ports: [8883]}]}}", "10.50.1.20>203.0.113.9 tcp/8883 tls tls=1.3", "unauthorized", "203.0.113.9 shows no name", ""},

		{"agreement ended", agreement("hist", opc+`, agreement: {type: isa, reference: ISA-1, expires: 2026-11-22}`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "lapsed", "hist covered it, but the agreement ISA-1 ended 2026-11-22", ""},
		{"the last day counts whole", agreement("hist", opc+`, agreement: {type: isa, expires: 2026-11-23}`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "authorized", "", ""},
		{"a side ended", agreement("hist", opc+`, sides: [{boundary: line4, approval: approved}, {boundary: dmz, approval: approved, expires: 2026-01-01}]`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "lapsed", "the approval of dmz ended 2026-01-01", ""},
		{"a side pending, with another service beside", agreement("hist", `services: [{protocol: opcua, ports: [4840]}, {protocol: tls, ports: [443]}], sides: [{boundary: dmz, approval: pending}]`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "unauthorized", "hist would cover it, but the approval of dmz is pending", ""},
		{"a side pending", agreement("hist", opc+`, sides: [{boundary: dmz, approval: pending}]`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "unauthorized", "hist would cover it, but the approval of dmz is pending", ""},
		{"lapsed and broken", agreement("hist", opc+`, agreement: {type: isa, expires: 2026-11-22}`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=write", "out-of-terms", "and the agreement ended 2026-11-22", "operations=broken"},

		{"one in force beats others", agreement("a", opc+`, agreement: {type: isa, expires: 2026-11-22}`) + agreement("b", "services: [{protocol: ssh}]") + agreement("c", opc), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "authorized", "as c agrees", ""},
		{"lapsed beats a miss", agreement("a", opc+`, agreement: {type: isa, expires: 2026-11-22}`) + agreement("b", opc+", initiator: from"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "lapsed", "a covered it", ""},
		{"the nearest miss", agreement("a", opc+`, initiator: from, schedule: {days: [tue]}`) + agreement("b", opc+", initiator: from"), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "out-of-terms", "against b:", "initiator=broken"},
		{"the nearest service", agreement("a", `services: [{protocol: ssh, ports: [22]}, {protocol: opcua, ports: [4840], operations: [read]}]`), "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=write", "out-of-terms", "write is not agreed", "operations=broken"},

		{"shared service", shared, "10.20.4.20>10.50.1.5 udp/53 dns ops=read", "authorized", "as names agrees", ""},
		{"shared service, set", shared, "10.20.4.20>10.50.1.6 tcp/445 smb ops=read,write", "authorized", "", ""},
		{"shared service, provider opens", shared, "10.50.1.5>10.20.4.20 udp/161 snmp ops=read", "authorized", "", ""},
		{"shared service, consumer may not", shared, "10.20.4.20>10.50.1.5 udp/161 snmp ops=read", "out-of-terms", "only dmz may open", "initiator=broken"},
		{"shared service, not a consumer", shared, "10.20.5.20>10.50.1.5 udp/53 dns", "unauthorized", "no interconnection joins line5 and dmz", ""},
		{"shared service, another address", shared, "10.20.4.20>10.50.1.7 udp/53 dns", "unauthorized", "10.50.1.7 is no agreed address of dmz", ""},
		{"negotiated port", shared, "10.20.4.20>10.50.1.5 tcp/0 dcerpc related=x", "authorized", "", ""},
		{"negotiated port of a service that may not", agreement("files", "services: [{protocol: ftp, ports: [21]}]"), "10.20.4.10>10.50.1.20 tcp/0 ftp-data related=x", "out-of-terms", "", "service=broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, plan+c.docs)
			got := Judge(p, link(t, c.link), start)
			if got.Verdict.Verdict != c.want || !strings.Contains(got.Verdict.Reason, c.reason) {
				t.Errorf("%s: %s\nwant %s: %s", got.Verdict.Verdict, got.Verdict.Reason, c.want, c.reason)
			}
			var odd []string
			for _, term := range got.Verdict.Terms {
				if term.Why == "" {
					t.Errorf("term %s is %s without a reason", term.Term, term.State)
				}
				if term.State != "met" {
					odd = append(odd, term.Term+"="+term.State)
				}
			}
			if s := strings.Join(odd, " "); s != c.terms {
				t.Errorf("terms %q, want %q", s, c.terms)
			}
			for _, word := range []string{"compliant", "certified", "secure", "guaranteed"} {
				if strings.Contains(got.Verdict.Reason, word) {
					t.Errorf("reason says %s: %s", word, got.Verdict.Reason)
				}
			}
		})
	}
}

// single is agreed for one of a pair of servers.
const single = "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: scada}, spec: {purpose: p, from: {boundary: line4, cidrs: [10.20.4.10/32]}, to: {boundary: dmz}, services: [{protocol: opcua}]}}\n---\n"

const scadaPair = "{apiVersion: demarc/v1, kind: Group, metadata: {name: scada-pair}, spec: {type: redundant, members: [10.20.4.10, 10.20.4.11], virtual: [10.20.4.9]}}"

const shared = `{apiVersion: demarc/v1, kind: ServiceSet, metadata: {name: ad}, spec: {services: [{protocol: smb, ports: [445]}, {protocol: dcerpc, ports: [135], dynamic: true}]}}
---
{apiVersion: demarc/v1, kind: SharedService, metadata: {name: names}, spec: {purpose: p, provider: {boundary: dmz, addresses: [10.50.1.5, 10.50.1.6]}, consumers: [line4, corporate], services: [{protocol: dns, ports: [53]}, {set: ad}, {protocol: snmp, ports: [161], opens: provider}]}}`

func TestInternalRules(t *testing.T) {
	p := compile(t, `{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, internalDefault: deny, members: [{site: houston, cidrs: [10.20.4.0/24]}], internal: [{from: {cidrs: [10.20.4.20/32]}, to: {cidrs: [10.20.4.10/32]}, services: [{protocol: s7comm, ports: [102], operations: [read]}]}]}}`)
	for _, c := range []struct{ link, want, reason string }{
		{"10.20.4.20>10.20.4.10 tcp/102 s7comm ops=read", "internal", "as its internal rules allow"},
		{"10.20.4.20>10.20.4.10 tcp/102 s7comm ops=write", "out-of-terms", "write is not agreed"},
		{"10.20.4.10>10.20.4.20 tcp/102 s7comm ops=read", "out-of-terms", "none names these ends"},
		{"10.20.4.20>10.20.4.255 udp/137 nbns", "out-of-terms", "none names these ends"},
		{"10.20.4.20>224.0.0.251 udp/5353 mdns", "internal", "stays in its segment"},
	} {
		got := Judge(p, link(t, c.link), start)
		if got.Verdict.Verdict != c.want || !strings.Contains(got.Verdict.Reason, c.reason) {
			t.Errorf("%s: %s: %s, want %s: %s", c.link, got.Verdict.Verdict, got.Verdict.Reason, c.want, c.reason)
		}
	}
}

func TestSideEndsAtTheEdgeThatThePolicyNames(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc+`, agreement: {type: isa, expires: 2026-11-30}, sides: [{boundary: dmz, approval: approved, expires: 2026-11-25}]`))
	edges := slices.DeleteFunc(p.Edges(), func(e boundary.Edge) bool { return e.Document == boundary.NoticeEdge })
	if want := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC); len(edges) != 2 || !edges[0].At.Equal(want) || edges[0].Document != "Interconnection/hist" {
		t.Fatalf("Edges = %v, want first the end of dmz's approval, %s", edges, want)
	}
	if later := Judge(p, link(t, "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read"), edges[0].At); later.Verdict.Verdict != Lapsed {
		t.Errorf("at that instant: %s, want lapsed", later.Verdict.Verdict)
	}
}

func TestAgainIsForWhatIsTooEarlyToTell(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc))
	young := Judge(p, link(t, "10.50.1.20>10.20.4.10 tcp/4840 unknown age=2s"), start)
	if want := start.Add(3 * time.Second); !young.Again.Equal(want) {
		t.Errorf("a young connection: Again = %s, want %s", young.Again, want)
	}
}

func TestBrokenTermsAreListed(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc+", initiator: from"))
	got := Judge(p, link(t, "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=write"), start)
	if want := []string{"initiator", "operations"}; !slices.Equal(got.Broken, want) || got.Document != "Interconnection/hist" {
		t.Errorf("Broken = %v of %s, want %v of Interconnection/hist", got.Broken, got.Document, want)
	}
}

func TestHostileNamesStayOutOfReasons(t *testing.T) {
	c := link(t, "10.20.4.20>198.51.100.9 tcp/443 tls")
	c.Data.SecurityFacts = &demarcv1.SecurityFacts{Tls: "1.3", ServerName: "a\nb\x1b[31m" + strings.Repeat("x", 500)}
	got := Judge(compile(t, plan), c, start).Verdict.Reason
	if strings.ContainsAny(got, "\n\x1b") || len(got) > 400 {
		t.Errorf("reason %q", got)
	}
}

func BenchmarkJudge(b *testing.B) {
	p := compile(b, plan+agreement("a", "services: [{protocol: ssh, ports: [22]}, {protocol: s7comm, ports: [102]}]")+agreement("b", opc))
	c := link(b, "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read,subscribe")
	b.ReportAllocs()
	for b.Loop() {
		Judge(p, c, start)
	}
}

// manyPlants is a plan of n boundaries in a row, each under an authorization and
// with an agreement to the next that has further terms.
func manyPlants(b *testing.B, n int, terms string) *boundary.Policy {
	var text strings.Builder
	text.WriteString("{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}}\n---\n")
	for i := range n {
		text.WriteString(boundaryDoc(fmt.Sprintf("b%d", i), fmt.Sprintf("members: [{site: houston, cidrs: [10.%d.%d.0/24]}]", i/250, i%250)))
		text.WriteString(paper(fmt.Sprintf("ato%d", i), fmt.Sprintf("decision: ato, boundaries: [b%d], granted: 2026-01-01, expires: 2028-01-01", i)))
		fmt.Fprintf(&text, "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: x%d}, spec: {purpose: p, from: {boundary: b%d}, to: {boundary: b%d}, %s}}\n---\n", i, i, (i+1)%n, opc+terms)
	}
	return compile(b, text.String())
}

// BenchmarkJudgeAmongThousands: one connection, 1,000 boundaries, 1,000
// interconnections, 1,000 authorizations: as anybody may ask, and as the
// collector judges what agents tell, each connection another one and later.
func BenchmarkJudgeAmongThousands(b *testing.B) {
	const n = 1000
	p := manyPlants(b, n, "")
	all := make([]inventory.Connection, n-1)
	for i := range all {
		all[i] = link(b, fmt.Sprintf("10.%d.%d.20>10.%d.%d.10 tcp/4840 opcua ops=read,subscribe", (i+1)/250, (i+1)%250, i/250, i%250))
		if got := Judge(p, all[i], start); got.Verdict.Verdict != Authorized {
			b.Fatalf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
		}
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			Judge(p, all[i%len(all)], start)
		}
	})
	b.Run("in a round", func(b *testing.B) {
		r, v := NewRound(p), &demarcv1.Verdict{}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v.Reset()
			r.JudgeInto(v, all[i%len(all)], start.Add(time.Duration(i)*time.Millisecond))
		}
	})
}
