package condition

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

func TestNoTransitivePath(t *testing.T) {
	type flows = []*demarcv1.JudgedConnection
	// What a client reads moves to it: line4 to dmz, dmz to corporate, corporate to the Internet.
	edge, onward, away := flow("dmz", "line4", "opcua", reads), flow("corporate", "dmz", "opcua", reads), flow("corporate", "internet", "opcua", map[string]uint64{"write": 1})
	dark, old, before := flow("corporate", "dmz", "opcua", nil), flow("corporate", "dmz", "opcua", reads), flow("corporate", "dmz", "opcua", writes)
	old.Connection.FirstSeen, old.Connection.LastSeen = timestamppb.New(noon.AddDate(0, 0, -9)), timestamppb.New(noon.AddDate(0, 0, -8))
	before.Connection.FirstSeen = old.Connection.FirstSeen
	before.OperationsLast = map[string]*timestamppb.Timestamp{"read": old.Connection.LastSeen, "write": before.Connection.LastSeen}
	half := flow("corporate", "dmz", "opcua", map[string]uint64{"write": 1})
	half.Connection.Outcome = "one-sided"
	for _, c := range []struct {
		name, with string
		flows      flows
		state, say string
	}{
		{"one hop alone", "hops: 3", flows{edge}, Holds, ""},
		{"a chain", "hops: 3", flows{edge, onward}, Violated, "10.20.4.10 (line4) to 10.50.1.20 (dmz) to 10.60.0.15 (corporate)"},
		{"with nothing said", "", flows{edge, onward}, Violated, ""},
		{"against the flow", "hops: 3", flows{edge, flow("corporate", "dmz", "opcua", map[string]uint64{"write": 1})}, Holds, ""},
		{"the second hop before the window", "hops: 3", flows{edge, old}, Holds, ""},
		{"its reads before the window", "hops: 3", flows{edge, before}, Holds, ""},
		{"a hop that was not decoded", "hops: 3", flows{edge, dark}, NotObservable, "cannot be told whether information moves from 10.20.4.10"},
		{"a hop of which one side was seen", "hops: 3", flows{edge, half}, NotObservable, "cannot be told"},
		{"an end that stands nowhere", "hops: 3", flows{edge, flow("", "dmz", "opcua", reads)}, NotObservable, "10.9.0.1 (no boundary)"},
		{"a device on the way that stands nowhere", "hops: 3", flows{edge, flow("", "line4", "opcua", reads)}, NotObservable, "10.9.0.1, which stands in no boundary"},
		{"too long", "hops: 2, to: {boundary: internet}", flows{edge, onward, away}, Holds, ""},
		{"not too long", "hops: 3, to: {boundary: internet}", flows{edge, onward, away}, Violated, "(internet)"},
		{"by domain", "hops: 3, to: {domain: external}", flows{edge, onward, away}, Violated, "(internet)"},
		{"nobody listens where it may move on", "hops: 3, to: {domain: external}", flows{edge, onward}, NotObservable, "information reaches corporate, and no agent was heard"},
		{"from another device", "from: {cidrs: [10.20.4.99/32]}", flows{edge, onward}, Holds, ""},
		{"nothing crosses, so the edge does not show", "hops: 3", flows{flow("line4", "line4", "opcua", reads)}, NotObservable, "nothing shows"},
	} {
		w := seen(t, "check: no-transitive-path, with: {"+c.with+"}", c.flows...)
		hear(w.Ledger, "b", "dmz", noon.Add(-Window), noon)
		r := one(t, w)
		if r.State != c.state || !strings.Contains(r.Reason, c.say) {
			t.Errorf("%s: %s (%s), want %s (%s)", c.name, r.State, r.Reason, c.state, c.say)
		}
		if c.name == "a chain" && !slices.Equal(r.Connections, []string{"c-corporatedmz", "c-dmzline4"}) {
			t.Errorf("%s: members %q", c.name, r.Connections)
		}
		if w.Now = noon.AddDate(0, 0, 90); c.name == "one hop alone" {
			if r := one(t, w); r.State != Stale {
				t.Errorf("after 90 days of silence: %s (%s)", r.State, r.Reason)
			}
		}
	}
	if r := one(t, seen(t, "check: no-transitive-path", edge)); r.State != NotObservable || !strings.Contains(r.Reason, "information reaches dmz, and") {
		t.Errorf("nobody listens in the dmz: %s (%s)", r.State, r.Reason)
	}
}

const hardware = `---
apiVersion: demarc/v1
kind: Inventory
metadata: {name: line4-hw}
spec:
  list: hardware
  approvedBy: Dana Ortiz
  rows:
    - {name: scada, ips: [10.20.4.10], macs: ["00:0e:8c:14:04:0a"]}
`

func TestNoUnlistedAssets(t *testing.T) {
	listed := strings.Replace(site, "{title: Line 4,", "{title: Line 4, components: {inventory: line4-hw},", 1) + hardware
	stands := func(id, name, address string, mac string, ago time.Duration) *demarcv1.Asset {
		return &demarcv1.Asset{
			Id: id, Site: "houston", Segment: "line4", Ips: []string{address}, Macs: []string{mac}, LastSeen: timestamppb.New(noon.Add(-ago)),
			Places: []*demarcv1.Place{{Address: address, Boundary: name}},
		}
	}
	scada := stands("a1", "line4", "10.20.4.10", "00:0e:8c:14:04:0a", time.Hour)
	for _, c := range []struct {
		name   string
		site   string
		other  *demarcv1.Asset
		heard  time.Duration
		after  time.Duration
		state  string
		reason string
	}{
		{"on its row", listed, nil, Window, 0, Holds, ""},
		{"on no row", listed, stands("a2", "line4", "10.20.4.77", "00:0e:8c:14:04:0b", time.Hour), Window, 0, Violated, "10.20.4.77 stands in line4, and it is on no row of Inventory/line4-hw"},
		{"at a listed address", listed, stands("a2", "line4", "10.20.4.10", "00:0e:8c:09:09:09", time.Hour), Window, 0, Violated, "but another mac"},
		{"on no row, but before the window", listed, stands("a2", "line4", "10.20.4.77", "00:0e:8c:14:04:0b", 30*time.Hour), Window, 0, Holds, ""},
		{"in another boundary", listed, stands("a2", "dmz", "10.50.1.20", "00:0e:8c:14:04:0b", time.Hour), Window, 0, Holds, ""},
		{"heard for a part of the window", listed, nil, 2 * time.Hour, 0, NotObservable, "heard for 2 h of 24 h"},
		{"no inventory", site, stands("a2", "line4", "10.20.4.77", "00:0e:8c:14:04:0b", time.Hour), Window, 0, NotObservable, "names an approved inventory"},
		{"long ago", listed, nil, Window, 90 * 24 * time.Hour, Stale, "nothing was heard since"},
	} {
		docs, p := read(t, c.site+ato("check: no-unlisted-assets"))
		if err := Compile(docs); err != nil {
			t.Fatal(err)
		}
		l := NewLedger()
		hear(l, "a", "line4", noon.Add(-c.heard), noon)
		w := World{Policy: p, Documents: docs, Assets: []*demarcv1.Asset{scada}, Ledger: l, Now: noon.Add(c.after)}
		if c.other != nil {
			w.Assets = append(w.Assets, c.other)
		}
		r := one(t, w)
		if r.State != c.state || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: %s (%s), want %s (%s)", c.name, r.State, r.Reason, c.state, c.reason)
		}
		if c.state == Violated && !slices.Equal(r.Assets, []string{"a2"}) {
			t.Errorf("%s: members %q", c.name, r.Assets)
		}
	}
}

// TestBadParameters: refused when documents are read, with file, line and cure.
func TestBadParameters(t *testing.T) {
	for condition, want := range map[string]string{
		"check: no-transitive-path, with: {hops: 1}":                  "a chain of 1 hops is none that is looked for; write 2 to 8",
		"check: no-transitive-path, with: {hops: 0}":                  "a chain of 0 hops",
		"check: no-transitive-path, with: {hops: 9}":                  "a chain of 9 hops",
		"check: no-transitive-path, with: {hops: two}":                `hops: "two" is not a whole number; write digits only`,
		"check: no-transitive-path, with: {via: dmz}":                 "check no-transitive-path takes no via; it takes hops, from, to",
		"check: no-transitive-path, with: {to: {boundary: dmx}}":      "no boundary dmx; did you mean dmz",
		"check: no-transitive-path, with: {to: {domain: itt}}":        `domain: "itt" is not allowed; did you mean it`,
		"check: no-transitive-path, scope: {protocols: [opcua]}":      "say where chains begin and end",
		"check: no-unlisted-assets, with: {peers: [10.20.4.0/24]}":    "check no-unlisted-assets takes no peers; it takes nothing",
		"check: no-unlisted-assets, scope: {from: {boundary: line4}}": "take scope out",
	} {
		docs, err := boundary.Read([]boundary.File{{Path: "plant.yaml", Content: []byte(site + ato(condition))}})
		if err == nil {
			err = Compile(docs)
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "plant.yaml:31:") {
			t.Errorf("%s: %v, want %q", condition, err, want)
		}
	}
}
