package api

import (
	"fmt"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// maxFacts is how many facts are told of an asset: `get assets -o json` has all.
const maxFacts = 40

// assetName is how a person knows an asset: "10.20.4.11 plc-l4-1, plc, Siemens".
func assetName(a *demarcv1.Asset) string {
	words := strings.TrimSpace(strings.Join(a.GetIps(), " ") + " " + strings.Join(a.GetNames(), " "))
	if words == "" {
		words = strings.Join(a.GetMacs(), " ")
	}
	return words + from(", ", firstRole(a)) + from(", ", a.GetVendor())
}

// assetLines say what a device is and how that is known.
func (s *Service) assetLines(a *demarcv1.Asset) []string {
	lines := []string{fmt.Sprintf("%s: %s at site %s, segment %s.", assetName(a), a.GetKind(), a.GetSite(), orWord(a.GetSegment(), "none"))}
	say := func(label, words string) {
		if words != "" {
			lines = append(lines, label+": "+words)
		}
	}
	for _, r := range a.GetRoles() {
		say("Role", r.GetRole()+" ("+r.GetGrade()+"): "+r.GetWhy())
	}
	say("Identity", strings.TrimPrefix(from(", vendor ", a.GetVendor())+from(", product ", a.GetProduct())+from(", model ", a.GetModel())+from(", firmware ", a.GetFirmware())+from(", serial ", a.GetSerial())+from(", system ", a.GetOs()), ", "))
	for _, p := range a.GetPlaces() {
		say("Stands", p.GetAddress()+" in "+orWord(p.GetBoundary(), "no boundary")+from(": ", p.GetWhy()))
	}
	say("MAC addresses", strings.Join(a.GetMacs(), ", "))
	say("Part of", a.GetParent())
	for _, x := range slices.Concat(a.GetJoins(), a.GetConflicts()) {
		say("Told", x)
	}
	for _, n := range a.GetAnnotations() {
		say("Set by "+n.GetBy(), n.GetField()+" "+n.GetValue()+" on "+day(n.GetAt()))
	}
	say("Seen", "from "+when(a.GetFirstSeen().AsTime())+" to "+when(a.GetLastSeen().AsTime())+from(" by ", strings.Join(a.GetAgents(), ", "))+from("; ", a.GetPresence())+from(", ", a.GetPresenceWhy()))
	for _, c := range a.GetChanges() {
		say("Changed", c.GetAttribute()+" from "+c.GetFrom()+" to "+c.GetTo()+" on "+when(c.GetAt().AsTime())+" ("+c.GetSource()+")")
	}
	facts := a.GetFacts()
	for _, f := range facts[:min(len(facts), maxFacts)] {
		say("Fact "+f.GetAttribute(), f.GetValue()+" ("+f.GetGrade()+", "+f.GetSource()+")")
	}
	if len(facts) > maxFacts {
		say("Facts", fmt.Sprintf("%d more: see the asset with -o json", len(facts)-maxFacts))
	}
	findings, open := s.open()
	for _, f := range findings {
		if open[f.GetId()] && slices.Contains(f.GetAssets(), a.GetId()) {
			say("Finding "+f.GetId(), f.GetTitle())
		}
	}
	n := 0
	for _, c := range s.Plant.Connections() {
		if d := c.GetConnection(); d.GetClientAsset() == a.GetId() || d.GetServerAsset() == a.GetId() {
			n++
		}
	}
	return append(lines, fmt.Sprintf("Connections: %d, as `get connections --asset %s` lists them", n, a.GetId()))
}

// explainAgreement tells of agreements by name, or by the name of their document,
// in whatever case its kind is written.
func (s *Service) explainAgreement(id string) (*demarcv1.ExplainResponse, bool) {
	r := &demarcv1.ExplainResponse{}
	for _, x := range s.agreements(s.Plant.Connections()) {
		if x.GetName() != id && !strings.EqualFold(x.GetDocument(), id) {
			continue
		}
		r.Agreements = append(r.Agreements, x)
		r.Lines = append(r.Lines, agreementWords(x), "Written at: "+x.GetAt(), "Services: "+joined(x.GetServices()))
		seen := "nothing"
		if n := standingOn(x); n > 0 {
			var by []string
			for _, v := range verdicts {
				if k := x.GetVerdicts()[v]; k > 0 {
					by = append(by, fmt.Sprintf("%d %s", k, v))
				}
			}
			seen = fmt.Sprintf("%s, last on %s; %d still happen", joined(by), when(x.GetLastSeen().AsTime()), x.GetLive())
		}
		r.Lines = append(r.Lines, "Seen: "+seen+from("; ", x.GetUnused()))
		for _, f := range x.GetFindings() {
			r.Lines = append(r.Lines, "Finding "+f)
		}
	}
	return r, len(r.GetLines()) > 0
}
