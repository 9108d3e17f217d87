package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// TakeSnapshot implements api.Plant.
func (e *engine) TakeSnapshot(ctx context.Context, body *demarcv1.SnapshotAct, dryRun bool, by store.Act) (*finding.Snapshot, error) {
	e.applying.Lock()
	defer e.applying.Unlock()
	e.mu.Lock()
	s, err := e.snapshot(body.GetAuthorization(), by.Who, body.GetReason(), &store.Record{Position: e.position + 1, Recorded: e.clock().UTC()})
	e.mu.Unlock()
	if err != nil || dryRun {
		return s, err
	}
	if err := e.Act(ctx, "", actSnapshotTake, body, by); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if s = e.drifts.latest(body.GetAuthorization()); s == nil {
		return nil, refused("authorization %q is gone meanwhile", body.GetAuthorization())
	}
	return copyOf(s), nil
}

// copyOf is a snapshot that merges do not reach.
func copyOf(s *finding.Snapshot) *finding.Snapshot {
	c := *s
	c.Kept, c.Merges = maps.Clone(s.Kept), slices.Clone(s.Merges)
	return &c
}

// MergeSnapshot implements api.Plant.
func (e *engine) MergeSnapshot(ctx context.Context, body *demarcv1.SnapshotAct, dryRun bool, by store.Act) ([]finding.Difference, error) {
	e.applying.Lock()
	defer e.applying.Unlock()
	e.mu.Lock()
	s, p, ok := e.held(body.GetAuthorization(), e.clock().UTC())
	var would []finding.Difference
	if ok {
		would = s.NewlyVisible(p, body.GetCause())
	}
	e.mu.Unlock()
	switch {
	case !ok:
		return nil, refused("authorization %q has no snapshot to merge into: `demarc-collector snapshot take`", body.GetAuthorization())
	case len(would) == 0:
		return nil, refused("nothing became newly visible since snapshot %s", s.ID())
	case dryRun:
		return would, nil
	}
	if err := e.Act(ctx, "", actSnapshotMerge, body, by); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.merged, nil
}

// Snapshots implements api.Plant.
func (e *engine) Snapshots() []*finding.Snapshot {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var all []*finding.Snapshot
	for _, name := range slices.Sorted(maps.Keys(e.drifts.snapshots)) {
		for _, s := range slices.Backward(e.drifts.snapshots[name]) {
			all = append(all, copyOf(s))
		}
	}
	return all
}

// Drift implements api.Plant.
func (e *engine) Drift(authorization string, now time.Time) (all []finding.Difference, ok bool) {
	e.mu.Lock() // what changed is made anew
	defer e.mu.Unlock()
	s, p, ok := e.held(authorization, now)
	if !ok {
		return nil, false
	}
	return s.Compare(p), true
}

// Program notes that an agent runs another program from now on: what it tells
// of then may have been there before.
func (e *engine) Program(ctx context.Context, agent, version string) error {
	return e.Act(ctx, "", actProgram, &demarcv1.AgentProgram{Agent: agent, Version: version},
		store.Act{Who: "agent " + agent, What: "agent program", On: agent, Detail: "version " + version})
}

// saveDrifts adds what changed of snapshots.
func (c *checkpoint) saveDrifts(d *drifts) {
	for _, name := range slices.Sorted(maps.Keys(d.snapshots)) {
		for _, s := range d.snapshots[name] {
			if !c.whole && !d.dirty[s.ID()] {
				continue
			}
			as := *s
			as.Kept, as.Merges = maps.Clone(s.Kept), slices.Clip(s.Merges) // what they hold is never changed
			c.later = append(c.later, func() (store.Change, error) {
				value, err := packSnapshot(&as)
				return store.Change{Table: tableSnapshots, Key: []byte(as.ID()), Value: value}, err
			})
			delete(d.dirty, s.ID())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.dirty)) {
		c.changes = append(c.changes, store.Change{Table: tableSnapshots, Key: []byte(id)})
	}
	clear(d.dirty)
	for agent, position := range d.programs {
		c.changes = append(c.changes, store.Change{Table: tablePrograms, Key: []byte(agent), Value: binary.BigEndian.AppendUint64(nil, position)})
	}
	if !d.due.IsZero() {
		c.changes = append(c.changes, store.Change{Table: tableDriftDue, Value: binary.BigEndian.AppendUint64(nil, uint64(d.due.UnixNano()))})
	}
}

func (e *engine) restoreDrifts(s saved) error {
	for id, value := range s[tableSnapshots] {
		x, err := unpackSnapshot(value)
		if err != nil {
			return fmt.Errorf("saved snapshot %s: %w", id, err)
		}
		e.drifts.snapshots[x.Authorization] = append(e.drifts.snapshots[x.Authorization], x)
	}
	for _, all := range e.drifts.snapshots {
		slices.SortFunc(all, func(a, b *finding.Snapshot) int { return a.Number - b.Number })
	}
	for agent, value := range s[tablePrograms] {
		e.drifts.programs[agent] = readUint(value)
	}
	if n := readUint(s[tableDriftDue][""]); n != 0 {
		e.drifts.due = time.Unix(0, int64(n)).UTC()
	}
	return nil
}

// packSnapshot makes a snapshot small: its texts repeat.
func packSnapshot(s *finding.Snapshot) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(s); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

// maxPacked bounds what a saved snapshot unpacks to.
const maxPacked = 4 << 30

func unpackSnapshot(b []byte) (*finding.Snapshot, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	s := &finding.Snapshot{}
	if err := json.NewDecoder(io.LimitReader(z, maxPacked)).Decode(s); err != nil {
		return nil, err
	}
	return s, z.Close()
}
