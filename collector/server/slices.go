package server

import (
	"context"
	"time"

	"demarc/collector/ingest"
	"demarc/collector/recorded"
	demarcv1 "demarc/proto/demarc/v1"
)

// wanted lists, by agent, the connections of open findings, those of the latest
// finding first.
func (e *engine) wanted() map[string][]recorded.Order {
	e.mu.Lock() // the inventory may settle itself when it is asked
	defer e.mu.Unlock()
	all := map[string][]recorded.Order{}
	for _, w := range e.findings.Wanting() {
		j := e.judged[w.Connection]
		if j == nil || j.data == nil {
			continue
		}
		for _, seen := range e.book.SeenConnection(w.Connection) {
			for _, agent := range seen.Agents {
				all[agent] = append(all[agent], recorded.Order{Since: w.Since, SliceOrder: &demarcv1.SliceOrder{
					Connection: w.Connection, Client: j.data.GetClient(), Server: j.data.GetServer(), Transport: j.data.GetTransport(),
					Port: j.data.GetPort(), Segment: seen.Segment,
				}})
			}
		}
	}
	return all
}

// onHold reports whether a document holds what stands at an end of a connection.
func (e *engine) onHold(connection string) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	j := e.judged[connection]
	if j == nil {
		return false
	}
	for _, b := range e.docs.Boundaries {
		if b.Retention != nil && b.Retention.Hold && (e.policy.Within(j.client, b.Name) || e.policy.Within(j.server, b.Name)) {
			return true
		}
	}
	return false
}

const (
	wantEvery  = time.Second
	pruneEvery = time.Hour
)

// asker tells agents whose frames are wanted, as findings come and go.
type asker struct {
	engine *engine
	ingest *ingest.Server
	desk   *recorded.Desk
	change uint64
	looked time.Time
	told   time.Time // everybody, also of what was told before
}

func (a *asker) run(ctx context.Context) error {
	tick, prune := time.NewTicker(wantEvery), time.NewTicker(pruneEvery)
	defer tick.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			a.look(now)
		case <-prune.C:
			if err := a.desk.Prune(ctx); err != nil && ctx.Err() == nil {
				a.engine.log.Error("old slices not dropped", "error", err)
			}
		}
	}
}

// lookAnyway is how often agents are told without a change: one that had
// nothing may have something by now.
const lookAnyway = time.Minute

func (a *asker) look(now time.Time) {
	change, _ := a.engine.changes.Now()
	recording := false
	health := a.ingest.Health()
	for _, h := range health {
		recording = recording || h.Connected && h.Slices != ""
	}
	if !recording || change == a.change && now.Sub(a.looked) < lookAnyway {
		return
	}
	a.change, a.looked = change, now
	again := now.Sub(a.told) >= lookAnyway
	if again {
		a.told = now
	}
	all := a.engine.wanted()
	for agent, h := range health {
		if !h.Connected || h.Slices == "" {
			continue
		}
		if differs, some := a.desk.Want(agent, all[agent]); differs || again && some {
			a.ingest.Want(agent)
		}
	}
}
