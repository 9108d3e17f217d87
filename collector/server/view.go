package server

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

var _ api.Plant = (*engine)(nil)

// Position is that of the last record applied.
func (e *engine) Position() uint64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.position
}

// Applied implements api.Plant. While a decision on packets from a file is put
// off, the last record does not count as judged.
func (e *engine) Applied() uint64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.due.past > 0 {
		return e.position - 1
	}
	return e.position
}

// Policy implements api.Plant.
func (e *engine) Policy() *boundary.Policy {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.policy
}

// Connections implements api.Plant. What is shown of many takes time to make:
// others get in meanwhile, as they do while many are judged again.
func (e *engine) Connections() []*demarcv1.JudgedConnection {
	e.mu.RLock()
	list := slices.Collect(maps.Values(e.judged))
	e.mu.RUnlock()
	all := make([]*demarcv1.JudgedConnection, 0, len(list))
	for some := range slices.Chunk(list, batch) {
		e.mu.Lock() // what changed is made anew
		for _, j := range some {
			if j.data != nil {
				all = append(all, j.view())
			}
		}
		e.mu.Unlock()
	}
	return all
}

// Connection implements api.Plant.
func (e *engine) Connection(id string) (inventory.Connection, *demarcv1.JudgedConnection, bool) {
	e.mu.Lock() // the inventory may settle itself when it is asked
	defer e.mu.Unlock()
	j := e.judged[id]
	if j == nil {
		return inventory.Connection{}, nil, false
	}
	c, ok := e.book.Connection(id)
	c.Quarters = c.Quarters.Clone()
	return c, j.view(), ok
}

// Assets implements api.Plant.
func (e *engine) Assets() []*demarcv1.Asset {
	e.mu.Lock() // what changed is made anew
	defer e.mu.Unlock()
	all := make([]*demarcv1.Asset, 0, len(e.assets))
	latest := e.latest()
	for id, was := range e.assets {
		if a := e.showAt(id, was, latest); a != nil {
			all = append(all, a)
		}
	}
	return all
}

// Findings implements api.Plant.
func (e *engine) Findings() []*demarcv1.Finding {
	e.mu.Lock() // what changed is made anew
	defer e.mu.Unlock()
	all := e.findings.All()
	for i, f := range all {
		all[i] = proto.CloneOf(f)
	}
	return all
}

// Finding implements api.Plant.
func (e *engine) Finding(id string) (*demarcv1.Finding, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, ok := e.findings.Get(id)
	if !ok {
		return nil, false
	}
	return proto.CloneOf(f), true
}

// Changes implements api.Plant.
func (e *engine) Changes() *api.Changes { return e.changes }
