package oscal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"

	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

// risks are the findings that fit, with what people decided on each, and after
// them the conditions that are violated and on which no finding stands yet.
func (d *document) risks(which func(*demarcv1.Finding) bool) (all []types.Risk) {
	for _, x := range d.Findings {
		if which(x.GetFinding()) {
			all = append(all, d.risk(x))
		}
	}
	for _, c := range d.Conditions {
		if c.GetState() == condition.Violated && len(d.on(c)) == 0 {
			all = append(all, types.Risk{
				UUID: d.id("condition risk", c.GetId()), Title: markup("Condition " + c.GetId() + " is violated"), Description: prose(c.GetStatement()), Statement: prose(or(c.GetReason(), c.GetWords())), Status: "open",
				Origins: some([]types.Origin{d.origin()}), RelatedObservations: some([]types.RelatedObservation{{ObservationUuid: d.id("condition", c.GetId())}}),
			})
		}
	}
	return all
}

// on are the risks of the findings on a condition that stand.
func (d *document) on(c *demarcv1.Condition) (all []types.AssociatedRisk) {
	for _, x := range d.Findings {
		if f := x.GetFinding(); f.GetCondition() == c.GetId() && stands(f) {
			all = append(all, types.AssociatedRisk{RiskUuid: d.id("risk", f.GetId())})
		}
	}
	return all
}

func (d *document) risk(x *demarcv1.GetFindingResponse) types.Risk {
	f := x.GetFinding()
	r := types.Risk{
		UUID: d.id("risk", f.GetId()), Title: markup(f.GetTitle()), Description: prose(f.GetTitle(), "From "+or(f.GetFromBoundary(), "no boundary")+" to "+or(f.GetToBoundary(), "no boundary")+"."),
		Statement: prose(or(f.GetWhy(), f.GetTitle())), Status: or(f.GetStatus(), "open"), Origins: some([]types.Origin{d.origin()}),
		Props: told(own("finding", f.GetId()), own("kind", f.GetKind()), own("assignee", f.GetAssignee())),
		Characterizations: some([]types.Characterization{{Origin: d.origin(), Facets: []types.Facet{{
			Name: "severity", System: namespace, Value: fmt.Sprint(f.GetSeverity()), Remarks: prose(append([]string{"From 0 to 100:"}, f.GetSeverityTerms()...)...),
		}}}}),
		RelatedObservations: some([]types.RelatedObservation{{ObservationUuid: d.id("seen", f.GetId())}}),
	}
	if id, _, _ := strings.Cut(f.GetTechnique(), " "); id != "" {
		r.ThreatIds = some([]types.ThreatId{{System: "https://attack.mitre.org", ID: "https://attack.mitre.org/techniques/" + token(id)}})
	}
	if a := f.GetAcceptance(); a != nil {
		for i, m := range a.GetMitigations() {
			add(&r.MitigatingFactors, types.MitigatingFactor{UUID: d.id("mitigation", f.GetId(), fmt.Sprint(i), m), Description: prose(m)})
		}
		r.Deadline = moment(a.GetUntil())
	}
	r.Remediations, r.RiskLog = d.remediations(f), d.log(x)
	if due := firstDue(f); due != nil {
		r.Deadline = due
	}
	return r
}

// firstDue is when the first open item of a finding's plan is due.
func firstDue(f *demarcv1.Finding) (first *time.Time) {
	for _, p := range f.GetPoam() {
		if due := moment(p.GetDue()); p.GetStatus() != "closed" && due != nil && (first == nil || due.Before(*first)) {
			first = due
		}
	}
	return first
}

// remediations are the items of a finding's plan, and that somebody accepted it.
func (d *document) remediations(f *demarcv1.Finding) *[]types.Response {
	var all []types.Response
	for _, p := range f.GetPoam() {
		r := types.Response{
			UUID: d.id("plan", f.GetId(), p.GetId()), Lifecycle: "planned", Title: markup(p.GetId() + ": " + or(p.GetTitle(), "no title")),
			Description: prose(or(p.GetTitle(), "no title"), before("Responsible: ", p.GetResponsible()), before("Resources: ", p.GetResources()), before("Due ", lastDay(p.GetDue()))),
			Props:       told(own("responsible", p.GetResponsible()), own("evidence-sha256", p.GetSha256())),
		}
		if p.GetStatus() == "closed" {
			r.Lifecycle = "completed"
			r.Remarks = prose("Closed by "+or(p.GetClosedBy(), "somebody")+before(" on ", day(p.GetClosed()))+".", p.GetEvidence())
		}
		tasks := slices.Concat(p.GetMilestones(), []*demarcv1.Milestone{{Title: "Done: " + or(p.GetTitle(), p.GetId()), Due: p.GetDue(), Done: p.GetStatus() == "closed"}})
		for i, m := range tasks {
			t := types.Task{UUID: d.id("milestone", f.GetId(), p.GetId(), fmt.Sprint(i), m.GetTitle()), Type: "milestone", Title: markup(m.GetTitle()), Props: some([]types.Property{own("done", fmt.Sprint(m.GetDone()))})}
			if due := moment(m.GetDue()); due != nil {
				t.Timing = &types.EventTiming{OnDate: &types.OnDateCondition{Date: *due}}
			}
			add(&r.Tasks, t)
		}
		all = append(all, r)
	}
	if a := f.GetAcceptance(); a != nil {
		all = append(all, types.Response{
			UUID: d.id("acceptance", f.GetId()), Lifecycle: "completed", Title: "The deviation was approved", Props: told(own("owner", a.GetOwner()), own("approved-by", a.GetBy())),
			Description: prose(a.GetReason(), "Accepted by "+or(a.GetBy(), "somebody")+before(" on ", day(a.GetAt()))+before(" to ", lastDay(a.GetUntil()))+before("; who answers for it: ", a.GetOwner())+"."),
		})
	}
	return some(all)
}

// log is what was done to a finding, the first first.
func (d *document) log(x *demarcv1.GetFindingResponse) *types.RiskLog {
	var l types.RiskLog
	for i, e := range x.GetEvents() {
		entry := types.RiskLogEntry{
			UUID: d.id("event", x.GetFinding().GetId(), fmt.Sprint(e.GetRevision()), fmt.Sprint(i)), Start: when(e.GetAt(), d.At), Title: markup(e.GetKind()),
			Description: prose(e.GetWords()), StatusChange: token(or(e.GetStatus(), "open")),
		}
		if who := e.GetActor(); who != "" && who != "collector" {
			add(&entry.LoggedBy, types.LoggedBy{PartyUuid: d.party("person", who, "")})
		}
		l.Entries = append(l.Entries, entry)
	}
	if len(l.Entries) == 0 {
		return nil
	}
	return &l
}
