package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of acts on proposals, as the journal names them.
const (
	actPropose = "proposal.make"
	actConfirm = "proposal.confirm" // one of several that are needed
	actPaper   = "proposal.paper"
	actReject  = "proposal.reject"
)

// maxPending bounds what waits at once.
const maxPending = 100

// pending is every change that is not in force. A Proposal is replaced, never
// changed: readers keep it.
type pending struct {
	all   map[string]*demarcv1.Proposal
	dirty map[string]bool // that the saved state lacks
}

func (p *pending) put(x *demarcv1.Proposal) {
	p.all[x.GetId()] = x
	p.dirty[x.GetId()] = true
}

func (p *pending) drop(id string) {
	if _, there := p.all[id]; there {
		delete(p.all, id)
		p.dirty[id] = true
	}
}

// doPropose takes what is to wait for an official.
func doPropose(e *engine, r *store.Record, a *demarcv1.Act) error {
	body, err := proposalAct(a)
	if err != nil {
		return err
	}
	x := body.GetProposal()
	x.Id, x.Proposed = fmt.Sprintf("P%d", r.Position), a.GetTime()
	for _, id := range body.GetReplaces() {
		e.pending.drop(id)
	}
	e.pending.put(x)
	e.log.Info("pending", "proposal", x.GetId(), "by", a.GetActor(), "documents", len(x.GetDocuments()))
	return nil
}

// doConfirm adds a confirmation or the signed paper to a proposal.
func doConfirm(e *engine, _ *store.Record, a *demarcv1.Act) error {
	body, err := proposalAct(a)
	if err != nil {
		return err
	}
	x := e.pending.all[body.GetId()]
	if x == nil {
		return nil
	}
	x = proto.CloneOf(x)
	if c := body.GetConfirmation(); c != nil {
		x.Confirmations = append(x.Confirmations, c)
		x.Missing = slices.DeleteFunc(x.GetMissing(), func(b string) bool { return slices.Contains(c.GetBoundaries(), b) })
	}
	if body.GetPaper() != nil {
		x.Paper = body.GetPaper()
	}
	e.pending.put(x)
	return nil
}

// doReject ends a proposal.
func doReject(e *engine, _ *store.Record, a *demarcv1.Act) error {
	body, err := proposalAct(a)
	if err != nil {
		return err
	}
	e.pending.drop(body.GetId())
	return nil
}

func proposalAct(a *demarcv1.Act) (*demarcv1.ProposalAct, error) {
	body := &demarcv1.ProposalAct{}
	return body, proto.Unmarshal(a.GetBody(), body)
}

// save appends the proposals that the saved state lacks to changes.
func (p *pending) save(whole bool, changes []store.Change) ([]store.Change, error) {
	if whole {
		for id := range p.all {
			p.dirty[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.dirty)) {
		var value []byte
		if x := p.all[id]; x != nil {
			var err error
			if value, err = (proto.MarshalOptions{Deterministic: true}).Marshal(x); err != nil {
				return nil, err
			}
		}
		changes = append(changes, store.Change{Table: tablePending, Key: []byte(id), Value: value})
	}
	clear(p.dirty)
	return changes, nil
}

func (p *pending) restore(table map[string][]byte) error {
	for id, value := range table {
		x := &demarcv1.Proposal{}
		if err := proto.Unmarshal(value, x); err != nil {
			return fmt.Errorf("saved proposal %s: %w", id, err)
		}
		p.all[id] = x
	}
	return nil
}

// Proposals implements api.Plant.
func (e *engine) Proposals() []*demarcv1.Proposal {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := make([]*demarcv1.Proposal, 0, len(e.pending.all))
	for _, x := range e.pending.all {
		x = proto.CloneOf(x)
		x.Stale = e.stale(x)
		x.Needs = needs(x)
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *demarcv1.Proposal) int {
		if d := a.GetProposed().AsTime().Compare(b.GetProposed().AsTime()); d != 0 {
			return d
		}
		return strings.Compare(a.GetId(), b.GetId())
	})
	return all
}

// proposal is one that waits.
func (e *engine) proposal(id string) (*demarcv1.Proposal, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	x := e.pending.all[id]
	if x == nil {
		return nil, refused("nothing is pending as %q: it was confirmed, rejected or replaced, or never was; see `demarc-collector get pending`", id)
	}
	return x, nil
}

// stale says why a proposal cannot be confirmed as it is: a document that it
// changes was changed by another meanwhile.
func (e *engine) stale(x *demarcv1.Proposal) string {
	for _, d := range x.GetDocuments() {
		if string(e.docs.Digest(d.GetDocument())) != string(d.GetBefore()) {
			return fmt.Sprintf("%s is another one since policy version %d, and the proposal was made on version %d: apply it again", d.GetDocument(), e.base.Version(), x.GetBase())
		}
	}
	return ""
}

// needs says in words who may confirm a proposal.
func needs(x *demarcv1.Proposal) string {
	who := "official or designated-representative"
	if x.GetDecides() {
		who = "official"
	}
	over := "over " + strings.Join(x.GetMissing(), " and ")
	if x.GetEverywhere() {
		over = "without limits"
	}
	words := fmt.Sprintf("an %s %s, other than %s", who, over, x.GetAuthor())
	if p := x.GetPaper(); p != nil {
		return words + fmt.Sprintf("; or, on the paper that %s signed, a second issm other than %s", p.GetSigner(), p.GetRecordedBy())
	}
	return words + "; or an issm records the signed paper, and a second person confirms"
}
