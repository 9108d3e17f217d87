package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/config"
	"demarc/collector/deliver"
	"demarc/collector/finding"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// How often at most changes of a finding's class or severity are told, and
// losses of one kind by one agent.
const (
	sayEvery  = 5 * time.Second
	lossEvery = 15 * time.Minute
)

// maxLosses bounds how many kinds of losses are told apart.
const maxLosses = 1000

// telling makes the events that are delivered to others. Like all of the state it
// follows from the records of the journal alone, so that an event that was not
// saved comes again, the same, when they are applied again.
type telling struct {
	box    *deliver.Outbox // nil: nothing is delivered
	drafts []*deliver.Event
	told   map[string]*toldFinding
	dirty  map[string]bool // of told, what the saved state lacks
	look   map[string]bool // findings that may have changed
	held   int             // of told, that others know nothing of yet
	saved  savedTelling
}

// toldFinding is what others were told of a finding last.
type toldFinding struct {
	Revision uint64 `json:"revision"`
	Severity uint32 `json:"severity"`
	Class    string `json:"class"`
	Held     bool   `json:"held,omitempty"` // nothing yet: a survey or a window holds it back
}

// savedTelling is what is saved beside the events and what was told.
type savedTelling struct {
	Position uint64               `json:"position"` // that it was saved at
	Looked   time.Time            `json:"looked,omitzero"`
	Look     []string             `json:"look,omitempty"`
	Losses   map[string]*toldLoss `json:"losses,omitempty"` // by site, agent and reason
	Silent   map[string]bool      `json:"silent,omitempty"` // agents
}

// toldLoss is what of a kind of loss was not told yet.
type toldLoss struct {
	Site, Agent, Reason, Words string
	Count                      uint64
	First, Last                time.Time
	Next                       time.Time // it is told no sooner
}

// deliverTo makes e fill an outbox, before its state is restored.
func (e *engine) deliverTo(box *deliver.Outbox) {
	e.telling = telling{box: box, told: map[string]*toldFinding{}, dirty: map[string]bool{}, look: map[string]bool{}}
	e.findings.Follow()
}

// say adds an event to those of the record under way.
func (t *telling) say(e *deliver.Event) {
	e.Finish()
	t.drafts = append(t.drafts, e)
}

// deliver closes the record under way: its events go to the outbox.
func (e *engine) deliver(r *store.Record) {
	t := &e.telling
	if t.box == nil {
		return
	}
	e.sayFindings(r.Recorded)
	if e.telling.due(e, r.Recorded) {
		e.lookAgain(r.Recorded)
	}
	t.box.Add(r.Position, t.drafts)
	t.drafts = nil
}

// due reports whether what was put off may be told.
func (t *telling) due(e *engine, now time.Time) bool {
	if t.box == nil || !now.Before(t.saved.Looked) && now.Sub(t.saved.Looked) < sayEvery {
		return false
	}
	if len(t.look) > 0 {
		return true
	}
	for _, l := range t.saved.Losses {
		if l.Count > 0 && !now.Before(l.Next) {
			return true
		}
	}
	return t.held > 0 && slices.ContainsFunc(e.policy.Boundaries(), func(b boundary.Info) bool { return t.saved.Looked.Before(b.Survey) && !now.Before(b.Survey) })
}

// sayFindings tells what happened to findings.
func (e *engine) sayFindings(now time.Time) {
	t := &e.telling
	for _, id := range e.findings.Moved() {
		was, revision := t.told[id], e.findings.Revision(id)
		switch {
		case revision == 0 && was == nil:
		case revision == 0:
			if !was.Held {
				t.say(&deliver.Event{
					Time: now, Kind: "finding.withdrawn", What: config.Findings, Subject: id, Class: was.Class, Severity: was.Severity, Revision: was.Revision + 1, Status: finding.Closed,
					Title: "Finding " + id + " is withdrawn", Words: "Better sight showed that it never was one, and nobody had decided on it.",
				})
			}
			t.put(id, nil)
			t.dirty[id] = true
		case was == nil:
			e.sayRaised(id, now)
		case revision > was.Revision && !was.Held:
			e.sayActs(id, was.Revision)
			fallthrough
		default:
			t.look[id] = true
		}
	}
}

// know notes what others know of a finding now.
func (t *telling) know(f *demarcv1.Finding, held bool) {
	t.put(f.GetId(), &toldFinding{f.GetRevision(), f.GetSeverity(), f.GetKind(), held})
	t.dirty[f.GetId()] = true
}

// put keeps what was told of a finding; nil forgets it.
func (t *telling) put(id string, f *toldFinding) {
	if was := t.told[id]; was != nil && was.Held {
		t.held--
	}
	delete(t.told, id)
	if f == nil {
		return
	}
	t.told[id] = f
	if f.Held {
		t.held++
	}
}

func (e *engine) sayRaised(id string, now time.Time) {
	f, _ := e.findings.Get(id)
	held := api.Held(e.policy, e.docs, now, f)
	e.telling.know(f, held)
	if held || f.GetStatus() == finding.Closed {
		return
	}
	x := e.eventOf(f)
	x.Kind, x.Time, x.Words = "finding.raised", now, fmt.Sprintf("Raised as %s, severity %d: %s", f.GetKind(), f.GetSeverity(), strings.Join(f.GetSeverityTerms(), "; "))
	e.telling.say(x)
}

// eventOf is an event about a finding as it is now.
func (e *engine) eventOf(f *demarcv1.Finding) *deliver.Event {
	var some []*demarcv1.JudgedConnection
	for _, id := range slices.Concat(f.GetConnections(), f.GetPast()) {
		if j := e.judged[id]; j != nil && len(some) < deliver.MaxEvidence {
			some = append(some, j.view())
		}
	}
	x := deliver.OfFinding(f, some)
	x.Policy = max(x.Policy, e.policy.Version())
	return x
}

// toldActs are the events of findings that others are told of, by what they are
// then called. Assignments, comments and plans stay here.
var toldActs = map[string]string{
	finding.EventStatus: "finding.status", finding.EventAccepted: "finding.accepted", finding.EventClosed: "finding.closed", finding.EventReopened: "finding.reopened",
	finding.EventCeased: "finding.ceased", finding.EventAgain: "finding.again", finding.EventEnded: "finding.acceptance-ended",
}

// sayActs tells what was done to a finding after a revision.
func (e *engine) sayActs(id string, after uint64) {
	f, _ := e.findings.Get(id)
	was := e.telling.told[id]
	all, _ := e.findings.Events(id)
	for _, a := range all {
		kind, told := toldActs[a.GetKind()]
		if !told || a.GetRevision() <= after {
			continue
		}
		x := e.eventOf(f)
		x.Kind, x.Time, x.Words, x.Actor, x.Status, x.Revision = kind, a.GetAt().AsTime(), a.GetWords(), a.GetActor(), a.GetStatus(), a.GetRevision()
		x.Was = different(was.Severity, x.Severity)
		e.telling.say(x)
	}
	e.telling.know(f, false)
}

// different is was, or 0 when it is the same.
func different(was, is uint32) uint32 {
	if was == is {
		return 0
	}
	return was
}

// lookAgain tells what was put off: other classes and severities, what nothing
// holds back any more, and losses.
func (e *engine) lookAgain(now time.Time) {
	t := &e.telling
	t.saved.Looked = now
	if t.held > 0 {
		for id, was := range t.told {
			if was.Held {
				t.look[id] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.look)) {
		was := t.told[id]
		f, there := e.findings.Get(id)
		switch {
		case !there || was == nil:
		case was.Held:
			if !api.Held(e.policy, e.docs, now, f) {
				e.sayRaised(id, now)
			}
		case f.GetSeverity() != was.Severity || f.GetKind() != was.Class:
			x := e.eventOf(f)
			x.Kind, x.Time, x.Was = "finding.changed", now, different(was.Severity, f.GetSeverity())
			x.Words = fmt.Sprintf("It was %s of severity %d, and is %s of severity %d: %s", was.Class, was.Severity, f.GetKind(), f.GetSeverity(), strings.Join(f.GetSeverityTerms(), "; "))
			t.say(x)
			t.know(f, false)
		}
	}
	clear(t.look)
	t.sayLosses(now)
}

// lost takes what an agent says that it lost or could not see.
func (t *telling) lost(site, agent string, losses []*demarcv1.LossDelta, now time.Time) {
	if t.box == nil {
		return
	}
	for _, l := range losses {
		key := site + "\x00" + agent + "\x00" + l.GetReason()
		x := t.saved.Losses[key]
		if x == nil && len(t.saved.Losses) >= maxLosses {
			continue // they are on the pages
		}
		if x == nil {
			x = &toldLoss{Site: site, Agent: agent, Reason: l.GetReason()}
			if t.saved.Losses == nil {
				t.saved.Losses = map[string]*toldLoss{}
			}
			t.saved.Losses[key] = x
		}
		first, last := time.Unix(0, l.GetFirstNs()).UTC(), time.Unix(0, l.GetLastNs()).UTC()
		if x.Count == 0 || first.Before(x.First) {
			x.First = first
		}
		if x.Count == 0 || last.After(x.Last) {
			x.Last = last
		}
		x.Count += max(1, l.GetCount())
		x.Words = l.GetDetail()
	}
	t.sayLosses(now)
}

func (t *telling) sayLosses(now time.Time) {
	for _, key := range slices.Sorted(maps.Keys(t.saved.Losses)) {
		l := t.saved.Losses[key]
		if l.Count == 0 || now.Before(l.Next) {
			continue
		}
		x := &deliver.Event{
			Time: now, Kind: "agent.loss", What: config.Agents, Subject: l.Agent, Class: l.Reason, Site: l.Site, Severity: 40, Count: l.Count, First: l.First, Last: l.Last,
			Title: "Agent " + l.Agent + " did not see or keep everything: " + l.Reason, Words: l.Words, Page: "/agents",
		}
		if check, span := strings.CutPrefix(l.Reason, "mirror-"); span {
			x.Kind, x.Title = "agent.span", "The SPAN port of agent "+l.Agent+" is not right: "+check
		}
		t.say(x)
		l.Count, l.Next = 0, now.Add(lossEvery)
	}
}

// condition tells that a condition came to another state.
func (e *engine) sayCondition(r *condition.Result, now time.Time) {
	if e.telling.box == nil {
		return
	}
	x := deliver.OfCondition(r.Authorization, r.Condition.ID.Name, r.Condition.Statement, r.State, r.Words, r.Reason)
	x.Time, x.Controls, x.Evidence, x.Policy = now, r.Condition.Controls, r.Evidence, e.policy.Version()
	x.Boundaries, _ = e.docs.Concerned("Authorization", r.Authorization)
	for _, id := range r.Connections {
		if j := e.judged[id]; j != nil && len(x.Evidence) < deliver.MaxEvidence {
			x.Connection(j.view())
		}
	}
	e.telling.say(x)
}

// noticeSeverity weighs notices.
var noticeSeverity = map[string]uint32{boundary.Ended: 70, boundary.AcceptanceEnded: 70}

// sayNotice tells what people are to be told. That an acceptance of a finding
// ended, its own event says.
func (e *engine) sayNotice(n *boundary.Notice, now time.Time) {
	kind, name, _ := strings.Cut(n.Document, "/")
	if e.telling.box == nil || kind == "Finding" && n.Kind == boundary.AcceptanceEnded {
		return
	}
	x := &deliver.Event{
		Time: now, Kind: "authorization." + n.Kind, What: config.Authorizations, Subject: n.Document, Class: n.Kind, Title: n.Words,
		Severity: max(40, noticeSeverity[n.Kind]), Policy: e.policy.Version(), Documents: []string{n.Document}, Page: "/authorizations",
		Words: "Due " + n.Due.UTC().Format(time.RFC3339),
	}
	if kind == "Finding" {
		f, _ := e.findings.Get(name)
		x.Documents, x.Boundaries, x.Page = nil, []string{f.GetFromBoundary(), f.GetToBoundary()}, "/findings/"+name
		x.Boundaries = slices.DeleteFunc(x.Boundaries, func(b string) bool { return b == "" })
	} else {
		x.Boundaries, _ = e.docs.Concerned(kind, name)
	}
	e.telling.say(x)
}

// toldDeeds are acts on authority by what they are called, and their weight.
var toldDeeds = map[string]struct {
	words    string
	severity uint32
}{
	"suspend": {"suspended", 70}, "rescind": {"rescinded", 70}, "revise": {"revised", 40}, "supersede": {"superseded", 40}, "extend": {"extended", 20},
	"open": {"window-opened", 20}, "close": {"window-closed", 20},
}

// sayDeed tells what a person did to authority, and what came of it.
func (e *engine) sayDeed(a *demarcv1.Act, document string, came *demarcv1.Consequences) {
	if e.telling.box == nil {
		return
	}
	x := &deliver.Event{
		Time: a.GetTime().AsTime(), What: config.Authorizations, Subject: document, Actor: a.GetActor(), Documents: []string{document}, Policy: e.policy.Version(), Page: "/authorizations",
	}
	kind, name, _ := strings.Cut(document, "/")
	reason := ""
	switch a.GetKind() {
	case actAuthorization:
		d := &demarcv1.AuthorizationAct{}
		_ = proto.Unmarshal(a.GetBody(), d) // it was read before
		x.Class, reason = d.GetKind(), d.GetReason()
	case actWindow:
		d := &demarcv1.WindowAct{}
		_ = proto.Unmarshal(a.GetBody(), d)
		x.Class, reason = d.GetKind(), d.GetReason()
		if d.GetWindow() != "" {
			x.Documents = append(x.Documents, "Window/"+d.GetWindow())
		}
	case actAttest:
		d := &demarcv1.Attestation{}
		_ = proto.Unmarshal(a.GetBody(), d)
		x.Class, reason = "attested", "condition "+d.GetCondition()+": "+d.GetStatement()
	default:
		return
	}
	x.Kind = "authorization." + x.Class
	if t, known := toldDeeds[x.Class]; known {
		x.Kind, x.Severity = "authorization."+t.words, t.severity
	}
	x.Title = document + " " + strings.ReplaceAll(strings.TrimPrefix(x.Kind, "authorization."), "-", " ") + " by " + a.GetActor()
	x.Words = strings.TrimPrefix(fmt.Sprintf("%s; %d verdicts changed", reason, len(came.GetVerdicts())), "; ")
	for _, b := range came.GetBoundaries() {
		x.Evidence = append(x.Evidence, fmt.Sprintf("%s: %s, before: %s", b.GetBoundary(), b.GetAfter(), b.GetBefore()))
	}
	x.Boundaries, _ = e.docs.Concerned(kind, name)
	e.telling.say(x)
}

// sayPolicy tells that other documents are in force.
func (e *engine) sayPolicy(now time.Time, changed int) {
	if e.telling.box == nil {
		return
	}
	e.telling.say(&deliver.Event{
		Time: now, Kind: "authorization.documents", What: config.Authorizations, Subject: fmt.Sprintf("policy version %d", e.policy.Version()), Severity: 20, Policy: e.policy.Version(),
		Title: fmt.Sprintf("Documents of policy version %d are in force", e.policy.Version()), Words: fmt.Sprintf("%d verdicts changed", changed), Page: "/policy",
	})
}

// save adds to a cut what is told and what is still to be.
func (t *telling) save(c *checkpoint) error {
	if t.box == nil {
		return nil
	}
	c.changes = append(c.changes, t.box.Save(tableOutbox, c.whole)...)
	if c.whole {
		for id := range t.told {
			t.dirty[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.dirty)) {
		x := store.Change{Table: tableTold, Key: []byte(id)}
		if told := t.told[id]; told != nil {
			var err error
			if x.Value, err = json.Marshal(told); err != nil {
				return err
			}
		}
		c.changes = append(c.changes, x)
	}
	clear(t.dirty)
	t.saved.Position, t.saved.Look = c.position, slices.Sorted(maps.Keys(t.look))
	value, err := json.Marshal(t.saved)
	c.changes = append(c.changes, store.Change{Table: tableTold, Value: value})
	return err
}

// restoreTelling takes up what was told. Where nothing was delivered for a while,
// what there is now counts as told.
func (e *engine) restoreTelling(s saved, position uint64) error {
	t := &e.telling
	if t.box == nil {
		return nil
	}
	e.findings.Moved() // what restoring did
	if text := s[tableTold][""]; text != nil {
		if err := json.Unmarshal(text, &t.saved); err != nil {
			return fmt.Errorf("saved deliveries: %w", err)
		}
	}
	if position == 0 || t.saved.Position != position {
		t.saved = savedTelling{}
		for _, f := range e.findings.All() {
			t.know(f, api.Held(e.policy, e.docs, e.clock(), f))
		}
		return nil
	}
	for id, text := range s[tableTold] {
		if id == "" {
			continue
		}
		told := &toldFinding{}
		if err := json.Unmarshal(text, told); err != nil {
			return fmt.Errorf("saved delivery of finding %s: %w", id, err)
		}
		t.put(id, told)
	}
	for _, id := range t.saved.Look {
		t.look[id] = true
	}
	return t.box.Restore(s[tableOutbox])
}
