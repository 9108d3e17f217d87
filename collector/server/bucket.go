package server

import (
	"maps"
	"slices"
	"strings"
)

// bucket holds the connections between two boundaries.
type bucket struct {
	pair   [2]string // boundaries of client and server
	alone  []*bucket // the bucket itself, for what is in no other
	ids    map[string]bool
	sorted []string // ids, unless something came or went since: nil
}

// list lists the connections, sorted. It is never changed afterwards.
func (b *bucket) list() []string {
	if b.sorted == nil {
		b.sorted = slices.Sorted(maps.Keys(b.ids))
	}
	return b.sorted
}

func (b *bucket) put(id string) { b.ids[id], b.sorted = true, nil }

func (b *bucket) drop(id string) {
	delete(b.ids, id)
	b.sorted = nil
}

// united is what stands in any of some sorted lists, sorted.
func united(lists [][]string) []string {
	for len(lists) > 1 {
		var pairs [][]string
		for i := 0; i+1 < len(lists); i += 2 {
			pairs = append(pairs, union(lists[i], lists[i+1]))
		}
		if len(lists)%2 == 1 {
			pairs = append(pairs, lists[len(lists)-1])
		}
		lists = pairs
	}
	if len(lists) == 0 {
		return nil
	}
	return lists[0]
}

// union is what stands in one of two sorted lists, sorted.
func union(a, b []string) []string {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	all := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := strings.Compare(a[0], b[0]); {
		case c < 0:
			all, a = append(all, a[0]), a[1:]
		case c > 0:
			all, b = append(all, b[0]), b[1:]
		default:
			all, a, b = append(all, a[0]), a[1:], b[1:]
		}
	}
	return append(append(all, a...), b...)
}
