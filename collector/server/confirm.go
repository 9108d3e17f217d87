package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// Confirm implements api.Plant.
func (e *engine) Confirm(ctx context.Context, id string, paper *demarcv1.SignedPaper, by store.Act) (*demarcv1.ConfirmProposalResponse, error) {
	e.applying.Lock()
	defer e.applying.Unlock()
	x, err := e.proposal(id)
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	stale := e.stale(x)
	e.mu.RUnlock()
	if stale != "" {
		return nil, refused("%s", stale)
	}
	if paper != nil {
		return e.recordPaper(ctx, x, paper, by)
	}
	covered, err := e.confirms(ctx, x)
	if err != nil {
		return nil, err
	}
	left := slices.DeleteFunc(slices.Clone(x.GetMissing()), func(b string) bool { return slices.Contains(covered, b) })
	by.On = id
	if len(left) > 0 {
		by.Detail = "over " + strings.Join(covered, ", ")
		c := &demarcv1.Confirmation{By: api.Caller(ctx).Name, At: timestamppb.New(e.clock()), Boundaries: covered}
		if _, err := e.journal(ctx, "", actConfirm, "", &demarcv1.ProposalAct{Id: id, Confirmation: c}, by); err != nil {
			return nil, err
		}
		return e.confirmed(id, "Confirmed over "+strings.Join(covered, ", ")+". Not in force yet")
	}
	if x.GetAct() != "" {
		return e.enactAct(ctx, x, by)
	}
	return e.enactProposal(ctx, x, by)
}

// confirmed is how a proposal stands that is not in force yet.
func (e *engine) confirmed(id, words string) (*demarcv1.ConfirmProposalResponse, error) {
	x, err := e.proposal(id)
	if err != nil {
		return nil, err
	}
	x = proto.CloneOf(x)
	x.Needs = needs(x)
	return &demarcv1.ConfirmProposalResponse{Proposal: x, Words: words + ": it needs " + x.GetNeeds() + "."}, nil
}

// confirms are the boundaries over which the caller's confirmation counts.
func (e *engine) confirms(ctx context.Context, x *demarcv1.Proposal) ([]string, error) {
	p := api.Caller(ctx)
	switch {
	case p.Name == x.GetAuthor():
		return nil, denied("%s proposed %s: nobody confirms their own change. It needs %s", p.Name, x.GetId(), needs(x))
	case p.Kind == store.Program:
		return nil, denied("%s is a program, and the software never authorizes: %s needs %s", p.Name, x.GetId(), needs(x))
	}
	if paper := x.GetPaper(); paper != nil && paper.GetRecordedBy() != p.Name && e.covers(p, x, store.ISSM, store.Official, store.Representative) {
		return x.GetMissing(), nil // the second person
	}
	roles := []store.Role{store.Official, store.Representative}
	if x.GetDecides() {
		roles = roles[:1]
	}
	if x.GetEverywhere() {
		if p.Everywhere(roles...) {
			return x.GetMissing(), nil
		}
		return nil, denied("%s may not confirm %s: it needs %s", p.Name, x.GetId(), needs(x))
	}
	left := uncovered(p, x.GetMissing(), roles, e.Policy(), e.policyOf(x))
	covered := slices.DeleteFunc(slices.Clone(x.GetMissing()), func(b string) bool { return slices.Contains(left, b) })
	if len(covered) == 0 {
		return nil, denied("%s may not confirm %s: it needs %s", p.Name, x.GetId(), needs(x))
	}
	return covered, nil
}

// covers reports whether p has one of roles over all that a proposal concerns.
func (e *engine) covers(p api.Principal, x *demarcv1.Proposal, roles ...store.Role) bool {
	if x.GetEverywhere() {
		return p.Everywhere(roles...)
	}
	return len(uncovered(p, x.GetBoundaries(), roles, e.Policy(), e.policyOf(x))) == 0
}

// policyOf is what the policy would be with a proposal; that in force when it
// cannot be made.
func (e *engine) policyOf(x *demarcv1.Proposal) *boundary.Policy {
	if x.GetAct() == "" {
		if next, err := e.with(context.Background(), x); err == nil {
			if _, p, err := compile(next); err == nil {
				return p
			}
		}
	}
	return e.Policy()
}

// recordPaper keeps the signed paper of a decision that was made outside.
func (e *engine) recordPaper(ctx context.Context, x *demarcv1.Proposal, paper *demarcv1.SignedPaper, by store.Act) (*demarcv1.ConfirmProposalResponse, error) {
	p, now := api.Caller(ctx), e.clock().UTC()
	switch signed := asTime(paper.GetSigned()); {
	case !e.covers(p, x, store.ISSM):
		return nil, denied("%s may not record a paper on %s: it needs issm over %s", p.Name, x.GetId(), cmp.Or(strings.Join(x.GetBoundaries(), " and "), "everything"))
	case x.GetPaper() != nil:
		return nil, refused("%s has its paper, recorded by %s: what is needed now is %s", x.GetId(), x.GetPaper().GetRecordedBy(), needs(x))
	case signed.IsZero() || signed.After(now):
		return nil, refused("a paper needs the day on which it was signed, and that is not ahead of now")
	case signed.Before(x.GetProposed().AsTime().Add(-maxPaperAge)):
		return nil, refused("signed %s, and proposed %s: a paper of more than a year before decides something else", day(signed), day(x.GetProposed().AsTime()))
	}
	paper.RecordedBy, paper.Recorded = p.Name, timestamppb.New(now)
	by.What, by.On = "proposal paper", x.GetId()
	by.Detail = fmt.Sprintf("sha256 %s, signed by %s %s", paper.GetSha256(), paper.GetSigner(), day(paper.GetSigned().AsTime()))
	if _, err := e.journal(ctx, "", actPaper, "", &demarcv1.ProposalAct{Id: x.GetId(), Paper: paper}, by); err != nil {
		return nil, err
	}
	return e.confirmed(x.GetId(), "The paper is recorded. Not in force yet")
}

const maxPaperAge = 366 * 24 * time.Hour

// with is the policy in force with a proposal put into it.
func (e *engine) with(ctx context.Context, x *demarcv1.Proposal) (store.Policy, error) {
	before, err := e.store.Policy(ctx, 0)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Policy{}, err
	}
	next := store.Policy{Version: before.Version + 1, Applied: e.clock().UTC(), Resolved: map[string][]string{}, Proposal: x.GetId()}
	maps.Copy(next.Resolved, before.Resolved)
	changed := map[string]bool{}
	for _, d := range x.GetDocuments() {
		changed[d.GetDocument()] = true
		if d.GetChange() != "removed" {
			next.Documents = append(next.Documents, store.Document{Path: d.GetPath(), Content: d.GetContent()})
		}
		for key, answer := range d.GetResolved() {
			next.Resolved[key] = answer.GetAddresses()
		}
	}
	for _, piece := range boundary.Pieces(filesOf(before.Documents)) {
		if !changed[piece.Document()] {
			next.Documents = append(next.Documents, store.Document{Path: piece.Path, Content: piece.Content})
		}
	}
	return next, nil
}

// enactProposal puts the documents of a proposal in force. The policy's record
// names the proposal: both happen or neither.
func (e *engine) enactProposal(ctx context.Context, x *demarcv1.Proposal, by store.Act) (*demarcv1.ConfirmProposalResponse, error) {
	next, err := e.with(ctx, x)
	if err != nil {
		return nil, err
	}
	docs, _, err := compile(next)
	if err == nil {
		err = cmp.Or(docs.CheckAt(next.Applied), condition.Compile(docs))
	}
	if err != nil {
		return nil, refused("%s does not stand with what is in force now: %v. Apply it again", x.GetId(), err)
	}
	var changes []*demarcv1.DocumentChange
	for _, d := range x.GetDocuments() {
		kind, name, _ := strings.Cut(d.GetDocument(), "/")
		changes = append(changes, &demarcv1.DocumentChange{Kind: kind, Name: name, Change: d.GetChange()})
	}
	by.What = "proposal confirm " + x.GetId()
	turned, err := e.enact(ctx, next, by, changes)
	if err != nil {
		return nil, err
	}
	return &demarcv1.ConfirmProposalResponse{
		PolicyVersion: next.Version, Proposal: x, VerdictsChanged: uint32(len(turned)),
		Words: fmt.Sprintf("Policy version %d is in force.", next.Version),
	}, nil
}

// enactAct does an act that waited for a second person, unless it cannot be
// done any more.
func (e *engine) enactAct(ctx context.Context, x *demarcv1.Proposal, by store.Act) (*demarcv1.ConfirmProposalResponse, error) {
	a := &demarcv1.AuthorizationAct{}
	if err := proto.Unmarshal(x.GetBody(), a); err != nil {
		return nil, err
	}
	if err := checkDecision(e.Policy(), a, e.clock().UTC()); err != nil {
		return nil, err
	}
	by.What, by.Detail = "proposal confirm", x.GetWords()
	if _, err := e.journal(ctx, "", x.GetAct(), x.GetId(), a, by); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return &demarcv1.ConfirmProposalResponse{
		PolicyVersion: e.policy.Version(), Proposal: x, VerdictsChanged: uint32(len(e.deeds.told.consequences.GetVerdicts())), Words: "Recorded: " + x.GetWords() + ".",
	}, nil
}

// Reject implements api.Plant: its author takes a proposal back, and an
// official over any boundary that it concerns refuses it.
func (e *engine) Reject(ctx context.Context, id, reason string, by store.Act) error {
	e.applying.Lock()
	defer e.applying.Unlock()
	x, err := e.proposal(id)
	if err != nil {
		return err
	}
	p := api.Caller(ctx)
	roles := []store.Role{store.Official, store.Representative}
	any := slices.ContainsFunc(x.GetBoundaries(), func(b string) bool { return p.Over(b, sitesOf(b, e.Policy(), e.policyOf(x)), roles...) })
	if p.Name != x.GetAuthor() && !any && !p.Everywhere(roles...) {
		return denied("%s may not reject %s: its author %s may, or an official over a boundary that it concerns", p.Name, id, x.GetAuthor())
	}
	by.On, by.Detail = id, reason
	_, err = e.journal(ctx, "", actReject, "", &demarcv1.ProposalAct{Id: id, Reason: reason}, by)
	return err
}
