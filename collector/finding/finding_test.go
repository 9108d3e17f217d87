package finding

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

const plan = `
{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}, spec: {segments: [{name: line4, local: [192.168.9.0/24]}, {name: line5, local: [192.168.9.0/24]}, {name: core}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line4}, spec: {title: L4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}], accessPoints: [{name: fw, kind: firewall, addresses: [10.20.4.1]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line5}, spec: {title: L5, domain: ot, zone: {safety: true}, members: [{site: houston, cidrs: [10.20.5.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: cell}, spec: {title: C, domain: ot, parent: line4, members: [{site: houston, cidrs: [10.20.4.128/25]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: dmz}, spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: corporate}, spec: {title: IT, domain: it, members: [{site: houston, cidrs: [10.60.0.0/16]}]}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: hist}, spec: {purpose: p, from: {boundary: line4}, to: {boundary: dmz, cidrs: [10.50.1.20/32]}, services: [{protocol: opcua, ports: [4840], operations: [read]}], schedule: {days: [mon]}}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: old}, spec: {purpose: p, from: {boundary: line5}, to: {boundary: dmz}, services: [{protocol: opcua}], agreement: {type: isa, expires: 2026-01-01}}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: jump}, spec: {purpose: p, from: {boundary: dmz, cidrs: [10.50.1.30/32]}, to: {boundary: line4}, initiator: from, services: [{protocol: rdp, ports: [3389]}], schedule: {days: [sun]}}}
---
`

func compile(t testing.TB, text string, version uint64) *boundary.Policy {
	t.Helper()
	docs, err := boundary.Read([]boundary.File{{Path: "plan.yaml", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(docs, version)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start is a Monday in UTC.
var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// link is a connection: "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=read,write".
func link(t testing.TB, text string) inventory.Connection {
	t.Helper()
	words := strings.Fields(text)
	client, server, _ := strings.Cut(words[0], ">")
	transport, port, _ := strings.Cut(words[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	d := &demarcv1.Connection{
		Transport: transport, Port: uint32(n), Grade: "content", DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged",
		FirstSeen: timestamppb.New(start.Add(-time.Hour)), LastSeen: timestamppb.New(start), Operations: map[string]uint64{}, SecurityFacts: &demarcv1.SecurityFacts{},
	}
	for _, w := range words[2:] {
		key, value, set := strings.Cut(w, "=")
		switch {
		case !set:
			d.Protocol = w
		case key == "outcome":
			d.Outcome = value
		case key == "basis":
			d.DirectionBasis = value
		case key == "opened":
			d.OpenedBy = value
		case key == "sni":
			d.SecurityFacts.ServerName = value
		case key == "ops":
			for o := range strings.SplitSeq(value, ",") {
				d.Operations[o] = 1
			}
		default:
			t.Fatalf("no key %s", key)
		}
	}
	end := func(s string) inventory.End {
		s, segment, ok := strings.Cut(s, "@")
		if !ok {
			segment = "core"
		}
		return inventory.End{Addr: netip.MustParseAddr(s), Segment: segment}
	}
	return inventory.Connection{ID: words[0] + " " + words[1], Site: "houston", Data: d, Client: end(client), Server: end(server)}
}

func update(t testing.TB, b *Book, p *boundary.Policy, links ...string) []string {
	t.Helper()
	var changed []string
	for _, text := range links {
		c := link(t, text)
		changed = append(changed, b.Update(p, c, verdict.Judge(p, c, start), start)...)
	}
	return changed
}

func TestKinds(t *testing.T) {
	p := compile(t, plan, 1)
	for _, c := range []struct {
		name, link string
		want       string // "kind from>to service opener=.. term=.. technique", or empty for no finding
		title      string
	}{
		{"written to from it", "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=read,write", "unauthorized corporate>line4 s7comm opener=corporate T0855", "corporate writes to line4 with s7comm, and nothing agrees to it"},
		{"firmware", "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=read,firmware", "unauthorized corporate>line4 s7comm opener=corporate T0857", "corporate sends firmware to line4"},
		{"not identified", "10.60.0.15>10.20.4.10 tcp/9000 unknown", "unauthorized corporate>line4 tcp/9000 opener=corporate", "speaks to"},
		{"direction from a port only", "10.60.0.15>10.20.4.10 tcp/9000 unknown basis=port", "unauthorized corporate>line4 tcp/9000 opener=unknown", ""},
		{"opened by the server", "10.60.0.15>10.20.4.10 tcp/20 ftp-data opened=server", "unauthorized corporate>line4 ftp-data opener=line4", ""},
		{"unagreed service", "10.50.1.20>10.20.4.10 tcp/80 http", "out-of-terms dmz>line4 http opener=dmz term=service", "dmz speaks to line4 with http, against hist (service)"},
		{"unagreed operation", "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=write", "out-of-terms dmz>line4 opcua opener=dmz term=operations T0855", ""},
		{"lapsed", "10.50.1.20>10.20.5.10 tcp/4840 opcua ops=read", "lapsed dmz>line5 opcua T0801", "Interconnection/old is no longer in force"},
		{"to the internet", "10.20.4.20>198.51.100.7 tcp/443 tls sni=example.com", "internet-exposure line4>internet tls opener=line4 T0869", "line4 exchanges with the Internet"},
		{"from the internet", "198.51.100.7>10.50.1.7 tcp/443 tls", "internet-exposure internet>dmz tls opener=internet T0883", "The Internet reaches into dmz"},
		{"it may use the internet as it agrees", "10.60.0.15>198.51.100.7 tcp/443 tls", "unauthorized corporate>internet tls opener=corporate", ""},
		{"rdp into ot", "10.60.0.15>10.20.4.60 tcp/3389 rdp", "remote-access corporate>line4 rdp opener=corporate T0886", "Remote access by rdp from corporate to line4"},
		{"rdp from line to line", "10.20.5.1>10.20.4.60 tcp/3389 rdp", "remote-access line5>line4 rdp opener=line5 T0886", ""},
		{"rdp into the dmz", "10.60.0.15>10.50.1.9 tcp/3389 rdp", "unauthorized corporate>dmz rdp opener=corporate", ""},
		{"rdp where other services are agreed", "10.50.1.20>10.20.4.10 tcp/3389 rdp", "remote-access dmz>line4 rdp opener=dmz T0886", ""},
		{"agreed rdp at the wrong time", "10.50.1.30>10.20.4.10 tcp/3389 rdp", "out-of-terms dmz>line4 rdp opener=dmz term=schedule", ""},
		{"remote tool by name", "10.20.4.60>203.0.113.40 tcp/443 tls sni=router7.teamviewer.com", "remote-access line4>internet TeamViewer opener=line4 T0822", "Remote access by TeamViewer between line4 and the Internet"},
		{"remote tool by protocol", "10.20.4.60>10.60.0.7 udp/51820 wireguard", "remote-access line4>corporate wireguard opener=line4 T0822", ""},
		{"remote tool that nobody answers", "10.20.4.60>203.0.113.40 tcp/443 unknown outcome=unanswered", "attempt line4>internet tcp/443", "10.20.4.60 tries in vain what is not agreed"},
		{"refused", "10.60.0.15>10.20.4.10 tcp/102 unknown outcome=refused", "attempt corporate>line4 tcp/102", ""},
		{"scan", "10.60.0.15>10.20.4.10 tcp/0 scan outcome=unanswered", "scan corporate>line4 scan T0846", "10.60.0.15 tries one service after another"},
		{"device without boundary", "10.99.9.14>10.20.4.10 tcp/80 http", "unplaced >line4 http", "No boundary holds 10.99.9.0/24"},
		{"device without boundary, as server", "10.20.4.10>10.99.9.14 tcp/80 http", "unplaced >line4 http", "No boundary holds 10.99.9.0/24"},
		{"device in an address plan that repeats", "192.168.9.5@line5>192.168.9.6@line5 tcp/80 http", "unplaced > http", "No boundary holds 192.168.9.0/24 in segment line5"},
		{"try towards nobody's address", "10.20.4.10>10.99.9.14 tcp/80 unknown outcome=unanswered", "attempt line4> tcp/80", "10.20.4.10 tries in vain"},
		{"one IPv6 subnet", "fd00:1:2:3::9>10.20.4.10 tcp/80 http", "unplaced >line4 http", "No boundary holds fd00:1:2:3::/64"},

		{"agreed", "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", "", ""},
		{"internal", "10.20.4.11>10.20.4.10 tcp/102 s7comm ops=write,program", "", ""},
		{"multicast", "10.20.4.11>239.255.255.250 udp/1900 ssdp", "", ""},
		{"broadcast of nobody", "10.99.9.14>255.255.255.255 udp/67 dhcp", "", ""},
		{"before it has an address", "0.0.0.0>255.255.255.255 udp/67 dhcp", "", ""},
		{"link-local", "fe80::1>ff02::1 udp/5353 mdns", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New()
			changed := update(t, b, p, c.link)
			all := b.All()
			if c.want == "" {
				if len(all) > 0 || len(changed) > 0 {
					t.Fatalf("finding %v, want none", all)
				}
				return
			}
			if len(all) != 1 || len(changed) != 1 || changed[0] != all[0].Id {
				t.Fatalf("%d findings, changed %v, want one", len(all), changed)
			}
			f := all[0]
			if got := describe(f); got != c.want || !strings.Contains(f.Title, c.title) {
				t.Errorf("%s: %s\nwant %s: %s", got, f.Title, c.want, c.title)
			}
			check(t, f)
			if !slices.Equal(b.OfConnection(f.Connections[0]), []string{f.Id}) {
				t.Errorf("OfConnection = %v", b.OfConnection(f.Connections[0]))
			}
		})
	}
}

func describe(f *demarcv1.Finding) string {
	s := fmt.Sprintf("%s %s>%s %s", f.Kind, f.FromBoundary, f.ToBoundary, f.Service)
	if f.Opener != "" {
		s += " opener=" + f.Opener
	}
	if f.Term != "" {
		s += " term=" + f.Term
	}
	if f.Technique != "" {
		s += " " + f.Technique[:5]
	}
	return s
}

// check holds what every finding must have.
func check(t *testing.T, f *demarcv1.Finding) {
	t.Helper()
	sum := int32(0)
	for _, term := range f.SeverityTerms[:len(f.SeverityTerms)-1] {
		n, err := strconv.ParseInt(term[:strings.IndexByte(term, ':')], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		sum += int32(n)
	}
	if sum = min(100, sum); sum != int32(f.Severity) || f.SeverityTerms[len(f.SeverityTerms)-1] != fmt.Sprintf("= %d", f.Severity) {
		t.Errorf("severity %d, and its terms come to %d: %v", f.Severity, sum, f.SeverityTerms)
	}
	if f.Status != Open || f.Why == "" || f.Title == "" || f.FirstSeen == nil || f.LastSeen == nil || f.Site != "houston" {
		t.Errorf("incomplete: %v", f)
	}
	for _, word := range []string{"compliant", "certified", "secure", "guaranteed"} {
		if strings.Contains(strings.ToLower(f.Title+f.Why), word) {
			t.Errorf("says %s: %s %s", word, f.Title, f.Why)
		}
	}
}

func TestOneDecisionIsOneFinding(t *testing.T) {
	p := compile(t, plan, 1)
	for _, c := range []struct {
		name  string
		links []string
		want  int
	}{
		{"same pair, service and opener", []string{"10.60.0.15>10.20.4.10 tcp/102 s7comm", "10.60.0.16>10.20.4.11 tcp/102 s7comm"}, 1},
		{"another service", []string{"10.60.0.15>10.20.4.10 tcp/102 s7comm", "10.60.0.15>10.20.4.10 tcp/502 modbus"}, 2},
		{"another pair", []string{"10.60.0.15>10.20.4.10 tcp/102 s7comm", "10.60.0.15>10.20.5.10 tcp/102 s7comm"}, 2},
		{"another opener", []string{"10.60.0.15>10.20.4.10 tcp/102 s7comm", "10.60.0.15>10.20.4.11 tcp/102 s7comm opened=server"}, 2},
		{"another broken term", []string{"10.50.1.20>10.20.4.10 tcp/4840 opcua ops=write", "10.50.1.20>10.20.4.11 tcp/4841 opcua"}, 2},
		{"internet by every service", []string{"10.20.4.20>198.51.100.7 tcp/443 tls", "10.20.4.20>198.51.100.8 udp/123 ntp"}, 1},
		{"internet, opened by either", []string{"10.20.4.20>198.51.100.7 tcp/443 tls", "198.51.100.7>10.20.4.20 tcp/22 http"}, 2},
		{"one subnet", []string{"10.99.9.14>10.20.4.10 tcp/80 http", "10.20.4.10>10.99.9.15 tcp/22 ssh"}, 1},
		{"two subnets", []string{"10.99.9.14>10.20.4.10 tcp/80 http", "10.99.8.14>10.20.4.10 tcp/80 http"}, 2},
		{"one subnet of two plans", []string{"192.168.9.5@line4>10.20.4.10 tcp/80 http", "192.168.9.5@line5>10.20.4.10 tcp/81 http"}, 2},
		{"tries of one source", []string{"10.60.0.15>10.20.4.10 tcp/1 unknown outcome=refused", "10.60.0.15>10.20.5.10 tcp/2 unknown outcome=unanswered"}, 1},
		{"tries of two sources", []string{"10.60.0.15>10.20.4.10 tcp/1 unknown outcome=refused", "10.60.0.16>10.20.4.10 tcp/1 unknown outcome=refused"}, 2},
		{"tries of two boundaries", []string{"10.60.0.15>10.20.4.10 tcp/1 unknown outcome=refused", "10.50.1.16>10.20.4.10 tcp/1 unknown outcome=refused"}, 2},
		{"a scan beside tries", []string{"10.60.0.15>10.20.4.10 tcp/0 scan outcome=refused", "10.60.0.16>10.20.4.10 tcp/1 unknown outcome=refused"}, 2},
		{"ports that name nothing", []string{"10.60.0.15>10.20.4.10 tcp/49200 unknown", "10.60.0.16>10.20.4.10 tcp/50000 unknown"}, 1},
		{"ports that may name something", []string{"10.60.0.15>10.20.4.10 tcp/49000 unknown", "10.60.0.16>10.20.4.10 tcp/49001 unknown"}, 2},
		{"the office and the Internet", []string{"10.60.0.15>198.51.100.7 tcp/443 tls", "10.60.0.16>198.51.100.8 udp/123 ntp"}, 1},
		{"one paper", []string{"10.50.1.20>10.20.5.10 tcp/4840 opcua ops=read", "10.50.1.21>10.20.5.10 tcp/4840 opcua"}, 1},
		{"one tool", []string{"10.20.4.60>203.0.113.40 tcp/443 tls sni=a.teamviewer.com", "10.20.4.60>203.0.113.41 tcp/443 tls sni=b.teamviewer.com"}, 1},
	} {
		b := New()
		update(t, b, p, c.links...)
		if got := b.All(); len(got) != c.want {
			t.Errorf("%s: %d findings, want %d: %v", c.name, len(got), c.want, got)
		}
	}
}

// Five devices of a boundary that try the same service of another are one
// decision, whoever came first; what one of them tries beside it is its own.
func TestManyThatTryAlikeAreOneFinding(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	try := func(n int) string {
		return fmt.Sprintf("10.60.0.%d>10.20.4.%d tcp/445 unknown outcome=refused", n, 10+n%2)
	}
	update(t, b, p, "10.60.0.13>10.20.4.10 tcp/80 unknown outcome=refused")
	for n := 11; n < 15; n++ {
		update(t, b, p, try(n))
	}
	if got := b.All(); len(got) != 4 {
		t.Fatalf("four sources are %d findings: %v", len(got), got)
	}
	var first *demarcv1.Finding
	for _, f := range b.All() {
		if strings.HasPrefix(f.GetTitle(), "10.60.0.11 ") {
			first = f
		}
	}
	if err := b.Act(Act{Kind: Comment, By: "ana", At: start, Body: &demarcv1.FindingAct{Targets: []*demarcv1.FindingTarget{{Id: first.GetId()}}, Comment: "asked its owner"}}); err != nil {
		t.Fatal(err)
	}
	update(t, b, p, try(15))
	check := func(b *Book) {
		t.Helper()
		var titles []string
		for _, f := range b.All() {
			titles = append(titles, fmt.Sprintf("%s (%d, %d past, ceased %t)", f.GetTitle(), len(f.GetConnections()), len(f.GetPast()), f.GetCeased() != ""))
		}
		slices.Sort(titles)
		want := []string{
			first.GetTitle() + " (0, 1 past, ceased true)",
			"10.60.0.13 tries in vain what is not agreed (1, 0 past, ceased false)",
			"5 devices of corporate try to reach line4 with tcp/445 in vain, and nothing agrees to it (5, 0 past, ceased false)",
		}
		slices.Sort(want)
		if !slices.Equal(titles, want) {
			t.Errorf("got  %q\nwant %q", titles, want)
		}
	}
	check(b)
	restored := New()
	if err := restored.Restore(b.Snapshot()); err != nil {
		t.Fatal(err)
	}
	check(restored)
	update(t, restored, p, try(16))
	for _, f := range restored.All() {
		if len(f.GetConnections()) > 1 && len(f.GetConnections()) != 6 {
			t.Errorf("a sixth: %v", f)
		}
	}
}

func TestManyTriesAreAScan(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	for port := 1; port <= scanTargets; port++ {
		want := Attempt
		if port == scanTargets {
			want = Scan
		}
		ids := update(t, b, p, fmt.Sprintf("10.60.0.15>10.20.4.10 tcp/%d unknown outcome=refused", port))
		if f, _ := b.Get(ids[0]); f.Kind != want || len(b.All()) != 1 {
			t.Fatalf("after %d tries: %d findings, kind %s, want one %s", port, len(b.All()), f.Kind, want)
		}
	}
	restored := New()
	if err := restored.Restore(b.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if f := restored.All()[0]; f.Id != b.All()[0].Id || f.Kind != Scan {
		t.Errorf("restored as %s %s", f.Kind, f.Id)
	}
}

func TestBetterSightTakesBack(t *testing.T) {
	p := compile(t, plan, 1)
	for _, c := range []struct{ name, before, after, want string }{
		{"identified", "10.60.0.15>10.20.4.60 tcp/3389 unknown", "10.60.0.15>10.20.4.60 tcp/3389 rdp", "remote-access"},
		{"answered", "10.20.4.20>198.51.100.7 tcp/443 unknown outcome=unanswered", "10.20.4.20>198.51.100.7 tcp/443 tls", "internet-exposure"},
		{"named", "10.20.4.60>203.0.113.40 tcp/443 tls", "10.20.4.60>203.0.113.40 tcp/443 tls sni=a.teamviewer.com", "remote-access"},
		{"agreed after all", "10.50.1.20>10.20.4.10 tcp/4840 s7comm", "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read", ""},
	} {
		b := New()
		update(t, b, p, c.before)
		if len(b.All()) != 1 {
			t.Fatalf("%s: %d findings at first", c.name, len(b.All()))
		}
		was := b.All()[0].Id
		changed := update(t, b, p, c.after)
		var kinds []string
		for _, f := range b.All() {
			kinds = append(kinds, f.Kind)
		}
		if got := strings.Join(kinds, " "); got != c.want || !slices.Contains(changed, was) {
			t.Errorf("%s: findings %q, want %q; told %v of %s", c.name, got, c.want, changed, was)
		}
	}
}

func TestCoveredMembersStayAsPast(t *testing.T) {
	b := New()
	text := "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write"
	update(t, b, compile(t, plan, 1), text)
	agreed := plan + "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: late}, spec: {purpose: p, from: {boundary: corporate}, to: {boundary: line4}, services: [{protocol: s7comm}]}}"
	update(t, b, compile(t, agreed, 2), text)
	f := b.All()[0]
	if len(b.All()) != 1 || f.Status != Open || len(f.Connections) != 0 || len(f.Past) != 1 || f.Severity < 50 {
		t.Fatalf("covered by a new document: %v, want it open with one past member", f)
	}
	if got := b.OfConnection(f.Past[0]); got != nil {
		t.Errorf("OfConnection = %v of a covered connection", got)
	}
	update(t, b, compile(t, plan, 3), text)
	if f := b.All()[0]; len(f.Connections) != 1 || len(f.Past) != 0 {
		t.Errorf("cover taken away again: %v", f)
	}
}

func TestScheduleLeavesAPast(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	c := link(t, "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read")
	c.Data.LastSeen = timestamppb.New(start.Add(-24 * time.Hour)) // Sunday, and agreed is Monday
	b.Update(p, c, verdict.Judge(p, c, start), start)
	update(t, b, p, "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read")
	if all := b.All(); len(all) != 1 || len(all[0].Past) != 1 {
		t.Errorf("what was outside its schedule yesterday is agreed today: %v, want it past, not taken back", all)
	}
}

func TestANewMemberReopens(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	update(t, b, p, "10.60.0.15>10.20.4.10 tcp/102 s7comm")
	for _, f := range b.findings {
		f.Status = "deviation-approved"
		b.touch(f)
	}
	update(t, b, p, "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write")
	if got := b.All()[0].Status; got != "deviation-approved" {
		t.Errorf("a member that was there before makes it %s", got)
	}
	update(t, b, p, "10.60.0.16>10.20.4.10 tcp/102 s7comm")
	if got := b.All()[0].Status; got != Open {
		t.Errorf("a new member leaves it %s, want open", got)
	}
}

func TestRemovedConnectionsNeverWere(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	update(t, b, p, "10.60.0.15>10.20.4.10 tcp/102 s7comm", "10.60.0.16>10.20.4.10 tcp/102 s7comm")
	b.RemoveConnection("10.60.0.15>10.20.4.10 tcp/102", start)
	if f := b.All()[0]; len(f.Connections) != 1 || len(f.Past) != 0 {
		t.Errorf("one of two removed: %v", f)
	}
	b.RemoveConnection("10.60.0.16>10.20.4.10 tcp/102", start)
	if len(b.All()) != 0 {
		t.Errorf("both removed: %v", b.All())
	}
	if got := b.RemoveConnection("never seen", start); got != nil {
		t.Errorf("removing nothing changed %v", got)
	}
}

func TestSeverityOrdersWhatMatters(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	links := []string{ // from the worst down
		"10.60.0.15>10.20.5.60 tcp/102 s7comm ops=program", // into a safety zone
		"198.51.100.7>10.20.4.20 tcp/443 http",
		"10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write",
		"10.60.0.16>10.20.4.10 tcp/502 modbus ops=read",
		"10.60.0.15>10.50.1.9 tcp/3389 rdp",
		"10.20.4.20>198.51.100.7 tcp/443 unknown outcome=unanswered",
	}
	last := uint32(101)
	for _, text := range links {
		id := update(t, b, p, text)[0]
		f, _ := b.Get(id)
		if f.Severity >= last {
			t.Errorf("%s weighs %d, not less than %d", text, f.Severity, last)
		}
		last = f.Severity
	}
	for i, f := range b.All()[1:] {
		if f.Severity > b.All()[i].Severity {
			t.Error("All is not sorted by severity")
		}
	}
}

func TestRestoreGoesOnWhereItWas(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	links := []string{"10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write", "10.99.9.14>10.20.4.10 tcp/80 http", "10.20.4.20>198.51.100.7 tcp/443 tls", "10.60.0.15>10.20.4.10 tcp/1 unknown outcome=refused"}
	update(t, b, p, links...)
	b.UpdateAsset(p, &demarcv1.Asset{Id: "a1", Site: "houston", Kind: "device"}, ends("10.20.4.5", "10.60.0.5"), start)

	saved := make(map[uint64][]byte) // as a store would hold it from Changed alone
	save := func(b *Book) {
		for _, r := range b.Changed() {
			if r.Value == nil {
				delete(saved, r.Key)
			} else {
				saved[r.Key] = r.Value
			}
		}
	}
	save(b)
	update(t, b, p, "10.60.0.15>10.20.4.10 tcp/1 http", "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write,program")
	save(b)
	if again := b.Changed(); again != nil {
		t.Errorf("Changed told twice: %v", again)
	}
	var records []Record
	for k, v := range saved {
		records = append(records, Record{Key: k, Value: v})
	}
	restored := New()
	if err := restored.Restore(records); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{"10.60.0.16>10.20.4.10 tcp/502 modbus", "10.20.4.20>198.51.100.7 tcp/443 tls sni=a.teamviewer.com"} {
		same(t, b, restored)
		update(t, b, p, more)
		update(t, restored, p, more)
	}
	same(t, b, restored)
	if err := New().Restore([]Record{{Key: 1, Value: []byte("{")}}); err == nil {
		t.Error("a broken record restores")
	}
}

func same(t *testing.T, a, b *Book) {
	t.Helper()
	x, y := a.All(), b.All()
	if len(x) != len(y) {
		t.Fatalf("%d and %d findings", len(x), len(y))
	}
	for i := range x {
		if !proto.Equal(x[i], y[i]) {
			t.Errorf("restored:\n%v\nwas:\n%v", y[i], x[i])
		}
	}
}

func TestUpdateTellsOnlyChanges(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	update(t, b, p, "10.60.0.15>10.20.4.10 tcp/102 s7comm")
	if got := update(t, b, p, "10.60.0.15>10.20.4.10 tcp/102 s7comm"); got != nil {
		t.Errorf("the same again changed %v", got)
	}
}

func BenchmarkUpdate(b *testing.B) {
	p, book := compile(b, plan, 1), New()
	c := link(b, "10.60.0.15>10.20.4.10 tcp/102 s7comm ops=write")
	v := verdict.Judge(p, c, start)
	b.ReportAllocs()
	for b.Loop() {
		book.Update(p, c, v, start)
	}
}
