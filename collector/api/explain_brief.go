package api

import (
	"fmt"
	"slices"
	"strings"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

// briefLines say what an official needs beside the verdict on a connection: the
// agreements that it stands on, the decisions over both sides with their
// conditions and accepted risks, what is planned, and what was in sight.
func (s *Service) briefLines(j *demarcv1.JudgedConnection) (lines []string) {
	conditions := s.conditions()
	for _, f := range s.findingsAbout(j, conditions) {
		lines = append(lines, fmt.Sprintf("Finding %s: %s; severity %d, %s", f.GetId(), f.GetTitle(), f.GetSeverity(), f.GetStatus())+from(", looked after by ", f.GetAssignee()))
		lines = append(lines, planLines(f)...)
	}
	for _, x := range s.agreements([]judgedConnection{j}) {
		if slices.Contains(j.GetVerdict().GetDocuments(), x.GetDocument()) && s.between(j, x) {
			lines = append(lines, agreementWords(x))
		}
	}
	policy, now := s.Plant.Policy(), s.Clock()
	var over []string
	for _, b := range sides(j) {
		name := authorityName(policy, b, now)
		if d := policy.Decision(name); d != nil && !slices.Contains(over, name) && s.sees("Authorization", name, "") {
			over = append(over, name)
			lines = append(lines, decisionLines(s.authorization(policy, d, now), otherSide(j, b), conditions)...)
		}
	}
	for _, c := range conditions {
		if slices.Contains(over, c.GetAuthorization()) {
			words := "Condition " + c.GetId() + ": " + c.GetStatement() + " " + c.GetWords()
			if slices.Contains(c.GetConnections(), j.GetId()) {
				words += "; this connection is why"
			}
			lines = append(lines, words)
		}
	}
	return append(lines, s.sightLines(j)...)
}

// findingsAbout are those that a connection stands in, and those of the conditions
// that it is why of.
func (s *Service) findingsAbout(j *demarcv1.JudgedConnection, conditions []*demarcv1.Condition) (all []*demarcv1.Finding) {
	for _, id := range j.GetFindings() {
		if f, ok := s.Plant.Finding(id); ok {
			all = append(all, f)
		}
	}
	why := map[string]bool{}
	for _, c := range conditions {
		if slices.Contains(c.GetConnections(), j.GetId()) {
			why[c.GetId()] = true
		}
	}
	if len(why) > 0 {
		all = append(all, kept(s.Plant.Findings(), func(f *demarcv1.Finding) bool {
			return why[f.GetCondition()] && !slices.Contains(j.GetFindings(), f.GetId())
		})...)
	}
	for _, f := range all {
		s.dress(f)
	}
	return all
}

// sides are the boundaries that a connection joins, each once.
func sides(j *demarcv1.JudgedConnection) (all []string) {
	for _, b := range []string{j.GetClientBoundary(), j.GetServerBoundary()} {
		if b != "" && b != boundary.Internet && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

func otherSide(j *demarcv1.JudgedConnection, side string) string {
	if j.GetClientBoundary() == side {
		return j.GetServerBoundary()
	}
	return j.GetClientBoundary()
}

// between reports whether an agreement joins the sides of a connection.
func (s *Service) between(j *demarcv1.JudgedConnection, x agreement) bool {
	holds, a, b := s.Plant.Policy().Holds, j.GetClientBoundary(), j.GetServerBoundary()
	return holds(x.GetFrom(), a) && holds(x.GetTo(), b) || holds(x.GetFrom(), b) && holds(x.GetTo(), a)
}

// agreementWords say what an agreement is for, who answers for it, and how it
// stands.
func agreementWords(x agreement) string {
	parts := []string{fmt.Sprintf("Agreement %s, from %s to %s: %s; %s", x.GetName(), x.GetFrom(), x.GetTo(), x.GetPurpose(), x.GetState()) + until(x.GetUntil(), ", without an end") + from(": ", x.GetWhy()) +
		from("; owner ", x.GetOwner()+from(", ", x.GetContact())) + from("; ", strings.TrimSpace(x.GetType()+" "+x.GetReference())+from(", signed ", day(x.GetSigned())))}
	for _, side := range x.GetSides() {
		parts = append(parts, side.GetBoundary()+" "+side.GetApproval()+from(" by ", side.GetOfficial())+from(" on ", day(side.GetGranted()))+until(side.GetUntil(), ""))
	}
	return strings.Join(parts, "; ")
}

// decisionLines say who decided over one side of a connection to when, what it
// may connect to, and which risks were accepted.
func decisionLines(a *demarcv1.Authorization, other string, conditions []*demarcv1.Condition) []string {
	lines := []string{"Decision " + a.GetName() + ": " + a.GetDecision() + ", " + a.GetState() + from("; ", decidedWords(a))}
	r := a.GetRecord()
	for _, c := range r.GetConnect() {
		if c.GetTo() == other {
			lines = append(lines, "Connection of "+a.GetName()+" to "+other+": "+c.GetDecision()+from(", granted ", day(c.GetGranted()))+until(c.GetUntil(), ", without an end"))
		}
	}
	for _, x := range r.GetInherits() {
		lines = append(lines, a.GetName()+" takes over from "+x.GetAuthorization()+" ("+x.GetStanding()+"): "+inherited(x))
	}
	for _, x := range r.GetResidualRisks() {
		lines = append(lines, "Residual risk "+a.GetName()+"/"+x.GetId()+from(", ", x.GetLevel())+": "+riskWords(a, x, conditions))
	}
	return lines
}

// sightLines say what of both sides was in sight over the last day.
func (s *Service) sightLines(j *demarcv1.JudgedConnection) (lines []string) {
	all := condition.Sights(s.world())
	for _, b := range sides(j) {
		x := all[b]
		lines = append(lines, "Sight of "+b+" over the last day: "+x.Words())
	}
	return lines
}

// planLines tell what is planned against a finding, and what explains it.
func planLines(f *demarcv1.Finding) (lines []string) {
	for _, i := range f.GetPoam() {
		lines = append(lines, "Plan of "+f.GetId()+", "+i.GetId()+": "+i.GetTitle()+from(", by ", i.GetResponsible())+from(", due ", strings.TrimPrefix(until(i.GetDue(), ""), " to "))+from(", ", i.GetStatus()))
	}
	if len(f.GetExplainedBy()) > 0 {
		lines = append(lines, "Explained now by "+joined(f.GetExplainedBy())+": that authorizes nothing.")
	}
	return lines
}
