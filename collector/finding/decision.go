package finding

import (
	"fmt"
	"time"
)

// Statuses of a finding: OSCAL risk.status. Open is one that nobody has
// decided on.
const (
	Open          = "open"
	Investigating = "investigating"
	Remediating   = "remediating"
	Requested     = "deviation-requested"
	Approved      = "deviation-approved" // accepted, to an end
	Closed        = "closed"
)

// Statuses lists every status.
func Statuses() []string {
	return []string{Open, Investigating, Remediating, Requested, Approved, Closed}
}

// Reasons for which a finding is closed.
const (
	Fixed         = "fixed"
	FalsePositive = "false-positive"
	Duplicate     = "duplicate"
	Ceased        = "ceased"    // what it was about is not done any more
	Explained     = "explained" // what was seen has its reason, and is none of its kind
)

// Reasons lists every reason for closing.
func Reasons() []string { return []string{Fixed, FalsePositive, Duplicate, Ceased, Explained} }

// Kinds of events.
const (
	EventRaised    = "raised"
	EventAssigned  = "assigned"
	EventCommented = "commented"
	EventStatus    = "status"
	EventAccepted  = "accepted"
	EventClosed    = "closed"
	EventReopened  = "reopened"
	EventCeased    = "ceased"
	EventAgain     = "again"
	EventEnded     = "acceptance-ended"
	EventPoam      = "poam"
)

// itself is who acts where nobody does.
const itself = "collector"

// maxEvents bounds the history that a finding keeps: the oldest go first, and
// are counted. The audit log has them all.
const maxEvents = 200

// decision is what people decided on a finding, and what came of that. Times
// are Unix nanoseconds of the collector's clock.
type decision struct {
	Status   string      `json:"status"`
	Since    int64       `json:"since,omitempty"` // of the status
	Raised   int64       `json:"raised,omitempty"`
	Assignee string      `json:"assignee,omitempty"`
	Accepted *acceptance `json:"accepted,omitempty"`
	Closed   *closure    `json:"closed,omitempty"`
	Poam     []*item     `json:"poam,omitempty"`
	Ceased   *ended      `json:"ceased,omitempty"`
	Revision uint64      `json:"revision,omitempty"`
	Events   []event     `json:"events,omitempty"`
	LeftOff  uint64      `json:"events_left_off,omitempty"`
}

// event is one thing that was done to a finding.
type event struct {
	Revision uint64 `json:"n"`
	At       int64  `json:"at"`
	Actor    string `json:"by"`
	Kind     string `json:"kind"`
	Words    string `json:"words,omitempty"`
	Status   string `json:"status"`
}

type acceptance struct {
	Owner       string   `json:"owner"`
	Reason      string   `json:"reason"`
	Until       int64    `json:"until"`
	Mitigations []string `json:"mitigations,omitempty"`
	By          string   `json:"by"`
	At          int64    `json:"at"`
}

type closure struct {
	Reason    string `json:"reason"`
	Duplicate string `json:"duplicate,omitempty"`
	By        string `json:"by"`
	At        int64  `json:"at"`
}

// ended is since when nothing of a finding holds any more, and why.
type ended struct {
	At    int64  `json:"at"`
	Words string `json:"words"`
}

// touched reports whether anything was ever done to the finding.
func (d *decision) touched() bool { return len(d.Events) > 0 }

// settled reports whether the finding waits for nobody: a new member changes
// that.
func (d *decision) settled() bool { return d.Status == Approved || d.Status == Closed }

// note adds an event.
func (d *decision) note(now time.Time, actor, kind, words string) {
	if d.Revision == 0 {
		d.Revision = 1 // raised
	}
	d.Revision++
	d.Events = append(d.Events, event{d.Revision, now.UnixNano(), actor, kind, words, d.Status})
	if over := len(d.Events) - maxEvents; over > 0 {
		d.Events = append([]event(nil), d.Events[over:]...)
		d.LeftOff += uint64(over)
	}
}

// turn changes the status.
func (d *decision) turn(now time.Time, status string) {
	if d.Status != status {
		d.Status, d.Since = status, now.UnixNano()
	}
	if status != Approved {
		d.Accepted = nil
	}
	if status != Closed {
		d.Closed = nil
	}
}

// reopen undoes an acceptance or a closure for a cause.
func (b *Book) reopen(f *finding, kind, cause string) {
	was := f.Status
	f.turn(b.now, Open)
	f.note(b.now, itself, kind, fmt.Sprintf("%s, it was %s", cause, was))
	b.ends.moved = true
	b.touch(f)
}

// returned reports whether m, a member all the while, was seen again after the
// finding was closed as over.
func (f *finding) returned(m *member) bool {
	return f.Closed != nil && (f.Closed.Reason == Fixed || f.Closed.Reason == Ceased) && m.Last > f.Closed.At
}

// cease notes that nothing of a finding holds any more. It stays as it is until a
// person closes it: what happened happened.
func (b *Book) cease(f *finding, words string) {
	if f.Ceased != nil {
		return
	}
	f.Ceased = &ended{b.now.UnixNano(), words}
	if f.Status != Closed {
		f.note(b.now, itself, EventCeased, words)
	}
	b.touch(f)
}

// ceaseEmpty ceases a finding that has no member any more for which it holds.
func (b *Book) ceaseEmpty(f *finding) {
	if f.leftOff > 0 || len(f.conns)+len(f.assets) == 0 {
		return
	}
	for _, list := range []map[string]*member{f.conns, f.assets} {
		for _, m := range list {
			if !m.Past {
				return
			}
		}
	}
	b.cease(f, f.ceasedWords())
}

// again takes back that a finding ceased. What was closed because it was over is
// open again.
func (b *Book) again(f *finding, cause string) {
	f.Ceased = nil
	switch {
	case f.Closed != nil && (f.Closed.Reason == Fixed || f.Closed.Reason == Ceased):
		b.reopen(f, EventReopened, cause)
	case f.Status != Closed:
		f.note(b.now, itself, EventAgain, cause)
		b.touch(f)
	}
}
