package server

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of acts on authority, as the journal names them.
const (
	actAuthorization = "authorization"
	actWindow        = "window"
	actAttest        = "attest"
	actTrigger       = "trigger" // fired by documents, not done by anybody
)

// deeds is what people did to authority: the acts themselves, which outlive
// the journal, and how far they are saved.
type deeds struct {
	list  []*demarcv1.Act
	saved int
	told  outcome // of the last one
}

// outcome is what came of the act at a position.
type outcome struct {
	position     uint64
	consequences *demarcv1.Consequences
}

// doAuthority does an act on authority: what leans on its document is judged
// again.
func doAuthority(e *engine, r *store.Record, a *demarcv1.Act) error {
	document, err := e.deed(a)
	if err != nil {
		return err
	}
	policy := e.policy
	e.deeds.list = append(e.deeds.list, a)
	e.setPolicy(e.base)
	turned := e.redo([]string{document}, r.Recorded)
	e.notify(r.Recorded)
	e.unsnapped(r.Recorded, a.GetActor())
	e.deeds.told = outcome{r.Position, &demarcv1.Consequences{
		Boundaries: e.boundaryChanges(policy, e.policy, r.Recorded), Verdicts: turned, Authorizations: leanersOf(e.policy, document),
	}}
	e.sayDeed(a, document, e.deeds.told.consequences)
	e.log.Info("act on authority", "kind", a.GetKind(), "document", document, "by", a.GetActor(), "verdicts_changed", len(e.deeds.told.consequences.GetVerdicts()))
	return nil
}

// deed takes an act into those that the policy is judged with, and names the
// document that it is about.
func (e *engine) deed(a *demarcv1.Act) (document string, err error) {
	return addDeed(&e.acts, a)
}

// addDeed adds an act to what a policy is judged with.
func addDeed(to *boundary.Acts, a *demarcv1.Act) (document string, err error) {
	switch a.GetKind() {
	case actAuthorization:
		d := &demarcv1.AuthorizationAct{}
		if err := proto.Unmarshal(a.GetBody(), d); err != nil {
			return "", err
		}
		to.Events = append(to.Events, eventOf(d, a.GetTime()))
		return "Authorization/" + d.GetAuthorization(), nil
	case actWindow:
		d := &demarcv1.WindowAct{}
		if err := proto.Unmarshal(a.GetBody(), d); err != nil {
			return "", err
		}
		w := boundary.WindowAct{Window: d.GetWindow(), Interconnection: d.GetInterconnection(), Close: d.GetKind() == "close", Emergency: d.GetType() == "emergency", From: asTime(d.GetFrom()), Until: asTime(d.GetUntil())}
		to.Windows = append(to.Windows, w)
		return "Interconnection/" + d.GetInterconnection(), nil
	case actTrigger:
		d := &demarcv1.AuthorizationAct{}
		if err := proto.Unmarshal(a.GetBody(), d); err != nil {
			return "", err
		}
		to.Fired = append(to.Fired, boundary.Fired{Authorization: d.GetAuthorization(), At: asTime(a.GetTime()), What: d.GetReason()})
		return "Authorization/" + d.GetAuthorization(), nil
	case actAttest:
		d := &demarcv1.Attestation{}
		if err := proto.Unmarshal(a.GetBody(), d); err != nil {
			return "", err
		}
		to.Attested = append(to.Attested, boundary.Attested{Authorization: d.GetAuthorization(), Condition: d.GetCondition(), At: asTime(a.GetTime()), By: a.GetActor(), Statement: d.GetStatement()})
		return "Authorization/" + d.GetAuthorization(), nil
	}
	return "", fmt.Errorf("act %q is none on authority", a.GetKind())
}

func eventOf(d *demarcv1.AuthorizationAct, recorded *timestamppb.Timestamp) boundary.Event {
	return boundary.Event{
		Kind: d.GetKind(), Authorization: d.GetAuthorization(), At: asTime(cmp.Or(d.GetEffective(), recorded)),
		Until: asTime(d.GetUntil()), Decision: d.GetDecision(), Successor: d.GetSuccessor(),
	}
}

// asTime is the zero time for none.
func asTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// boundaryChanges lists the boundaries over which something else stands.
func (e *engine) boundaryChanges(before, after *boundary.Policy, at time.Time) []*demarcv1.BoundaryChange {
	var changes []*demarcv1.BoundaryChange
	for _, b := range after.Boundaries() {
		seen := e.lean.inhabited(after, b.Name)
		if was, is := before.AuthorityWords(b.Name, at, seen), after.AuthorityWords(b.Name, at, seen); was != is {
			changes = append(changes, &demarcv1.BoundaryChange{Boundary: b.Name, Before: was, After: is})
		}
	}
	return changes
}

// leanersOf names the authorizations that lean on a document.
func leanersOf(p *boundary.Policy, document string) []string {
	if name, ok := cutKind(document, "Authorization"); ok {
		return p.LeanedOnBy(name)
	}
	return nil
}

func cutKind(document, kind string) (string, bool) {
	if len(document) > len(kind) && document[:len(kind)] == kind && document[len(kind)] == '/' {
		return document[len(kind)+1:], true
	}
	return "", false
}

// save appends the deeds that the saved state lacks to changes.
func (d *deeds) save(whole bool, changes []store.Change) ([]store.Change, error) {
	first := d.saved
	if whole {
		first = 0
	}
	for i := first; i < len(d.list); i++ {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(d.list[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, store.Change{Table: tableDeeds, Key: binary.BigEndian.AppendUint64(nil, uint64(i)), Value: text})
	}
	d.saved = len(d.list)
	return changes, nil
}

// restoreDeeds fills a new engine with saved deeds.
func (e *engine) restoreDeeds(table map[string][]byte) error {
	keys := make([]string, 0, len(table))
	for key := range table {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		a := &demarcv1.Act{}
		if err := proto.Unmarshal(table[key], a); err != nil {
			return fmt.Errorf("saved act: %w", err)
		}
		if _, err := e.deed(a); err != nil {
			return fmt.Errorf("saved act: %w", err)
		}
		e.deeds.list = append(e.deeds.list, a)
	}
	e.deeds.saved = len(e.deeds.list)
	return nil
}
