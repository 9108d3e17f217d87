package identity

import (
	"testing"

	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

// FuzzApply feeds whatever an agent could send: the Book neither panics nor
// grows beyond its limits, and what it holds can be recorded and restored.
func FuzzApply(f *testing.F) {
	key := connKey("l", "10.0.0.1", "10.0.0.2", "tcp", 502)
	for _, body := range []*demarcv1.Body{
		saw(owner("l", "10.0.0.1", plcMAC, 0, 1), sender("l", "fe80::1", plcMAC, 1), sender("m", "0.0.0.0", hmiMAC, 2, 4095)),
		{Facts: []*demarcv1.FactDelta{factOf(addr("l", "10.0.0.1"), "serial", "X-1", "s", demarcv1.Grade_GRADE_IDENTITY, 0), factOf(addr("l", "10.0.0.1"), "vendor", "V", "s", demarcv1.Grade_GRADE_IDENTITY, 0)}},
		{Connections: []*demarcv1.ConnectionDelta{{Key: key, RelatedTo: key, Operations: []uint64{1}, Protocol: "modbus", Tls: "1.2"}}, Moves: []*demarcv1.ConnectionMove{{From: key, To: connKey("l", "10.0.0.2", "10.0.0.1", "tcp", 5)}}},
		{Losses: []*demarcv1.LossDelta{{Reason: "kernel-drop", FirstNs: -1, LastNs: 1 << 62, Count: 1 << 63}}},
	} {
		raw, err := proto.Marshal(body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		body := &demarcv1.Body{}
		if proto.Unmarshal(raw, body) != nil {
			return
		}
		limits := Limits{Addresses: 50, Connections: 20}
		b := NewLimited(nil, limits)
		b.KeepRecords()
		b.Apply("s", "a", body)
		b.Apply("s", "b", body)
		inv := b.Inventory()
		if len(b.observed) > limits.Addresses || len(b.raws) > limits.Connections || len(b.losses.items) > 2*maxLosses {
			t.Fatalf("%d addresses, %d connections, %d losses", len(b.observed), len(b.raws), len(b.losses.items))
		}
		if _, err := proto.Marshal(inv); err != nil {
			t.Fatal(err)
		}
		again := NewLimited(nil, limits)
		again.Restore(b.Records())
		if got := again.Inventory(); len(got.Assets) != len(inv.Assets) || len(got.Connections) != len(inv.Connections) {
			t.Fatalf("restored %d assets and %d connections of %d and %d", len(got.Assets), len(got.Connections), len(inv.Assets), len(inv.Connections))
		}
		b.SetSpace(bySegment)
		b.Changes()
	})
}
