package finding

import (
	"fmt"
	"slices"
	"strings"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of acts, as a request names them.
const (
	Assign  = "assign"
	Comment = "comment"
	Status  = "status"
	Accept  = "accept"
	Close   = "close"
	Reopen  = "reopen"
	Poam    = "poam"
)

// Acts lists every kind of act.
func Acts() []string { return []string{Assign, Comment, Status, Accept, Close, Reopen, Poam} }

// Act is what a person does to one finding or to many.
type Act struct {
	Kind string
	By   string
	At   time.Time
	Body *demarcv1.FindingAct
}

// Bounds of what people write.
const (
	maxWords   = 4000
	maxTargets = 10000
	maxItems   = 100 // of a plan, milestones of an item, mitigations
	maxAccept  = 3 * 366 * 24 * time.Hour
)

// Refusal says why an act is not done.
type Refusal string //nolint:errname // what it is called beside act

func (r Refusal) Error() string { return string(r) }

func refuse(format string, a ...any) error { return Refusal(fmt.Sprintf(format, a...)) }

// Act does a to each of its targets and returns nil, or does nothing and says
// what stands in the way.
func (b *Book) Act(a Act) error {
	if err := b.Check(a); err != nil {
		return err
	}
	for _, t := range a.Body.GetTargets() {
		f := b.findings[t.GetId()]
		do[a.Kind](b, f, a)
		b.touch(f)
	}
	clear(b.touched) // nobody waits for these
	return nil
}

// Check says what stands in the way of a; nil when nothing does.
func (b *Book) Check(a Act) error {
	if do[a.Kind] == nil {
		return refuse("%q is no act on findings: %s", a.Kind, strings.Join(Acts(), ", "))
	}
	targets := a.Body.GetTargets()
	switch {
	case len(targets) == 0:
		return refuse("no finding is named")
	case len(targets) > maxTargets:
		return refuse("%d findings at once: at most %d, narrow the filter", len(targets), maxTargets)
	}
	if err := checkBody(a); err != nil {
		return err
	}
	var problems []string
	seen := make(map[string]bool, len(targets))
	for _, t := range targets {
		if seen[t.GetId()] {
			return refuse("finding %s is named twice", t.GetId())
		}
		seen[t.GetId()] = true
		if err := b.checkTarget(a, t); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if n := len(problems); n > 5 {
		problems = append(problems[:5], fmt.Sprintf("and %d more", n-5))
	}
	if len(problems) > 0 {
		return Refusal(strings.Join(problems, "; "))
	}
	return nil
}

// checkBody looks at what is the same for every target.
func checkBody(a Act) error {
	x := a.Body
	for _, s := range slices.Concat([]string{x.GetComment(), x.GetAssignee(), x.GetAcceptance().GetOwner(), x.GetAcceptance().GetReason()}, x.GetAcceptance().GetMitigations()) {
		if len(s) > maxWords {
			return refuse("a text of %d bytes: at most %d", len(s), maxWords)
		}
	}
	switch a.Kind {
	case Comment:
		if blank(x.GetComment()) {
			return refuse("a comment needs its text")
		}
	case Status:
		if s := x.GetStatus(); !slices.Contains(workable, s) {
			return refuse("status %q is not set by hand: %s; accept, close and reopen set the others", s, strings.Join(workable, ", "))
		}
		if x.GetStatus() == Requested && blank(x.GetComment()) {
			return refuse("a deviation is requested for a reason: --reason")
		}
	case Accept:
		return checkAcceptance(x.GetAcceptance(), a.At)
	case Close:
		return checkClosure(x)
	case Reopen:
		if blank(x.GetComment()) {
			return refuse("reopening needs its reason: --reason")
		}
	case Poam:
		return checkItem(x.GetPoam())
	}
	return nil
}

// workable are the statuses that an act of its own does not set.
var workable = []string{Open, Investigating, Remediating, Requested}

func checkAcceptance(x *demarcv1.Acceptance, now time.Time) error {
	until := x.GetUntil().AsTime()
	switch {
	case blank(x.GetOwner()):
		return refuse("an acceptance needs an owner, who answers for it: --owner")
	case blank(x.GetReason()):
		return refuse("an acceptance needs its reason: --reason")
	case x.GetUntil() == nil:
		return refuse("nothing is accepted without an end: --until")
	case !until.After(now):
		return refuse("an acceptance to %s is over already", until.Format(time.DateTime))
	case until.Sub(now) > maxAccept:
		return refuse("an acceptance to %s, more than three years from now: end it earlier and decide again", until.Format(time.DateOnly))
	case len(x.GetMitigations()) > maxItems:
		return refuse("%d mitigations: at most %d", len(x.GetMitigations()), maxItems)
	}
	return nil
}

func checkClosure(x *demarcv1.FindingAct) error {
	c := x.GetClosure()
	switch {
	case !slices.Contains(Reasons(), c.GetReason()):
		return refuse("closing needs a reason: %s", strings.Join(Reasons(), ", "))
	case c.GetReason() == Duplicate && c.GetDuplicateOf() == "":
		return refuse("a duplicate of which finding? --of ID")
	case c.GetReason() != Duplicate && c.GetDuplicateOf() != "":
		return refuse("--of belongs to a duplicate")
	case (c.GetReason() == FalsePositive || c.GetReason() == Explained) && blank(x.GetComment()):
		return refuse("say why it is %s: --comment", c.GetReason())
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// checkTarget looks at one finding.
func (b *Book) checkTarget(a Act, t *demarcv1.FindingTarget) error {
	f := b.findings[t.GetId()]
	if f == nil {
		return refuse("no finding has the id %q: see `demarc-collector get findings`", t.GetId())
	}
	if r := t.GetRevision(); r != 0 && r != f.revision() {
		return refuse("%s changed since revision %d, it is %d now: %s", f.id, r, f.revision(), f.since(r))
	}
	switch {
	case a.Kind == Status && f.settled():
		return refuse("%s is %s: reopen it first", f.id, f.Status)
	case a.Kind == Accept && f.Status == Closed:
		return refuse("%s is closed: reopen it first", f.id)
	case a.Kind == Close && f.Status == Closed:
		return refuse("%s is closed already, as %s", f.id, f.Closed.Reason)
	case a.Kind == Close && a.Body.GetClosure().GetReason() == Duplicate:
		return b.checkDuplicate(f, a.Body.GetClosure().GetDuplicateOf())
	case a.Kind == Reopen && !f.settled():
		return refuse("%s is %s: there is nothing to reopen", f.id, f.Status)
	case a.Kind == Poam:
		return f.checkPlan(a)
	}
	return nil
}

// checkDuplicate: what a duplicate points to stands by itself.
func (b *Book) checkDuplicate(f *finding, of string) error {
	other := b.findings[of]
	switch {
	case other == nil:
		return refuse("no finding has the id %q", of)
	case other == f:
		return refuse("%s is no duplicate of itself", f.id)
	case other.Closed != nil && other.Closed.Reason == Duplicate:
		return refuse("%s is a duplicate itself, of %s", of, other.Closed.Duplicate)
	}
	for _, x := range b.findings {
		if x.Closed != nil && x.Closed.Duplicate == f.id {
			return refuse("%s was closed as a duplicate of %s, which must stand", x.id, f.id)
		}
	}
	return nil
}

// revision is 1 for a finding that nothing was done to.
func (f *finding) revision() uint64 { return max(1, f.Revision) }

// since tells what was done after a revision.
func (f *finding) since(revision uint64) string {
	var all []string
	for _, e := range f.Events {
		if e.Revision > revision {
			all = append(all, fmt.Sprintf("%s by %s (%s)", e.Kind, e.Actor, e.Words))
		}
	}
	if len(all) == 0 {
		return "look at it again"
	}
	if n := len(all); n > 3 {
		all = append([]string{fmt.Sprintf("%d acts, the last", n)}, all[n-3:]...)
	}
	return strings.Join(all, ", ")
}

// do does each kind of act to a finding that was checked.
var do = map[string]func(*Book, *finding, Act){
	Assign: func(_ *Book, f *finding, a Act) {
		f.Assignee = a.Body.GetAssignee()
		words := "to " + f.Assignee
		if f.Assignee == "" {
			words = "to nobody"
		}
		f.note(a.At, a.By, EventAssigned, with(words, a.Body.GetComment()))
	},
	Comment: func(_ *Book, f *finding, a Act) { f.note(a.At, a.By, EventCommented, a.Body.GetComment()) },
	Status: func(_ *Book, f *finding, a Act) {
		f.turn(a.At, a.Body.GetStatus())
		f.note(a.At, a.By, EventStatus, with("to "+f.Status, a.Body.GetComment()))
	},
	Accept: func(b *Book, f *finding, a Act) {
		x := a.Body.GetAcceptance()
		f.turn(a.At, Approved)
		f.Accepted = &acceptance{
			Owner: x.GetOwner(), Reason: x.GetReason(), Until: x.GetUntil().AsTime().UnixNano(), Mitigations: x.GetMitigations(), By: a.By, At: a.At.UnixNano(),
		}
		words := fmt.Sprintf("to %s for %s: %s", lastDay(x.GetUntil().AsTime()), x.GetOwner(), x.GetReason())
		if len(x.GetMitigations()) > 0 {
			words += "; mitigated by " + strings.Join(x.GetMitigations(), ", ")
		}
		f.note(a.At, a.By, EventAccepted, with(words, a.Body.GetComment()))
		b.ends.moved = true
	},
	Close: func(b *Book, f *finding, a Act) {
		c := a.Body.GetClosure()
		f.turn(a.At, Closed)
		f.Closed = &closure{Reason: c.GetReason(), Duplicate: c.GetDuplicateOf(), By: a.By, At: a.At.UnixNano()}
		words := "as " + c.GetReason()
		if c.GetDuplicateOf() != "" {
			words += " of " + c.GetDuplicateOf()
		}
		f.note(a.At, a.By, EventClosed, with(words, a.Body.GetComment()))
		b.ends.moved = true
	},
	Reopen: func(b *Book, f *finding, a Act) {
		was := f.Status
		f.turn(a.At, Open)
		f.note(a.At, a.By, EventReopened, fmt.Sprintf("%s, it was %s", a.Body.GetComment(), was))
		b.ends.moved = true
	},
	Poam: func(b *Book, f *finding, a Act) {
		f.note(a.At, a.By, EventPoam, f.plan(a))
		b.ends.moved = true
	},
}

// with adds a comment to words.
func with(words, comment string) string {
	if blank(comment) {
		return words
	}
	return words + ": " + comment
}

func lastDay(t time.Time) string { return t.UTC().Add(-time.Nanosecond).Format(time.DateOnly) }
