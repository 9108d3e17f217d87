package server

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// acts does each kind of act, by its name in the journal: names are stored and
// never change. What one does depends on the record and the state before it
// alone, and what no longer fits (an asset that is gone meanwhile) is passed
// over: an error means that the journal is damaged.
var acts = map[string]func(*engine, *store.Record, *demarcv1.Act) error{
	actAuthorization: doAuthority,
	actWindow:        doAuthority,
	actAttest:        doAuthority,
	api.ActMerge:     (*engine).sayOfAssets,
	api.ActSplit:     (*engine).sayOfAssets,
	api.ActSet:       (*engine).sayOfAssets,
	actPropose:       doPropose,
	actConfirm:       doConfirm,
	actPaper:         doConfirm,
	actReject:        doReject,

	api.ActProbePlan:     (*engine).sayOfProbes,
	api.ActProbeApprove:  (*engine).sayOfProbes,
	api.ActProbeWithdraw: (*engine).sayOfProbes,
	api.ActProbeKill:     (*engine).sayOfProbes,
	api.ActProbeOpen:     (*engine).sayOfProbes,
	api.ActProbeResume:   (*engine).sayOfProbes,

	actFinding + finding.Assign:  (*engine).sayOfFindings,
	actFinding + finding.Comment: (*engine).sayOfFindings,
	actFinding + finding.Status:  (*engine).sayOfFindings,
	actFinding + finding.Accept:  (*engine).sayOfFindings,
	actFinding + finding.Close:   (*engine).sayOfFindings,
	actFinding + finding.Reopen:  (*engine).sayOfFindings,
	actFinding + finding.Poam:    (*engine).sayOfFindings,

	actSnapshotTake:  (*engine).takeSnapshot,
	actSnapshotMerge: (*engine).mergeSnapshot,
	actProgram:       (*engine).runProgram,
	actAgentState:    (*engine).agentState,
}

// applyAct does again, or for the first time, what a person did.
func (e *engine) applyAct(r *store.Record) error {
	a := &demarcv1.Act{}
	if err := proto.Unmarshal(r.Body, a); err != nil {
		return err
	}
	do := acts[a.GetKind()]
	if do == nil {
		return fmt.Errorf("act %q is of a newer version", a.GetKind())
	}
	if err := do(e, r, a); err != nil {
		return fmt.Errorf("act %q: %w", a.GetKind(), err)
	}
	e.pending.drop(a.GetProposal())
	return nil
}

// Act puts what a person did into the journal and waits until it is done.
func (e *engine) Act(ctx context.Context, site, kind string, body proto.Message, by store.Act) error {
	_, err := e.journal(ctx, site, kind, "", body, by)
	return err
}

// journal is Act for what a proposal made wait, which ends with it; it tells the
// record's position.
func (e *engine) journal(ctx context.Context, site, kind, proposal string, body proto.Message, by store.Act) (position uint64, err error) {
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return 0, err
	}
	by.Time = e.clock().UTC()
	record, err := proto.MarshalOptions{Deterministic: true}.Marshal(&demarcv1.Act{
		Time: timestamppb.New(by.Time), Actor: by.Who, Kind: kind, Body: text, Proposal: proposal,
	})
	if err != nil {
		return 0, err
	}
	if position, err = e.store.PutAct(ctx, site, record, by); err != nil {
		return 0, err
	}
	e.news()
	return position, e.reached(ctx, position)
}
