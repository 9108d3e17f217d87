package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

func letterCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "letter NAME", Short: "Draft the letter of an authorization from its record, for an official to sign", Args: one("authorization"),
		Long: "The letter decides nothing until it is signed. Keep the signed file, and put it on record: under documents: of the\n" +
			"authorization with its SHA-256 (sha256sum FILE), or with --artefact where a decision is recorded.",
		Example: "  demarc-collector authorization letter line4-ato > letter.md",
		RunE: func(c *cobra.Command, args []string) error {
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				l, err := letterOf(ctx, client, args[0])
				if err != nil {
					return err
				}
				return l.print(c.OutOrStdout())
			})
		},
	}
}

// letter is what one is made from.
type letter struct {
	*demarcv1.Authorization
	conditions []*demarcv1.Condition
	boundaries []*demarcv1.BoundarySummary
}

func letterOf(ctx context.Context, c client, name string) (*letter, error) {
	all, err := whole(ctx, c.ListAuthorizations, &demarcv1.ListAuthorizationsRequest{})
	if err != nil {
		return nil, err
	}
	a, err := authorizationNamed(all.GetAuthorizations(), name)
	if err != nil {
		return nil, err
	}
	conditions, err := whole(ctx, c.ListConditions, &demarcv1.ListConditionsRequest{Authorization: name})
	if err != nil {
		return nil, err
	}
	boundaries, err := whole(ctx, c.ListBoundaries, &demarcv1.ListBoundariesRequest{})
	if err != nil {
		return nil, err
	}
	over := slices.DeleteFunc(boundaries.GetBoundaries(), func(b *demarcv1.BoundarySummary) bool { return !slices.Contains(a.GetBoundaries(), b.GetName()) })
	return &letter{a, conditions.GetConditions(), over}, nil
}

func authorizationNamed(all []*demarcv1.Authorization, name string) (*demarcv1.Authorization, error) {
	names := make([]string, len(all))
	for i, a := range all {
		if names[i] = a.GetName(); a.GetName() == name {
			return a, nil
		}
	}
	return nil, fmt.Errorf("no authorization is named %q: known are %s", name, orDash(strings.Join(names, ", ")))
}

func (l *letter) print(w io.Writer) error {
	out, r := lines{w: w}, l.GetRecord()
	framework := r.GetFramework()
	record, who := boundary.RecordWords(framework)
	decision := boundary.DecisionWords(framework, l.GetDecision())
	out.printf("# %s: %s\n\nDraft from the record of %s. It decides nothing until the %s has signed it.\n\n", record, l.GetName(), l.GetName(), who)
	line := func(label, words string) {
		if words != "" {
			out.printf("- %s: %s\n", label, printable(words))
		}
	}
	line("Organization", l.GetOrganization())
	for _, b := range l.boundaries {
		line("Over", b.GetName()+", "+b.GetTitle()+categorized(b.GetRecord().GetCategorization()))
		line("Security plan of "+b.GetName(), b.GetRecord().GetSecurityPlan().GetTitle())
	}
	line("Consolidates", strings.Join(r.GetConsolidates(), ", "))
	line("Decision", decision)
	line("Reason", r.GetReason())
	line("From", dayOf(l.GetGranted()))
	line("To", termOf(l.Authorization))
	line("Review", reviewOf(l.Authorization))
	l.terms(&out)
	out.printf("\n## Signature\n\nI have considered the risk to operations, assets and people, and decide: %s.\n", decision)
	officials := r.GetOfficials()
	if len(officials) == 0 {
		officials = []*demarcv1.DecidingOfficial{{Name: "(" + who + ")"}}
	}
	for _, o := range officials {
		out.printf("\n%s\n\nSignature: ____________________  Date: ____________\n", printable(strings.TrimSuffix(o.GetName()+", "+o.GetOrganization(), ", ")))
	}
	return out.err
}

// terms are what the decision stands on and asks for.
func (l *letter) terms(out *lines) {
	r := l.GetRecord()
	if len(l.conditions) > 0 {
		out.printf("\n## Terms and conditions\n\n")
	}
	for _, c := range l.conditions {
		controls := ""
		if len(c.GetControls()) > 0 {
			controls = strings.Join(c.GetControls(), ", ") + "; "
		}
		out.printf("- %s. %s (%s%s)\n", strings.TrimPrefix(c.GetId(), l.GetName()+"/"), printable(c.GetStatement()), controls, printable(c.GetFrequency()))
	}
	if len(r.GetResidualRisks()) > 0 {
		out.printf("\n## Residual risks that are accepted\n\n")
	}
	for _, x := range r.GetResidualRisks() {
		out.printf("- %s, %s. %s Accepted by %s to %s; compensated by %s.\n", x.GetId(), orDash(x.GetLevel()), printable(x.GetStatement()), printable(x.GetAcceptedBy()), lastDayOf(x.GetUntil()), orDash(strings.Join(x.GetMitigatedBy(), ", ")))
	}
	if len(r.GetInherits()) > 0 {
		out.printf("\n## Taken over from others, and falling with them\n\n")
	}
	for _, x := range r.GetInherits() {
		out.printf("- %s (%s): in full %s; in part %s\n", x.GetAuthorization(), printable(x.GetStanding()), orDash(strings.Join(x.GetFull(), ", ")), orDash(strings.Join(x.GetPartial(), ", ")))
	}
	if len(r.GetConnect()) > 0 {
		out.printf("\n## Connections\n\n")
	}
	for _, x := range r.GetConnect() {
		out.printf("- to %s: %s, from %s to %s\n", x.GetTo(), x.GetDecision(), dayOf(x.GetGranted()), lastDayOf(x.GetUntil()))
	}
}

func categorized(c *demarcv1.Categorization) string {
	if c == nil {
		return ""
	}
	return "; confidentiality " + c.GetConfidentiality() + ", integrity " + c.GetIntegrity() + ", availability " + c.GetAvailability() + " (FIPS 199)"
}

func termOf(a *demarcv1.Authorization) string {
	if a.GetUntil() == nil && !boundary.Denies(a.GetDecision()) {
		return "no end: bound by its conditions and reviews"
	}
	return lastDayOf(a.GetUntil())
}

func reviewOf(a *demarcv1.Authorization) string {
	words := dayOf(a.GetReviewDue())
	if at := a.GetRecord().GetReviewTriggers(); len(at) > 0 {
		words = strings.TrimPrefix(words+", at once on "+strings.Join(at, ", "), ", ")
	}
	return words
}

func dayOf(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format("2006-01-02")
}

// lastDayOf is the day before an end.
func lastDayOf(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Add(-1).Format("2006-01-02")
}
