package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"demarc/collector/store"
)

// base returns a kept state as a table.
func (b *bench) base(t *testing.T, position uint64) (map[string]string, error) {
	t.Helper()
	m := map[string]string{}
	err := b.LoadBase(t.Context(), position, func(c store.Change) error {
		m[fmt.Sprintf("%d/%s", c.Table, c.Key)] = string(c.Value)
		return nil
	})
	return m, err
}

func testBases(t *testing.T, b *bench) {
	for i := range uint64(9) {
		b.append(t, batch("a", 1, i+1, "x"))
	}
	fence, err := b.Lease(t.Context(), "one")
	must(t, err)
	var many []store.Change
	want := map[string]string{}
	for i := range 4000 {
		key := fmt.Sprintf("%05d", i)
		many = append(many, change(1, key, fmt.Sprintf("%01000d", i)))
		want["1/"+key] = fmt.Sprintf("%01000d", i)
	}
	first, err := b.PutBase(t.Context(), fence, store.Base{Position: 3, Taken: b.now, Software: "1.0"}, []store.Change{change(2, "k", "v"), change(3, "", "")})
	must(t, err)
	second, err := b.PutBase(t.Context(), fence, store.Base{Position: 7, Taken: b.now}, many)
	must(t, err)
	if first.Bytes == 0 || second.Bytes == 0 || second.Bytes > 1<<20 {
		t.Errorf("4 MB of much the same take %d bytes, two small changes %d", second.Bytes, first.Bytes)
	}
	// What Save keeps is something else.
	must(t, b.Save(t.Context(), fence, 9, true, []store.Change{change(1, "now", "now")}))
	b.reopen(t)
	all, err := b.Bases(t.Context())
	must(t, err)
	if !slices.Equal(all, []store.Base{first, second}) {
		t.Errorf("%v, want %v and %v", all, first, second)
	}
	got, err := b.base(t, 3)
	must(t, err)
	if !maps.Equal(got, map[string]string{"2/k": "v", "3/": ""}) {
		t.Errorf("%v", got)
	}
	got, err = b.base(t, 7)
	must(t, err)
	if !maps.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	if m, p := b.load(t); len(m) != 1 || p != 9 {
		t.Errorf("the state is %v at %d", m, p)
	}
}

func testBasesRefused(t *testing.T, b *bench) {
	b.append(t, batch("a", 1, 1, "x"), batch("a", 1, 2, "x"))
	one, err := b.Lease(t.Context(), "one")
	must(t, err)
	if _, err := b.base(t, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no base: %v", err)
	}
	put := func(fence, position uint64) error {
		_, err := b.PutBase(t.Context(), fence, store.Base{Position: position, Taken: b.now}, []store.Change{change(1, "k", "v")})
		return err
	}
	must(t, put(one, 1))
	if err := put(one, 1); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second one at a position: %v", err)
	}
	if err := put(one, 3); err == nil {
		t.Error("a base past the journal's end")
	}
	two, err := b.Lease(t.Context(), "two")
	must(t, err)
	if err := put(one, 2); !errors.Is(err, store.ErrFence) {
		t.Errorf("an old fence puts: %v", err)
	}
	if err := b.DropBase(t.Context(), one, 1); !errors.Is(err, store.ErrFence) {
		t.Errorf("an old fence drops: %v", err)
	}
	must(t, b.DropBase(t.Context(), two, 1))
	must(t, b.DropBase(t.Context(), two, 1))
	if all, err := b.Bases(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("%v %v", all, err)
	}
	must(t, put(two, 1))
}
