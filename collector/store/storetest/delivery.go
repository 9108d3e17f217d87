package storetest

import (
	"maps"
	"testing"

	"demarc/collector/store"
)

func testDeliveries(t *testing.T, b *bench) {
	soc := store.Delivery{Position: 7, N: ^uint32(0), Audit: 3, Dropped: 2, Told: 1}
	for range 2 { // the later counts
		for name, d := range map[string]store.Delivery{"soc": soc, "hook": {}} {
			if err := b.PutDelivery(t.Context(), name, d); err != nil {
				t.Fatal(err)
			}
		}
		soc.Position++
	}
	soc.Position--
	b.reopen(t)
	all, err := b.Deliveries(t.Context())
	if err != nil || !maps.Equal(all, map[string]store.Delivery{"soc": soc, "hook": {}}) {
		t.Errorf("%v %v", all, err)
	}
	for range 2 { // it may be gone already
		if err := b.DropDelivery(t.Context(), "hook"); err != nil {
			t.Fatal(err)
		}
	}
	if all, err = b.Deliveries(t.Context()); err != nil || !maps.Equal(all, map[string]store.Delivery{"soc": soc}) {
		t.Errorf("%v %v", all, err)
	}
}
