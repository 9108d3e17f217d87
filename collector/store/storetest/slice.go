package storetest

import (
	"bytes"
	"errors"
	"testing"

	"demarc/collector/store"
)

func testSlices(t *testing.T, b *bench) {
	for _, sum := range []string{"bb", "aa"} {
		must(t, b.PutSlice(t.Context(), store.Slice{SHA256: sum, Connection: "c-1", Received: b.now, Manifest: []byte(sum), Signature: []byte{1}, Certificate: []byte{2}}, []byte("frames "+sum), nil, act("slice record")))
	}
	if err := b.PutSlice(t.Context(), store.Slice{SHA256: "aa"}, nil, []string{"bb"}, act("again")); !errors.Is(err, store.ErrExists) {
		t.Errorf("again: %v", err)
	}
	b.reopen(t)
	all, err := b.Slices(t.Context())
	if err != nil || len(all) != 2 || all[0].SHA256 != "aa" || all[0].Connection != "c-1" || !all[0].Received.Equal(b.now) || !bytes.Equal(all[1].Manifest, []byte("bb")) {
		t.Errorf("%+v, %v", all, err)
	}
	if data, err := b.SliceData(t.Context(), "aa"); err != nil || string(data) != "frames aa" {
		t.Errorf("%q, %v", data, err)
	}
	must(t, b.PutSlice(t.Context(), store.Slice{SHA256: "cc"}, []byte("c"), []string{"bb"}, act("slice record")))
	must(t, b.DropSlices(t.Context(), []string{"aa", "none"}, act("slice drop")))
	for _, sum := range []string{"aa", "bb"} {
		if _, err := b.SliceData(t.Context(), sum); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", sum, err)
		}
	}
	if all, err := b.Slices(t.Context()); err != nil || len(all) != 1 || all[0].SHA256 != "cc" {
		t.Errorf("%+v, %v", all, err)
	}
	if got := b.acts(t); len(got) != 4 || got[3] != "slice drop" {
		t.Errorf("audit %v", got)
	}
}
