package server

import (
	"iter"
	"maps"
	"slices"
	"time"

	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

// seen finds for conditions what they are judged by. It implements
// condition.Source.
type seen struct{ e *engine }

// world is what conditions are judged by.
func (e *engine) world(now time.Time) condition.World {
	return condition.World{Policy: e.policy, Documents: e.docs, Source: seen{e}, Ledger: e.ledger, Quarters: e.book.Quarters, Now: now}
}

func (s seen) Between(in func(client, server string) bool) (all []*demarcv1.JudgedConnection) {
	for _, j := range s.e.lean.between(in) {
		switch {
		case !in(j.client, j.server): // another that holds a shared entry is of the pair
		case j.shown != nil:
			all = append(all, j.shown)
		default:
			all = append(all, j.show()) // not kept: nobody but conditions asked
		}
	}
	return all
}

func (s seen) TCP(at condition.Segment) iter.Seq[*demarcv1.Connection] {
	return func(yield func(*demarcv1.Connection) bool) {
		for j := range s.e.lean.lines[at] {
			if !yield(j.data) {
				return
			}
		}
	}
}

func (s seen) Asset(id string) *demarcv1.Asset {
	if _, known := s.e.assets[id]; !known {
		return nil
	}
	return s.e.show(id)
}

func (s seen) Within(in func(boundary string) bool) (all []*demarcv1.Asset) {
	var ids []string
	for id, d := range s.e.stands.devices {
		if slices.ContainsFunc(d.boundaries, in) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if a := s.e.show(id); a != nil {
			all = append(all, a)
		}
	}
	return all
}

func (s seen) Segments() iter.Seq2[string, condition.Segment] {
	return func(yield func(string, condition.Segment) bool) {
		for at := range s.e.stands.homes {
			if !yield(at.boundary, at.Segment) {
				return
			}
		}
	}
}

// wholeWorld is a world that lists everything, for who would have some of it be
// otherwise.
func (e *engine) wholeWorld(now time.Time) condition.World {
	w := e.world(now)
	w.Source = nil
	for _, j := range e.lean.every() {
		w.Connections = append(w.Connections, j.view())
	}
	latest := e.latest()
	for _, id := range slices.Sorted(maps.Keys(e.assets)) {
		if a := e.showAt(id, e.assets[id], latest); a != nil {
			w.Assets = append(w.Assets, a)
		}
	}
	return w
}
