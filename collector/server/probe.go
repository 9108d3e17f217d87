package server

import (
	"encoding/binary"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// probes are what people decided on active reads: schedules, kills by site, and
// devices that may be asked again.
type probes struct {
	schedules map[string]*demarcv1.ProbeSchedule
	kills     map[string]*demarcv1.ProbeKill   // by site, "" is everywhere
	resumed   map[string][]*demarcv1.ProbeStop // by agent, the latest last
	said      []savedAct
}

// maxResumed is how many stops taken back an agent is told of: it has long
// learned of those before.
const maxResumed = 256

func newProbes() probes {
	return probes{schedules: map[string]*demarcv1.ProbeSchedule{}, kills: map[string]*demarcv1.ProbeKill{}, resumed: map[string][]*demarcv1.ProbeStop{}}
}

// sayOfProbes takes what a person decided on active reads.
func (e *engine) sayOfProbes(r *store.Record, a *demarcv1.Act) error {
	if err := e.probes.take(a); err != nil {
		return err
	}
	e.probes.said = append(e.probes.said, savedAct{position: r.Position, body: r.Body})
	if e.ordered != nil {
		e.ordered()
	}
	return nil
}

// take does one act; what no longer fits is passed over.
func (p *probes) take(a *demarcv1.Act) error {
	d := &demarcv1.ProbeAct{}
	if err := proto.Unmarshal(a.GetBody(), d); err != nil {
		return err
	}
	switch a.GetKind() {
	case api.ActProbePlan:
		s := proto.CloneOf(d.GetSchedule())
		s.State, s.PlannedBy, s.Planned = api.ProbeProposed, a.GetActor(), a.GetTime()
		p.schedules[s.GetId()] = s
	case api.ActProbeApprove:
		if old := p.schedules[d.GetId()]; old != nil { // replaced, not changed: readers keep it
			s := proto.CloneOf(old)
			s.State, s.ApprovedBy, s.Approved = api.ProbeApproved, a.GetActor(), a.GetTime()
			p.schedules[s.GetId()] = s
		}
	case api.ActProbeWithdraw:
		delete(p.schedules, d.GetId())
	case api.ActProbeKill:
		p.kills[d.GetSite()] = &demarcv1.ProbeKill{Site: d.GetSite(), Reason: d.GetReason(), By: a.GetActor(), Since: a.GetTime()}
	case api.ActProbeOpen:
		delete(p.kills, d.GetSite())
	case api.ActProbeResume:
		all := append(slices.Clone(p.resumed[d.GetAgent()]), d.GetStop())
		p.resumed[d.GetAgent()] = all[max(0, len(all)-maxResumed):]
	}
	return nil
}

// Orders are what one agent is told.
func (e *engine) Orders(site, agent string) *demarcv1.ProbeOrders {
	e.mu.RLock()
	defer e.mu.RUnlock()
	o := &demarcv1.ProbeOrders{Resumed: e.probes.resumed[agent]}
	for _, where := range []string{"", site} {
		if k := e.probes.kills[where]; k != nil && o.Killed == "" {
			o.Killed = "stopped at the collector by " + k.GetBy() + ": " + k.GetReason()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(e.probes.schedules)) {
		switch s := e.probes.schedules[id]; {
		case s.GetAgent() != agent:
		case s.GetState() == api.ProbeApproved:
			o.Schedules = append(o.Schedules, s)
		default:
			o.Proposed = append(o.Proposed, s)
		}
	}
	return o
}

// Probes implements api.Plant.
func (e *engine) Probes() (schedules []*demarcv1.ProbeSchedule, kills []*demarcv1.ProbeKill) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(e.probes.schedules)) {
		schedules = append(schedules, e.probes.schedules[id])
	}
	for _, site := range slices.Sorted(maps.Keys(e.probes.kills)) {
		kills = append(kills, e.probes.kills[site])
	}
	return schedules, kills
}

// saveProbes adds what was decided since the last checkpoint, or all of it.
func (c *checkpoint) saveProbes(all []savedAct, whole bool) {
	for i := range all {
		if all[i].kept && !whole {
			continue
		}
		all[i].kept = true
		c.changes = append(c.changes, store.Change{Table: tableProbes, Key: binary.BigEndian.AppendUint64(nil, all[i].position), Value: all[i].body})
	}
}

// restoreProbes does again what was decided, in its order.
func (e *engine) restoreProbes(s saved) error {
	for _, r := range s.records(tableProbes) {
		a := &demarcv1.Act{}
		if err := proto.Unmarshal(r.Value, a); err != nil {
			return err
		}
		if err := e.probes.take(a); err != nil {
			return err
		}
		e.probes.said = append(e.probes.said, savedAct{position: r.Key, body: r.Value, kept: true})
	}
	return nil
}
