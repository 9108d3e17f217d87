package identity

import (
	"fmt"
	"net/netip"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	demarcv1 "demarc/proto/demarc/v1"
)

// report is one body of one agent.
type report struct {
	agent string
	body  *demarcv1.Body
}

// world draws small bodies over few addresses, MACs and times, so that they
// collide in every way: routers, duplicates, overlapping segments, serials.
type world struct{ t *rapid.T }

func (w world) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(w.t, label)
}

func (w world) time() int64 { return start + int64(rapid.IntRange(0, 6).Draw(w.t, "t"))*second }

func (w world) mac() string {
	return w.pick("mac", "", plcMAC, hmiMAC, routerMAC, otherMAC, vrrpMAC, "01:00:5e:00:00:01")
}

func (w world) address() *demarcv1.Address {
	segment := w.pick("segment", "line4", "line5", "core")
	if rapid.IntRange(0, 5).Draw(w.t, "by MAC") == 0 {
		if m := w.mac(); m != "" {
			return addr(segment, m, uint32(rapid.IntRange(0, 2).Draw(w.t, "vlan")))
		}
	}
	return addr(segment, w.pick("ip", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.9.0.1", "10.9.0.2", "8.8.8.8", "0.0.0.0", "239.0.0.1",
		"fe80::1", "fe80::20e:8cff:fe00:1", "fd00::1", "fd00::2", "2001:db8::1", "2001:db8:1::1", "2001:db8:2::1"))
}

func (w world) endpoint() *demarcv1.EndpointDelta {
	at := w.time()
	d := &demarcv1.EndpointDelta{Address: w.address(), Mac: hw(w.mac()), OwnLink: rapid.Bool().Draw(w.t, "own"), FirstNs: at, LastNs: at + second/2}
	if rapid.Bool().Draw(w.t, "tagged") {
		d.Vlans = []uint32{uint32(rapid.IntRange(1, 3).Draw(w.t, "vlan"))}
	}
	return d
}

func (w world) fact() *demarcv1.FactDelta {
	f := factOf(w.address(), w.pick("attribute", "vendor", "serial", "name", "model", "role"), w.pick("value", "Siemens", "X-123", "X-124", "plc"),
		w.pick("source", "a", "b"), demarcv1.Grade(rapid.IntRange(1, 4).Draw(w.t, "grade")), 0)
	f.FirstNs = w.time()
	f.LastNs = f.FirstNs
	f.Part = w.pick("part", "", "", "slot/1")
	return f
}

func (w world) key() *demarcv1.ConnectionKey {
	k := &demarcv1.ConnectionKey{Client: w.address(), Server: w.address(), Transport: "tcp", Port: uint32(rapid.IntRange(0, 1).Draw(w.t, "port"))}
	k.Server.Segment = k.Client.Segment
	return k
}

func (w world) connection() *demarcv1.ConnectionDelta {
	at := w.time()
	d := &demarcv1.ConnectionDelta{
		Key: w.key(), Protocol: w.pick("protocol", "", "unknown", "cotp", "s7comm", "modbus"), Grade: demarcv1.Grade(rapid.IntRange(0, 4).Draw(w.t, "grade")),
		DirectionBasis: w.pick("basis", "", "port", "syn"), OpenedBy: w.pick("opener", "", "client", "server"), Outcome: w.pick("outcome", "", "refused", "exchanged"),
		ClientPackets: uint64(rapid.IntRange(0, 9).Draw(w.t, "packets")), Operations: []uint64{uint64(rapid.IntRange(0, 3).Draw(w.t, "reads"))},
		Security: w.pick("security", "", "none", "sign"), ServerName: w.pick("name", "", "x.example"), FirstNs: at, LastNs: at,
	}
	return d
}

func (w world) body() *demarcv1.Body {
	b := &demarcv1.Body{}
	for range rapid.IntRange(0, 3).Draw(w.t, "endpoints") {
		b.Endpoints = append(b.Endpoints, w.endpoint())
	}
	for range rapid.IntRange(0, 2).Draw(w.t, "facts") {
		b.Facts = append(b.Facts, w.fact())
	}
	for range rapid.IntRange(0, 2).Draw(w.t, "connections") {
		b.Connections = append(b.Connections, w.connection())
	}
	if rapid.IntRange(0, 5).Draw(w.t, "loss") == 0 {
		b.Losses = append(b.Losses, &demarcv1.LossDelta{Reason: "kernel-drop", FirstNs: w.time(), Count: 1})
	}
	return b
}

func (w world) reports() []report {
	var all []report
	for range rapid.IntRange(1, 12).Draw(w.t, "reports") {
		all = append(all, report{w.pick("agent", "a1", "a2"), w.body()})
	}
	return all
}

func tell(b *Book, all []report) *Book {
	for _, r := range all {
		b.Apply("houston", r.agent, proto.CloneOf(r.body))
	}
	return b
}

func mustEqual(t *rapid.T, what string, got, want proto.Message) {
	if !proto.Equal(got, want) {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := world{t}.reports()
		want := tell(New(nil), all).Inventory()
		mustEqual(t, "another order", tell(New(nil), rapid.Permutation(all).Draw(t, "order")).Inventory(), want)

		step := New(nil)
		for _, r := range rapid.Permutation(all).Draw(t, "order, settled each time") {
			tell(step, []report{r})
			step.Inventory()
		}
		mustEqual(t, "settled after each", step.Inventory(), want)
	})
}

func bySegment(site, segment string, _ netip.Addr) string { return site + "/" + segment }

// TestChangesAreComplete keeps a copy by nothing but Changes.
func TestChangesAreComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(nil)
		assets, conns := map[string]*demarcv1.Asset{}, map[string]string{}
		follow := func() {
			c := b.Changes()
			for _, id := range c.Assets {
				if a, ok := b.Asset(id); ok {
					assets[id] = a
				} else {
					delete(assets, id)
				}
			}
			for _, id := range c.Connections {
				if x, ok := b.Connection(id); ok {
					conns[id] = fmt.Sprint(x)
				} else {
					delete(conns, id)
				}
			}
		}
		for i, r := range (world{t}).reports() {
			tell(b, []report{r})
			follow()
			if i == 3 {
				b.SetSpace(bySegment)
				follow()
			}
			all := b.Assets("")
			if len(all) != len(assets) {
				t.Fatalf("%d assets followed, %d there are", len(assets), len(all))
			}
			for _, a := range all {
				if assets[a.Id] == nil {
					t.Fatalf("asset %s was not told: %v", a.Id, a)
				}
				mustEqual(t, "asset followed", assets[a.Id], a)
			}
			n := 0
			for c := range b.Connections() {
				n++
				if conns[c.ID] != fmt.Sprint(c) {
					t.Fatalf("connection followed:\n got %s\nwant %v", conns[c.ID], c)
				}
			}
			if n != len(conns) {
				t.Fatalf("%d connections followed, %d there are", len(conns), n)
			}
		}
	})
}

func TestRecordsMakeTheSameBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{t}
		all := w.reports()
		if rapid.Bool().Draw(t, "move") {
			move := &demarcv1.ConnectionMove{From: w.key(), To: w.key()}
			all = append(all,
				report{"a1", &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{{Key: move.From, ClientPackets: 2}}}},
				report{"a1", &demarcv1.Body{Moves: []*demarcv1.ConnectionMove{move}}})
		}
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		b := New(nil)
		b.KeepRecords()
		tell(b, all[:cut])
		saved := map[uint64]Record{}
		save := func() {
			for _, r := range b.ChangedRecords() {
				if len(r.Told) == 0 {
					delete(saved, r.Key)
				} else {
					saved[r.Key] = r
				}
			}
		}
		save()
		tell(b, all[cut:])
		save()
		records := b.Records()
		if len(records) != len(saved) {
			t.Fatalf("%d records saved by changes, %d there are", len(saved), len(records))
		}
		for i, r := range records {
			if i > 0 && records[i-1].Key >= r.Key {
				t.Fatalf("keys do not ascend: %d, %d", records[i-1].Key, r.Key)
			}
			if len(saved[r.Key].Told) != len(r.Told) {
				t.Fatalf("record %d saved %v, is %v", r.Key, saved[r.Key], r)
			}
			for j := range r.Told {
				mustEqual(t, "record", saved[r.Key].Told[j].Body, r.Told[j].Body)
			}
		}
		again := New(nil)
		again.KeepRecords()
		again.Restore(records)
		mustEqual(t, "restored", again.Inventory(), b.Inventory())
		if n := len(again.ChangedRecords()); n != 0 {
			t.Fatalf("%d records changed by restoring", n)
		}
		more := w.reports()
		mustEqual(t, "restored and gone on", tell(again, more).Inventory(), tell(b, more).Inventory())
	})
}
