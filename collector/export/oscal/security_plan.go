package oscal

import (
	"slices"
	"strings"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"

	"demarc/collector/paper"
	demarcv1 "demarc/proto/demarc/v1"
)

// securityPlan is what a plant's security plan can take over: the devices that
// were heard, the interconnections that were agreed to, and the authorizations
// that others gave. How controls are implemented it cannot know.
func (d *document) securityPlan() *types.SystemSecurityPlan {
	at := d.decision()
	s := &types.SystemSecurityPlan{
		ImportProfile: types.ImportProfile{Href: d.href(d.Profile, "Profile of the controls", "--profile")},
		SystemCharacteristics: types.SystemCharacteristics{
			SystemIds: []types.SystemId{{ID: said(d.Name)}}, SystemName: said(d.systemName()), Description: prose(d.descriptions()...),
			DateAuthorized: day(at.GetGranted()), Status: state(at), SystemInformation: d.information(), SecurityImpactLevel: d.impact(),
			AuthorizationBoundary: types.AuthorizationBoundary{Description: prose(d.extent()...)}, ResponsibleParties: d.officials(),
		},
		SystemImplementation: types.SystemImplementation{
			Users: d.users(), Components: append(d.components(), d.interconnections()...), LeveragedAuthorizations: d.leveraged(), InventoryItems: d.inventory(),
			Remarks: prose("Inventory items are the devices that agents heard, not a list that somebody approved."),
		},
		ControlImplementation: types.ControlImplementation{
			Description:             "Demarc does not know how controls are implemented. Here stand the controls that conditions of the authorization name, and those that it takes over from others.",
			ImplementedRequirements: d.requirements(),
		},
	}
	d.missing = append(d.missing, "Implementation of controls: how each is implemented", "Users: privileges and functions of each role")
	s.Metadata, s.BackMatter = d.metadata("System security plan, as far as Demarc knows it,"), d.backMatter()
	return s
}

// decision is the authorization that the document is of; empty without one.
func (d *document) decision() *demarcv1.Authorization {
	if len(d.Authorizations) == 0 {
		return &demarcv1.Authorization{}
	}
	return d.Authorizations[0]
}

func (d *document) systemName() string {
	var all []string
	for _, b := range d.Boundaries {
		if b.GetRecord().GetParent() == "" {
			all = append(all, or(b.GetTitle(), b.GetName()))
		}
	}
	return or(strings.Join(all, ", "), d.Name)
}

func (d *document) descriptions() (all []string) {
	for _, b := range d.Boundaries {
		r := b.GetRecord()
		all = append(all, "Boundary "+b.GetName()+": "+or(b.GetTitle(), b.GetName())+before(", ", b.GetKind())+before(", environment ", r.GetEnvironment())+before(", systems ", strings.Join(r.GetSystems(), ", "))+".")
	}
	return append(all, "The purpose of the system is told by its documents: Demarc does not know it.")
}

func (d *document) extent() (all []string) {
	for _, b := range d.Boundaries {
		all = append(all, "Boundary "+b.GetName()+" holds "+or(strings.Join(b.GetMembers(), "; "), "no member")+".")
	}
	return append(all, "A device is inside by its address, VLAN, hardware address or segment; the most exact entry counts.")
}

// state is how the authorization stands, in OSCAL's words.
func state(a *demarcv1.Authorization) types.Status {
	switch {
	case a.GetDecision() == "decommissioned":
		return types.Status{State: "disposition"}
	case a.GetState() == paper.InForce && a.GetDecision() != "not-yet-authorized":
		return types.Status{State: "operational", Remarks: prose("Authorization " + a.GetName() + " is " + a.GetState() + ".")}
	case a.GetName() == "":
		return types.Status{State: "other", Remarks: "No authorization is on record for it."}
	}
	return types.Status{State: "other", Remarks: prose("Authorization " + a.GetName() + ", " + a.GetDecision() + ", is " + a.GetState() + before(": ", a.GetWhy()) + ".")}
}

// information are the kinds of records that boundaries hold, as documents say.
func (d *document) information() types.SystemInformation {
	var kinds []string
	for _, b := range d.Boundaries {
		kinds = append(kinds, b.GetRecord().GetRegulatedRecords()...)
	}
	slices.Sort(kinds)
	var all []types.InformationType
	for _, k := range slices.Compact(kinds) {
		all = append(all, types.InformationType{UUID: d.id("information", k), Title: markup("Regulated records: " + k), Description: "As the document of a boundary says; its impact is not in it."})
	}
	d.missing = append(d.missing, "Information types: those that the system holds, with their impact")
	if len(all) == 0 {
		all = []types.InformationType{{UUID: d.id("information", ""), Title: "Not known to Demarc", Description: "No document says what information the system holds. Put its information types here."}}
	}
	return types.SystemInformation{InformationTypes: all}
}

// impact is the highest categorization of the boundaries, where one is on record.
func (d *document) impact() *types.SecurityImpactLevel {
	levels := []string{"", "low", "moderate", "high"}
	var most [3]int
	for _, b := range d.Boundaries {
		c := b.GetRecord().GetCategorization()
		for i, l := range []string{c.GetConfidentiality(), c.GetIntegrity(), c.GetAvailability()} {
			most[i] = max(most[i], slices.Index(levels, l))
		}
	}
	if slices.Contains(most[:], 0) {
		d.missing = append(d.missing, "Impact level: categorization: of the boundaries")
		return nil
	}
	fips := func(i int) string { return "fips-199-" + levels[most[i]] }
	return &types.SecurityImpactLevel{SecurityObjectiveConfidentiality: fips(0), SecurityObjectiveIntegrity: fips(1), SecurityObjectiveAvailability: fips(2)}
}

func (d *document) officials() *[]types.ResponsibleParty {
	var ids []string
	for _, o := range d.decision().GetRecord().GetOfficials() {
		ids = append(ids, d.party("person", strings.TrimSuffix(o.GetName()+", "+o.GetOrganization(), ", "), ""))
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return &[]types.ResponsibleParty{{RoleId: d.role("authorizing-official"), PartyUuids: slices.Compact(ids)}}
}

// users are the roles that people have, as documents name them.
func (d *document) users() (all []types.SystemUser) {
	seen := map[string]bool{}
	for _, b := range d.Boundaries {
		for _, p := range b.GetRecord().GetParties() {
			id := d.role(or(p.GetRole(), "party"))
			d.party("organization", strings.TrimSuffix(p.GetName()+", "+p.GetOrganization(), ", "), p.GetContact())
			if !seen[id] {
				seen[id] = true
				all = append(all, types.SystemUser{UUID: d.id("user", id), Title: markup(p.GetRole()), RoleIds: &[]string{id}})
			}
		}
	}
	if len(all) == 0 {
		all = append(all, types.SystemUser{UUID: d.id("user", ""), Title: "Not known to Demarc", Remarks: "No document of the boundaries names who uses or answers for the system (parties:)."})
	}
	return all
}

// components are the system itself and what observed it.
func (d *document) components() []types.SystemComponent {
	return append([]types.SystemComponent{{
		UUID: d.id("this system"), Type: "this-system", Title: markup(d.systemName()), Description: markup("The system under " + d.Title + "."), Status: types.SystemComponentStatus{State: "operational"},
	}}, d.tool())
}

func (d *document) inventory() *[]types.InventoryItem {
	var all []types.InventoryItem
	for _, a := range d.Assets {
		all = append(all, d.item(a))
	}
	return some(all)
}

// leveraged are the authorizations of others that this one leans on directly.
func (d *document) leveraged() *[]types.LeveragedAuthorization {
	var all []types.LeveragedAuthorization
	for _, l := range d.Lenders {
		var lent []string
		for _, a := range d.Authorizations {
			if !slices.Contains(a.GetLeverages(), l.GetName()) {
				continue
			}
			lent = append(lent, "Leant on by "+a.GetName()+".")
			for _, i := range a.GetRecord().GetInherits() {
				if i.GetAuthorization() == l.GetName() {
					lent = append(lent, before("Controls in whole: ", strings.Join(i.GetFull(), ", ")), before("Controls in part: ", strings.Join(i.GetPartial(), ", ")), before("Services: ", strings.Join(i.GetServices(), ", ")), before("It stands so: ", i.GetStanding()))
				}
			}
		}
		switch {
		case len(lent) == 0:
			continue // it is leant on by way of another
		case l.GetGranted() == nil:
			d.missing = append(d.missing, "Leveraged authorization "+l.GetName()+": no document says when it was granted, so that it is left out")
			continue
		}
		x := types.LeveragedAuthorization{
			UUID: d.id("authorization", l.GetName()), Title: markup(l.GetName()), PartyUuid: d.party("organization", or(l.GetOrganization(), "not named"), ""),
			DateAuthorized: day(l.GetGranted()), Remarks: prose(append(lent, "Decision "+l.GetDecision()+", "+l.GetState()+before(": ", l.GetWhy())+".")...),
		}
		all = append(all, x)
	}
	return some(all)
}

// requirements are the controls that are named, with by what; how they are
// implemented is left to people.
func (d *document) requirements() (all []types.ImplementedRequirement) {
	why := map[string][]string{}
	tell := func(name, words string) { why[control(name)] = append(why[control(name)], words) }
	for _, c := range d.Conditions {
		for _, name := range c.GetControls() {
			tell(name, "Condition "+c.GetId()+" stands under it: "+c.GetStatement())
		}
	}
	for _, a := range d.Authorizations {
		for _, i := range a.GetRecord().GetInherits() {
			for _, name := range i.GetFull() {
				tell(name, a.GetName()+" takes it over in whole from "+i.GetAuthorization()+".")
			}
			for _, name := range i.GetPartial() {
				tell(name, a.GetName()+" takes it over in part from "+i.GetAuthorization()+".")
			}
		}
	}
	if len(why) == 0 {
		d.missing = append(d.missing, "Controls: no document names one; \"not-known-to-demarc\" stands in their place")
		why["not-known-to-demarc"] = []string{"No condition of the authorization names a control, and none is taken over. Put the controls of the profile here."}
	}
	for _, id := range sortedKeys(why) {
		all = append(all, types.ImplementedRequirement{UUID: d.id("requirement", id), ControlId: id, Remarks: prose(append(why[id], "How it is implemented is not known to Demarc.")...)})
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
