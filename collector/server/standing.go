package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/collector/store"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// maxChanges is how many changes of a condition are kept.
const maxChanges = 100

// standings is how conditions stand, and stood. They are judged at records of
// the clock, so that a replay judges them at the same instants: what something
// touched at the next one, and all of them at each quarter hour. What touches
// them is told by records alone, too.
type standings struct {
	of      map[string]*demarcv1.ConditionHistory // by condition, the first change first
	dirty   map[string]bool                       // what the saved state lacks
	docket  *condition.Docket
	unsaved bool      // the saved state lacks results
	judged  time.Time // when any was, last
	pace    time.Duration
	devices map[string]device // assets as conditions know them; none without conditions
	homes   map[home]int      // how many of them there are
}

func (s *standings) init() {
	s.of, s.dirty = map[string]*demarcv1.ConditionHistory{}, map[string]bool{}
}

// take takes the conditions of a policy: each is judged anew. It reports whether
// they read of assets what those before did not.
func (s *standings) take(p *boundary.Policy) (more bool) {
	before := s.docket
	if s.docket = condition.NewDocket(p); s.docket.Len() == 0 {
		s.devices, s.homes = nil, nil
	}
	return s.docket.Len() > 0 && (before == nil || before.Len() == 0 || s.docket.Reads()&^before.Reads() != 0)
}

// late reports whether a quarter hour is over since conditions were judged.
func (s *standings) late(now time.Time) bool {
	return !now.Truncate(quarter.Span).Equal(s.judged.Truncate(quarter.Span))
}

// stale reports whether conditions are to be judged again, or to be forgotten.
func (s *standings) stale(now time.Time) bool {
	return s.docket.Waits() || len(s.of) > s.docket.Len() || s.docket.Len() > 0 && s.late(now)
}

// stand judges what is to be judged again as of now, and keeps what changed.
func (e *engine) stand(now time.Time) {
	s := &e.stands
	if !s.stale(now) {
		return
	}
	begun := time.Now() // for the pace alone
	late := s.late(now)
	if late {
		s.docket.Touch()
	}
	s.judged = now
	again := map[string]bool{}
	held := true // nothing of it is violated, or was
	for _, r := range s.docket.Judge(e.world(now), e.letIn) {
		again[r.ID()] = true
		held = e.note(r, now) && held
	}
	if gone := s.forget(); gone || !held {
		e.findings.Violated(e.violations(again), e.policy.Domain)
	}
	s.unsaved = true
	if s.pace = 10 * time.Since(begun); late {
		s.pace = 0 // it was the time for it
	}
}

// note keeps how a condition stands where that is new, and reports whether it is
// not violated, nor was.
func (e *engine) note(r *condition.Result, now time.Time) (held bool) {
	s, id := &e.stands, r.ID()
	h := s.of[id]
	if h == nil {
		h = &demarcv1.ConditionHistory{}
		s.of[id] = h
	}
	was := ""
	if n := len(h.GetChanges()); n > 0 {
		was = h.Changes[n-1].GetState()
	}
	if was != r.State {
		h.Changes = append(h.Changes, &demarcv1.ConditionChange{At: timestamppb.New(now), State: r.State, Words: r.Words, Reason: r.Reason, PolicyVersion: e.policy.Version()})
		h.Changes = h.Changes[max(0, len(h.Changes)-maxChanges):]
		s.dirty[id] = true
		e.sayCondition(r, now)
		e.log.Info("condition", "id", id, "state", r.State, "reason", r.Reason)
	}
	return was != condition.Violated && r.State != condition.Violated
}

// forget drops what conditions came to that no document sets any more, and
// reports whether there were any.
func (s *standings) forget() (gone bool) {
	if len(s.of) == s.docket.Len() {
		return false
	}
	there := map[string]bool{}
	for _, r := range s.docket.Results() {
		there[r.ID()] = true
	}
	for id := range s.of {
		if !there[id] {
			delete(s.of, id)
			s.dirty[id] = true
		}
	}
	return true
}

// violations lists the conditions that are violated, with what violates those
// that were judged again.
func (e *engine) violations(again map[string]bool) []finding.Violation {
	var all []finding.Violation
	for _, r := range e.stands.docket.Results() {
		if r.State != condition.Violated {
			continue
		}
		v := finding.Violation{Authorization: r.Authorization, Condition: r.Condition.ID.Name, Same: !again[r.ID()]}
		within := map[string]bool{}
		if d := e.policy.Decision(r.Authorization); d != nil && len(d.Boundaries) > 0 {
			v.Boundary = slices.Min(d.Boundaries)
			for _, b := range d.Boundaries {
				within[b] = true
			}
		}
		if !v.Same {
			v.Things = e.breakers(&r, within)
		}
		all = append(all, v)
	}
	return all
}

// breakers are what violates a condition.
func (e *engine) breakers(r *condition.Result, within map[string]bool) (all []finding.Thing) {
	for _, id := range r.Connections {
		if e.judged[id] != nil {
			all = append(all, e.connectionThing(id))
		}
	}
	for _, id := range r.Assets {
		if t, ok := e.assetThing(id, within); ok {
			all = append(all, t)
		}
	}
	return all
}

// standing reports whether a clock record is due for conditions. Where judging
// what was touched takes long, that is done less often than things move.
func (e *engine) standing(now time.Time) bool {
	s := &e.stands
	return s.stale(now) && (s.judged.IsZero() || s.late(now) || now.Sub(s.judged) >= s.pace || now.Before(s.judged))
}

// Conditions implements api.Plant: as they were judged last, where nothing
// touched them since, else as they stand now.
func (e *engine) Conditions(now time.Time) []api.Standing {
	e.mu.Lock() // what changed of assets is made anew
	defer e.mu.Unlock()
	results := e.stands.docket.AsOf(e.world(now), e.stands.late(now))
	all := make([]api.Standing, len(results))
	for i := range results {
		x := api.Standing{Result: results[i], Since: now}
		x.Changes = slices.Clone(e.stands.of[results[i].ID()].GetChanges())
		if n := len(x.Changes); n > 0 && x.Changes[n-1].GetState() == x.State {
			x.Since = x.Changes[n-1].GetAt().AsTime()
		}
		slices.Reverse(x.Changes)
		all[i] = x
	}
	return all
}

// savedStandings is what is saved beside the histories.
type savedStandings struct {
	Judged  time.Time `json:"judged,omitzero"`
	Touched []string  `json:"touched,omitempty"`
}

// saveStandings adds what the saved state lacks.
func (c *checkpoint) saveStandings(s *standings) error {
	if c.whole {
		for id := range s.of {
			s.dirty[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.dirty)) {
		x := store.Change{Table: tableConditions, Key: []byte(id)}
		if h := s.of[id]; h != nil {
			value, err := proto.MarshalOptions{Deterministic: true}.Marshal(h)
			if err != nil {
				return err
			}
			x.Value = value
		}
		c.changes = append(c.changes, x)
	}
	clear(s.dirty)
	if c.whole || s.unsaved {
		results := plain(s.docket.Results()) // they are replaced, never changed
		c.later = append(c.later, func() (store.Change, error) {
			value, err := json.Marshal(results)
			return store.Change{Table: tableResults, Value: value}, err
		})
		s.unsaved = false
	}
	value, err := json.Marshal(savedStandings{s.judged, s.docket.Touched()})
	c.changes = append(c.changes, store.Change{Table: tableConditions, Value: value})
	return err
}

// savedResult is a result without its condition, which the documents hold.
type savedResult struct {
	ID     string           `json:"id"`
	Result condition.Result `json:"result"`
}

func plain(results []condition.Result) []savedResult {
	all := make([]savedResult, len(results))
	for i := range results {
		all[i] = savedResult{results[i].ID(), results[i]}
		all[i].Result.Condition = nil
	}
	return all
}

// restore fills new standings, of the conditions in force, with saved ones.
func (s *standings) restore(table map[string][]byte, results []byte) error {
	var touched []string
	for id, value := range table {
		if id == "" {
			var saved savedStandings
			if err := json.Unmarshal(value, &saved); err != nil {
				return fmt.Errorf("saved conditions: %w", err)
			}
			s.judged, touched = saved.Judged, saved.Touched
			continue
		}
		h := &demarcv1.ConditionHistory{}
		if err := proto.Unmarshal(value, h); err != nil {
			return fmt.Errorf("saved condition %s: %w", id, err)
		}
		s.of[id] = h
	}
	var saved []savedResult
	if results != nil {
		if err := json.Unmarshal(results, &saved); err != nil {
			return fmt.Errorf("saved results of conditions: %w", err)
		}
	}
	of := map[string]condition.Result{}
	for _, x := range saved {
		of[x.ID] = x.Result
	}
	s.docket.Restore(of, touched)
	return nil
}
