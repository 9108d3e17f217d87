package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// actFinding comes before the kind of an act on findings, as the journal names
// it: "finding.assign".
const actFinding = "finding."

// findingDeed is what came of the act on findings at a position.
type findingDeed struct {
	position uint64
	err      error
}

// sayOfFindings does again, or for the first time, what a person decided on
// findings. What does not fit any more, because something else came between
// the look and the act, changes nothing: whoever acted is told.
func (e *engine) sayOfFindings(r *store.Record, a *demarcv1.Act) error {
	body := &demarcv1.FindingAct{}
	if err := proto.Unmarshal(a.GetBody(), body); err != nil {
		return err
	}
	err := e.findings.Act(finding.Act{Kind: strings.TrimPrefix(a.GetKind(), actFinding), By: a.GetActor(), At: a.GetTime().AsTime(), Body: body})
	e.findingDeed = findingDeed{r.Position, err}
	return nil
}

// DecideFindings implements api.Plant.
func (e *engine) DecideFindings(ctx context.Context, kind string, body *demarcv1.FindingAct, dryRun bool, by store.Act) ([]*demarcv1.Finding, error) {
	e.applying.Lock()
	defer e.applying.Unlock()
	now := e.clock().UTC()
	e.mu.RLock()
	err := e.findings.Check(finding.Act{Kind: kind, By: by.Who, At: now, Body: body})
	e.mu.RUnlock()
	if err == nil && !dryRun {
		err = e.doFindings(ctx, kind, body, by)
	}
	if err != nil {
		if no, ok := errors.AsType[finding.Refusal](err); ok {
			return nil, refused("%s", no)
		}
		return nil, err
	}
	all := make([]*demarcv1.Finding, 0, len(body.GetTargets()))
	for _, t := range body.GetTargets() {
		if f, ok := e.Finding(t.GetId()); ok {
			all = append(all, f)
		}
	}
	return all, nil
}

func (e *engine) doFindings(ctx context.Context, kind string, body *demarcv1.FindingAct, by store.Act) error {
	if err := e.Act(ctx, "", actFinding+kind, body, by); err != nil {
		return err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.findingDeed.err
}

// FindingEvents implements api.Plant.
func (e *engine) FindingEvents(id string) (all []*demarcv1.FindingEvent, leftOff uint64) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.findings.Events(id)
}

// time moves the findings' clock: acceptances end, and that is told.
func (e *engine) time(now time.Time) {
	if e.findings.Ringing(now) {
		e.tell(e.findings.Notices(), now)
	}
	e.findings.Tick(now)
}
