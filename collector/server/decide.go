package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// refusal is an act that is understood and not taken: an api.ErrRefused.
type refusal string

func (r refusal) Error() string        { return string(r) }
func (r refusal) Is(target error) bool { return target == api.ErrRefused }

// refused says why an act is not taken.
func refused(format string, a ...any) error { return refusal(fmt.Sprintf(format, a...)) }

// Decide implements api.Plant.
func (e *engine) Decide(ctx context.Context, a *demarcv1.AuthorizationAct, dryRun bool, by store.Act) (*demarcv1.DecideAuthorizationResponse, error) {
	second, err := e.mayDecide(ctx, a)
	if err != nil {
		return nil, err
	}
	c, err := e.deal(ctx, actAuthorization, a, dryRun || second, by, func(p *boundary.Policy, now time.Time) error {
		return checkDecision(p, a, now)
	})
	if err != nil || !second {
		return &demarcv1.DecideAuthorizationResponse{Consequences: c}, err
	}
	return e.recordOutside(ctx, a, c, dryRun, by)
}

// MoveWindow implements api.Plant.
func (e *engine) MoveWindow(ctx context.Context, a *demarcv1.WindowAct, dryRun bool, by store.Act) (*demarcv1.Consequences, error) {
	if err := e.mayMoveWindow(ctx, a); err != nil {
		return nil, err
	}
	return e.deal(ctx, actWindow, a, dryRun, by, func(p *boundary.Policy, now time.Time) error {
		if a.GetKind() == "open" {
			if a.From == nil {
				a.From = timestamppb.New(now)
			}
			return checkOpen(p, a, now)
		}
		return checkClose(p, a, now)
	})
}

// Attest implements api.Plant.
func (e *engine) Attest(ctx context.Context, a *demarcv1.Attestation, by store.Act) (until time.Time, err error) {
	_, err = e.deal(ctx, actAttest, a, false, by, func(p *boundary.Policy, now time.Time) error {
		d := p.Decision(a.GetAuthorization())
		if d == nil {
			return refused("no authorization is named %q: see `demarc-collector get authorizations`", a.GetAuthorization())
		}
		for _, c := range d.Source().Conditions {
			if c.ID.Name != a.GetCondition() {
				continue
			}
			if c.Attest == nil {
				return refused("condition %s of %s is judged by what is seen, not attested", c.ID.Name, d.Name)
			}
			until = now.Add(c.Attest.Every.Duration)
			return e.mayAttest(ctx, d, &c)
		}
		return refused("authorization %s sets no condition %q", d.Name, a.GetCondition())
	})
	return until, err
}

// deal checks an act against the policy in force, says what comes of it, and
// records it unless that is all.
func (e *engine) deal(ctx context.Context, kind string, body proto.Message, dryRun bool, by store.Act, check func(*boundary.Policy, time.Time) error) (*demarcv1.Consequences, error) {
	e.applying.Lock()
	defer e.applying.Unlock()
	now := e.clock().UTC()
	if err := check(e.Policy(), now); err != nil {
		return nil, err
	}
	if w, ok := body.(*demarcv1.WindowAct); ok && w.GetKind() == "close" {
		w.Until = timestamppb.New(now)
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return nil, err
	}
	x, err := e.imagine(&demarcv1.Act{Time: timestamppb.New(now), Actor: by.Who, Kind: kind, Body: text}, now)
	if err != nil {
		return nil, err
	}
	if !dryRun {
		if err := e.Act(ctx, "", kind, body, by); err != nil {
			return nil, err
		}
	}
	if dryRun || x.later { // what holds from a later instant on changed nothing yet
		return e.consequences(x), nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.deeds.told.consequences, nil
}

// imagined is an act that may be done.
type imagined struct {
	document string // that it is about
	before   *boundary.Policy
	policy   *boundary.Policy // with it
	at       time.Time        // from when it holds
	later    bool             // that is ahead
}

// imagine tells what an act would come to.
func (e *engine) imagine(a *demarcv1.Act, now time.Time) (x imagined, err error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	with := boundary.Acts{Events: slices.Clip(e.acts.Events), Windows: slices.Clip(e.acts.Windows), Attested: slices.Clip(e.acts.Attested), Fired: e.acts.Fired}
	if x.document, err = addDeed(&with, a); err != nil {
		return x, err
	}
	x.at = now
	if n := len(with.Events); a.GetKind() == actAuthorization && with.Events[n-1].At.After(now) {
		x.at, x.later = with.Events[n-1].At, true
	}
	if n := len(with.Windows); a.GetKind() == actWindow && !with.Windows[n-1].Close && with.Windows[n-1].From.After(now) {
		x.at, x.later = with.Windows[n-1].From, true
	}
	x.before, x.policy = e.policy, e.base.With(with)
	return x, nil
}

// consequences says what an act would change at the instant from which it holds.
func (e *engine) consequences(x imagined) *demarcv1.Consequences {
	e.mu.RLock()
	c := &demarcv1.Consequences{Boundaries: e.boundaryChanges(x.before, x.policy, x.at), Authorizations: leanersOf(x.before, x.document)}
	e.mu.RUnlock()
	e.foresee(func() preview {
		list, _ := e.lean.on(x.policy.Leaning(x.document))
		return preview{policy: x.policy, list: list, at: x.at}
	}, func(f *foreseen) {
		if turned := f.change(); turned != nil {
			c.Verdicts = append(c.Verdicts, turned)
		}
	})
	return c
}

// ActsOn implements api.Plant.
func (e *engine) ActsOn(authorization string) []*demarcv1.AuthorizationAct {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var list []*demarcv1.AuthorizationAct
	for _, a := range e.deeds.list {
		d := &demarcv1.AuthorizationAct{}
		if a.GetKind() != actAuthorization || proto.Unmarshal(a.GetBody(), d) != nil || d.GetAuthorization() != authorization {
			continue
		}
		d.Actor, d.Recorded = a.GetActor(), a.GetTime()
		d.Effective = cmp.Or(d.GetEffective(), a.GetTime())
		list = append(list, d)
	}
	return list
}
