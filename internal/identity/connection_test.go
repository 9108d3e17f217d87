package identity

import (
	"net/netip"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

type netipAddr = netip.Addr

func wantSame(t *testing.T, what string, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("%s differ:\n got %v\nwant %v", what, got, want)
	}
}

func connBody(d ...*demarcv1.ConnectionDelta) *demarcv1.Body { return &demarcv1.Body{Connections: d} }

func TestIncrementsAddUp(t *testing.T) {
	key := connKey("line4", "10.0.0.1", "10.0.0.2", "tcp", 102)
	inv := read(
		connBody(&demarcv1.ConnectionDelta{
			Key: key, Protocol: "cotp", Grade: demarcv1.Grade_GRADE_CONTENT, ClientPackets: 1, ServerPackets: 2,
			ClientBytes: 10, ServerBytes: 20, Sessions: 1, Operations: []uint64{3}, Outcome: "one-sided", FirstNs: start, LastNs: start + second, DirectionBasis: "port", Vlans: []uint32{104},
		}),
		connBody(&demarcv1.ConnectionDelta{
			Key: key, Protocol: "s7comm", Grade: demarcv1.Grade_GRADE_CONTENT, ClientPackets: 1, Operations: []uint64{1, 4},
			Outcome: "exchanged", OpenedBy: "client", DirectionBasis: "syn", LastNs: start + 9*second, Security: "none",
		}),
		connBody(&demarcv1.ConnectionDelta{Key: key, Protocol: "cotp", Grade: demarcv1.Grade_GRADE_CONTENT, LastNs: start + 20*second, Outcome: "unanswered"}),
	)
	c := inv.Connections[0]
	wantText(t, "protocol", c.Protocol, "s7comm")
	wantText(t, "grade", c.Grade, "content")
	wantText(t, "packets", c.ClientPackets*10+c.ServerPackets, uint64(22))
	wantText(t, "reads", c.Operations["read"], uint64(4))
	wantText(t, "writes", c.Operations["write"], uint64(4))
	wantText(t, "outcome", c.Outcome, "exchanged")
	wantText(t, "basis", c.DirectionBasis, "syn")
	wantText(t, "opened by", c.OpenedBy, "client")
	wantText(t, "security", c.Security, "none")
	wantText(t, "last", c.LastSeen.AsTime().UnixNano(), start+20*second)
}

func TestHintNeverOverrules(t *testing.T) {
	key := connKey("line4", "10.0.0.1", "10.0.0.2", "tcp", 502)
	c := read(
		connBody(&demarcv1.ConnectionDelta{Key: key, Protocol: "http", Grade: demarcv1.Grade_GRADE_CONTENT, LastNs: start}),
		connBody(&demarcv1.ConnectionDelta{Key: key, Protocol: "modbus", Grade: demarcv1.Grade_GRADE_HINT, LastNs: start + second}),
		connBody(&demarcv1.ConnectionDelta{Key: key, Protocol: "unknown", Grade: demarcv1.Grade_GRADE_IDENTITY, LastNs: start + 2*second}),
	).Connections[0]
	wantText(t, "protocol", c.Protocol, "http")
}

func TestAgentsDoNotAddUp(t *testing.T) {
	b := New(nil)
	for agent, n := range map[string]uint64{"a1": 10, "a2": 7} {
		for _, segment := range []string{"line4", "core"} {
			b.Apply("houston", agent, connBody(&demarcv1.ConnectionDelta{
				Key:           connKey(segment, "10.0.0.1", "10.0.0.2", "tcp", 102),
				ClientPackets: n, Operations: []uint64{n},
			}))
		}
	}
	var all []Connection
	for c := range b.Connections() {
		all = append(all, c)
	}
	if len(all) != 1 {
		t.Fatalf("%d connections, want 1", len(all))
	}
	wantText(t, "packets", all[0].Data.ClientPackets, uint64(10))
	wantText(t, "reads", all[0].Data.Operations["read"], uint64(10))
	wantList(t, "agents", all[0].Agents, "a1", "a2")
}

func TestMoveTurnsRound(t *testing.T) {
	from, to := connKey("line4", "10.0.0.2", "10.0.0.1", "tcp", 50000), connKey("line4", "10.0.0.1", "10.0.0.2", "tcp", 502)
	child := connKey("line4", "10.0.0.1", "10.0.0.2", "udp", 2222)
	b := New(nil)
	b.Apply("houston", "a", connBody(
		&demarcv1.ConnectionDelta{Key: from, ClientPackets: 5, ServerPackets: 1, ClientBytes: 500, ServerBytes: 100, OpenedBy: "server", DirectionBasis: "port", FirstNs: start, LastNs: start},
		&demarcv1.ConnectionDelta{Key: child, RelatedTo: from, ClientPackets: 1}))
	b.Apply("houston", "other", connBody(&demarcv1.ConnectionDelta{Key: from, ClientPackets: 9}))
	b.Changes()
	b.Apply("houston", "a", &demarcv1.Body{
		Connections: []*demarcv1.ConnectionDelta{{Key: to, ClientPackets: 2, DirectionBasis: "semantics", Protocol: "modbus", Grade: demarcv1.Grade_GRADE_CONTENT, LastNs: start + second}},
		Moves:       []*demarcv1.ConnectionMove{{From: from, To: to}},
	})
	inv := b.Inventory()
	var moved, kept, related *demarcv1.Connection
	for _, c := range inv.Connections {
		switch c.Port {
		case 502:
			moved = c
		case 50000:
			kept = c
		case 2222:
			related = c
		}
	}
	wantText(t, "client packets", moved.ClientPackets, uint64(3))
	wantText(t, "server packets", moved.ServerPackets, uint64(5))
	wantText(t, "server bytes", moved.ServerBytes, uint64(500))
	wantText(t, "opened by", moved.OpenedBy, "client")
	wantText(t, "basis", moved.DirectionBasis, "semantics")
	wantText(t, "first", moved.FirstSeen.AsTime().UnixNano(), start)
	wantText(t, "the other agent's stays", kept.ClientPackets, uint64(9))
	wantText(t, "the child follows", related.RelatedTo, moved.Id)
	for _, c := range []*demarcv1.Connection{moved, kept, related} {
		if got := b.Changes().Connections; c == moved && !slices.Contains(got, moved.Id) {
			t.Errorf("changes %v do not name %s", got, c.Id)
		}
	}
}

func TestConnectionEnds(t *testing.T) {
	b := New(nil)
	b.Apply("houston", "a", saw(owner("line4", "10.20.4.10", plcMAC, 0, 104),
		sender("line4", "10.9.0.1", routerMAC, 0, 104), sender("line4", "10.9.0.2", routerMAC, 0, 104),
		&demarcv1.EndpointDelta{Address: addr("line4", otherMAC, 104), FirstNs: start}))
	b.Apply("houston", "a", connBody(
		&demarcv1.ConnectionDelta{Key: connKey("line4", "10.9.0.1", "10.20.4.10", "tcp", 102), ClientPackets: 1},
		&demarcv1.ConnectionDelta{Key: &demarcv1.ConnectionKey{Client: addr("line4", otherMAC, 104), Server: addr("line4", "01:80:c2:00:00:0e", 104), Transport: "ethernet", Port: 0x88cc}, ClientPackets: 1}))
	for c := range b.Connections() {
		if c.Data.Transport == "ethernet" {
			wantText(t, "MAC", c.Client.MAC, otherMAC)
			wantText(t, "own link", c.Client.OwnLink, true)
			wantText(t, "group's asset", c.Server.Asset, "")
			wantText(t, "client", c.Data.Client, otherMAC)
			continue
		}
		wantText(t, "server's MAC", c.Server.MAC, plcMAC)
		wantText(t, "server's own link", c.Server.OwnLink, true)
		wantText(t, "server's VLANs", len(c.Server.VLANs), 1)
		wantText(t, "a routed client's MAC", c.Client.MAC, "")
		wantText(t, "a routed client's own link", c.Client.OwnLink, false)
		wantText(t, "a routed client's VLANs", len(c.Client.VLANs), 0)
		wantText(t, "asset", c.Client.Asset != "", true)
		wantList(t, "connections of the asset", b.ConnectionsOf(c.Client.Asset), c.ID)
	}
}
