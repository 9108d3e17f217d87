package server

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/config"
	"demarc/collector/deliver"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// actAgentState is what the collector notes of an agent that falls silent, or is
// heard again, so that it has its place in the order of things.
const actAgentState = "agent.state"

// silentFor is how long an agent may say nothing before others are told: long
// enough for a restart, of it or of the collector. watchEvery is how often that is
// looked at.
const (
	silentFor  = 2 * time.Minute
	watchEvery = 10 * time.Second
)

// States of an agent that others are told of.
const (
	agentSilent    = "silent"
	agentConnected = "connected"
)

// heardAgent is an agent with when it was heard last.
type heardAgent struct {
	name, site string
	last       time.Time
}

// watchAgents notes who falls silent, where a destination asks for that.
func (x *collector) watchAgents(ctx context.Context) error {
	if !slices.ContainsFunc(x.Deliver, func(d config.Destination) bool { return slices.Contains(d.What, config.Agents) }) {
		return nil
	}
	tick, since := time.NewTicker(watchEvery), x.Clock()
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		agents, err := x.heardAgents(ctx)
		if err == nil {
			err = x.engine.watch(ctx, agents, since, x.Clock())
		}
		if err != nil && ctx.Err() == nil {
			x.Log.Error("agents not watched", "error", err)
		}
	}
}

// heardAgents lists the agents that may report and did.
func (x *collector) heardAgents(ctx context.Context) (heard []heardAgent, err error) {
	all, err := x.store.Agents(ctx)
	if err != nil {
		return nil, err
	}
	health := x.ingest.Health()
	for _, a := range all {
		last := health[a.Name].LastHeard
		if a.Carried != nil {
			last = x.Clock() // it is heard when somebody carries a bundle: its silence says nothing
		}
		if last.IsZero() {
			c, err := x.store.Cursor(ctx, a.Name, a.Epoch)
			if err != nil {
				return nil, err
			}
			last = c.Used
		}
		if a.Revoked.IsZero() && !last.IsZero() {
			heard = append(heard, heardAgent{a.Name, a.Site, last})
		}
	}
	return heard, nil
}

// watch puts into the journal which agents are silent now and were not, and the
// other way round. Nobody is silent before the collector has listened for a while,
// since it started.
func (e *engine) watch(ctx context.Context, agents []heardAgent, since, now time.Time) error {
	var records []store.Record
	e.mu.RLock()
	for _, a := range agents {
		state, heard := agentConnected, a.last
		if heard.Before(since) {
			heard = since
		}
		if now.Sub(heard) >= silentFor {
			state = agentSilent
		}
		if e.telling.saved.Silent[a.name] == (state == agentSilent) || state == agentConnected && a.last.Before(since) {
			continue
		}
		body, err := proto.Marshal(&demarcv1.AgentState{Agent: a.name, Site: a.site, State: state, LastHeard: timestamppb.New(a.last)})
		if err == nil {
			body, err = proto.Marshal(&demarcv1.Act{Time: timestamppb.New(now), Actor: "collector", Kind: actAgentState, Body: body})
		}
		if err != nil {
			e.mu.RUnlock()
			return err
		}
		records = append(records, store.Record{Kind: store.KindAct, Site: a.site, Body: body})
	}
	e.mu.RUnlock()
	if len(records) == 0 {
		return nil
	}
	_, err := e.store.Append(ctx, records)
	e.news()
	return err
}

// agentState tells that an agent fell silent, or is heard again.
func (e *engine) agentState(r *store.Record, a *demarcv1.Act) error {
	s := &demarcv1.AgentState{}
	if err := proto.Unmarshal(a.GetBody(), s); err != nil {
		return err
	}
	t := &e.telling
	if t.box == nil {
		return nil
	}
	x := &deliver.Event{
		Time: r.Recorded, Kind: "agent." + s.GetState(), What: config.Agents, Subject: s.GetAgent(), Site: s.GetSite(), Status: s.GetState(), Class: s.GetState(),
		Title: "Agent " + s.GetAgent() + " is heard again", Page: "/agents",
	}
	delete(t.saved.Silent, s.GetAgent())
	if s.GetState() == agentSilent {
		if t.saved.Silent == nil {
			t.saved.Silent = map[string]bool{}
		}
		t.saved.Silent[s.GetAgent()] = true
		x.Severity, x.Title = 70, "Agent "+s.GetAgent()+" is silent"
		x.Words = "Last heard " + s.GetLastHeard().AsTime().Format(time.RFC3339) + ". What it listens to is not seen meanwhile."
	}
	t.say(x)
	return nil
}
