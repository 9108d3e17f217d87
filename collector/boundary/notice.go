package boundary

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Kinds of Notice.
const (
	EndsSoon        = "ends-soon"
	Ended           = "ended"
	ReviewIsDue     = "review-due"
	AttestationDue  = "attestation-due"
	AcceptanceEnds  = "acceptance-ends"
	AcceptanceEnded = "acceptance-ended"
	EmergencyReview = "emergency-review"
	PlanDue         = "plan-due"
)

// NoticeKinds lists the kinds of Notice.
func NoticeKinds() []string {
	return []string{EndsSoon, Ended, ReviewIsDue, AttestationDue, AcceptanceEnds, AcceptanceEnded, EmergencyReview, PlanDue}
}

// Notice is something that a person is to be told of at an instant.
type Notice struct {
	At       time.Time
	Kind     string
	Document string // that it is about
	Due      time.Time
	Words    string
	Subject  string // with Document and Due: what the notice is one step of
	What     string `json:"-"` // of an end: what ends
}

// Key is the same for the same notice, whenever it is computed.
func (n *Notice) Key() string {
	return n.Kind + "|" + n.Document + "|" + n.Subject + "|" + n.Due.UTC().Format(time.RFC3339) + "|" + n.At.UTC().Format(time.RFC3339)
}

const days = 24 * time.Hour

// before are the times before an end at which it is announced.
var before = []time.Duration{90 * days, 30 * days, 7 * days}

// emergencyReview is how soon after an emergency it is to be reviewed.
const emergencyReview = 7 * days

// Notices lists every notice that p's documents call for, by time.
func (p *Policy) Notices() []Notice {
	var all []Notice
	for _, d := range p.decisions {
		all = append(all, p.noticesOf(d)...)
	}
	for _, x := range p.docs.Interconnections {
		all = append(all, paperNotices(x.Meta, x.Agreement, x.Sides)...)
	}
	for _, x := range p.docs.SharedServices {
		all = append(all, paperNotices(x.Meta, x.Agreement, x.Sides)...)
	}
	all = append(all, p.emergencies()...)
	slices.SortFunc(all, func(a, b Notice) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key(), b.Key())) })
	return all
}

// paperNotices announces the ends of an agreement and its sides, and its review.
func paperNotices(m Meta, paper *Paper, sides []Approval) []Notice {
	var all []Notice
	for _, c := range coverOf(paper, sides) {
		all = append(all, ending(m.String(), c.What, c.Until, c.What+" of "+m.Name, EndsSoon, Ended)...)
	}
	if paper == nil || paper.ReviewEvery.Duration <= 0 {
		return all
	}
	last := paper.Reviewed.Time
	if last.IsZero() {
		last = paper.Signed.Time
	}
	if due := last.Add(paper.ReviewEvery.Duration); !last.IsZero() {
		all = append(all, Notice{At: due, Kind: ReviewIsDue, Document: m.String(), Due: due, Words: "the review of " + m.Name + " is due", Subject: "review"})
	}
	return all
}

func (p *Policy) noticesOf(d *Decision) []Notice {
	last := d.standings[len(d.standings)-1]
	var all []Notice
	if !last.Final {
		all = ending(d.Document, "", last.Until, d.Name, EndsSoon, Ended)
	}
	due, fired := p.Review(d.Name)
	why := ""
	for _, f := range fired {
		if f.At.Equal(due) {
			why = ": " + f.What
		}
	}
	if !due.IsZero() && !last.Final {
		all = append(all, Notice{At: due, Kind: ReviewIsDue, Document: d.Document, Due: due, Words: "the review of " + d.Name + " is due" + why, Subject: "review"})
	}
	for _, c := range d.source.Conditions {
		if c.Attest == nil || last.Final || d.Granted.IsZero() {
			continue
		}
		since := d.Granted
		if a, ok := p.Attested(d.Name, c.ID.Name); ok {
			since = a.At.Add(c.Attest.Every.Duration)
		}
		all = append(all, Notice{At: since, Kind: AttestationDue, Document: d.Document, Due: since, Words: "condition " + c.ID.Name + " of " + d.Name + " is to be attested by the " + c.Attest.By, Subject: c.ID.Name})
	}
	for _, c := range d.source.Connect {
		if c.Decision != "datc" && !last.Final && !c.Expires.Time.IsZero() {
			all = append(all, ending(d.Document, "connect "+c.To.Name, c.Expires.End(), "the "+c.Decision+" of "+d.Name+" to "+c.To.Name, EndsSoon, Ended)...)
		}
	}
	for _, r := range d.source.ResidualRisks {
		all = append(all, ending(d.Document, r.ID.Name, r.Until.End(), "the acceptance of risk "+r.ID.Name+" in "+d.Name, AcceptanceEnds, AcceptanceEnded)...)
	}
	return all
}

// ending announces an end at its steps, and tells it.
func ending(document, subject string, until time.Time, what, soon, ended string) []Notice {
	if until.IsZero() {
		return nil
	}
	var all []Notice
	for _, d := range before {
		all = append(all, Notice{At: until.Add(-d), Kind: soon, Document: document, Due: until, Words: fmt.Sprintf("%s ends %s, in %d days", what, lastDay(until), d/days), Subject: subject, What: what})
	}
	return append(all, Notice{At: until, Kind: ended, Document: document, Due: until, Words: what + " ended " + lastDay(until), Subject: subject, What: what})
}

// emergencies demand a review after each emergency that has none on record.
func (p *Policy) emergencies() []Notice {
	reviewed := make(map[string]bool)
	for _, w := range p.docs.Windows {
		reviewed[w.Meta.String()] = !w.Reviewed.Time.IsZero()
	}
	var all []Notice
	for _, list := range p.openings {
		for _, o := range list {
			if !o.Emergency || reviewed[o.Document] {
				continue
			}
			due := o.Until.Add(emergencyReview)
			for _, n := range []Notice{{At: o.Until, Words: o.Document + " is to be reviewed by " + date(due)}, {At: due, Words: "the review of " + o.Document + " is overdue"}} {
				n.Kind, n.Document, n.Due = EmergencyReview, o.Document, due
				all = append(all, n)
			}
		}
	}
	return all
}

// StandingNotices lists the notices that stand at an instant: of those that are steps
// of one thing the latest that has come.
func StandingNotices(all []Notice, at time.Time) []Notice {
	latest := make(map[string]int)
	var list []Notice
	for _, n := range all { // by time
		if n.At.After(at) {
			break
		}
		key := n.Document + "|" + n.Subject + "|" + n.Due.String()
		if i, ok := latest[key]; ok {
			list[i] = n
			continue
		}
		latest[key] = len(list)
		list = append(list, n)
	}
	return list
}
