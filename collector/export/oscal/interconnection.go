package oscal

import (
	"slices"
	"strings"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"

	"demarc/collector/paper"
	demarcv1 "demarc/proto/demarc/v1"
)

// interconnections are the agreements with what stands outside, a component each.
func (d *document) interconnections() (all []types.SystemComponent) {
	var ours []string
	for _, b := range d.Boundaries {
		ours = append(ours, b.GetName())
	}
	within := 0
	for _, a := range d.Agreements {
		from, to := slices.Contains(ours, a.GetFrom()), slices.Contains(ours, a.GetTo())
		switch {
		case from && to:
			within++
		case from:
			all = append(all, d.interconnection(a, "outgoing", a.GetFrom(), a.GetTo()))
		case to:
			all = append(all, d.interconnection(a, "incoming", a.GetTo(), a.GetFrom()))
		}
	}
	if within > 0 {
		d.missing = append(d.missing, "Connections inside the system: "+number(within, "agreement")+" between its own boundaries, which is no interconnection")
	}
	return all
}

// interconnection is one agreement as one of the two sides has it: direction is
// which way information flows, whoever opens the connection.
func (d *document) interconnection(a *demarcv1.Agreement, direction, local, remote string) types.SystemComponent {
	c := types.SystemComponent{
		UUID: d.id("agreement", a.GetDocument(), a.GetFrom(), a.GetTo()), Type: "interconnection", Title: markup(a.GetName()), Purpose: said(a.GetPurpose()),
		Description: prose(or(a.GetPurpose(), a.GetName()), before("Services: ", strings.Join(a.GetServices(), "; ")), before("Carries ", strings.Join(a.GetCarries(), ", ")), "Seen: "+counts(a.GetVerdicts())+before("; ", a.GetUnused())+"."),
		Props: told(property("direction", direction), property("isa-title", strings.TrimSpace(strings.ToUpper(a.GetType())+" "+a.GetReference())),
			property("isa-date", day(a.GetSigned())), property("isa-remote-system-name", remote), own("local-boundary", local), own("isa-last-day", lastDay(a.GetUntil())), own("activation", a.GetActivation())),
		Status: types.SystemComponentStatus{State: "operational", Remarks: prose("It is " + a.GetState() + before(": ", a.GetWhy()) + ".")}, Protocols: d.protocols(a),
	}
	if a.GetState() != paper.InForce {
		c.Status.State = "other"
	}
	if a.GetOwner() != "" {
		add(&c.ResponsibleRoles, types.ResponsibleRole{RoleId: d.role("isa-poc-local"), PartyUuids: &[]string{d.party("organization", a.GetOwner(), a.GetContact())}})
	}
	for _, s := range a.GetSides() {
		role := "isa-authorizing-official-remote"
		if s.GetBoundary() == local {
			role = "isa-authorizing-official-local"
		}
		if s.GetOfficial() != "" {
			add(&c.ResponsibleRoles, types.ResponsibleRole{RoleId: d.role(role), PartyUuids: &[]string{d.party("person", s.GetOfficial(), "")}, Remarks: prose(s.GetBoundary() + ": " + or(s.GetApproval(), "no approval") + before(" on ", day(s.GetGranted())) + before(" to ", lastDay(s.GetUntil())))})
		}
	}
	if a.GetSigned() == nil {
		d.missing = append(d.missing, "Interconnection "+a.GetName()+": title and date of its agreement (agreement: of its document)")
	}
	return c
}

func counts(m map[string]uint32) string {
	all := map[string]int{}
	for k, n := range m {
		all[k] = int(n)
	}
	return counted(all)
}

// protocols are the services that were agreed to. OSCAL names a transport with
// each port; an agreement does not, so that both may be meant.
func (d *document) protocols(a *demarcv1.Agreement) *[]types.Protocol {
	var all []types.Protocol
	for _, s := range a.GetTerms() {
		p := types.Protocol{UUID: d.id("protocol", a.GetDocument(), a.GetFrom(), a.GetTo(), s.GetProtocol(), s.GetPorts()), Name: said(s.GetProtocol()), Title: markup(s.GetProtocol() + " on " + s.GetPorts())}
		for _, r := range s.GetRanges() {
			add(&p.PortRanges, types.PortRange{Start: int(r.GetFirst()), End: int(r.GetLast())})
		}
		all = append(all, p)
	}
	return some(all)
}
