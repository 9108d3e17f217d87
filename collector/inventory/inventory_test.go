package inventory

import (
	"net/netip"
	"slices"
	"testing"

	"demarc/internal/identity"

	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

const at = int64(1_700_000_000_000_000_000)

func ip(segment string, last byte) *demarcv1.Address {
	return &demarcv1.Address{Segment: segment, Ip: []byte{10, 0, 0, last}}
}

func seen(segment string, last byte, mac byte) *demarcv1.EndpointDelta {
	return &demarcv1.EndpointDelta{Address: ip(segment, last), Mac: []byte{0, 0x0e, 0x8c, 0, 0, mac}, OwnLink: true, FirstNs: at, LastNs: at}
}

func asks(client, server byte, n uint64) *demarcv1.ConnectionDelta {
	return &demarcv1.ConnectionDelta{
		Key:           &demarcv1.ConnectionKey{Client: ip("line4", client), Server: ip("line4", server), Transport: "tcp", Port: 102},
		ClientPackets: n, Protocol: "s7comm", Grade: demarcv1.Grade_GRADE_CONTENT, FirstNs: at, LastNs: at,
	}
}

func TestApplyTellsWhatChanged(t *testing.T) {
	b := New(nil)
	c := b.Apply("houston", "a4", &demarcv1.Body{
		Endpoints:   []*demarcv1.EndpointDelta{seen("line4", 1, 1), seen("line4", 2, 2), seen("line4", 3, 3)},
		Connections: []*demarcv1.ConnectionDelta{asks(1, 2, 1)},
	})
	if len(c.Assets) != 3 || len(c.Connections) != 1 {
		t.Fatalf("changes %+v, want 3 assets and 1 connection", c)
	}
	conn, ok := b.Connection(c.Connections[0])
	if !ok || conn.Site != "houston" || !slices.Equal(conn.Agents, []string{"a4"}) || conn.Client.Addr != netip.AddrFrom4([4]byte{10, 0, 0, 1}) {
		t.Fatalf("connection %+v", conn)
	}
	ends := []string{conn.Client.Asset, conn.Server.Asset}
	slices.Sort(ends)
	c = b.Apply("houston", "a4", &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{asks(1, 2, 4)}})
	if !slices.Equal(c.Assets, ends) || !slices.Equal(c.Connections, []string{conn.ID}) {
		t.Errorf("changes %+v, want %s and %s", c, ends, conn.ID)
	}
	if conn, _ = b.Connection(conn.ID); conn.Data.ClientPackets != 5 {
		t.Errorf("packets %d, want 5", conn.Data.ClientPackets)
	}
	if got := b.ConnectionsOf(conn.Client.Asset); !slices.Equal(got, []string{conn.ID}) {
		t.Errorf("connections of the client: %v", got)
	}

	// The server's device answers at a second address: both ids are told, the
	// one that is gone cannot be looked up.
	c = b.Apply("houston", "a4", &demarcv1.Body{Endpoints: []*demarcv1.EndpointDelta{seen("line4", 0, 2)}})
	if len(c.Assets) != 2 || !slices.Equal(c.Connections, []string{conn.ID}) {
		t.Fatalf("changes of a merge %+v", c)
	}
	gone := 0
	for _, id := range c.Assets {
		if _, ok := b.Asset(id); !ok {
			gone++
		}
	}
	if gone != 1 || len(b.Assets("houston")) != 3 || len(b.Assets("elsewhere")) != 0 {
		t.Errorf("%d gone, %d assets", gone, len(b.Assets("houston")))
	}
	if c := b.Apply("houston", "a4", &demarcv1.Body{}); len(c.Assets)+len(c.Connections) != 0 {
		t.Errorf("an empty body changed %+v", c)
	}
}

func TestSetSpace(t *testing.T) {
	b := New(func(site, segment string, _ netip.Addr) string { return site + "/" + segment })
	b.Apply("houston", "a4", &demarcv1.Body{Endpoints: []*demarcv1.EndpointDelta{
		{Address: ip("line4", 1), FirstNs: at}, {Address: ip("core", 1), FirstNs: at},
	}})
	if n := len(b.Assets("")); n != 2 {
		t.Fatalf("%d assets while segments are local, want 2", n)
	}
	c := b.SetSpace(identity.OneSpace)
	if n := len(b.Assets("")); n != 1 || len(c.Assets) != 3 {
		t.Errorf("%d assets, %d changed, want 1 and 3", n, len(c.Assets))
	}
}

func TestRestore(t *testing.T) {
	b := New(nil)
	body := &demarcv1.Body{
		Endpoints:   []*demarcv1.EndpointDelta{seen("line4", 1, 1), seen("core", 1, 1), {Address: &demarcv1.Address{Segment: "line4", Mac: []byte{0, 1, 2, 3, 4, 5}, Vlan: 7}}},
		Facts:       []*demarcv1.FactDelta{{Of: ip("line4", 1), Part: "slot/2", Attribute: "model", Value: "1756-IB16", Source: "cip.identity", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: at}},
		Connections: []*demarcv1.ConnectionDelta{asks(1, 2, 3)},
		Losses:      []*demarcv1.LossDelta{{Reason: "kernel-drop", Segment: "line4", FirstNs: at, Count: 9}},
	}
	b.Apply("houston", "a4", body)
	b.Apply("houston", "a5", body)
	if c, s := b.Changed(), b.Snapshot(); len(c) != len(s) || len(c) == 0 {
		t.Fatalf("%d records changed, %d there are", len(c), len(s))
	}
	if c := b.Changed(); len(c) != 0 {
		t.Fatalf("%d records changed since", len(c))
	}
	b.Apply("houston", "a4", &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{asks(1, 2, 1)}})
	if c := b.Changed(); len(c) != 1 || c[0].Value == nil {
		t.Fatalf("one connection went on, records %v", c)
	}
	b.Apply("houston", "a4", &demarcv1.Body{Moves: []*demarcv1.ConnectionMove{{From: asks(1, 2, 0).Key, To: asks(2, 1, 0).Key}}})
	if c := b.Changed(); len(c) != 2 || c[0].Value != nil || c[1].Value == nil {
		t.Fatalf("one connection was moved, records %v", c)
	}

	again := New(nil)
	if err := again.Restore(b.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(again.Inventory(), b.Inventory()) {
		t.Errorf("restored\n%v\nwant\n%v", again.Inventory(), b.Inventory())
	}
	if n := len(again.Changed()); n != 0 {
		t.Errorf("%d records changed by restoring", n)
	}
	if c := again.Apply("houston", "a4", &demarcv1.Body{}); len(c.Assets) != 0 {
		t.Errorf("restoring is told as a change: %v", c)
	}
}

func TestRestoreRefuses(t *testing.T) {
	good := New(nil)
	good.Apply("houston", "a4", &demarcv1.Body{Endpoints: []*demarcv1.EndpointDelta{seen("line4", 1, 1)}})
	value := good.Snapshot()[0].Value
	for what, v := range map[string][]byte{"empty": nil, "cut": value[:len(value)-3], "foreign": []byte("hello"), "unknown field": {0x22, 0}, "a body that is none": {0x1a, 1, 0xff}} {
		if err := New(nil).Restore([]Record{{Key: 7, Value: v}}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
