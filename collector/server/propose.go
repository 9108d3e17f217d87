package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/store"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// proposed is a set of documents on its way into force.
type proposed struct {
	before, next store.Policy
	docs         *boundary.Documents // of next
	policy       *boundary.Policy    // of next
	answer       *demarcv1.ApplyResponse
	options      api.ApplyOptions
}

// propose takes documents where authority is enforced: what only narrows acts
// at once, as a version of its own; the rest waits for an official.
func (e *engine) propose(ctx context.Context, x *proposed) (*demarcv1.ApplyResponse, error) {
	was := e.documents()
	changes := slices.DeleteFunc(x.docs.Compare(was), func(c boundary.Change) bool { return c.Change == "same" })
	wide := map[string]string{}
	for _, c := range changes {
		if why := boundary.Widening(c, was, x.docs); why != "" {
			wide[c.Kind+"/"+c.Name] = why
		}
	}
	for document, why := range x.resolvedAnew() {
		if _, there := wide[document]; !there {
			wide[document] = why
			kind, name, _ := strings.Cut(document, "/")
			if !slices.ContainsFunc(changes, func(c boundary.Change) bool { return c.Kind == kind && c.Name == name }) {
				changes = append(changes, boundary.Change{Kind: kind, Name: name, Change: "changed"})
			}
		}
	}
	if err := e.mayPropose(ctx, changes, x); err != nil {
		return nil, err
	}
	now, why := e.atOnce(x, wide, len(changes))
	if now == nil { // together or not at all
		for _, c := range changes {
			wide[c.Kind+"/"+c.Name] = cmp.Or(wide[c.Kind+"/"+c.Name], why)
		}
	}
	waits := e.proposalOf(ctx, x, changes, wide)
	if x.answer.Pending = waits; len(wide) == 0 {
		x.answer.Pending = nil
	}
	x.answer.PolicyVersion = x.before.Version
	if now != nil {
		x.answer.PolicyVersion = now.policy.Version
	}
	if x.options.DryRun {
		if now != nil {
			x.answer.Verdicts = e.rehearse(now.docs, now.compiled, now.policy.Resolved)
		}
		if len(wide) > 0 {
			x.answer.PendingVerdicts = e.rehearse(x.docs, x.policy, x.next.Resolved)
		}
		return x.answer, nil
	}
	if len(wide) > 0 {
		x.answer.PendingVerdicts = e.rehearse(x.docs, x.policy, x.next.Resolved)
	}
	if now != nil {
		var err error
		if x.answer.Verdicts, err = e.enact(ctx, now.policy, x.options.By, now.changes(x.answer.GetChanges())); err != nil {
			return nil, err
		}
		waits.Base = now.policy.Version
	}
	if len(wide) == 0 {
		return x.answer, nil
	}
	return x.answer, e.wait(ctx, waits, x.answer, x.options.By)
}

// resolvedAnew names the documents whose roles and names come to other devices
// than before, although nothing but new sightings moved them.
func (x *proposed) resolvedAnew() map[string]string {
	moved := map[string]string{}
	for _, q := range x.docs.Questions() {
		was, had := x.before.Resolved[q.Key]
		if had && x.options.Resolve && !slices.Equal(was, x.next.Resolved[q.Key]) {
			moved[q.Document] = "its roles and names come to other devices than before"
		}
	}
	return moved
}

// mayPropose holds the caller's limits against the boundaries of what changes.
func (e *engine) mayPropose(ctx context.Context, changes []boundary.Change, x *proposed) error {
	p := api.Caller(ctx)
	over, everywhere := e.concerned(changes, x.docs)
	if everywhere && !p.Everywhere(store.ISSM) {
		return denied("%s may not change what is about no boundary in particular: it needs issm without limits", p.Name)
	}
	if left := uncovered(p, over, []store.Role{store.ISSM}, x.policy, e.Policy()); len(left) > 0 {
		return denied("%s may not change documents about %s: it needs issm over each boundary concerned", p.Name, strings.Join(left, ", "))
	}
	return nil
}

// concerned are the boundaries that changes are about, before and after them.
func (e *engine) concerned(changes []boundary.Change, docs *boundary.Documents) (over []string, everywhere bool) {
	for _, c := range changes {
		for _, d := range []*boundary.Documents{e.documents(), docs} {
			list, all := d.Concerned(c.Kind, c.Name)
			over, everywhere = append(over, list...), everywhere || all
		}
	}
	slices.Sort(over)
	return slices.Compact(over), everywhere
}

// part is what acts at once.
type part struct {
	policy   store.Policy
	docs     *boundary.Documents
	compiled *boundary.Policy
	wide     map[string]string
}

// changes are those that the part makes.
func (p *part) changes(all []*demarcv1.DocumentChange) []*demarcv1.DocumentChange {
	return slices.DeleteFunc(slices.Clone(all), func(c *demarcv1.DocumentChange) bool {
		_, waits := p.wide[c.GetKind()+"/"+c.GetName()]
		return waits
	})
}

// atOnce makes the policy of what only narrows; nil, and why, when there is no
// such part, when it does not stand alone, or when it would make anything
// better all the same.
func (e *engine) atOnce(x *proposed, wide map[string]string, changes int) (*part, string) {
	if len(wide) == changes {
		return nil, ""
	}
	p := &part{policy: store.Policy{Version: x.next.Version, Applied: x.next.Applied, Resolved: x.before.Resolved}, wide: wide}
	p.policy.Documents = mixed(x.before.Documents, x.next.Documents, func(document string) bool {
		_, waits := wide[document]
		return waits
	})
	docs, compiled, err := compile(p.policy)
	if err == nil {
		err = cmp.Or(docs.CheckAt(p.policy.Applied), condition.Compile(docs))
	}
	if err != nil {
		return nil, "it does not stand without what is pending"
	}
	p.docs, p.compiled = docs, compiled
	if why := e.better(docs, compiled, p.policy.Resolved); why != "" {
		return nil, why
	}
	return p, ""
}

// mixed takes the documents that wait as they were, and all others as they are
// to be.
func mixed(before, next []store.Document, waits func(document string) bool) []store.Document {
	var all []store.Document
	take := func(documents []store.Document, want func(string) bool) {
		for _, piece := range boundary.Pieces(filesOf(documents)) {
			if name := piece.Document(); name != "" && want(name) {
				all = append(all, store.Document{Path: piece.Path, Content: piece.Content})
			}
		}
	}
	take(next, func(d string) bool { return !waits(d) })
	take(before, waits)
	return all
}

func filesOf(documents []store.Document) []boundary.File {
	files := make([]boundary.File, len(documents))
	for i, d := range documents {
		files[i] = boundary.File{Path: d.Path, Content: d.Content}
	}
	return files
}

// ranks of verdicts, the worst first.
var ranks = map[string]int{verdict.Unauthorized: 0, verdict.OutOfTerms: 1, verdict.Lapsed: 2, verdict.Undecided: 3, verdict.Authorized: 4, verdict.Internal: 4}

// better says what documents in place of those in force would make better now,
// "" for nothing: of verdicts and of the states of conditions.
func (e *engine) better(docs *boundary.Documents, p *boundary.Policy, resolved any) (why string) {
	after := map[string]*demarcv1.JudgedConnection{}
	e.foresee(func() preview { return e.preview(docs, p, resolved) }, func(f *foreseen) {
		if c := f.change(); why == "" && c != nil && ranks[c.GetAfter()] > ranks[c.GetBefore()] {
			why = fmt.Sprintf("the verdict on connection %s would become %s from %s", f.of.id, c.GetAfter(), c.GetBefore())
		}
		if f.of.data != nil && f.after.Verdict != nil {
			after[f.of.id] = f.shown()
		}
	})
	if why != "" {
		return why
	}
	states := condition.States()
	before := map[string]string{}
	for _, r := range e.conditionsUnder(e.Policy(), e.documents(), nil) {
		before[r.ID()] = r.State
	}
	for _, r := range e.conditionsUnder(p, docs, after) {
		if was, ok := before[r.ID()]; ok && slices.Index(states, r.State) > slices.Index(states, was) {
			return fmt.Sprintf("condition %s would become %s from %s", r.ID(), r.State, was)
		}
		delete(before, r.ID())
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		return fmt.Sprintf("condition %s would be gone", id)
	}
	return ""
}

// conditionsUnder judges every condition of documents by a policy, with some
// connections as they would be judged by it.
func (e *engine) conditionsUnder(p *boundary.Policy, docs *boundary.Documents, after map[string]*demarcv1.JudgedConnection) []condition.Result {
	e.whole.Lock()
	defer e.whole.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.wholeWorld(e.clock())
	w.Policy, w.Documents = p.With(e.acts), docs
	for i, c := range w.Connections {
		if would := after[c.GetId()]; would != nil {
			w.Connections[i] = would
		}
	}
	return condition.Judge(w)
}

// proposalOf is what waits of changes.
func (e *engine) proposalOf(ctx context.Context, x *proposed, changes []boundary.Change, wide map[string]string) *demarcv1.Proposal {
	p := &demarcv1.Proposal{Author: api.Caller(ctx).Name, Base: x.before.Version}
	text := map[string]boundary.Piece{}
	for _, piece := range boundary.Pieces(filesOf(x.next.Documents)) {
		text[piece.Document()] = piece
	}
	var waiting []boundary.Change
	for _, c := range changes {
		document := c.Kind + "/" + c.Name
		why, waits := wide[document]
		if !waits {
			continue
		}
		waiting = append(waiting, c)
		d := &demarcv1.ProposedDocument{Document: document, Change: c.Change, Why: why, Before: e.documents().Digest(document), Resolved: map[string]*demarcv1.Answers{}}
		if c.Change != "removed" {
			d.Path, d.Content = text[document].Path, text[document].Content
			p.Decides = p.Decides || c.Kind == "Authorization"
		}
		for _, q := range x.docs.Questions() {
			if q.Document == document {
				d.Resolved[q.Key] = &demarcv1.Answers{Addresses: x.next.Resolved[q.Key]}
			}
		}
		p.Documents = append(p.Documents, d)
	}
	p.Boundaries, p.Everywhere = e.concerned(waiting, x.docs)
	p.Missing = slices.Clone(p.GetBoundaries())
	p.Needs = needs(p)
	return p
}

// wait puts a proposal into the journal. It takes the place of the author's
// earlier ones that it holds whole; the same one is not made twice.
func (e *engine) wait(ctx context.Context, p *demarcv1.Proposal, answer *demarcv1.ApplyResponse, by store.Act) error {
	body := &demarcv1.ProposalAct{Proposal: p}
	all := e.Proposals()
	for _, old := range all {
		switch holds := holdsWhole(p, old); {
		case old.GetAuthor() != p.GetAuthor() || old.GetAct() != "" || !holds:
		case len(old.GetDocuments()) == len(p.GetDocuments()) && sameTexts(p, old) && old.GetStale() == "":
			answer.Pending = old
			return nil
		default:
			body.Replaces = append(body.Replaces, old.GetId())
		}
	}
	if len(all)-len(body.GetReplaces()) >= maxPending {
		return refused("%d proposals are pending, which is the most: confirm or reject some first", len(all))
	}
	position, err := e.journal(ctx, "", actPropose, "", body, proposedWords(by, p))
	if err != nil {
		return err
	}
	if answer.Pending, err = e.proposal(fmt.Sprintf("P%d", position)); err != nil {
		return err
	}
	answer.Pending = proto.CloneOf(answer.GetPending())
	answer.Pending.Needs = needs(answer.GetPending())
	return nil
}

func proposedWords(by store.Act, p *demarcv1.Proposal) store.Act {
	var what []string
	for _, d := range p.GetDocuments() {
		what = append(what, d.GetChange()+" "+d.GetDocument())
	}
	by.What, by.On, by.Detail = "propose", strings.Join(p.GetBoundaries(), " "), cmp.Or(strings.Join(what, ", "), p.GetWords())
	return by
}

// holdsWhole reports whether p changes every document that old does.
func holdsWhole(p, old *demarcv1.Proposal) bool {
	return !slices.ContainsFunc(old.GetDocuments(), func(d *demarcv1.ProposedDocument) bool {
		return !slices.ContainsFunc(p.GetDocuments(), func(x *demarcv1.ProposedDocument) bool { return x.GetDocument() == d.GetDocument() })
	})
}

func sameTexts(p, old *demarcv1.Proposal) bool {
	text := map[string]string{}
	for _, d := range old.GetDocuments() {
		text[d.GetDocument()] = d.GetChange() + strings.TrimSpace(string(d.GetContent()))
	}
	return !slices.ContainsFunc(p.GetDocuments(), func(d *demarcv1.ProposedDocument) bool {
		return text[d.GetDocument()] != d.GetChange()+strings.TrimSpace(string(d.GetContent()))
	})
}
