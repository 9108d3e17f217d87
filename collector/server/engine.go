package server

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/store"
	"demarc/internal/identity"
	demarcv1 "demarc/proto/demarc/v1"
)

// engine applies the journal: one record after the other becomes inventory,
// verdicts and findings. What it comes to depends on the records alone (and on
// the clock that they carry), so that a replay gives the same.
type engine struct {
	store    store.Store
	log      *slog.Logger
	clock    func() time.Time
	software string // version of this program
	judgedBy string // and of the one whose state was restored
	changes  *api.Changes
	altered  altered // since the last change was told

	applying sync.Mutex    // one Apply at a time
	wake     chan struct{} // holds one when the journal grew

	whole    sync.Mutex // held while a record is applied; taken before mu
	mu       sync.RWMutex
	position uint64
	base     *boundary.Policy // the documents alone
	acts     boundary.Acts    // what people did to them
	deeds    deeds            // the same as it was recorded
	notices  notices
	policy   *boundary.Policy // both
	docs     *boundary.Documents
	resolved any // roles and names, as the policy has them
	book     *inventory.Book
	findings *finding.Book
	judged   map[string]*judgement
	assets   map[string]*shownAsset // nil until somebody asks
	due      schedule
	lean     leaning
	dirty    []*judgement // that the saved state lacks
	bench    []*judge     // what goroutines judge with
	shifts   []*shift     // room for batches
	moved    []string     // connections that filing another one moved to another finding
	cuts     uint64       // of the state, the one to come counted
	progress progress
	between  func()        // called between two batches or pieces; nobody holds mu then
	applied  chan struct{} // closed and made anew when position moved
	turned   turned        // what the last policy record changed
	said     []savedAct    // what people said of assets
	probes   probes
	ordered  func() // called when orders on active reads changed; may be nil
	ledger   *condition.Ledger
	stands   standings
	bearings map[string]bearing // of assets, as their connections were judged

	enforced    bool // authority: what improves a verdict waits
	pending     pending
	drifts      drifts
	usage       usage
	findingDeed findingDeed          // the last one
	merged      []finding.Difference // by the last merge
	telling     telling
}

// turned is the outcome of a policy record, for whoever applied it.
type turned struct {
	version  uint64
	verdicts []*demarcv1.VerdictChange
}

func newEngine(s store.Store, clock func() time.Time, software string, log *slog.Logger) *engine {
	e := &engine{
		store: s, log: log, clock: clock, software: software, changes: api.NewChanges(),
		findings: finding.New(), judged: map[string]*judgement{}, assets: map[string]*shownAsset{},
		ledger: condition.NewLedger(), bearings: map[string]bearing{}, probes: newProbes(), applied: make(chan struct{}), wake: make(chan struct{}, 1), between: func() {}, cuts: 1,
		pending: pending{all: map[string]*demarcv1.Proposal{}, dirty: map[string]bool{}},
	}
	e.due.init()
	e.lean.init()
	e.stands.init()
	e.drifts.init()
	e.usage.init()
	// No documents are a policy too: everything is undecided.
	e.docs = &boundary.Documents{}
	e.setPolicy(boundary.Empty())
	e.book = inventory.New(e.space())
	return e
}

// space is the mapping of the policy in force; without documents, one space a
// site.
func (e *engine) space() identity.Space {
	if e.policy.Version() == 0 {
		return nil
	}
	return e.policy.Space
}

// apply takes one record. An error means that the record cannot be read: the
// journal is damaged, and going on would make replay and life differ.
func (e *engine) apply(r *store.Record) error {
	e.whole.Lock()
	defer e.whole.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.Position != e.position+1 {
		return fmt.Errorf("record %d follows %d", r.Position, e.position)
	}
	e.time(r.Recorded)
	e.turnBack(r.Recorded)
	if err := e.applyKind(r); err != nil {
		return fmt.Errorf("record %d: %w", r.Position, err)
	}
	e.deliver(r)
	e.position = r.Position
	close(e.applied)
	e.applied = make(chan struct{})
	return nil
}

func (e *engine) applyKind(r *store.Record) error {
	switch r.Kind {
	case store.KindBatch:
		body := &demarcv1.Body{}
		if err := proto.Unmarshal(r.Body, body); err != nil {
			return err
		}
		e.observe(r, body)
		return nil
	case store.KindLost:
		body, err := lossOf(r)
		if err != nil {
			return err
		}
		e.observe(r, body)
		return nil
	case store.KindPolicy:
		e.altered.anything = true
		return e.applyPolicy(r)
	case store.KindClock:
		e.altered.findings, e.altered.conditions = true, true
		e.ring(r.Recorded)
		e.stand(r.Recorded)
		return nil
	case store.KindAct:
		e.altered.anything = true
		return e.applyAct(r)
	}
	return fmt.Errorf("kind %d is of a newer version", r.Kind)
}

// lossOf is the sighting of what an agent says it lost.
func lossOf(r *store.Record) (*demarcv1.Body, error) {
	lost := &demarcv1.Lost{}
	if err := proto.Unmarshal(r.Body, lost); err != nil {
		return nil, err
	}
	loss := &demarcv1.LossDelta{
		Reason: lost.GetReason(), Count: r.Sequence - r.From + 1,
		Detail: fmt.Sprintf("batches of agent %s", r.Agent),
	}
	if lost.GetFirst() != nil {
		loss.FirstNs = lost.GetFirst().AsTime().UnixNano()
	}
	if lost.GetLast() != nil {
		loss.LastNs = lost.GetLast().AsTime().UnixNano()
	}
	return &demarcv1.Body{Losses: []*demarcv1.LossDelta{loss}}, nil
}

// observe takes an agent's sightings and judges what they changed.
func (e *engine) observe(r *store.Record, body *demarcv1.Body) {
	from := source{r.Site, r.Agent}
	e.altered.sight = true
	e.telling.lost(r.Site, r.Agent, body.GetLosses(), r.Recorded)
	for _, at := range e.ledger.Hear(r.Site, r.Agent, body) {
		e.stands.docket.Hear(at)
	}
	e.book.At(r.Recorded.UnixNano())
	e.rejudge(e.book.Apply(r.Site, r.Agent, body), r.Recorded, from)
	e.due.heard(from, latest(body))
	e.early(r.Recorded, from)
}

// rejudge judges what changed, at the time of the record that changed it.
func (e *engine) rejudge(ch inventory.Changes, now time.Time, from source) {
	e.judgeBatch(e.known(ch.Connections), now, scope{told: true, past: true, of: []source{from}})
	for _, id := range ch.Assets {
		e.assess(id, now)
	}
}

// known lists the judgements on connections; of one that was not judged yet a new
// one.
func (e *engine) known(ids []string) []*judgement {
	all := make([]*judgement, len(ids))
	for i, id := range ids {
		if all[i] = e.judged[id]; all[i] == nil {
			all[i] = &judgement{id: id}
		}
	}
	return all
}

// forget drops a connection that the inventory tells under another key.
func (e *engine) forget(j *judgement, now time.Time) {
	if j.data != nil {
		e.due.drop(j.wait)
		e.turns(j, &taken{})
		e.lean.forget(j)
		delete(e.judged, j.id)
		j.taken, j.shown = taken{}, nil
		e.soil(j)
	}
	e.findings.RemoveConnection(j.id, now)
	e.altered.connections, e.altered.findings = true, true
}

// soil notes that the saved state lacks j as it is.
func (e *engine) soil(j *judgement) {
	if j.cut != e.cuts {
		j.cut, e.dirty = e.cuts, append(e.dirty, j)
	}
}

// judge judges a connection as of at.
func (e *engine) judge(j *judgement, c inventory.Connection, now, at time.Time, from source) {
	r := reckoned{of: j}
	e.judges(1)[0].take(&r, c, at)
	e.file(&r, now, from)
	e.tidy()
}

// file puts a verdict in the place of the one before, with what follows from it.
func (e *engine) file(r *reckoned, now time.Time, from source) {
	j := r.of
	var moved []string
	r.findings, moved = e.findings.Take(j.id, r.entry)
	e.moved = append(e.moved, moved...)
	e.altered.connections = true
	e.altered.findings = e.altered.findings || len(r.findings)+len(moved) > 0
	e.usage.judged(r.data, r.use, now)
	if j.data == nil {
		e.judged[j.id] = j
		e.drifts.newThing(now)
	} else {
		e.due.drop(j.wait)
	}
	e.turns(j, &r.taken)
	j.taken, j.shown = r.taken, nil
	e.lean.connection(j, r.from, r.to)
	j.wait = e.due.add(j, r.again, now, r.at, from)
	e.soil(j)
}

// assess looks at an asset that is new, changed, placed anew, or gone. What is
// shown of it is made when somebody asks: it takes time for a server that
// thousands speak to, and its counters move all the time.
func (e *engine) assess(id string, now time.Time) {
	e.altered.assets = true
	if _, known := e.assets[id]; !known {
		e.drifts.newThing(now)
	}
	ends := e.book.Ends(id)
	homes := e.homesOf(e.book.SiteOf(id), ends)
	e.lean.asset(id, homes)
	e.sense(id, ends)
	listed := e.listed(id, homes, now)
	e.noteRow(id, now)
	if len(ends) > 0 && listed && len(e.findings.OfAsset(id)) == 0 && !e.book.Asked(id) && e.settled(e.book.SiteOf(id), ends) && e.operates(homes, now) {
		e.assets[id] = nil
		return
	}
	e.altered.findings = true
	a, ok := e.book.Asset(id)
	if !ok {
		delete(e.assets, id)
		e.findings.RemoveAsset(id, now)
		return
	}
	if len(ends) == 0 && a.GetParent() != "" {
		ends = e.book.Ends(a.GetParent()) // it stands where its chassis does
	}
	e.assets[id] = nil
	e.findings.UpdateAsset(e.policy, a, ends, assetAt(a, now))
}

// operates reports whether every one of boundaries may operate, as far as the
// record goes.
func (e *engine) operates(boundaries []string, now time.Time) bool {
	for _, b := range boundaries {
		if a := e.policy.Authority(b, now); !a.Operates() {
			return false
		}
	}
	return true
}

// settled reports whether every address stands in the same one boundary, or
// needs none: then an asset is part of no finding.
func (e *engine) settled(site string, ends []inventory.End) bool {
	home := ""
	for _, end := range ends {
		p := e.policy.Place(site, end)
		switch {
		case !end.Addr.IsValid() || p.Group:
			continue
		case p.Boundary == "" || home != "" && home != p.Boundary:
			return false
		}
		home = p.Boundary
	}
	return true
}

// show makes what is shown of an asset, unless it was made since it changed.
func (e *engine) show(id string) *demarcv1.Asset { return e.showAt(id, e.assets[id], e.latest()) }

// showAt is show of an asset that was shown before, nil if not, where latest is
// the newest packet of all agents.
func (e *engine) showAt(id string, was *shownAsset, latest int64) *demarcv1.Asset {
	if was != nil {
		return e.present(was, latest)
	}
	a, ok := e.book.Asset(id)
	if !ok {
		return nil
	}
	for _, end := range e.book.Ends(id) {
		p := e.policy.Place(a.GetSite(), end)
		address := end.MAC
		if end.Addr.IsValid() {
			address = end.Addr.String()
		}
		a.Places = append(a.Places, &demarcv1.Place{Address: address, Boundary: p.Boundary, Why: p.Why})
	}
	s := &shownAsset{Asset: a}
	e.assets[id] = s
	return e.present(s, latest)
}
