package server

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// mayDecide holds the caller of an act on an authorization to the table of who
// may do what: an official decides; a designated representative suspends; an
// issm records what was decided outside. second is true when the record needs a
// second person before it counts.
func (e *engine) mayDecide(ctx context.Context, a *demarcv1.AuthorizationAct) (second bool, err error) {
	d := e.Policy().Decision(a.GetAuthorization())
	if d == nil {
		return false, nil // the act's own check says so
	}
	what := a.GetKind() + " " + d.Name
	over := d.Boundaries
	p := api.Caller(ctx)
	if e.over(ctx, what, over, store.Official) == nil {
		if a.GetOfficial() == "" && p.Full != "" {
			a.Official = p.Full
		}
		return false, nil
	}
	if a.GetKind() == boundary.Suspend && e.over(ctx, what, over, store.Representative) == nil {
		return false, nil
	}
	if p.Has(store.ISSM) {
		switch err := e.over(ctx, what, over, store.Official, store.ISSM); {
		case err != nil:
			return false, err
		case a.GetOfficial() == "" || a.GetSha256() == "":
			return false, denied("%s may record that %s was decided, not decide it: name who did (--official) and the signed paper (--artefact)", p.Name, what)
		}
		return e.enforced && a.GetKind() != boundary.Suspend && a.GetKind() != boundary.Rescind, nil
	}
	return false, e.over(ctx, what, over, store.Official)
}

// recordOutside lets a second person confirm what an issm says was decided
// outside.
func (e *engine) recordOutside(ctx context.Context, a *demarcv1.AuthorizationAct, would *demarcv1.Consequences, dryRun bool, by store.Act) (*demarcv1.DecideAuthorizationResponse, error) {
	p, now := api.Caller(ctx), timestamppb.New(e.clock().UTC())
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
	if err != nil {
		return nil, err
	}
	signed := a.GetEffective()
	if signed == nil || signed.AsTime().After(now.AsTime()) {
		signed = now
	}
	d := e.Policy().Decision(a.GetAuthorization())
	x := &demarcv1.Proposal{
		Author: p.Name, Boundaries: slices.Sorted(slices.Values(d.Boundaries)), Decides: true, Act: actAuthorization, Body: body, Base: e.Policy().Version(),
		Words: a.GetKind() + " " + d.Name + ", as decided by " + a.GetOfficial(),
		Paper: &demarcv1.SignedPaper{Sha256: a.GetSha256(), Signer: a.GetOfficial(), Signed: signed, RecordedBy: p.Name, Recorded: now},
	}
	x.Missing = slices.Clone(x.GetBoundaries())
	x.Needs = needs(x)
	answer := &demarcv1.ApplyResponse{Pending: x}
	e.applying.Lock()
	defer e.applying.Unlock()
	if !dryRun {
		if err := e.wait(ctx, x, answer, by); err != nil {
			return nil, err
		}
	}
	return &demarcv1.DecideAuthorizationResponse{Consequences: would, Pending: answer.GetPending()}, nil
}

// mayMoveWindow holds the caller to what the agreement says of its openers.
func (e *engine) mayMoveWindow(ctx context.Context, a *demarcv1.WindowAct) error {
	name := a.GetInterconnection()
	if a.GetKind() == "close" {
		name, _, _ = e.Policy().Window(a.GetWindow())
	}
	x := e.Policy().PerWindow(name)
	if x == nil {
		return nil // the act's own check says so
	}
	over, _ := e.documents().Concerned("Interconnection", name)
	if err := e.over(ctx, a.GetKind()+" a window of "+name, over, store.Engineer); err != nil || !e.enforced || a.GetKind() != "open" {
		return err
	}
	p := api.Caller(ctx)
	if !slices.ContainsFunc(x.Openers, p.Is) {
		return denied("%s may not open %s: its agreement names as openers %s", p.Name, name, orNobody(x.Openers))
	}
	return nil
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

// mayAttest holds the caller to whom a condition names.
func (e *engine) mayAttest(ctx context.Context, d *boundary.Decision, c *boundary.Condition) error {
	p, by := api.Caller(ctx), c.Attest.By
	if err := e.over(ctx, "attest "+c.ID.Name+" of "+d.Name, d.Boundaries, store.SystemOwner); err != nil {
		return err
	}
	if e.enforced && by != string(store.SystemOwner) && !p.Is(by) && !p.Has(store.Role(by)) {
		return denied("%s may not attest %s of %s: the condition names %s", p.Name, c.ID.Name, d.Name, by)
	}
	return nil
}
