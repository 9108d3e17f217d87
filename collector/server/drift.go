package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/store"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of acts on snapshots, and of what agents run, as the journal names them.
const (
	actSnapshotTake  = "snapshot.take"
	actSnapshotMerge = "snapshot.merge"
	actProgram       = "agent.program"
)

// What is there is held against snapshots soon after something new was told,
// and at intervals for what changes without news.
const (
	driftSoon  = 5 * time.Second
	driftEvery = 15 * time.Minute
)

// maxSnapshots is how many snapshots of an authorization are kept.
const maxSnapshots = 10

// drifts is the snapshots of decisions, and when they are looked at next.
type drifts struct {
	snapshots map[string][]*finding.Snapshot // of an authorization, the latest last
	programs  map[string]uint64              // agent -> position since which it runs its program
	due       time.Time                      // zero: there is no snapshot
	dirty     map[string]bool                // ids that the saved state lacks
}

func (d *drifts) init() {
	d.snapshots, d.programs, d.dirty = map[string][]*finding.Snapshot{}, map[string]uint64{}, map[string]bool{}
}

// latest is the snapshot that counts, nil when there is none.
func (d *drifts) latest(authorization string) *finding.Snapshot {
	all := d.snapshots[authorization]
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func (d *drifts) ringing(now time.Time) bool { return !d.due.IsZero() && !d.due.After(now) }

// newThing brings the next look forward.
func (d *drifts) newThing(now time.Time) {
	if soon := now.Add(driftSoon); !d.due.IsZero() && soon.Before(d.due) {
		d.due = soon
	}
}

// takeSnapshot does again, or for the first time, what a person confirmed.
func (e *engine) takeSnapshot(r *store.Record, a *demarcv1.Act) error {
	body := &demarcv1.SnapshotAct{}
	if err := proto.Unmarshal(a.GetBody(), body); err != nil {
		return err
	}
	s, err := e.snapshot(body.GetAuthorization(), a.GetActor(), body.GetReason(), r)
	if err != nil {
		return nil //nolint:nilerr // its document is gone meanwhile: there is nothing to take
	}
	all := append(e.drifts.snapshots[s.Authorization], s)
	for ; len(all) > maxSnapshots; all = all[1:] {
		e.drifts.dirty[all[0].ID()] = true
	}
	e.drifts.snapshots[s.Authorization], e.drifts.dirty[s.ID()] = all, true
	e.unsnapped(r.Recorded, a.GetActor())
	e.sweep(r.Recorded)
	return nil
}

// snapshot is what stands in the boundaries of an authorization as of a record.
func (e *engine) snapshot(authorization, by, reason string, r *store.Record) (*finding.Snapshot, error) {
	d := e.policy.Decision(authorization)
	if d == nil {
		return nil, refused("no authorization is named %q: see `demarc-collector get authorizations`", authorization)
	}
	p := e.presentIn(d.Boundaries, r.Recorded)
	s := finding.Snapshot{
		Authorization: authorization, Number: 1, Taken: r.Recorded.UnixNano(), By: by, Reason: reason, Boundaries: slices.Sorted(slices.Values(d.Boundaries)),
		Policy: e.policy.Version(), Position: r.Position, Ears: e.ledger.Ears(),
	}
	if last := e.drifts.latest(authorization); last != nil {
		s.Number = last.Number + 1
	}
	return finding.NewSnapshot(s, p.Things), nil
}

// mergeSnapshot takes what became newly visible over.
func (e *engine) mergeSnapshot(r *store.Record, a *demarcv1.Act) error {
	body := &demarcv1.SnapshotAct{}
	if err := proto.Unmarshal(a.GetBody(), body); err != nil {
		return err
	}
	s, p, ok := e.held(body.GetAuthorization(), r.Recorded)
	if !ok {
		return nil
	}
	e.merged = s.Merge(p, body.GetCause(), a.GetActor(), body.GetReason(), r.Recorded)
	e.drifts.dirty[s.ID()] = true
	e.sweep(r.Recorded)
	return nil
}

// runProgram notes that an agent runs another program.
func (e *engine) runProgram(r *store.Record, a *demarcv1.Act) error {
	body := &demarcv1.AgentProgram{}
	if err := proto.Unmarshal(a.GetBody(), body); err != nil {
		return err
	}
	e.drifts.programs[body.GetAgent()] = r.Position
	return nil
}

// held is the latest snapshot of an authorization and what is there now.
func (e *engine) held(authorization string, now time.Time) (*finding.Snapshot, finding.Present, bool) {
	s, d := e.drifts.latest(authorization), e.policy.Decision(authorization)
	if s == nil || d == nil {
		return nil, finding.Present{}, false
	}
	return s, e.presentIn(d.Boundaries, now), true
}

// sweep holds what is there against every snapshot.
func (e *engine) sweep(now time.Time) {
	for _, name := range slices.Sorted(maps.Keys(e.drifts.snapshots)) {
		if s, p, ok := e.held(name, now); ok {
			e.findings.Drifted(s, s.Compare(p), e.policy.Domain)
		}
	}
	if e.drifts.due = now.Add(driftEvery); len(e.drifts.snapshots) == 0 {
		e.drifts.due = time.Time{}
	}
}

// unsnapped raises what has no snapshot, and settles what has one now. Where no
// address can stand in its boundaries there is nothing to keep.
func (e *engine) unsnapped(now time.Time, by string) {
	without := map[string][]string{}
	for _, d := range e.policy.Decisions() {
		if e.policy.Places(d.Boundaries) && d.At(now).Operates() && e.drifts.latest(d.Name) == nil {
			without[d.Name] = slices.Sorted(slices.Values(d.Boundaries))
		}
	}
	e.findings.Unsnapped(without, by)
}

// presentIn lists what stands in boundaries and their parts.
func (e *engine) presentIn(boundaries []string, now time.Time) finding.Present {
	within := map[string]bool{}
	for _, b := range e.policy.Boundaries() {
		within[b.Name] = slices.ContainsFunc(boundaries, func(whole string) bool { return whole == b.Name || e.policy.Holds(whole, b.Name) })
	}
	p := finding.Present{
		Now: now, Policy: e.policy.Version(), Elsewhere: e.elsewhere,
		Upgraded: func(agent string) uint64 { return e.drifts.programs[agent] },
	}
	assets := map[string]bool{}
	for b, in := range within {
		if in {
			p.Boundaries = append(p.Boundaries, b)
			maps.Copy(assets, e.lean.assets[b])
		}
	}
	slices.Sort(p.Boundaries)
	for _, id := range slices.Sorted(maps.Keys(assets)) {
		if t, ok := e.assetThing(id, within); ok {
			p.Things = append(p.Things, t)
		}
	}
	for _, j := range e.lean.between(func(client, server string) bool { return within[client] || within[server] }) {
		p.Things = append(p.Things, e.connectionThing(j.id))
	}
	return p
}

func (e *engine) assetThing(id string, within map[string]bool) (finding.Thing, bool) {
	a := e.show(id)
	if a == nil {
		return finding.Thing{}, false
	}
	t := finding.Thing{
		ID: id, Asset: true, Site: a.GetSite(), Words: assetWords(a), Seen: e.book.Seen(id), Part: a.GetParent() != "", Gone: a.GetPresence() == "gone",
		Attributes: map[string]string{}, Told: map[string]int64{}, First: nanos(a.GetFirstSeen()), Last: nanos(a.GetLastSeen()),
	}
	for _, b := range e.lean.of[id] {
		if within[b] {
			t.Boundaries = append(t.Boundaries, b)
		}
	}
	for name, value := range map[string]string{"firmware": a.GetFirmware(), "hardware": a.GetHardware(), "model": a.GetModel(), "serial": a.GetSerial(), "os": a.GetOs()} {
		if value != "" {
			t.Attributes[name] = value
		}
	}
	for _, c := range a.GetChanges() {
		t.Told[c.GetAttribute()] = max(t.Told[c.GetAttribute()], nanos(c.GetAt()))
	}
	t.Listened = e.listenedTo(t.Seen)
	return t, true
}

func assetWords(a *demarcv1.Asset) string {
	addresses := a.GetIps()
	if len(addresses) == 0 {
		addresses = a.GetMacs()
	}
	words := strings.Join(addresses[:min(len(addresses), 3)], " ")
	if len(a.GetNames()) > 0 {
		words += " (" + a.GetNames()[0] + ")"
	}
	return words
}

func (e *engine) connectionThing(id string) finding.Thing {
	j := e.judged[id]
	d := j.data
	t := finding.Thing{
		ID: id, Site: j.site, Words: fmt.Sprintf("%s -> %s %s %s/%d", d.GetClient(), d.GetServer(), d.GetProtocol(), d.GetTransport(), d.GetPort()),
		Boundaries: []string{j.client, j.server}, Seen: e.book.SeenConnection(id), Part: d.GetRelatedTo() != "",
		Attributes: map[string]string{finding.Outcome: finding.Exchanged}, First: nanos(d.GetFirstSeen()), Last: nanos(d.GetLastSeen()),
	}
	if o := ot.ParseOutcome(d.GetOutcome()); o == ot.Refused || o == ot.Unanswered {
		t.Attributes[finding.Outcome] = finding.InVain
	}
	if p := d.GetProtocol(); p != "" && p != "unknown" {
		t.Attributes["protocol"] = p
	}
	if s := d.GetSecurity(); s != "" {
		t.Attributes["security"] = s
	}
	for class, n := range d.GetOperations() {
		if n > 0 {
			t.Attributes[finding.Operation(class)] = "yes"
		}
	}
	if all := e.findings.OfConnection(id); len(all) > 0 {
		t.Finding = all[0]
	}
	t.Listened = e.listenedTo(t.Seen)
	return t
}

// listenedTo is the newest packet of the agents that heard something.
func (e *engine) listenedTo(seen []inventory.Seen) (newest int64) {
	for i := range seen {
		for _, agent := range seen[i].Agents {
			newest = max(newest, e.due.newest[source{seen[i].Site, agent}])
		}
	}
	return newest
}

// elsewhere tells where an asset stands that left its boundaries.
func (e *engine) elsewhere(id string, _ []string) (boundary string, known bool) {
	if len(e.book.Ends(id)) == 0 {
		return "", false
	}
	if in := e.lean.of[id]; len(in) > 0 {
		return in[0], true
	}
	return "", true
}

func nanos(t interface{ AsTime() time.Time }) int64 {
	if n := t.AsTime().UnixNano(); n > 0 {
		return n
	}
	return 0
}
