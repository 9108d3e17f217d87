package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

// Standing is how a condition stands, with what it came to before.
type Standing struct {
	condition.Result
	Since   time.Time                   // without a break
	Changes []*demarcv1.ConditionChange // the latest first
}

// Results of Gate.
const (
	gateHolds  = "holds"
	gateFails  = "fails"
	gateCannot = "cannot-tell"
)

// ListConditions judges the conditions of authorizations as of now.
func (s *Service) ListConditions(ctx context.Context, r *demarcv1.ListConditionsRequest) (*demarcv1.ListConditionsResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if err := oneOf("state", r.GetState(), condition.States()); err != nil {
		return nil, err
	}
	if err := s.knownAuthorization(r.GetAuthorization()); err != nil {
		return nil, err
	}
	all := s.conditions()
	p, err := conditionList(all).page(r, all, func(c *demarcv1.Condition) bool {
		return is(r.GetAuthorization(), c.GetAuthorization()) && is(r.GetState(), c.GetState())
	})
	return &demarcv1.ListConditionsResponse{AsOf: as, Conditions: p.rows, NextPageToken: p.next, Total: p.total}, err
}

func conditionList(all []*demarcv1.Condition) list[*demarcv1.Condition] {
	return list[*demarcv1.Condition]{
		columns: map[string]column[*demarcv1.Condition]{
			"authorization": func(k key, c *demarcv1.Condition) key { return k.text(c.GetAuthorization()) },
			"state":         func(k key, c *demarcv1.Condition) key { return k.text(c.GetState()) },
			"until":         func(k key, c *demarcv1.Condition) key { return k.time(c.GetUntil()) },
		},
		id: position(all),
	}
}

// Gate says whether every condition of an authorization holds.
func (s *Service) Gate(ctx context.Context, r *demarcv1.GateRequest) (*demarcv1.GateResponse, error) {
	s, as, err := s.asOf(ctx, r.GetAsOf())
	if err != nil {
		return nil, err
	}
	s = s.within(ctx)
	if r.GetAuthorization() == "" {
		return nil, status.Error(codes.InvalidArgument, "gate needs an authorization, as `get authorizations` shows it")
	}
	if err := s.knownAuthorization(r.GetAuthorization()); err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(s.conditions(), func(c *demarcv1.Condition) bool { return c.GetAuthorization() != r.GetAuthorization() })
	policy := s.Plant.Policy()
	d := policy.Decision(r.GetAuthorization())
	g := &demarcv1.GateResponse{AsOf: as, Result: gateHolds, Conditions: list}
	if at := d.At(s.Clock()); !at.Operates() {
		g.Result = gateFails
		why := at.Why
		if why == "" {
			why = d.Name + " is " + at.Kind + ", which lets nobody operate"
		}
		g.Reasons = append(g.Reasons, why)
	}
	for _, b := range d.Boundaries {
		if policy.Surveyed(b, s.Clock()) {
			g.Result = gateFails
			g.Reasons = append(g.Reasons, b+" is in survey")
		}
	}
	if len(g.GetConditions()) == 0 && g.GetResult() == gateHolds {
		g.Result = gateCannot
		g.Reasons = append(g.Reasons, d.Name+" sets no condition: there is nothing to hold")
	}
	for _, c := range g.GetConditions() {
		switch c.GetState() {
		case condition.Violated, condition.AttestationDue:
			g.Result = gateFails
		case condition.NotObservable, condition.Stale:
			if g.GetResult() == gateHolds {
				g.Result = gateCannot
			}
		}
	}
	return g, nil
}

func (s *Service) knownAuthorization(name string) error {
	if name == "" || s.Plant.Policy().Decision(name) != nil && s.sees("Authorization", name, "") {
		return nil
	}
	var names []string
	for _, d := range s.Plant.Policy().Decisions() {
		if s.sees("Authorization", d.Name, "") {
			names = append(names, d.Name)
		}
	}
	return status.Errorf(codes.InvalidArgument, "authorization %q is in no document: known are %s", name, orNone(names))
}

func (s *Service) conditions() []*demarcv1.Condition {
	policy := s.Plant.Policy()
	var all []*demarcv1.Condition
	for _, r := range s.Plant.Conditions(s.Clock()) {
		c := &demarcv1.Condition{
			Id: r.ID(), Authorization: r.Authorization, Statement: r.Condition.Statement, Controls: r.Condition.Controls, Check: r.Check, Test: r.Condition.Test(),
			State: r.State, Words: r.Words, Reason: r.Reason, Evidence: r.Evidence, Connections: r.Connections, Assets: r.Assets,
			From: stamp(r.From), To: stamp(r.To), Until: stamp(r.Until), PolicyVersion: policy.Version(), Since: stamp(r.Since), Changes: r.Changes,
		}
		c.Frequency, c.Tested = "each quarter hour, and when what it looks at moves", c.GetTo()
		if x := r.Condition.Attest; x != nil {
			last, _ := policy.Attested(r.Authorization, r.Condition.ID.Name)
			c.Frequency, c.Tested = "attested every "+x.Every.String()+" by the "+x.By, stamp(last.At)
		}
		for i := range r.Sight {
			c.Sight = append(c.Sight, r.Sight[i].Boundary+": "+r.Sight[i].Words())
		}
		all = append(all, c)
	}
	return all
}

// explainCondition says how a condition came to its state; not there, ok is
// false.
func (s *Service) explainCondition(id string) (r *demarcv1.ExplainResponse, ok bool) {
	for _, c := range s.conditions() {
		if c.GetId() == id {
			return &demarcv1.ExplainResponse{Condition: c, Lines: conditionLines(c)}, true
		}
	}
	return nil, false
}

func lastTest(c *demarcv1.Condition) string {
	if c.GetTested() == nil {
		return "not yet"
	}
	return "last on " + when(c.GetTested().AsTime())
}

func conditionLines(c *demarcv1.Condition) []string {
	lines := []string{
		fmt.Sprintf("%s: %s.", c.GetId(), c.GetWords()),
		"Condition: " + c.GetStatement(),
		"Since: " + when(c.GetSince().AsTime()),
		"Why: " + c.GetReason(),
		"Judged by: " + c.GetTest(),
		"Tested: " + c.GetFrequency() + "; " + lastTest(c),
	}
	if len(c.GetControls()) > 0 {
		lines = append(lines, "Controls: "+strings.Join(c.GetControls(), ", "))
	}
	for _, e := range c.GetEvidence() {
		lines = append(lines, "Evidence: "+e)
	}
	for _, x := range c.GetSight() {
		lines = append(lines, "Sight of "+x)
	}
	if c.GetFrom() != nil {
		lines = append(lines, fmt.Sprintf("Judged by policy version %d over %s to %s.", c.GetPolicyVersion(), when(c.GetFrom().AsTime()), when(c.GetTo().AsTime())))
	}
	for _, x := range c.GetChanges() {
		lines = append(lines, fmt.Sprintf("From %s: %s, by policy version %d: %s", when(x.GetAt().AsTime()), x.GetWords(), x.GetPolicyVersion(), x.GetReason()))
	}
	for _, id := range c.GetConnections() {
		lines = append(lines, "Connection "+id)
	}
	for _, id := range c.GetAssets() {
		lines = append(lines, "Asset "+id)
	}
	return lines
}
