package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"time"
)

// kept is what a restart must not forget, and what a running agent and a
// person who asks by hand beside it agree on.
type kept struct {
	Killed string `json:"killed"` // why; "" is open
	Stops  []Stop `json:"stops"`
	// Asked is when each job was asked last.
	Asked map[string]time.Time `json:"asked"`
	// Sent are the requests of the last minute, for the budgets.
	Sent map[netip.Addr][]time.Time `json:"sent"`
}

// Stop keeps a device from being asked until a person resumes it.
type Stop struct {
	Address netip.Addr `json:"address"`
	Since   time.Time  `json:"since"`
	Why     string     `json:"why"`
}

func (k *kept) stopped(a netip.Addr) *Stop {
	if i := slices.IndexFunc(k.Stops, func(s Stop) bool { return s.Address == a }); i >= 0 {
		return &k.Stops[i]
	}
	return nil
}

func (k *kept) clone() kept {
	return kept{Killed: k.Killed, Stops: slices.Clone(k.Stops), Asked: maps.Clone(k.Asked), Sent: k.Sent}
}

// keep changes what is kept: in this process at once, then in the file, on top
// of what another process has changed there. The caller holds mu.
func (g *Gate) keep(change func(*kept)) error {
	k := g.kept.clone()
	change(&k)
	g.take(k)
	if g.file == "" {
		return nil
	}
	unlock, err := lockFile(g.file+".lock", true)
	if err != nil {
		return err
	}
	defer unlock()
	there, err := g.load()
	if err != nil {
		return err
	}
	k = g.kept.clone()
	change(&k)
	if there && reflect.DeepEqual(k, g.kept) {
		return nil
	}
	g.take(k)
	err = g.save()
	g.unsaved = err != nil
	return err
}

// take makes k what holds. Whoever was resumed is asked afresh. The caller
// holds mu.
func (g *Gate) take(k kept) {
	for _, s := range g.kept.Stops {
		if p := g.devices[s.Address]; p != nil && k.stopped(s.Address) == nil {
			p.failed, p.free = 0, time.Time{}
		}
	}
	for a, sent := range k.Sent {
		g.paceOf(a).recall(sent)
		g.network.recall(sent)
	}
	g.kept = k
	g.turned()
}

// turned lets those who wait look again, and cuts what is barred now; the
// caller holds mu.
func (g *Gate) turned() {
	for l := range g.lines {
		if g.barred(l.addr, g.now()) != nil {
			l.cut()
		}
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// load takes what the file says, if it is there. What cannot be read closes the
// gate: who knows what was stopped. The caller holds mu.
func (g *Gate) load() (there bool, err error) {
	info, err := os.Stat(g.file)
	if g.file == "" || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	g.seen = info
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(g.file)
	}
	var k kept
	if err == nil {
		err = json.Unmarshal(raw, &k)
	}
	if err != nil {
		err = fmt.Errorf("probe: %s: %w: it says what was stopped; remove it only when you know that asking is fine", g.file, err)
		k = g.kept.clone()
		k.Killed = err.Error()
	}
	g.take(k)
	return true, err
}

// save writes the file; the caller holds mu and the file's lock.
func (g *Gate) save() error {
	raw, err := json.MarshalIndent(g.kept, "", " ")
	if err == nil {
		err = os.WriteFile(g.file+".new", append(raw, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(g.file+".new", g.file)
	}
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	g.seen, err = os.Stat(g.file)
	return err
}

// watchEvery is how often it is looked whether another process has changed
// what is kept: a kill that the agent was told also ends what a person asks
// by hand.
const watchEvery = 100 * time.Millisecond

// watch follows the file until ctx ends.
func (g *Gate) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.follow()
		}
	}
}

// follow takes what another process wrote.
func (g *Gate) follow() {
	now, err := os.Stat(g.file)
	if err != nil {
		return // it is not there yet
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unsaved || g.seen != nil && os.SameFile(g.seen, now) && g.seen.ModTime().Equal(now.ModTime()) {
		return
	}
	_, _ = g.load() // what cannot be read has closed the gate
}
