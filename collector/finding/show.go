package finding

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// stamp is nil for none.
func stamp(ns int64) *timestamppb.Timestamp {
	if ns == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, ns))
}

// decided fills in what people decided.
func (f *finding) decided(out *demarcv1.Finding) {
	out.Status, out.Revision, out.Assignee = f.Status, f.revision(), f.Assignee
	out.Raised, out.StatusSince = stamp(f.Raised), stamp(f.Since)
	if x := f.Accepted; x != nil {
		out.Acceptance = &demarcv1.Acceptance{Owner: x.Owner, Reason: x.Reason, Until: stamp(x.Until), Mitigations: x.Mitigations, By: x.By, At: stamp(x.At)}
	}
	if x := f.Closed; x != nil {
		out.Closure = &demarcv1.Closure{Reason: x.Reason, DuplicateOf: x.Duplicate, By: x.By, At: stamp(x.At)}
	}
	if x := f.Ceased; x != nil {
		out.Ceased, out.CeasedSince = x.Words, stamp(x.At)
	}
	for _, i := range f.Poam {
		out.Poam = append(out.Poam, i.show())
	}
}

func (i *item) show() *demarcv1.PoamItem {
	out := &demarcv1.PoamItem{
		Id: i.ID, Title: i.Title, Responsible: i.Responsible, Resources: i.Resources, Due: stamp(i.Due), Status: Open,
		Evidence: i.Evidence, Sha256: i.SHA256, ClosedBy: i.ClosedBy, Closed: stamp(i.Closed),
	}
	if !i.open() {
		out.Status = itemClosed
	}
	for _, m := range i.Milestones {
		out.Milestones = append(out.Milestones, &demarcv1.Milestone{Title: m.Title, Due: stamp(m.Due), Done: m.Done})
	}
	return out
}

// Events is the history of a finding, the first first, and how many events
// after the first are no longer kept.
func (b *Book) Events(id string) (all []*demarcv1.FindingEvent, leftOff uint64) {
	f := b.findings[id]
	if f == nil {
		return nil, 0
	}
	all = append(all, &demarcv1.FindingEvent{Revision: 1, At: stamp(f.Raised), Actor: itself, Kind: EventRaised, Words: "as " + f.group.Kind, Status: Open})
	for _, e := range f.Events {
		all = append(all, &demarcv1.FindingEvent{Revision: e.Revision, At: stamp(e.At), Actor: e.Actor, Kind: e.Kind, Words: e.Words, Status: e.Status})
	}
	return all, f.LeftOff
}
