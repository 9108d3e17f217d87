package server

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"demarc/collector/condition"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// everyCheck has a condition of every kind that a change in a quarter hour may
// turn. Volumes, schedules and sessions are none: they wait for its end.
var everyCheck = []string{
	"check: no-internet, window: 1h", "check: read-only-from-outside, window: 1h", "check: read-only-from-outside, with: {from: {roles: [historian, hmi]}}, window: 1h",
	"check: only-via, with: {via: dmz, to: {domain: it}}, window: 1h", "check: encrypted, with: {security: sign, tls: \"1.2\"}, window: 2h", "check: initiator, with: {initiator: outside}, window: 1h",
	"check: allow-list, with: {peers: [10.50.1.0/24], names: [\"*.example.com\"]}, window: 1h", "check: no-remote-access-tools, with: {except: [line4-to-historian]}, window: 1h",
	"check: agreement-in-force, window: 1h", "check: peer-authorized, window: 1h", "check: cadence, with: {atLeast: 1h}, window: 2h",
	"check: one-way, with: {from: {boundary: line4}, to: {boundary: dmz}}, window: 1h", "check: one-way, with: {from: {boundary: line4}, to: {boundary: corporate}, strict: true}, window: 1h",
	"check: no-dual-homed, window: 1h", "check: no-unlisted-assets, window: 1h", "check: no-transitive-path, with: {from: {boundary: line4}, hops: 3}, window: 1h",
	"check: visibility-at-least, window: 1h", "check: evidence-newer-than, with: {age: 1h}", "attest: {by: system-owner, every: 1d}",
	"require: 'connection.operations.write == 0', scope: {openedBy: outside}, window: 1h", "require: 'connection.operations.read == 0', window: 1h",
	"require: 'connection.verdict == \"authorized\" || connection.port == 443', scope: {protocols: [opcua, tls]}, window: 1h",
	"require: '!(\"historian\" in server.roles) || client.vendor != \"Acme\"', window: 1h",
	"require: 'server.vendor != \"Acme\"', window: 1h", "require: 'connection.security == \"sign\"', scope: {interconnections: [line4-to-historian]}, window: 1h",
}

// touchedPlant has two ways into line4, of which one has sensors.
var touchedPlant = []string{
	plantDocs, listing() + listedDocs,
	strings.Replace(plantDocs, "members: [{site: houston, cidrs: [10.20.4.0/24]}]}", "members: [{site: houston, cidrs: [10.20.4.0/24]}, {site: houston, segment: line4}], accessPoints: [{name: fw, kind: firewall, addresses: [10.20.4.12], sensors: {inside: [line4], outside: [dmz]}}]}", 1),
	strings.Replace(plantDocs, "10.50.1.0/24", "10.50.1.0/26", 1),
}

// anyConditions are authorizations with some conditions each.
func anyConditions(rt *rapid.T) string {
	var b strings.Builder
	for _, of := range []string{"line4", "dmz", "corporate, line4"} {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(everyCheck), 0, 5, rapid.ID).Draw(rt, "conditions")
		if len(some) == 0 {
			continue
		}
		name, _, _ := strings.Cut(of, ",")
		if strings.Contains(of, ",") {
			name = "both"
		}
		fmt.Fprintf(&b, "---\n{apiVersion: demarc/v1, kind: Authorization, metadata: {name: %s-ato}, spec: {decision: ato-with-conditions, boundaries: [%s], granted: 2026-01-01, conditions: [\n", name, of)
		for i, c := range some {
			fmt.Fprintf(&b, "  {id: C%d, statement: S, %s},\n", i+1, c)
		}
		b.WriteString("]}}\n")
	}
	return b.String()
}

// anyTraffic is what an agent may tell of a plant in an instant: mostly of one
// connection, and mostly what it told before.
func anyTraffic(rt *rapid.T, now time.Time) (agent string, body *demarcv1.Body) {
	hosts := []string{"10.20.4.10", "10.20.4.11", "10.20.4.12", "10.50.1.20", "10.50.1.100", "10.60.1.1", "10.9.9.9", "198.51.100.7"}
	at := now.UnixNano()
	body = &demarcv1.Body{}
	chance := func(n int, what string) bool { return rapid.IntRange(1, n).Draw(rt, what) == n }
	mostly := func(usual string, all ...string) string {
		if !chance(4, "unusual") {
			return usual
		}
		return rapid.SampledFrom(all).Draw(rt, "one")
	}
	segment := mostly("line4", "dmz", "office")
	for range rapid.IntRange(1, 3).Draw(rt, "flows") {
		client, server := mostly("10.50.1.20", hosts...), mostly("10.20.4.10", hosts...)
		if client == server {
			continue
		}
		f := flow(client, server, uint32(rapid.SampledFrom([]int{4840, 4840, 4840, 443}).Draw(rt, "port")), mostly("opcua", "", "tls", "rdp"), now)
		c := f.Connections[0]
		c.Key.Transport = mostly("tcp", "udp")
		c.Outcome = mostly("exchanged", "one-sided", "unanswered", "refused")
		c.DirectionBasis, c.OpenedBy = mostly("syn", "port"), mostly("client", "server")
		c.Security, c.Tls, c.ServerName = mostly("none", "", "sign", "sign-and-encrypt"), mostly("", "1.0", "1.3"), mostly("", "a.example.com", "router15.teamviewer.com")
		if chance(2, "operates") {
			c.Operations = make([]uint64, ot.NumOperations)
			c.Operations[rapid.IntRange(0, ot.NumOperations-1).Draw(rt, "operation")] = 1
		}
		if chance(4, "no answer") {
			c.ServerPackets, c.ServerBytes = 0, 0
		}
		body.Connections, body.Endpoints = append(body.Connections, c), append(body.Endpoints, f.Endpoints[rapid.IntRange(0, 2).Draw(rt, "endpoints"):]...)
	}
	of := addr(mostly("10.20.4.10", hosts...))
	of.Segment = segment
	switch rapid.IntRange(0, 7).Draw(rt, "more") {
	case 0:
		body.Facts = append(body.Facts, &demarcv1.FactDelta{
			Of: of, Attribute: mostly("role", "serial", "vendor", "vendor", "name"), Value: mostly("historian", "S-4711", "Acme", "Acme"), Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: at, LastNs: at,
		})
	case 1: // a device without an IP address
		body.Endpoints = append(body.Endpoints, &demarcv1.EndpointDelta{Address: &demarcv1.Address{Mac: []byte{0, 0x0e, 0x8c, 1, 2, byte(rapid.IntRange(1, 3).Draw(rt, "mac"))}}, OwnLink: true, FirstNs: at, LastNs: at})
	case 2:
		body.Losses = append(body.Losses, &demarcv1.LossDelta{Segment: mostly(segment, ""), Reason: mostly("kernel-drop", "undecoded", "table-full"), Count: 90000, FirstNs: at, LastNs: at})
	}
	if len(body.Connections) > 0 && chance(8, "turned") {
		k := body.Connections[0].Key
		body.Moves = append(body.Moves, &demarcv1.ConnectionMove{From: k, To: &demarcv1.ConnectionKey{Client: k.Server, Server: k.Client, Transport: k.Transport, Port: 50000}})
	}
	return mostly("a", "b"), on(segment, body)
}

// numbers are what changes in words while counters wait.
var numbers = regexp.MustCompile(`[0-9]+`)

// inWords is what a result says, without how many and when.
func inWords(r *condition.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n%v\n", r.ID(), r.State, r.Words, r.Evidence)
	for i := range r.Sight {
		fmt.Fprintf(&b, "%s: %v\n", r.Sight[i].Boundary, r.Sight[i].Gaps)
	}
	words := numbers.ReplaceAllString(b.String(), "#")
	for i := range r.Sight {
		for j := range r.Sight[i].Segments {
			s := &r.Sight[i].Segments[j]
			words += fmt.Sprint(s.Segment, s.Agents, s.Since, s.Last, s.Heard, s.Of, s.Faults, s.FaultedQuarters, s.OneSided, "\n")
		}
	}
	return words + fmt.Sprint(r.Connections, r.Assets, r.From, r.To)
}

// Whatever documents there are, and whatever happens: what was judged again only
// where something touched it says what judging all of it anew says.
func TestTouchedEqualsWhole(t *testing.T) {
	left, judged := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		l := newLab(t)
		defer func() { _ = l.store.Close() }()
		fence, err := l.store.Lease(t.Context(), "test")
		l.must(err)
		apply := func() {
			texts := []string{rapid.SampledFrom(touchedPlant).Draw(rt, "plant"), agreement, anyConditions(rt)}
			l.must2(l.apply(documents(texts...), applyOptions{}))
		}
		heartbeat := func() {
			for _, segment := range []string{"line4", "dmz"} {
				l.send("a", on(segment, flow("10.50.1.21", "10.20.4.11", 4840, "opcua", l.now)))
			}
		}
		apply()
		for range 6 {
			heartbeat()
			l.pass(15 * time.Minute)
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 11).Draw(rt, "step") {
			case 0:
				apply()
			case 1, 2:
				heartbeat()
				l.pass(15 * time.Minute)
			case 3:
				l.anyAct(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "act"), 1)))
			case 4:
				c, err := l.cutState(true)
				l.must(err)
				l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
				l.send(anyTraffic(rt, l.now))
				lived := l.engine
				l.engine = l.restarted()
				l.same("restarted", lived)
			default:
				l.send(anyTraffic(rt, l.now))
			}
			left, judged = left+l.stands.docket.Len()-len(l.stands.docket.Touched()), judged+len(l.stands.docket.Touched())
			l.stands.pace = 0
			l.pass(0)
			got, want := l.stands.docket.Results(), condition.Judge(l.wholeWorld(l.now))
			for i := range want {
				if a, b := inWords(&got[i]), inWords(&want[i]); a != b {
					c := want[i].Condition
					rt.Fatalf("%s %v %s\njudged where it was touched: %s\njudged anew: %s", c.Check, c.With, c.Require, a, b)
				}
			}
		}
	})
	if left < judged/4 {
		t.Errorf("%d conditions were judged again, and %d alone were left as they were", judged, left)
	}
}

// twoLines are two lines, each with its conditions.
const twoLines = plantDocs + `---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: line5}, spec: {title: Line 5, domain: ot, members: [{site: houston, cidrs: [10.20.5.0/24]}]}}
---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line4-ato}, spec: {decision: ato-with-conditions, boundaries: [line4], granted: 2026-01-01, conditions: [
  {id: writes, statement: S, check: read-only-from-outside}, {id: listed, statement: S, check: no-dual-homed}]}}
---
{apiVersion: demarc/v1, kind: Authorization, metadata: {name: line5-ato}, spec: {decision: ato-with-conditions, boundaries: [line5], granted: 2026-01-01, conditions: [
  {id: writes, statement: S, check: read-only-from-outside}, {id: opener, statement: S, check: initiator, with: {initiator: outside}}, {id: reads, statement: S, require: "connection.operations.read == 0"},
  {id: vendor, statement: S, require: 'client.vendor == "Acme"'}]}}
`

// A condition that nothing touches is not judged again, and one that something
// touches is, whatever else stands in the documents.
func TestUntouchedIsNotJudgedAgain(t *testing.T) {
	l := newLab(t)
	l.must2(l.apply(documents(twoLines), applyOptions{}))
	line := func(n string, o ot.Operation) *demarcv1.Body {
		return on("line"+n, told(flow("10.60.1.1", "10.20."+n+".10", 4840, "opcua", l.now), o, 1))
	}
	l.send("a", line("4", ot.Read))
	l.send("a", line("5", ot.Read))
	lost := func() *demarcv1.Body {
		return &demarcv1.Body{Losses: []*demarcv1.LossDelta{{Segment: "line4", Reason: "kernel-drop", Count: 7, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano()}}}
	}
	everyOne := "line4-ato/writes line4-ato/listed line5-ato/writes line5-ato/opener line5-ato/reads line5-ato/vendor"
	for _, c := range []struct {
		what string
		do   func()
		want string
	}{
		{"documents", func() {}, everyOne},
		{"nothing", func() { l.pass(0) }, ""},
		{"reads again", func() { l.send("a", line("5", ot.Read)) }, ""},
		{"a write to line 5", func() { l.send("a", line("5", ot.Write)) }, "line5-ato/writes"},
		{"a write to line 4", func() { l.send("a", line("4", ot.Write)) }, "line4-ato/writes"},
		{"a write between offices", func() {
			l.send("a", on("line4", told(flow("10.60.1.1", "10.60.1.2", 4840, "opcua", l.now), ot.Write, 1)))
		}, ""},
		{"what a device says", func() {
			f := fact("10.60.1.1", "vendor", "Acme", l.now)
			f.Facts[0].Of.Segment = "line5"
			l.send("a", f)
		}, "line5-ato/vendor"},
		{"packets lost on line 4", func() { l.send("a", lost()) }, "line4-ato/writes line4-ato/listed"},
		{"a quarter hour", func() { l.now = l.now.Add(15 * time.Minute) }, everyOne},
	} {
		c.do()
		before := map[string]time.Time{}
		for _, r := range l.stands.docket.Results() {
			before[r.ID()] = r.To
		}
		l.stands.pace = 0
		l.pass(time.Second)
		var again []string
		for _, r := range l.stands.docket.Results() {
			if !r.To.Equal(before[r.ID()]) {
				again = append(again, r.ID())
			}
		}
		if got := strings.Join(again, " "); got != c.want {
			t.Errorf("%s: judged again: %s\nwant: %s", c.what, got, c.want)
		}
	}
}

// What a device says of itself turns a condition at once that reads it, and none
// that does not.
func TestFactOfADeviceTouches(t *testing.T) {
	l := newLab(t)
	vendor := strings.Replace(conditionedATO, "check: read-only-from-outside", `require: 'server.vendor != "Acme"'`, 1)
	_, err := l.apply(documents(plantDocs, agreement, vendor), applyOptions{})
	l.must(err)
	l.send("a", told(flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now), ot.Read, 5))
	l.pass(time.Second)
	if state, _, _ := l.condition("line4-ato/C1"); state == condition.Violated {
		t.Fatalf("nobody said who made it, and the condition is %s", state)
	}
	of := addr("10.20.4.10")
	of.Segment = "line4"
	l.send("a", &demarcv1.Body{Facts: []*demarcv1.FactDelta{{
		Of: of, Attribute: "vendor", Value: "Acme", Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano(),
	}}})
	if got := l.stands.docket.Touched(); len(got) != 1 || got[0] != "line4-ato/C1" {
		t.Errorf("touched are %v", got)
	}
	l.pass(time.Second)
	if state, _, _ := l.condition("line4-ato/C1"); state != condition.Violated {
		t.Errorf("the server says that Acme made it, and the condition is %s", state)
	}
}
