package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// compile makes the policy of a stored version.
func compile(p store.Policy) (*boundary.Documents, *boundary.Policy, error) {
	docs, err := read(p)
	if err != nil {
		return nil, nil, err
	}
	policy, err := boundary.CompileResolved(docs, p.Version, p.Resolved)
	return docs, policy, err
}

func read(p store.Policy) (*boundary.Documents, error) {
	files := make([]boundary.File, len(p.Documents))
	for i, d := range p.Documents {
		files[i] = boundary.File{Path: d.Path, Content: d.Content}
	}
	return boundary.Read(files)
}

// applyPolicy puts a policy version in force and judges everything by it.
func (e *engine) applyPolicy(r *store.Record) error {
	version := store.PolicyVersion(r.Body)
	kept, err := e.store.Policy(context.Background(), version)
	if err != nil {
		return err
	}
	docs, policy, err := compile(kept)
	if err != nil {
		return fmt.Errorf("policy version %d is not read any more: %w", version, err)
	}
	old, touched := e.policy, e.touched(docs, version, kept.Resolved)
	if err := e.trigger(docs, r.Recorded); err != nil {
		return err
	}
	e.docs, e.resolved = docs, kept.Resolved
	e.setPolicy(policy)
	e.lean.through = r.Recorded
	e.notify(r.Recorded)
	begun := time.Now() // for the log alone
	list, assets := e.leaners(old, touched)
	verdicts := e.judgeMany(list, r.Recorded, scope{told: touched.spaces, past: true})
	for _, id := range assets {
		e.assess(id, r.Recorded)
	}
	e.pending.drop(kept.Proposal)
	e.unsnapped(r.Recorded, "collector")
	if !e.drifts.due.IsZero() {
		e.sweep(r.Recorded)
	}
	e.look(r.Recorded)
	e.turned = turned{version: version, verdicts: verdicts}
	e.sayPolicy(r.Recorded, len(verdicts))
	e.log.Info("policy in force", "version", version, "judged_again", len(list), "verdicts_changed", len(verdicts), "in", time.Since(begun).Round(time.Millisecond))
	return nil
}

// touch is what a change of documents touches.
type touch struct {
	all       bool     // everything: it cannot be told more narrowly
	spaces    bool     // addresses may mean something else
	documents []string // that changed, where what leans on them is all
}

// touched compares documents, and what their roles and names were resolved to,
// with those in force. Agreements, windows and authorizations touch what leans
// on them; any other document may touch everything.
func (e *engine) touched(docs *boundary.Documents, version uint64, resolved any) touch {
	t := touch{
		all:    e.policy.Version() == 0 || version == e.policy.Version() || !reflect.DeepEqual(resolved, e.resolved),
		spaces: e.policy.Version() == 0 || version == e.policy.Version(),
	}
	for _, c := range docs.Compare(e.docs) {
		if c.Change == "same" {
			continue
		}
		switch c.Kind {
		case "Interconnection", "SharedService", "Authorization":
			t.documents = append(t.documents, c.Kind+"/"+c.Name)
		case "Window":
			opened := append(opens(docs, c.Name), opens(e.docs, c.Name)...)
			t.documents = append(t.documents, opened...)
			t.all = t.all || len(opened) == 0
		default:
			t.all, t.spaces = true, t.spaces || c.Kind == "Site"
		}
	}
	return t
}

// opens names the agreement that a window opens.
func opens(docs *boundary.Documents, window string) []string {
	for _, w := range docs.Windows {
		if w.Name == window && w.Interconnection.Name != "" {
			return []string{"Interconnection/" + w.Interconnection.Name}
		}
	}
	return nil
}

// leaners lists what is to be judged by the policy in force in place of old.
func (e *engine) leaners(old *boundary.Policy, t touch) (list []*judgement, assets []string) {
	if t.spaces {
		c := e.book.SetSpace(e.space())
		return e.known(c.Connections), c.Assets
	}
	if t.all {
		return e.lean.every(), slices.Sorted(maps.Keys(e.assets))
	}
	return e.leaningOn(t.documents, old, e.policy)
}

// leaningOn lists what leans on documents by any of some policies.
func (e *engine) leaningOn(documents []string, policies ...*boundary.Policy) (list []*judgement, assets []string) {
	var reaches []boundary.Reach
	for _, d := range documents {
		for _, p := range policies {
			reaches = append(reaches, p.Leaning(d))
		}
	}
	return e.lean.on(reaches...)
}

// leaning names what live verdicts stand on a document, "Kind/name": some of
// the connections, and how many.
func (e *engine) leaning(document string, now time.Time) (some []string, n int) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for id, j := range e.judged {
		last := j.data.GetLastSeen()
		if last == nil || now.Sub(last.AsTime()) > live || !slices.Contains(j.documents, document) {
			continue
		}
		n++
		some = append(some, id)
	}
	slices.Sort(some)
	return some[:min(len(some), 3)], n
}

// Apply implements api.Plant.
func (e *engine) Apply(ctx context.Context, files []boundary.File, o api.ApplyOptions) (*demarcv1.ApplyResponse, error) {
	e.applying.Lock()
	defer e.applying.Unlock()
	before, err := e.store.Policy(ctx, 0)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	all, pruned := merge(files, before.Documents, o.Prune)
	next := store.Policy{Version: before.Version + 1, Applied: e.clock().UTC()}
	for _, f := range all {
		next.Documents = append(next.Documents, store.Document{Path: f.Path, Content: f.Content})
	}
	answer := &demarcv1.ApplyResponse{PolicyVersion: next.Version}
	if docs, err := read(next); err == nil {
		next.Resolved, answer.Resolved = e.resolve(docs, before.Resolved, o.Resolve)
	}
	docs, policy, err := compile(next)
	if err == nil {
		err = docs.CheckAt(next.Applied)
	}
	if err == nil {
		err = condition.Compile(docs)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range pruned {
		if some, n := e.leaning(name, next.Applied); n > 0 {
			return nil, fmt.Errorf("%w: live verdicts stand on %s, which --prune would delete (%d connections: %s): keep the document, or end what it allows first",
				api.ErrRefused, name, n, strings.Join(some, ", "))
		}
	}
	same := len(answer.GetResolved()) == 0
	for _, c := range docs.Compare(e.documents()) {
		answer.Changes = append(answer.Changes, &demarcv1.DocumentChange{Kind: c.Kind, Name: c.Name, Change: c.Change})
		same = same && c.Change == "same"
	}
	for _, w := range slices.Concat(docs.Warnings, boundary.Resolved(next.Resolved).Warn(docs), docs.Resigned(e.documents())) {
		answer.Warnings = append(answer.Warnings, w.String())
	}
	switch {
	case same:
		answer.PolicyVersion = before.Version
	case e.enforced:
		return e.propose(ctx, &proposed{before: before, next: next, docs: docs, policy: policy, answer: answer, options: o})
	case o.DryRun:
		answer.Verdicts = e.rehearse(docs, policy, next.Resolved)
	default:
		answer.Verdicts, err = e.enact(ctx, next, o.By, answer.GetChanges())
	}
	return answer, err
}

// enact keeps a policy version and waits until everything is judged by it.
func (e *engine) enact(ctx context.Context, p store.Policy, by store.Act, changes []*demarcv1.DocumentChange) ([]*demarcv1.VerdictChange, error) {
	by.On = fmt.Sprintf("policy version %d", p.Version)
	var what []string
	for _, c := range changes {
		if c.GetChange() != "same" {
			what = append(what, c.GetChange()+" "+c.GetKind()+"/"+c.GetName())
		}
	}
	by.Detail = strings.Join(what, ", ")
	position, err := e.store.PutPolicy(ctx, p, by)
	if err != nil {
		return nil, err
	}
	e.news()
	if err := e.reached(ctx, position); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.turned.version != p.Version {
		return nil, nil // a later one is in force already
	}
	return e.turned.verdicts, nil
}

// reached waits until the journal is applied to a position.
func (e *engine) reached(ctx context.Context, position uint64) error {
	for {
		e.mu.RLock()
		there, moved := e.position >= position, e.applied
		e.mu.RUnlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *engine) documents() *boundary.Documents {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.docs
}
