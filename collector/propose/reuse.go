package propose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Reuse is another system that is to take over what was decided on a provider.
type Reuse struct {
	Policy       *boundary.Policy
	Documents    *boundary.Documents // of Policy
	Lender       *boundary.Authorization
	System       *boundary.Boundary
	Organization string // whose official decides on the system; "" as the documents tell
	Now          time.Time

	out *demarcv1.ProposeReuseResponse
	own *boundary.Authorization // the system's decision on record, nil without
}

// Draft says what is not done again and what remains, or why nothing can be
// taken over, and writes the document that comes next.
func (r Reuse) Draft() *demarcv1.ProposeReuseResponse {
	r.decided()
	r.Organization = cmp.Or(r.Organization, r.organization())
	r.out = &demarcv1.ProposeReuseResponse{Authorization: r.Lender.Name, Boundary: r.System.Name, Organization: r.Organization}
	r.lent()
	r.refused()
	r.skipped()
	r.remains()
	switch leans := r.own != nil && slices.ContainsFunc(r.own.Leverages, r.of); {
	case leans:
		r.out.Remains = append(r.out.Remains, r.own.Name+" takes over from "+r.Lender.Name+" already: nothing is drafted.")
	case len(r.out.GetRefusals()) == 0:
		r.out.Draft = r.decision()
	default:
		r.out.Draft = r.before()
	}
	return r.out
}

func (r *Reuse) of(l boundary.Leverage) bool { return l.Authorization.Name == r.Lender.Name }

// decided finds the decision on record over the system: the one in force, or
// else the latest.
func (r *Reuse) decided() {
	for _, d := range r.Policy.Decisions() {
		if slices.Contains(d.Boundaries, r.System.Name) && !d.At(r.Now).Replaced && (r.own == nil || d.At(r.Now).InForce) {
			r.own = d.Source()
		}
	}
}

// organization is whose official decides on the system.
func (r *Reuse) organization() string {
	if r.own != nil && r.own.Issuer != nil {
		return r.own.Issuer.Organization
	}
	for _, p := range r.System.Parties {
		if p.Role == "system-owner" && p.Organization != "" {
			return p.Organization
		}
	}
	if r.Lender.Issuer != nil {
		return r.Lender.Issuer.Organization
	}
	return ""
}

// lent lists what others take over from the lender, and the services under it.
func (r *Reuse) lent() {
	at := map[string]*demarcv1.SharedControl{}
	for _, a := range r.Documents.Authorizations {
		for _, l := range a.Leverages {
			if !r.of(l) {
				continue
			}
			for _, c := range l.Controls {
				x := at[c.ID]
				if x == nil {
					x = &demarcv1.SharedControl{Id: c.ID, Extent: "full"}
					at[c.ID] = x
					r.out.Controls = append(r.out.Controls, x)
				}
				if c.Extent == "partial" {
					x.Extent = "partial"
				}
				x.By = append(x.By, a.Name)
			}
		}
	}
	slices.SortFunc(r.out.Controls, func(a, b *demarcv1.SharedControl) int { return strings.Compare(a.GetId(), b.GetId()) })
	for _, s := range r.Documents.SharedServices {
		if s.Provider.Under.Name == r.Lender.Name {
			r.out.Services = append(r.out.Services, &demarcv1.LentService{
				Name: s.Name, Purpose: s.Purpose, Consumer: slices.ContainsFunc(s.Consumers, func(c boundary.Ref) bool { return r.Policy.Holds(c.Name, r.System.Name) }),
			})
		}
	}
}

// itself reports whether the system is what the lender decides on.
func (r *Reuse) itself() bool {
	return slices.ContainsFunc(slices.Concat(r.Lender.Boundaries, r.Lender.Consolidates), func(b boundary.Ref) bool { return b.Name == r.System.Name })
}

// refused says why nothing can be taken over.
func (r *Reuse) refused() {
	refuse := func(what, cure string) {
		r.out.Refusals = append(r.out.Refusals, &demarcv1.NotLent{What: what, Cure: cure})
	}
	if r.itself() {
		refuse(r.System.Name+" stands under "+r.Lender.Name+" itself", "name another system")
		return
	}
	what, cure := r.Documents.Lends(r.Lender, r.Organization)
	switch why, stands := r.Policy.Lends(r.Lender.Name, r.Now); {
	case what != "":
		refuse(what, cure)
	case r.Lender.LendsNothing() != "":
		refuse(r.Lender.LendsNothing(), "take over from a decision that stands")
	case !stands:
		refuse(why, "let an official decide on "+refs(r.Lender.Boundaries)+" anew, or wait until it is in force again")
	}
}

// skipped says what is not done again.
func (r *Reuse) skipped() {
	if len(r.out.GetRefusals()) > 0 {
		return
	}
	say := func(s string) { r.out.Skipped = append(r.out.Skipped, s) }
	if p := r.Lender.Package; p != nil && !p.Reviewed.Time.IsZero() {
		say("The review of the provider's package " + strings.TrimSpace(p.ID+", "+p.Outcome+" "+day(p.Reviewed.Time)) + ".")
	}
	if full, by := r.controls("full"); full != "" {
		say("The assessment of " + full + ", taken over in full by " + by + ".")
	}
	who := "The decision on " + refs(r.Lender.Boundaries)
	if len(r.Lender.Officials) > 0 {
		who += " by " + r.Lender.Officials[0].Name
	}
	say(who + ": " + r.Lender.Decision + " of " + day(r.Lender.Granted.Time) + ".")
}

// remains says what the system still answers for itself.
func (r *Reuse) remains() {
	if len(r.out.GetRefusals()) > 0 {
		return
	}
	say := func(s string) { r.out.Remains = append(r.out.Remains, s) }
	if r.own == nil {
		say("A decision of its own: without an ato (or atu) that " + cmp.Or(r.Organization, "its organization") + " gives for it, " + r.System.Name + " operates without authorization.")
	} else {
		say("Its own decision " + r.own.Name + ", which an official has to renew with what is taken over.")
	}
	if part, by := r.controls("partial"); part != "" {
		say("Its own part of " + part + ": " + by + " took that over in part alone.")
	}
	if len(r.out.GetControls()) == 0 {
		say("Which controls are taken over: nobody takes any over from " + r.Lender.Name + " yet, so read the provider's package.")
	}
	say("Every control that is not named, its own conditions, its residual risks and its review.")
	for _, s := range r.out.GetServices() {
		if !s.GetConsumer() {
			say("To use " + s.GetName() + ", " + r.System.Name + " has to be named among its consumers, and each side to approve it.")
		}
	}
	say("An agreement for each flow that goes through none of those services.")
	for _, b := range r.Documents.Boundaries {
		if !slices.ContainsFunc(r.Lender.Boundaries, func(l boundary.Ref) bool { return l.Name == b.Name }) {
			continue
		}
		if how := b.Unequal(r.System); how != "" {
			say("A word on the categorization: " + b.Name + " and " + r.System.Name + " differ, " + how + ".")
		}
	}
	if r.Lender.Decision == boundary.Pato {
		say("A decision of one's own stands above a pato: where one is on record, take over from that.")
	}
	falls := []string{"It falls with " + r.Lender.Name}
	for _, l := range r.Lender.Leverages {
		falls = append(falls, "and that with "+l.Authorization.Name)
	}
	fall := strings.Join(falls, ", ")
	if until := r.Policy.Decision(r.Lender.Name).At(r.Now).Until; !until.IsZero() {
		fall += "; it ends " + day(until)
	}
	say(fall + ".")
}

// controls names those of an extent, and who took them over.
func (r *Reuse) controls(extent string) (ids, by string) {
	var all, who []string
	for _, c := range r.out.GetControls() {
		if c.GetExtent() == extent {
			all, who = append(all, c.GetId()), append(who, c.GetBy()...)
		}
	}
	slices.Sort(who)
	return strings.Join(all, ", "), strings.Join(slices.Compact(who), ", ")
}

// decision drafts the authorization of the system.
func (r *Reuse) decision() *demarcv1.Candidate {
	c := &demarcv1.Candidate{Kind: "Authorization"}
	for _, x := range r.out.GetSkipped() {
		c.Evidence = append(c.Evidence, "Not done again: "+x)
	}
	for _, x := range r.out.GetRemains() {
		c.Evidence = append(c.Evidence, "Remains: "+x)
	}
	t := r.begin(c, r.System.Name)
	t.line("  boundaries: [" + r.System.Name + "]")
	if r.own != nil {
		t.line("  # supersedes: " + r.own.Name + "   # once it is decided: until then " + r.own.Name + " stands")
	}
	t.line("  leverages:", "    - authorization: "+r.Lender.Name)
	var controls, services []string
	for _, x := range r.out.GetControls() {
		controls = append(controls, "{id: "+quoted(x.GetId())+", extent: "+x.GetExtent()+"}")
	}
	if len(controls) > 0 {
		t.line("      controls: [" + strings.Join(controls, ", ") + "]   # as others take them over: hold it against the provider's package")
	} else {
		t.line("      # controls: [{id: TODO, extent: full}]   # as the provider's package says")
	}
	for _, s := range r.out.GetServices() {
		if s.GetConsumer() {
			services = append(services, s.GetName())
		} else {
			t.line("      # services: [" + s.GetName() + "]   # once it names " + r.System.Name + " among its consumers")
		}
	}
	if len(services) > 0 {
		t.line("      services: [" + strings.Join(services, ", ") + "]")
	}
	return r.end(c, t)
}

// before drafts the decision that has to come first; nil where none helps.
func (r *Reuse) before() *demarcv1.Candidate {
	over := r.Lender.Boundaries
	switch what, _ := r.Documents.Lends(r.Lender, r.Organization); {
	case r.itself() || what == "" || r.Lender.Decision == boundary.Iatt:
		return nil
	case len(r.Lender.Consolidates) > 0:
		over = r.Lender.Consolidates
	}
	c := &demarcv1.Candidate{Kind: "Authorization"}
	for _, x := range r.out.GetRefusals() {
		c.Evidence = append(c.Evidence, x.GetWhat()+".", "First: "+x.GetCure()+".")
	}
	t := r.begin(c, over[0].Name)
	t.line("  boundaries: [" + refs(over) + "]")
	if len(r.Lender.Consolidates) == 0 {
		t.line("  # leverages: [{authorization: " + r.Lender.Name + "}]   # once an official of " + r.Organization + " decided")
	}
	return r.end(c, t)
}

// begin writes the head of a decision that nobody took yet.
func (r *Reuse) begin(c *demarcv1.Candidate, of string) *text {
	names := &draft{names: map[string]bool{}}
	for _, a := range r.Documents.Authorizations {
		names.names["Authorization/"+a.Name] = true
	}
	c.Name = names.name("Authorization", of, "decision")
	t := &text{}
	t.head(c)
	t.line("apiVersion: demarc/v1", "kind: Authorization", "metadata: {name: "+c.GetName()+"}", "spec:")
	t.line("  decision: not-yet-authorized   # ato or atu, with granted, once an official decided")
	if r.Organization != "" {
		t.line("  issuer: {organization: " + quoted(r.Organization) + "}")
	}
	t.line("  # officials: [{name: TODO}]", "  # granted: TODO")
	return t
}

func (r *Reuse) end(c *demarcv1.Candidate, t *text) *demarcv1.Candidate {
	t.line("  rmfStep: prepare", "  # conditions: TODO, what the system answers for itself", "  # review: {every: 365d}")
	c.Text = t.String()
	return c
}

func refs(all []boundary.Ref) string {
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
