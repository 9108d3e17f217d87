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
	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// maxChanges is how many changes of a condition are kept.
const maxChanges = 100

// standings is how conditions stand, and stood. They are judged at records of
// the clock, so that a replay judges them at the same instants: at the next one
// after something moved, and at each quarter hour.
type standings struct {
	of      map[string]*demarcv1.ConditionHistory // by condition, the first change first
	dirty   map[string]bool                       // what the saved state lacks
	results []condition.Result
	unsaved bool      // the saved state lacks results
	judged  time.Time // when last
	moved   bool      // something that they depend on changed since
	pace    time.Duration
}

func (s *standings) init() {
	s.of, s.dirty, s.moved = map[string]*demarcv1.ConditionHistory{}, map[string]bool{}, true
}

// stale reports whether conditions are to be judged again.
func (s *standings) stale(now time.Time) bool {
	return s.moved || !now.Truncate(quarter.Span).Equal(s.judged.Truncate(quarter.Span))
}

// conditioned reports whether the documents set any condition.
func (e *engine) conditioned() bool {
	return slices.ContainsFunc(e.docs.Authorizations, func(a *boundary.Authorization) bool { return len(a.Conditions) > 0 }) || len(e.stands.of) > 0
}

// stand judges every condition as of now, and keeps what changed.
func (e *engine) stand(now time.Time) {
	if !e.conditioned() || !e.stands.stale(now) {
		return
	}
	begun := time.Now() // for the pace alone
	s := &e.stands
	s.results = condition.Judge(e.seen(now))
	there := map[string]bool{}
	for i := range s.results {
		r := &s.results[i]
		id := r.ID()
		there[id] = true
		h := s.of[id]
		if h == nil {
			h = &demarcv1.ConditionHistory{}
			s.of[id] = h
		}
		if n := len(h.GetChanges()); n > 0 && h.Changes[n-1].GetState() == r.State {
			continue
		}
		h.Changes = append(h.Changes, &demarcv1.ConditionChange{At: timestamppb.New(now), State: r.State, Words: r.Words, Reason: r.Reason, PolicyVersion: e.policy.Version()})
		h.Changes = h.Changes[max(0, len(h.Changes)-maxChanges):]
		s.dirty[id] = true
		e.log.Info("condition", "id", id, "state", r.State, "reason", r.Reason)
	}
	for id := range s.of {
		if !there[id] { // its document is gone
			delete(s.of, id)
			s.dirty[id] = true
		}
	}
	e.findings.Violated(e.violations(), e.policy.Domain)
	s.judged, s.moved, s.unsaved = now, false, true
	s.pace = 10 * time.Since(begun)
}

// violations lists the conditions that are violated, with what violates them.
func (e *engine) violations() []finding.Violation {
	var all []finding.Violation
	for i := range e.stands.results {
		r := &e.stands.results[i]
		if r.State != condition.Violated {
			continue
		}
		v := finding.Violation{Authorization: r.Authorization, Condition: r.Condition.ID.Name}
		within := map[string]bool{}
		if d := e.policy.Decision(r.Authorization); d != nil && len(d.Boundaries) > 0 {
			v.Boundary = slices.Min(d.Boundaries)
			for _, b := range d.Boundaries {
				within[b] = true
			}
		}
		for _, id := range r.Connections {
			if e.judged[id] != nil {
				v.Things = append(v.Things, e.connectionThing(id))
			}
		}
		for _, id := range r.Assets {
			if t, ok := e.assetThing(id, within); ok {
				v.Things = append(v.Things, t)
			}
		}
		all = append(all, v)
	}
	return all
}

// standing reports whether a clock record is due for conditions. Where judging
// them takes long, they are judged less often than things move.
func (e *engine) standing(now time.Time) bool {
	return e.conditioned() && e.stands.stale(now) && (e.stands.judged.IsZero() || now.Sub(e.stands.judged) >= e.stands.pace || now.Before(e.stands.judged))
}

// seen is what conditions are judged by.
func (e *engine) seen(now time.Time) condition.World {
	w := condition.World{Policy: e.policy, Documents: e.docs, Ledger: e.ledger, Quarters: e.book.Quarters, Now: now}
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

// Conditions implements api.Plant: as they were judged last, where nothing moved
// since, else as they stand now.
func (e *engine) Conditions(now time.Time) []api.Standing {
	e.mu.Lock() // what changed of assets is made anew
	defer e.mu.Unlock()
	results := e.stands.results
	if results == nil || e.stands.stale(now) {
		results = condition.Judge(e.seen(now))
	}
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

// moves notes whether conditions may turn by a judgement that takes the place of
// another: counters alone wait for the quarter hour to end.
func (s *standings) moves(before, now *taken) {
	if s.moved {
		return
	}
	a, b := before.data, now.data
	s.moved = before.verdict != now.verdict || before.client != now.client || before.server != now.server ||
		a.GetProtocol() != b.GetProtocol() || a.GetGrade() != b.GetGrade() || a.GetOutcome() != b.GetOutcome() || a.GetOpenedBy() != b.GetOpenedBy() ||
		a.GetDirectionBasis() != b.GetDirectionBasis() || a.GetSecurity() != b.GetSecurity() || a.GetSecurityFacts().GetTls() != b.GetSecurityFacts().GetTls() ||
		len(a.GetOperations()) != len(b.GetOperations())
	for o := ot.Operation(0); !s.moved && o < ot.Operation(ot.NumOperations); o++ {
		s.moved = quarter.Acting.Has(o) && a.GetOperations()[o.String()] != b.GetOperations()[o.String()]
	}
}

// savedStandings is what is saved beside the histories.
type savedStandings struct {
	Judged time.Time `json:"judged,omitzero"`
	Moved  bool      `json:"moved"`
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
		results := plain(s.results) // they are replaced, never changed
		c.later = append(c.later, func() (store.Change, error) {
			value, err := json.Marshal(results)
			return store.Change{Table: tableResults, Value: value}, err
		})
		s.unsaved = false
	}
	value, err := json.Marshal(savedStandings{s.judged, s.moved})
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

// restoreResults fills in what conditions came to last, as far as the documents
// still set them: what is missing is judged again when somebody asks.
func (s *standings) restoreResults(value []byte, docs *boundary.Documents) error {
	var saved []savedResult
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(value, &saved); err != nil {
		return fmt.Errorf("saved results of conditions: %w", err)
	}
	by := map[string]*boundary.Condition{}
	for _, a := range docs.Authorizations {
		for i := range a.Conditions {
			r := condition.Result{Authorization: a.Name, Condition: &a.Conditions[i]}
			by[r.ID()] = r.Condition
		}
	}
	var results []condition.Result
	for _, x := range saved {
		if x.Result.Condition = by[x.ID]; x.Result.Condition == nil {
			return nil
		}
		results = append(results, x.Result)
	}
	s.results = results
	return nil
}

// restore fills new standings with saved ones.
func (s *standings) restore(table map[string][]byte) error {
	for id, value := range table {
		if id == "" {
			var saved savedStandings
			if err := json.Unmarshal(value, &saved); err != nil {
				return fmt.Errorf("saved conditions: %w", err)
			}
			s.judged, s.moved = saved.Judged, saved.Moved
			continue
		}
		h := &demarcv1.ConditionHistory{}
		if err := proto.Unmarshal(value, h); err != nil {
			return fmt.Errorf("saved condition %s: %w", id, err)
		}
		s.of[id] = h
	}
	return nil
}
