package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// authorizationRecord is what the document behind d says.
func authorizationRecord(policy *boundary.Policy, d *boundary.Decision, now time.Time) *demarcv1.AuthorizationRecord {
	a := d.Source()
	r := &demarcv1.AuthorizationRecord{
		Reason: a.Reason, Maintained: a.Maintained, Scope: a.Scope, Sites: refNames(a.Sites), Officials: officialsOf(a), Environments: a.Environments,
		Consolidates: refNames(a.Consolidates), Supersedes: a.Supersedes.Name, RmfStep: a.RMFStep, Framework: a.Framework, Package: packageOf(a.Package), LendsNothing: a.LendsNothing(),
	}
	if e := a.EarlyStart; e != nil {
		r.EarlyStart = &demarcv1.EarlyStartPermission{AllowedBy: e.AllowedBy, On: stamp(e.On.Time)}
	}
	for i := range a.Documents {
		r.Documents = append(r.Documents, signedDocument(&a.Documents[i]))
	}
	for _, c := range a.Connect {
		r.Connect = append(r.Connect, &demarcv1.ConnectDecision{To: c.To.Name, Decision: c.Decision, Granted: stamp(c.Granted.Time), Until: endOf(c.Expires)})
	}
	for _, l := range a.Leverages {
		r.Inherits = append(r.Inherits, inheritance(policy, l, now))
	}
	for _, x := range a.ResidualRisks {
		risk := &demarcv1.ResidualRisk{Id: x.ID.Name, Statement: x.Statement, Level: x.Level, AcceptedBy: x.AcceptedBy, AcceptedOn: stamp(x.AcceptedOn.Time), Until: endOf(x.Until)}
		for _, m := range x.MitigatedBy {
			risk.MitigatedBy = append(risk.MitigatedBy, m.Name)
		}
		r.ResidualRisks = append(r.ResidualRisks, risk)
	}
	if p := a.Review; p != nil {
		r.Review = &demarcv1.ReviewSchedule{EverySeconds: uint64(p.Every.Duration / time.Second), Last: stamp(p.Last.Time)}
	}
	for _, t := range a.Triggers {
		words := t.On
		if t.Over.Line != 0 {
			words += fmt.Sprintf(" over %g%%", 100*t.Over.Share)
		}
		r.ReviewTriggers = append(r.ReviewTriggers, words)
	}
	return r
}

func officialsOf(a *boundary.Authorization) []*demarcv1.DecidingOfficial {
	var all []*demarcv1.DecidingOfficial
	for _, o := range a.Officials {
		all = append(all, &demarcv1.DecidingOfficial{Name: o.Name, Organization: o.Organization})
	}
	return all
}

// packageOf is how far a provider's package came: the last thing that was done.
func packageOf(p *boundary.Package) *demarcv1.ProviderPackage {
	if p == nil {
		return nil
	}
	out := &demarcv1.ProviderPackage{
		Id: p.ID, Requested: stamp(p.Requested.Time), Received: stamp(p.Received.Time), Reviewed: stamp(p.Reviewed.Time), Outcome: p.Outcome, State: p.Outcome,
	}
	for _, step := range []struct {
		word string
		on   time.Time
	}{{"reviewed", p.Reviewed.Time}, {"received", p.Received.Time}, {"requested", p.Requested.Time}} {
		if out.State == "" && !step.on.IsZero() {
			out.State = step.word
		}
	}
	return out
}

func signedDocument(x *boundary.Artefact) *demarcv1.SignedDocument {
	if x == nil {
		return nil
	}
	return &demarcv1.SignedDocument{Title: x.Title, Href: x.Href, Sha256: x.SHA256.Hex, Signer: x.Signer, Signed: stamp(x.Signed.Time)}
}

func inheritance(policy *boundary.Policy, l boundary.Leverage, now time.Time) *demarcv1.Inheritance {
	x := &demarcv1.Inheritance{Authorization: l.Authorization.Name, Services: refNames(l.Services)}
	if d := policy.Decision(x.GetAuthorization()); d != nil {
		x.Standing = standing(d, now)
	}
	for _, c := range l.Controls {
		if c.Extent == "partial" {
			x.Partial = append(x.Partial, c.ID)
		} else {
			x.Full = append(x.Full, c.ID)
		}
	}
	return x
}

// standing says how a decision stands: "ato, in force to 2029-03-01".
func standing(d *boundary.Decision, now time.Time) string {
	st := d.At(now)
	switch {
	case !st.InForce:
		return st.Why
	case !st.Until.IsZero():
		return st.Kind + ", in force to " + lastDay(st.Until)
	}
	return st.Kind + ", in force"
}

func lastDay(until time.Time) string { return until.UTC().Add(-1).Format(time.DateOnly) }

// boundaryRecord is what the document of b says, and who decides over it.
func boundaryRecord(policy *boundary.Policy, docs *boundary.Documents, b *boundary.Boundary, seen map[string]bool, now time.Time) *demarcv1.BoundaryRecord {
	r := &demarcv1.BoundaryRecord{
		Parent: b.Parent.Name, Isolated: b.Isolated, Environment: b.Environment, Systems: b.Systems, RegulatedRecords: b.Regulated, SecurityPlan: signedDocument(b.SecurityPlan),
	}
	for _, o := range docs.Boundaries {
		if o.Parent.Name == b.Name {
			r.Parts = append(r.Parts, o.Name)
		}
	}
	for _, l := range b.Levels {
		r.Levels = append(r.Levels, float64(l.Tenths)/10)
	}
	if c := b.Categorization; c != nil {
		r.Categorization = &demarcv1.Categorization{Confidentiality: c.Confidentiality, Integrity: c.Integrity, Availability: c.Availability}
	}
	r.Retention = retentionOf(b)
	for _, p := range b.Parties {
		r.Parties = append(r.Parties, &demarcv1.ResponsibleParty{Role: p.Role, Name: p.Name, Organization: p.Organization, Contact: p.Contact})
	}
	if b.Components != nil {
		r.Inventory = b.Components.Inventory.Name
	}
	a := policy.Authority(b.Name, now)
	r.AuthorizedAs = a.Home
	if d := cmp.Or(a.In, a.Lost); d != nil {
		r.Officials, r.RmfStep = officialsOf(d.Source()), d.Source().RMFStep
	}
	r.Shared = sharedNetworks(policy, b, seen, now)
	return r
}

func retentionOf(b *boundary.Boundary) *demarcv1.RecordRetention {
	x := b.Retention
	if x == nil {
		return nil
	}
	return &demarcv1.RecordRetention{Class: x.Class, KeepSeconds: uint64(x.Keep.Duration / time.Second), Hold: x.Hold}
}

// RetentionWords says of what class records are, and how long those of a day
// are to be kept.
func RetentionWords(r *demarcv1.RecordRetention, at time.Time) string {
	if r == nil {
		return ""
	}
	words := r.GetClass()
	if keep := time.Duration(r.GetKeepSeconds()) * time.Second; keep > 0 {
		words += fmt.Sprintf(": what was recorded by %s is to be kept to %s", at.UTC().Format(time.DateOnly), at.UTC().Add(keep).Format(time.DateOnly))
	} else {
		words += ": its document says not for how long"
	}
	if r.GetHold() {
		words += "; on hold: nothing of it goes until the hold is lifted"
	}
	return words
}

// sharedNetworks lists the networks that b holds with others, and who decides on
// each side.
func sharedNetworks(policy *boundary.Policy, b *boundary.Boundary, seen map[string]bool, now time.Time) []*demarcv1.SharedNetwork {
	var all []*demarcv1.SharedNetwork
	for _, e := range b.Shared() {
		n := &demarcv1.SharedNetwork{Network: e.Words}
		for _, side := range e.With {
			x := &demarcv1.SharedSide{Boundary: side, Authority: policy.AuthorityWords(side, now, seen[side])}
			if a := policy.Authority(side, now); a.In != nil {
				x.Officials = officialsOf(a.In.Source())
			}
			n.Sides = append(n.Sides, x)
		}
		all = append(all, n)
	}
	return all
}

func refNames(refs []boundary.Ref) []string {
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = r.Name
	}
	return names
}

// endOf is the first instant after a date; nil without one.
func endOf(d boundary.Date) *timestamppb.Timestamp {
	if d.Time.IsZero() {
		return nil
	}
	return stamp(d.End())
}

// people are officials in words: "Dana Ortiz (Example Foods)".
func people(all []*demarcv1.DecidingOfficial) string {
	names := make([]string, len(all))
	for i, o := range all {
		names[i] = o.GetName()
		if o.GetOrganization() != "" {
			names[i] += " (" + o.GetOrganization() + ")"
		}
	}
	return strings.Join(slices.Compact(names), ", ")
}
