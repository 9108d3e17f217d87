package server

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// dayOneDocs are what a person writes on the first day: where things stand, and
// the agreements that somebody remembers.
const dayOneDocs = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec: {addressSpace: [10.0.0.0/8], segments: [{name: control}, {name: dmz}, {name: office}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: control}
spec: {title: Control system, domain: ot, review: {state: survey, until: 2026-06-30, owner: A}, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: Plant DMZ, domain: dmz, review: {state: survey, until: 2026-06-30, owner: A}, members: [{site: houston, cidrs: [10.50.1.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: office}
spec: {title: Office network, domain: it, review: {state: survey, until: 2026-06-30, owner: A}, members: [{site: houston, cidrs: [10.60.1.0/24]}]}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: control-to-historian}
spec: {purpose: Values for the historian, owner: {name: A}, from: {boundary: control}, to: {boundary: dmz}, initiator: to, services: [{protocol: opcua, ports: [4840]}]}
---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: historian-to-office}
spec: {purpose: Trends for the office, owner: {name: A}, from: {boundary: dmz}, to: {boundary: office}, initiator: to, services: [{protocol: tls, ports: [443]}]}
---
apiVersion: demarc/v1
kind: SharedService
metadata: {name: dmz-domain}
spec:
  purpose: Names, time and domain membership
  provider: {boundary: dmz, addresses: [10.50.1.5, 10.50.1.6]}
  consumers: [control]
  services: [{protocol: dns, ports: [53]}, {protocol: ntp, ports: [123]}]
`

// barestDocs are the least that is useful: a site and two boundaries.
const barestDocs = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: control}
spec: {title: Control system, domain: ot, review: {state: survey, until: 2026-06-30, owner: A}, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: office}
spec: {title: Office network, domain: it, review: {state: survey, until: 2026-06-30, owner: A}, members: [{site: houston, cidrs: [10.60.1.0/24]}]}
`

// builtPlant is everyday traffic between made-up hosts, as one agent hears it
// that gets copies of all three networks.
type builtPlant struct {
	agent string
	heard map[string]bool // segments of which the agent gets a copy
	now   time.Time
	body  *demarcv1.Body
	conns map[string]*demarcv1.ConnectionDelta
	hosts map[string]bool
}

func newBuiltPlant(agent string, now time.Time, segments ...string) *builtPlant {
	b := &builtPlant{agent: agent, heard: map[string]bool{}, now: now, body: &demarcv1.Body{}, conns: map[string]*demarcv1.ConnectionDelta{}, hosts: map[string]bool{}}
	for _, s := range segments {
		b.heard[s] = true
	}
	return b
}

// segmentOf is where a host of the plant is plugged in, empty for the Internet
// and for groups.
func segmentOf(ip string) string {
	for prefix, s := range map[string]string{"10.20.4.": "control", "10.50.1.": "dmz", "10.60.1.": "office", "192.168.0.": "control", "10.99.0.": "office"} {
		if strings.HasPrefix(ip, prefix) {
			return s
		}
	}
	return ""
}

// say puts one connection into the body; what the agent gets no copy of is not
// heard. service is "dns udp/53", without a protocol "tcp/8081".
func (b *builtPlant) say(client, server, service string, how ...func(*demarcv1.ConnectionDelta)) {
	at := segmentOf(client)
	if !b.heard[at] {
		at = segmentOf(server)
	}
	if !b.heard[at] || client == server {
		return
	}
	protocol, on, identified := strings.Cut(service, " ")
	if !identified {
		protocol, on = "", service
	}
	transport, number, _ := strings.Cut(on, "/")
	port := uint32(0)
	_, _ = fmt.Sscan(number, &port)
	id := client + ">" + server + " " + on
	if b.conns[id] != nil {
		return
	}
	end := func(ip string) *demarcv1.Address {
		return &demarcv1.Address{Segment: at, Ip: netip.MustParseAddr(ip).AsSlice()}
	}
	n := b.now.UnixNano()
	d := &demarcv1.ConnectionDelta{
		Key: &demarcv1.ConnectionKey{Client: end(client), Server: end(server), Transport: transport, Port: port}, Protocol: protocol,
		DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged", ClientPackets: 10, ServerPackets: 10, ClientBytes: 1000, ServerBytes: 2000,
		Sessions: 1, FirstNs: n, LastNs: n,
	}
	if identified {
		d.Grade = demarcv1.Grade_GRADE_CONTENT
	}
	for _, h := range how {
		h(d)
	}
	b.conns[id] = d
	b.body.Connections = append(b.body.Connections, d)
	for _, ip := range []string{client, server} {
		home := segmentOf(ip)
		if home == "" || b.hosts[ip] || d.Outcome == "unanswered" && ip == server {
			continue
		}
		b.hosts[ip] = true
		e := &demarcv1.EndpointDelta{Address: end(ip), FirstNs: n, LastNs: n}
		if home == at {
			e.Mac, e.OwnLink = mac(ip), true
		}
		b.body.Endpoints = append(b.body.Endpoints, e)
	}
}

func vain(d *demarcv1.ConnectionDelta) {
	d.Outcome, d.ServerPackets, d.ServerBytes = "unanswered", 0, 0
}

func refusedTry(d *demarcv1.ConnectionDelta) { d.Outcome = "refused" }

// middle is a session that began before anybody listened.
func middle(d *demarcv1.ConnectionDelta) { d.DirectionBasis, d.OpenedBy = "port", "" }

func did(o ot.Operation) func(*demarcv1.ConnectionDelta) {
	return func(d *demarcv1.ConnectionDelta) {
		d.Operations = make([]uint64, ot.NumOperations)
		d.Operations[o] = 5
	}
}

// negotiated is a port that the endpoint mapper of the server gave.
func negotiated(d *demarcv1.ConnectionDelta) {
	d.RelatedTo = &demarcv1.ConnectionKey{Client: d.Key.Client, Server: d.Key.Server, Transport: "tcp", Port: 135}
}

func hosts(prefix string, first, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s.%d", prefix, first+i))
	}
	return all
}

// member is what a Windows machine does all day.
func (b *builtPlant) member(client string, controllers ...string) {
	for _, dc := range controllers {
		b.say(client, dc, "dns udp/53")
		b.say(client, dc, "kerberos tcp/88")
		b.say(client, dc, "ldap udp/389")
	}
	dc := controllers[0]
	b.say(client, dc, "ntp udp/123")
	b.say(client, dc, "ldap tcp/389")
	b.say(client, dc, "smb tcp/445")
	b.say(client, dc, "dcerpc tcp/135")
	b.say(client, dc, "dcerpc tcp/0", negotiated)
}

// chatter is what a machine tells its whole network.
func (b *builtPlant) chatter(client, broadcast string) {
	b.say(client, broadcast, "nbns udp/137")
	b.say(client, "224.0.0.252", "llmnr udp/5355")
	b.say(client, "239.255.255.250", "ssdp udp/1900")
}

// everyday fills in a working day of 200 hosts.
func (b *builtPlant) everyday() {
	plcs, io, drives := hosts("10.20.4", 10, 40), hosts("10.20.4", 50, 25), hosts("10.20.4", 140, 16)
	hmis, ews, scada := hosts("10.20.4", 100, 12), hosts("10.20.4", 120, 4), hosts("10.20.4", 130, 2)
	switches := hosts("10.20.4", 200, 6)
	desks, printers := hosts("10.60.1", 100, 70), hosts("10.60.1", 40, 5)
	windows := append(append(append([]string{}, hmis...), ews...), scada...)
	const dc1, dc2, historian, jump, wsus, virus, logs = "10.50.1.5", "10.50.1.6", "10.50.1.20", "10.50.1.22", "10.50.1.23", "10.50.1.24", "10.50.1.25"
	const officeDC, files, mail, erp, mes, spool, nms = "10.60.1.5", "10.60.1.10", "10.60.1.11", "10.60.1.12", "10.60.1.13", "10.60.1.14", "10.60.1.15"

	// The process itself.
	for i, hmi := range hmis {
		for j := range 8 {
			b.say(hmi, plcs[(i*3+j)%len(plcs)], "s7comm tcp/102", did([]ot.Operation{ot.Read, ot.Write}[j%2]))
		}
	}
	for i, plc := range plcs {
		b.say(scada[0], plc, "s7comm tcp/102", did(ot.Read), middle)
		b.say(scada[1], plc, "modbus tcp/502", did(ot.Read))
		b.say(plc, io[i%len(io)], "enip udp/2222")
		b.say(plc, dc1, "ntp udp/123")
	}
	for i, d := range drives {
		b.say(plcs[i], d, "modbus tcp/502", did(ot.Write))
		b.say(d, "162.159.200.1", "udp/123", vain) // the pool that its maker set
	}
	for i, e := range ews {
		b.say(e, plcs[i], "s7comm tcp/102", did(ot.Program))
		b.say(e, files, "smb tcp/445")
		b.say(e, "10.60.1.17", "tcp/27000")
	}
	for _, s := range switches {
		b.say(s, logs, "syslog udp/514")
		b.say(s, dc1, "ntp udp/123")
		b.say(nms, s, "snmp udp/161")
		b.say(nms, s, "icmp icmp/0")
	}

	// The domain of the plant, its updates and its historian.
	for i, w := range windows {
		b.member(w, dc1, dc2)
		b.chatter(w, "10.20.4.255")
		b.say(w, wsus, "http tcp/8530")
		b.say(w, virus, "tcp/8081")
		b.say(virus, w, "tcp/8082")
		b.say(w, logs, "syslog udp/514")
		b.say(w, fmt.Sprintf("13.107.4.%d", 50+i%4), "tcp/443", vain) // its own idea of updates
		if i%3 == 0 {
			b.say(w, logs, fmt.Sprintf("tcp/%d", 49200+i*37), middle)
			b.say(w, spool, "tcp/9100")
			b.say(w, spool, fmt.Sprintf("tcp/%d", 49152+i*211), middle)
		}
	}
	for _, s := range scada {
		b.say(historian, s, "opcua tcp/4840", did(ot.Subscribe))
		b.say(s, historian, "tds tcp/1433")
		b.say(historian, s, "smb tcp/445")
	}
	for _, x := range []string{historian, jump, wsus, virus, logs} {
		b.member(x, dc1, dc2)
		b.chatter(x, "10.50.1.255")
	}
	b.member(dc1, officeDC)
	b.member(dc2, officeDC)
	b.say(jump, hmis[0], "rdp tcp/3389")
	b.say(jump, ews[0], "rdp tcp/3389")
	for i := range 4 {
		b.say(desks[i], jump, "rdp tcp/3389")
		b.say(wsus, fmt.Sprintf("13.107.4.%d", 50+i), "tls tcp/443")
	}
	b.say(virus, "104.18.1.1", "tls tcp/443")

	// The office.
	for i, d := range desks {
		b.member(d, officeDC)
		b.chatter(d, "10.60.1.255")
		b.say(d, files, "smb tcp/445")
		b.say(d, mail, "tls tcp/443")
		b.say(d, printers[i%len(printers)], "ipp tcp/631")
		b.say(d, fmt.Sprintf("142.250.%d.%d", i%7, i), "quic udp/443")
		b.say(d, fmt.Sprintf("104.18.%d.%d", i%5, i), "tls tcp/443")
		if i%4 == 0 {
			b.say(d, historian, "tls tcp/443")
			b.say(d, erp, "http tcp/8000")
		}
	}
	for _, s := range []string{files, mail, erp, mes, spool, nms, "10.60.1.17"} {
		b.member(s, officeDC)
	}
	b.say(officeDC, "162.159.200.1", "ntp udp/123")
	b.say(officeDC, "9.9.9.9", "dns udp/53")
	b.say(mail, "142.250.1.200", "smtp tcp/25")
	b.say(mes, historian, "tds tcp/1433")
	b.say(mes, erp, "http tcp/8000")
	b.say(erp, historian, "tds tcp/1433")

	// Odd things.
	b.say("10.60.1.130", plcs[7], "s7comm tcp/102", did(ot.Read)) // an engineer at his desk
	b.say("10.60.1.131", hmis[3], "vnc tcp/5900")                 // a shift leader who watches
	b.say(ews[2], "188.172.1.1", "teamviewer tcp/5938")           // left by a supplier
	b.say(plcs[9], "198.51.100.7", "mqtt tcp/8883")               // a sensor that phones home
	b.say("192.168.0.7", plcs[3], "http tcp/80")                  // a laptop with an address from elsewhere
	b.say("192.168.0.1", "224.0.0.1", "igmp ip/2")                // a router that nobody knows
	for i, camera := range hosts("10.99.0", 10, 4) {              // cameras that nobody wrote down
		b.say(camera, "10.60.1.16", "rtsp tcp/554")
		b.say("10.60.1.16", camera, fmt.Sprintf("tcp/%d", 50000+i))
	}
	for i, d := range desks[:24] {
		b.say(d, "10.20.4.5", []string{"tcp/445", "tcp/139"}[i%2], refusedTry) // drives mapped to a server long gone
		b.say(d, "10.50.1.9", "tcp/80", vain)                                  // a bookmark of old
	}
	for i := range 12 {
		b.say("10.60.1.140", plcs[i], "tcp/80", vain)
		b.say("10.60.1.140", plcs[i], "tcp/102", vain)
	}
}

// dayOne is a collector that hears the plant for the first day.
func dayOne(t *testing.T, docs string) (*lab, *builtPlant) {
	t.Helper()
	l := newLab(t)
	_, err := l.apply([]boundary.File{{Path: "plant.yaml", Content: []byte(docs)}}, applyOptions{})
	l.must(err)
	b := newBuiltPlant("a", l.now, "control", "dmz", "office")
	b.everyday()
	l.send("a", b.body)
	l.pass(time.Minute)
	return l, b
}

// worklist is every finding, one a line.
func (l *lab) worklist() string {
	var w strings.Builder
	for _, f := range l.Findings() {
		fmt.Fprintf(&w, "%3d %-18s %s (%d)\n", f.GetSeverity(), f.GetKind(), f.GetTitle(), len(f.GetConnections())+len(f.GetAssets()))
	}
	return w.String()
}

// The first day of a plant is a list that one person gets through.
func TestDayOneIsAtMostFortyFindings(t *testing.T) {
	for name, docs := range map[string]string{"first-day": dayOneDocs, "least": barestDocs} {
		t.Run(name, func(t *testing.T) {
			l, b := dayOne(t, docs)
			if len(b.hosts) < 200 || len(b.conns) < 1500 {
				t.Fatalf("%d hosts and %d connections, want 200 and 1,500", len(b.hosts), len(b.conns))
			}
			n := len(l.Findings())
			t.Logf("%d hosts, %d connections, %d findings\n%s", len(b.hosts), len(l.Connections()), n, l.worklist())
			if n > 40 || n < 10 {
				t.Errorf("%d findings", n)
			}
			for _, f := range l.Findings() {
				if f.GetKind() == finding.Scan && !strings.Contains(f.GetTitle(), "10.60.1.140") {
					t.Errorf("%s", f.GetTitle())
				}
			}
		})
	}
}

// controlATO decides on the control system and its DMZ.
const controlATO = `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: control-ato}
spec: {decision: ato, boundaries: [control, dmz], granted: 2026-01-01, expires: 2028-01-01}
`

// poorly is a body as an agent tells it that gets copies of one direction: it
// decodes nothing, and takes some for tries.
func poorly(body *demarcv1.Body) {
	for i, d := range body.Connections {
		d.Operations, d.Security, d.ServerPackets, d.ServerBytes, d.Outcome = nil, "", 0, 0, "one-sided"
		if i%3 == 0 {
			d.Outcome = "unanswered"
		}
		if i%2 == 0 {
			d.Protocol, d.Grade = "", demarcv1.Grade_GRADE_UNSPECIFIED
		}
	}
}

// In the second month somebody plugs an agent into the control network: what it
// hears was there all the time. Nothing of it is drift, all of it is newly
// visible.
func TestAnAgentInMonthTwoIsNoDrift(t *testing.T) {
	for name, copies := range map[string]func(*demarcv1.Body){"good-copies": func(*demarcv1.Body) {}, "one-direction": poorly} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			_, err := l.apply([]boundary.File{{Path: "plant.yaml", Content: []byte(dayOneDocs + controlATO)}}, applyOptions{})
			l.must(err)
			hear := func(agent string, change func(*demarcv1.Body), segments ...string) *builtPlant {
				b := newBuiltPlant(agent, l.now, segments...)
				b.everyday()
				change(b.body)
				l.send(agent, b.body)
				l.pass(time.Hour)
				return b
			}
			hear("a", copies, "dmz", "office")
			l.take("control-ato")
			for range 30 {
				hear("a", copies, "dmz", "office")
				l.pass(23 * time.Hour)
			}
			if got := l.driftFindings(); len(got) != 0 {
				t.Fatalf("before: %v", got)
			}
			// The new agent also learns what devices say of themselves.
			b := hear("b", func(b *demarcv1.Body) {
				for _, d := range b.Connections {
					d.Security = ot.SecurityNone.String()
				}
				for _, e := range b.Endpoints[:min(40, len(b.Endpoints))] {
					b.Facts = append(b.Facts, &demarcv1.FactDelta{
						Of: e.Address, Attribute: "firmware", Value: "V2", Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: e.FirstNs, LastNs: e.LastNs,
					})
				}
			}, "control")
			hear("a", copies, "dmz", "office")
			l.pass(time.Hour)
			for _, f := range l.driftFindings() {
				t.Errorf("%s: %s", f.GetKind(), f.GetTitle())
			}
			seen := 0
			all, _ := l.Drift("control-ato", l.now)
			for _, d := range all {
				if d.Cause == finding.Reality {
					t.Errorf("%s %s: %s", d.Kind, d.Words, d.Why)
				}
				if d.Cause == finding.Sight && (d.Kind == finding.NewAsset || d.Kind == finding.NewConnection) {
					seen++
				}
			}
			if seen < 300 || len(b.conns) < 500 {
				t.Errorf("%d newly visible of %d connections", seen, len(b.conns))
			}
		})
	}
}
