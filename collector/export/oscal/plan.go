package oscal

import (
	"errors"
	"net/url"
	"slices"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"

	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

// ErrNoItems is returned for a plan of action without anything to act on, which
// is no document of OSCAL.
var ErrNoItems = errors.New("no finding is open and none has a plan: there is no plan of action to write")

// plan is the plan of action and milestones: an item for each finding that is
// not closed, or that somebody planned for.
func (d *document) plan() (*types.PlanOfActionAndMilestones, error) {
	planned := func(f *demarcv1.Finding) bool { return stands(f) || len(f.GetPoam()) > 0 }
	var items []types.PoamItem
	unplanned := 0
	for _, x := range d.Findings {
		f := x.GetFinding()
		if !planned(f) {
			continue
		}
		i := types.PoamItem{
			UUID: d.id("item", f.GetId()), Title: markup(f.GetTitle()), Description: prose(or(f.GetWhy(), f.GetTitle())), Props: told(own("finding", f.GetId())),
			Origins:             some([]types.PoamItemOrigin{{Actors: d.origin().Actors}}),
			RelatedObservations: some([]types.RelatedObservation{{ObservationUuid: d.id("seen", f.GetId())}}), RelatedRisks: some([]types.AssociatedRisk{{RiskUuid: d.id("risk", f.GetId())}}),
		}
		if c := d.violated(f.GetCondition()); c != nil {
			for _, name := range under(c) {
				add(&i.RelatedFindings, types.RelatedFinding{FindingUuid: d.id("finding", c.GetId(), name)})
			}
		}
		if len(f.GetPoam()) == 0 && f.GetAcceptance() == nil {
			unplanned++
			i.Remarks = "Nobody has planned anything for it yet: no milestone and no date is known."
		}
		items = append(items, i)
	}
	if len(items) == 0 {
		return nil, ErrNoItems
	}
	if unplanned > 0 {
		d.missing = append(d.missing, "Milestones and dates: "+number(unplanned, "item")+" without a plan (`finding poam`)")
	}
	failed := slices.DeleteFunc(slices.Clone(d.Conditions), func(c *demarcv1.Condition) bool { return d.violated(c.GetId()) == nil })
	observations := slices.Concat(d.tested(failed), d.found(planned))
	p := &types.PlanOfActionAndMilestones{
		PoamItems: items, Observations: some(observations), Risks: some(d.risks(planned)), Findings: some(d.findings(failed)),
		SystemId:         &types.SystemId{ID: said(d.Name)},
		LocalDefinitions: &types.PlanOfActionAndMilestonesLocalDefinitions{Components: some([]types.SystemComponent{d.tool()}), InventoryItems: some(d.subjects(observations))},
	}
	if href := d.securityPlanHref(); href != "" {
		p.ImportSsp = &types.ImportSsp{Href: href}
	} else {
		d.missing = append(d.missing, "System security plan: name it with --ssp, or as securityPlan: of the boundary")
	}
	p.Metadata, p.BackMatter = d.metadata("Plan of action and milestones"), d.backMatter()
	return p, nil
}

// violated is a condition by its id, if it is violated.
func (d *document) violated(id string) *demarcv1.Condition {
	i := slices.IndexFunc(d.Conditions, func(c *demarcv1.Condition) bool { return c.GetId() == id && c.GetState() == condition.Violated })
	if i < 0 {
		return nil
	}
	return d.Conditions[i]
}

// securityPlanHref is what a person named, or else what the documents of all
// boundaries name alike.
func (d *document) securityPlanHref() string {
	var all []string
	for _, b := range d.Boundaries {
		if u, err := url.Parse(b.GetRecord().GetSecurityPlan().GetHref()); err == nil && u.String() != "" {
			all = append(all, u.String())
		}
	}
	slices.Sort(all)
	if all = slices.Compact(all); d.SecurityPlan == "" && len(all) == 1 {
		return all[0]
	}
	return d.SecurityPlan
}
