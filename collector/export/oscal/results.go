package oscal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"

	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

func stands(f *demarcv1.Finding) bool { return f.GetStatus() != "closed" }

// results are the assessment results: what was seen, what that says of each
// condition, and what of it is a risk.
func (d *document) results() *types.AssessmentResults {
	observations := slices.Concat(d.sights(), d.tested(d.Conditions), d.found(stands))
	at := d.At.UTC()
	r := types.Result{
		UUID: d.id("result", d.Name, stamp(d.At)), Title: markup("What was computed of " + d.Title + " by " + stamp(d.At)),
		Description: "Conditions, verdicts and findings as they stood then. Each observation says until when it was heard.",
		Start:       d.start(), End: &at, ReviewedControls: d.reviewed(),
		Observations: some(observations), Risks: some(d.risks(stands)), Findings: some(d.findings(d.Conditions)),
		LocalDefinitions: &types.LocalDefinitions{Components: some(append(d.places(), d.tool())), InventoryItems: some(d.subjects(observations))},
		Remarks:          prose("A condition that could not be observed, or whose last observation is stale, is never satisfied here: its finding says other as the reason, and why."),
	}
	a := &types.AssessmentResults{ImportAp: types.ImportAp{Href: d.href(d.Plan, "Assessment plan", "--plan")}, Results: []types.Result{r}}
	if objectives := d.objectives(); len(objectives) > 0 {
		a.LocalDefinitions = &types.LocalDefinitions{ObjectivesAndMethods: &objectives}
	}
	a.Metadata, a.BackMatter = d.metadata("Assessment results"), d.backMatter()
	return a
}

// start is the earliest moment that something was judged over.
func (d *document) start() time.Time {
	first := d.At.UTC()
	for _, c := range d.Conditions {
		if from := moment(c.GetFrom()); from != nil && from.Before(first) {
			first = *from
		}
	}
	for _, b := range d.Boundaries {
		if from := moment(b.GetSight().GetFrom()); from != nil && from.Before(first) {
			first = *from
		}
	}
	return first
}

// reviewed are the controls that conditions name. That a condition holds is not
// that its control is implemented: the remark says so.
func (d *document) reviewed() types.ReviewedControls {
	var all []string
	for _, c := range d.Conditions {
		for _, name := range c.GetControls() {
			all = append(all, control(name))
		}
	}
	slices.Sort(all)
	s := types.AssessedControls{Description: "The controls that conditions of the authorization name."}
	for _, name := range slices.Compact(all) {
		add(&s.IncludeControls, types.AssessedControlsSelectControlById{ControlId: name})
	}
	if len(all) == 0 {
		s.Description = "No condition names a control."
		d.missing = append(d.missing, "Reviewed controls: no condition of the authorization names one (controls: in its document)")
	}
	return types.ReviewedControls{ControlSelections: []types.AssessedControls{s}, Remarks: "A condition is one sentence under a control. That it holds does not say that all of the control is implemented."}
}

// sights are what could be seen of each boundary over the last day, with how its
// connections were judged.
func (d *document) sights() (all []types.Observation) {
	for _, b := range d.Boundaries {
		sight := b.GetSight()
		o := types.Observation{
			UUID: d.id("sight", b.GetName()), Title: markup("What was seen of " + b.GetName()),
			Description: prose(or(sight.GetWords(), "Nothing was heard of "+b.GetName()+"."), "Connections that touch it, by verdict: "+counted(d.Verdicts[b.GetName()])+"."),
			Methods:     []string{"EXAMINE"}, Collected: when(sight.GetTo(), d.At),
			Subjects: some([]types.SubjectReference{{SubjectUuid: d.id("boundary", b.GetName()), Type: "component"}}),
			Origins:  some([]types.Origin{d.origin()}),
		}
		for _, g := range sight.GetGaps() {
			add(&o.RelevantEvidence, types.RelevantEvidence{Description: markup("No full sight: " + g)})
		}
		for _, s := range sight.GetSegments() {
			add(&o.RelevantEvidence, types.RelevantEvidence{Description: markup(fmt.Sprintf("Segment %s at %s, heard by %s: %d of %d quarter hours, %d packets, %d lost.",
				s.GetSegment(), s.GetSite(), or(strings.Join(s.GetAgents(), ", "), "nobody"), s.GetQuartersHeard(), s.GetQuarters(), s.GetPackets(), s.GetLost()))})
		}
		all = append(all, o)
	}
	return all
}

func counted(m map[string]int) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%d %s", m[k], k))
	}
	return or(strings.Join(all, ", "), "none")
}

// tested is what each condition stands on. Nothing was sent to find it out:
// traffic and papers were examined, not exercised.
func (d *document) tested(conditions []*demarcv1.Condition) (all []types.Observation) {
	for _, c := range conditions {
		o := types.Observation{
			UUID: d.id("condition", c.GetId()), Title: markup("Condition " + c.GetId() + ": " + c.GetWords()),
			Description: prose(c.GetStatement(), "It is tested by: "+or(c.GetTest(), c.GetCheck())+or(before(", ", c.GetFrequency()), "")+".", c.GetReason()),
			Methods:     []string{"EXAMINE"}, Types: some([]string{"control-objective"}),
			Collected: when(c.GetTested(), when(c.GetTo(), d.At)), Expires: moment(c.GetUntil()),
			Origins: some([]types.Origin{d.origin()}), Props: d.connections(c.GetConnections()), Subjects: d.assets(c.GetAssets()),
		}
		if c.GetCheck() == "attest" {
			o.Remarks = "No traffic shows it: it stands on a person's written word, to the day that expires says."
		}
		for _, e := range slices.Concat(c.GetEvidence(), c.GetSight()) {
			add(&o.RelevantEvidence, types.RelevantEvidence{Description: markup(e)})
		}
		all = append(all, o)
	}
	return all
}

// found is what each finding groups.
func (d *document) found(which func(*demarcv1.Finding) bool) (all []types.Observation) {
	for _, x := range d.Findings {
		f := x.GetFinding()
		if !which(f) {
			continue
		}
		o := types.Observation{
			UUID: d.id("seen", f.GetId()), Title: markup("Finding " + f.GetId() + ": " + f.GetTitle()), Description: prose(f.GetTitle(), f.GetWhy()),
			Methods: []string{"EXAMINE"}, Types: some([]string{"finding"}), Collected: when(f.GetLastSeen(), when(f.GetRaised(), d.At)),
			Origins: some([]types.Origin{d.origin()}), Props: d.connections(f.GetConnections()), Subjects: d.assets(f.GetAssets()),
		}
		if f.GetKind() == "probe-difference" {
			o.Methods = append(o.Methods, "TEST") // the device was asked
		}
		for _, e := range slices.Concat(f.GetSeverityTerms(), differences(f)) {
			add(&o.RelevantEvidence, types.RelevantEvidence{Description: markup(e)})
		}
		if n := f.GetLeftOff(); n > 0 {
			o.Remarks = fmt.Sprintf("%d more that it groups are counted and not listed.", n)
		}
		all = append(all, o)
	}
	return all
}

func differences(f *demarcv1.Finding) (all []string) {
	for _, x := range f.GetDifferences() {
		all = append(all, fmt.Sprintf("%s: %s was heard (%s), %s was answered (%s)", x.GetAttribute(), x.GetHeard().GetValue(), x.GetHeard().GetSource(), x.GetAsked().GetValue(), x.GetAsked().GetSource()))
	}
	return all
}

func (d *document) connections(ids []string) *[]types.Property {
	var all []types.Property
	for _, id := range ids {
		all = append(all, own("connection", id))
	}
	return some(all)
}

// assets are subjects as far as the document knows them.
func (d *document) assets(ids []string) *[]types.SubjectReference {
	var all []types.SubjectReference
	for _, id := range ids {
		if d.named[id] != nil {
			all = append(all, types.SubjectReference{SubjectUuid: d.id("asset", id), Type: "inventory-item"})
		}
	}
	return some(all)
}

// subjects are the inventory items that observations are on.
func (d *document) subjects(observations []types.Observation) (all []types.InventoryItem) {
	on := map[string]bool{}
	for _, o := range observations {
		if o.Subjects == nil {
			continue
		}
		for _, s := range *o.Subjects {
			on[s.SubjectUuid] = true
		}
	}
	for _, a := range d.Assets {
		if on[d.id("asset", a.GetId())] {
			all = append(all, d.item(a))
		}
	}
	return all
}

// places are the boundaries, as components that observations are on.
func (d *document) places() (all []types.SystemComponent) {
	for _, b := range d.Boundaries {
		all = append(all, types.SystemComponent{
			UUID: d.id("boundary", b.GetName()), Type: "network", Title: markup("Boundary " + b.GetName()), Status: types.SystemComponentStatus{State: "operational"},
			Description: prose(or(b.GetTitle(), b.GetName()), "Members: "+or(strings.Join(b.GetMembers(), "; "), "none")+"."),
		})
	}
	return all
}

// objective is the id of a condition under a control that it names, "" for none.
func objective(c *demarcv1.Condition, name string) string {
	if name == "" {
		return token(c.GetId())
	}
	return token(c.GetId() + "." + control(name))
}

// under are the controls of a condition; one that names none stands by itself.
func under(c *demarcv1.Condition) []string {
	if len(c.GetControls()) == 0 {
		return []string{""}
	}
	return c.GetControls()
}

// objectives are the conditions, as what is tested under a control.
func (d *document) objectives() (all []types.LocalObjective) {
	for _, c := range d.Conditions {
		for _, name := range c.GetControls() {
			all = append(all, types.LocalObjective{
				ControlId: control(name), Description: markup("Condition " + c.GetId() + " of authorization " + c.GetAuthorization()),
				Parts: []types.Part{{ID: objective(c, name), Name: "assessment-objective", Prose: markup(c.GetStatement())}},
			})
		}
	}
	return all
}

// findings say of each condition, under each of its controls, whether it is
// satisfied.
func (d *document) findings(conditions []*demarcv1.Condition) (all []types.Finding) {
	for _, c := range conditions {
		for _, name := range under(c) {
			f := types.Finding{
				UUID: d.id("finding", c.GetId(), name), Title: markup(strings.TrimSpace("Condition " + c.GetId() + " " + before("under ", name))), Description: prose(c.GetStatement()),
				Origins:             some([]types.Origin{d.origin()}),
				Target:              types.FindingTarget{Type: "objective-id", TargetId: objective(c, name), Title: markup(c.GetStatement()), Status: status(c)},
				RelatedObservations: some([]types.RelatedObservation{{ObservationUuid: d.id("condition", c.GetId())}}),
			}
			if name == "" {
				f.Remarks = "The condition names no control: the target is the condition itself."
			}
			if add(&f.RelatedRisks, d.on(c)...); f.RelatedRisks == nil && c.GetState() == condition.Violated {
				add(&f.RelatedRisks, types.AssociatedRisk{RiskUuid: d.id("condition risk", c.GetId())})
			}
			all = append(all, f)
		}
	}
	return all
}

// status is how a condition stands in the two words that OSCAL has for it.
// Whatever is not known to hold is not satisfied, with the reason in words.
func status(c *demarcv1.Condition) types.ObjectiveStatus {
	s := types.ObjectiveStatus{State: "not-satisfied", Reason: "other", Remarks: prose("Demarc says: "+or(c.GetWords(), c.GetState())+".", c.GetReason())}
	switch c.GetState() {
	case condition.Holds, condition.NotExercised:
		s.State, s.Reason = "satisfied", "pass"
	case condition.Attested:
		s.State = "satisfied"
	case condition.Violated:
		s.Reason = "fail"
	}
	return s
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// before puts words before a text that says something.
func before(words, s string) string {
	if s == "" {
		return ""
	}
	return words + s
}
