package storetest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"demarc/collector/store"
)

// load returns the state as a table and its position.
func (b *bench) load(t *testing.T) (map[string]string, uint64) {
	t.Helper()
	m := map[string]string{}
	position, err := b.Load(t.Context(), func(c store.Change) error {
		key := fmt.Sprintf("%d/%s", c.Table, c.Key)
		if c.Value == nil {
			delete(m, key)
		} else {
			m[key] = string(c.Value)
		}
		return nil
	})
	must(t, err)
	return m, position
}

func change(table byte, key, value string) store.Change {
	return store.Change{Table: table, Key: []byte(key), Value: []byte(value)}
}

func testState(t *testing.T, b *bench) {
	if m, p := b.load(t); len(m) != 0 || p != 0 {
		t.Fatal(m, p)
	}
	for i := range uint64(5) {
		b.append(t, batch("a", 1, i+1, "x"))
	}
	fence, err := b.Lease(t.Context(), "one")
	must(t, err)
	must(t, b.Save(t.Context(), fence, 2, false, []store.Change{change(1, "k", "v"), change(2, "k", ""), change(1, "l", "w")}))
	must(t, b.Save(t.Context(), fence, 4, false, []store.Change{change(1, "k", "v2"), {Table: 1, Key: []byte("l")}}))
	must(t, b.Save(t.Context(), fence, 4, false, nil))
	b.reopen(t)
	m, p := b.load(t)
	if p != 4 || !maps.Equal(m, map[string]string{"1/k": "v2", "2/k": ""}) {
		t.Errorf("position %d: %v", p, m)
	}
	if err := b.Save(t.Context(), fence, 3, false, nil); err == nil {
		t.Error("the state went back")
	}
	if err := b.Save(t.Context(), fence, 6, false, nil); err == nil {
		t.Error("the state lies past the journal")
	}
}

func testStateWhole(t *testing.T, b *bench) {
	b.append(t, batch("a", 1, 1, "x"))
	fence, err := b.Lease(t.Context(), "one")
	must(t, err)
	var many []store.Change
	want := map[string]string{}
	big := string(make([]byte, 1000))
	for i := range 5000 {
		key := fmt.Sprintf("%05d", i)
		many = append(many, change(1, key, big+key))
		want["1/"+key] = big + key
	}
	must(t, b.Save(t.Context(), fence, 1, false, []store.Change{change(1, "old", "old")}))
	must(t, b.Save(t.Context(), fence, 1, true, many))
	if m, _ := b.load(t); !maps.Equal(m, want) {
		t.Errorf("%d keys, want %d", len(m), len(want))
	}
	must(t, b.Save(t.Context(), fence, 1, true, []store.Change{change(3, "k", "v")}))
	b.reopen(t)
	if m, _ := b.load(t); !maps.Equal(m, map[string]string{"3/k": "v"}) {
		t.Errorf("%v", m)
	}
}

func testFence(t *testing.T, b *bench) {
	b.append(t, batch("a", 1, 1, "x"))
	one, err := b.Lease(t.Context(), "one")
	must(t, err)
	must(t, b.Save(t.Context(), one, 0, false, []store.Change{change(1, "k", "v")}))
	b.reopen(t)
	two, err := b.Lease(t.Context(), "two")
	must(t, err)
	if two <= one {
		t.Errorf("fence %d after %d", two, one)
	}
	if err := b.Save(t.Context(), one, 1, false, []store.Change{change(1, "k", "late")}); !errors.Is(err, store.ErrFence) {
		t.Errorf("an old fence: %v", err)
	}
	must(t, b.Save(t.Context(), two, 1, false, nil))
	if m, _ := b.load(t); m["1/k"] != "v" {
		t.Errorf("%v", m)
	}
}

func testAppendDuringSave(t *testing.T, b *bench) {
	b.append(t, batch("a", 1, 1, "x"))
	fence, err := b.Lease(t.Context(), "one")
	must(t, err)
	var many []store.Change
	for i := range 20000 {
		many = append(many, change(1, fmt.Sprintf("%06d", i), string(make([]byte, 500))))
	}
	var saving sync.WaitGroup
	saving.Add(1)
	done := make(chan struct{})
	var failed error
	go func() {
		defer saving.Done()
		defer close(done)
		failed = b.Save(t.Context(), fence, 1, true, many)
	}()
	between := 0
	for sequence := uint64(2); ; sequence++ {
		select {
		case <-done:
		default:
			b.append(t, batch("a", 1, sequence, "x"))
			between++
			continue
		}
		break
	}
	saving.Wait()
	must(t, failed)
	if between < 2 {
		t.Errorf("%d appends while 10 MB were saved", between)
	}
	if m, p := b.load(t); len(m) != len(many) || p != 1 {
		t.Errorf("%d keys at %d", len(m), p)
	}
}
