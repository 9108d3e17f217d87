package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// explainDocument tells what is on record of an authorization or a boundary, by
// its name, or by "authorization/name" and "boundary/name" where both have it.
func (s *Service) explainDocument(id string) (*demarcv1.ExplainResponse, bool) {
	policy, docs, now := s.Plant.Policy(), s.Plant.Documents(), s.Clock()
	kind, name, split := strings.Cut(id, "/")
	if !split {
		kind, name = "", id
	}
	kind = strings.ToLower(kind)
	r := &demarcv1.ExplainResponse{}
	if d := policy.Decision(name); d != nil && (kind == "" || kind == "authorization") && s.sees("Authorization", name, "") {
		r.Authorization = s.authorization(policy, d, now)
		r.Lines = s.authorizationLines(r.GetAuthorization())
	}
	if kind == "" || kind == "boundary" {
		for _, b := range docs.Boundaries {
			if b.Name == name && s.sees("Boundary", name, "") {
				all := s.boundaries()
				r.Boundary = all[slices.IndexFunc(all, func(x *demarcv1.BoundarySummary) bool { return x.GetName() == name })]
				r.Lines = append(r.Lines, s.boundaryLines(policy, docs, b, r.GetBoundary())...)
			}
		}
	}
	return r, len(r.GetLines()) > 0
}

// authorizationLines say what was decided, on what it stands, and what stands on
// it.
func (s *Service) authorizationLines(a *demarcv1.Authorization) []string {
	r := a.GetRecord()
	record, _ := boundary.RecordWords(r.GetFramework())
	decision := a.GetDecision()
	if r.GetFramework() == boundary.ISO27001 {
		decision = boundary.DecisionWords(r.GetFramework(), decision)
	}
	lines := []string{fmt.Sprintf("%s %s over %s: %s, %s.", record, a.GetName(), joined(a.GetBoundaries()), decision, a.GetState())}
	say := func(label, words string) {
		if words != "" {
			lines = append(lines, label+": "+words)
		}
	}
	say("Why", a.GetWhy())
	say("Decided by", decidedWords(a))
	say("Reason", r.GetReason())
	for _, d := range r.GetDocuments() {
		say("Paper", signedWords(d))
	}
	say("RMF step", r.GetRmfStep())
	if len(r.GetConsolidates()) > 0 {
		say("Consolidated", "one decision over the system and "+joined(r.GetConsolidates())+" of its provider")
	}
	if p := r.GetPackage(); p != nil {
		words := p.GetId() + from(", requested ", day(p.GetRequested())) + from(", received ", day(p.GetReceived())) + from(", reviewed ", day(p.GetReviewed())) + from(", ", p.GetOutcome())
		say("Package", strings.TrimPrefix(words, ", "))
	}
	if e := r.GetEarlyStart(); e != nil {
		say("Early start", "allowed by "+e.GetAllowedBy()+" on "+day(e.GetOn())+": work may begin, and nothing is covered by it")
	}
	for _, c := range r.GetConnect() {
		say("Connection to "+c.GetTo(), c.GetDecision()+from(", granted ", day(c.GetGranted()))+until(c.GetUntil(), ""))
	}
	for _, x := range r.GetInherits() {
		say("Takes over from "+x.GetAuthorization()+" ("+x.GetStanding()+")", inherited(x))
	}
	if r.GetLendsNothing() != "" {
		say("Lends", "nothing: "+r.GetLendsNothing())
	} else if a.GetDecision() == boundary.Pato {
		say("Lends", "only beneath a decision of one's own (ato or atu) over "+joined(a.GetBoundaries()))
	}
	say("Leaned on by", joined(a.GetLeanedOnBy()))
	say("Review", reviewWords(a, s.Clock()))
	for _, b := range s.Plant.Documents().Boundaries {
		if b.Retention != nil && slices.Contains(a.GetBoundaries(), b.Name) {
			say("Retention of "+b.Name, RetentionWords(retentionOf(b), s.Clock()))
		}
	}
	conditions := slices.DeleteFunc(s.conditions(), func(c *demarcv1.Condition) bool { return c.GetAuthorization() != a.GetName() })
	for _, x := range r.GetResidualRisks() {
		say("Residual risk "+x.GetId()+from(", ", x.GetLevel()), riskWords(a, x, conditions))
	}
	for _, c := range conditions {
		say("Condition "+c.GetId(), c.GetStatement()+" "+c.GetWords()+", since "+when(c.GetSince().AsTime()))
	}
	for _, x := range a.GetActs() {
		words := x.GetKind() + from(" to ", day(x.GetUntil())) + from(" by ", x.GetSuccessor()) + from(": ", x.GetReason()) + from(", decided by ", x.GetOfficial()) + from(", recorded by ", x.GetActor()) + from(", paper SHA-256 ", x.GetSha256())
		say(when(x.GetEffective().AsTime()), words)
	}
	return lines
}

func riskWords(a *demarcv1.Authorization, x *demarcv1.ResidualRisk, conditions []*demarcv1.Condition) string {
	return x.GetStatement() + " Accepted by " + x.GetAcceptedBy() + " on " + day(x.GetAcceptedOn()) + until(x.GetUntil(), "") + from("; compensated by ", compensation(a, x, conditions)) + from("; findings ", joined(x.GetFindings()))
}

// compensation names the conditions that compensate for a risk, each with how it
// stands.
func compensation(a *demarcv1.Authorization, x *demarcv1.ResidualRisk, conditions []*demarcv1.Condition) string {
	all := slices.Clone(x.GetMitigatedBy())
	for _, c := range conditions {
		if i := slices.Index(x.GetMitigatedBy(), strings.TrimPrefix(c.GetId(), a.GetName()+"/")); i >= 0 {
			all[i] += " (" + c.GetWords() + ")"
		}
	}
	return joined(all)
}

const unequalWords = "; categorized unequally (FIPS 199): "

// unequal says how the categorization of two boundaries that agree differs.
func unequal(docs *boundary.Documents, from, to string) string {
	named := func(name string) *boundary.Boundary {
		at := slices.IndexFunc(docs.Boundaries, func(b *boundary.Boundary) bool { return b.Name == name })
		if at < 0 {
			return nil
		}
		return docs.Boundaries[at]
	}
	how := named(from).Unequal(named(to))
	if how == "" {
		return ""
	}
	return how + " (" + from + " and " + to + ")"
}

// boundaryLines say who answers for a boundary, what stands in it, and what it
// is agreed to exchange.
func (s *Service) boundaryLines(policy *boundary.Policy, docs *boundary.Documents, b *boundary.Boundary, x *demarcv1.BoundarySummary) []string {
	r := x.GetRecord()
	lines := []string{fmt.Sprintf("Boundary %s (%s, domain %s%s): %s.", x.GetName(), x.GetKind(), x.GetDomain(), from(", ", r.GetEnvironment()), x.GetTitle())}
	say := func(label, words string) {
		if words != "" {
			lines = append(lines, label+": "+words)
		}
	}
	say("Authority", x.GetAuthorization())
	say("Decided by", people(r.GetOfficials()))
	say("RMF step", r.GetRmfStep())
	if r.GetParent() != "" {
		words := r.GetParent()
		if r.GetIsolated() {
			words += ", and judged as separate from it"
		}
		say("Part of", words)
	}
	say("Parts", joined(r.GetParts()))
	say("Systems", joined(r.GetSystems()))
	if c := r.GetCategorization(); c != nil {
		say("Categorization", "confidentiality "+c.GetConfidentiality()+", integrity "+c.GetIntegrity()+", availability "+c.GetAvailability()+" (FIPS 199)")
	}
	for _, p := range r.GetParties() {
		say(p.GetRole(), p.GetName()+from(", ", p.GetOrganization())+from(", ", p.GetContact()))
	}
	if r.GetSecurityPlan() != nil {
		say("Security plan", signedWords(r.GetSecurityPlan()))
	}
	if d := policy.Decision(authorityName(policy, b.Name, s.Clock())); d != nil {
		for _, i := range authorizationRecord(policy, d, s.Clock()).GetInherits() {
			say("Controls from "+i.GetAuthorization()+" ("+i.GetStanding()+")", inherited(i))
		}
	}
	say("Regulated records", joined(r.GetRegulatedRecords()))
	say("Retention", RetentionWords(r.GetRetention(), s.Clock()))
	say("Members", strings.Join(x.GetMembers(), "; "))
	for _, n := range r.GetShared() {
		var sides []string
		for _, side := range n.GetSides() {
			sides = append(sides, side.GetBoundary()+" under "+side.GetAuthority()+from(", decided by ", people(side.GetOfficials())))
		}
		say("Shared network "+n.GetNetwork(), strings.Join(sides, "; "))
	}
	for _, p := range b.AccessPoints {
		say("Access point", p.Name.Name+", "+p.Type)
	}
	for _, i := range docs.Interconnections {
		if a, z := i.From.Boundary.Name, i.To.Boundary.Name; a == b.Name || z == b.Name {
			say("Agreement", i.Name+", from "+a+" to "+z+": "+i.Purpose+from("; carries ", joined(i.Carries))+from("; exchanges ", joined(i.Exchanges))+from(unequalWords, unequal(docs, a, z)))
		}
	}
	for _, x := range docs.SharedServices {
		provider := x.Provider.Boundary.Name
		for _, c := range refNames(x.Consumers) {
			if provider == b.Name || c == b.Name {
				say("Shared service", x.Name+", of "+provider+" for "+c+": "+x.Purpose+from(unequalWords, unequal(docs, provider, c)))
			}
		}
	}
	say("Assets that stand in it", strconv.Itoa(int(x.GetAssets())))
	say("Findings that touch it", strconv.Itoa(int(x.GetFindings())))
	return append(lines, "Seen over the last day: "+x.GetSight().GetWords())
}

// authorityName is the decision that stands over a boundary, or that fell.
func authorityName(policy *boundary.Policy, name string, now time.Time) string {
	a := policy.Authority(name, now)
	switch {
	case a.In != nil:
		return a.In.Name
	case a.Lost != nil:
		return a.Lost.Name
	}
	return ""
}

func inherited(x *demarcv1.Inheritance) string {
	var parts []string
	for _, p := range []struct {
		what string
		of   []string
	}{{" in full", x.GetFull()}, {" in part", x.GetPartial()}} {
		if len(p.of) > 0 {
			parts = append(parts, joined(p.of)+p.what)
		}
	}
	if len(x.GetServices()) > 0 {
		parts = append(parts, "flows through "+joined(x.GetServices()))
	}
	if len(parts) == 0 {
		return "nothing by name"
	}
	return strings.Join(parts, "; ")
}

// decidedWords say who decided, for whom, and for how long.
func decidedWords(a *demarcv1.Authorization) string {
	words := people(a.GetRecord().GetOfficials()) + from(" for ", a.GetOrganization())
	if len(a.GetRecord().GetOfficials()) == 0 {
		words = a.GetOrganization()
	}
	words += from(", granted ", day(a.GetGranted()))
	if a.GetGranted() != nil && !boundary.Denies(a.GetDecision()) {
		words += until(a.GetUntil(), ", without an end: bound by its conditions and reviews")
	}
	return strings.TrimPrefix(words, ", ")
}

func reviewWords(a *demarcv1.Authorization, now time.Time) string {
	r := a.GetRecord()
	due := from(", due ", day(a.GetReviewDue()))
	if overdue(a, now) {
		due += ", overdue"
	}
	words := from("last ", day(r.GetReview().GetLast())) + due + from(", at once on ", joined(r.GetReviewTriggers()))
	if len(a.GetTriggers()) > 0 {
		words += "; fired: " + strings.Join(a.GetTriggers(), "; ")
	}
	return strings.TrimPrefix(words, ", ")
}

// signedWords name a paper, who signed it, and what it is known by.
func signedWords(d *demarcv1.SignedDocument) string {
	return d.GetTitle() + from(", ", d.GetHref()) + from(", signed by ", d.GetSigner()) + from(" on ", day(d.GetSigned())) + from(", SHA-256 ", d.GetSha256())
}

// from puts words before what is there, and is nothing where that is nothing.
func from(words, what string) string {
	if what == "" {
		return ""
	}
	return words + what
}

func until(t *timestamppb.Timestamp, without string) string {
	if t == nil {
		return without
	}
	return " to " + lastDay(t.AsTime())
}

func day(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format(time.DateOnly)
}

func joined(names []string) string { return strings.Join(names, ", ") }
