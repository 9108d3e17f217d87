package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

func reuseCommand(at *place) *cobra.Command {
	system := ""
	c := &cobra.Command{
		Use: "reuse NAME --for BOUNDARY", Short: "Draft the record of one more system that takes over from an authorization", Args: one("authorization"),
		Long: "What was reviewed of the provider is not reviewed again; the system still needs a decision of its own. The draft is a\n" +
			"document for a person to edit and apply: it decides nothing. Refused, with the reason, where nothing can be taken over.",
		Example: "  demarc-collector authorization reuse cloud-atu --for suppliers > suppliers-ato.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			if system == "" {
				return errors.New("--for: name the boundary of the system that takes over")
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				all, err := whole(ctx, client.ListAuthorizations, &demarcv1.ListAuthorizationsRequest{})
				if err != nil {
					return err
				}
				known, err := whole(ctx, client.ListBoundaries, &demarcv1.ListBoundariesRequest{})
				if err != nil {
					return err
				}
				if !slices.ContainsFunc(known.GetBoundaries(), func(b *demarcv1.BoundarySummary) bool { return b.GetName() == system }) {
					return fmt.Errorf("--for: no boundary is named %q: see `demarc-collector get boundaries`", system)
				}
				lender, err := authorizationNamed(all.GetAuthorizations(), args[0])
				if err != nil {
					return err
				}
				if err := lends(lender, all.GetAuthorizations()); err != nil {
					return err
				}
				return draftReuse(c.OutOrStdout(), lender, system, all.GetAuthorizations())
			})
		},
	}
	c.Flags().StringVar(&system, "for", "", "boundary of the system that takes over (needed)")
	return c
}

// lends says why nothing can be taken over from a; nil when it can.
func lends(a *demarcv1.Authorization, all []*demarcv1.Authorization) error {
	switch {
	case a.GetRecord().GetLendsNothing() != "":
		return errors.New(a.GetRecord().GetLendsNothing())
	case a.GetState() != "in force":
		return fmt.Errorf("nothing can be taken over from %s now: %s", a.GetName(), a.GetWhy())
	case a.GetDecision() != boundary.Pato:
		return nil
	}
	over := strings.Join(a.GetBoundaries(), ", ")
	for _, own := range all {
		operates := own.GetDecision() == "ato" || own.GetDecision() == "ato-with-conditions" || own.GetDecision() == "atu"
		if operates && slices.ContainsFunc(own.GetBoundaries(), func(b string) bool { return slices.Contains(a.GetBoundaries(), b) }) {
			return fmt.Errorf("%s is a pato, which authorizes nobody to operate: take over from %s, the decision of %s on %s", a.GetName(), own.GetName(), own.GetOrganization(), over)
		}
	}
	return fmt.Errorf("%s is a pato, which authorizes nobody to operate: an official has to decide on %s first (ato or atu)", a.GetName(), over)
}

func draftReuse(w io.Writer, lender *demarcv1.Authorization, system string, all []*demarcv1.Authorization) error {
	out := lines{w: w}
	out.printf("# A draft: %s takes over from %s. It decides nothing.\n", system, lender.GetName())
	if p := lender.GetRecord().GetPackage(); p != nil {
		out.printf("# Not done again: the review of the package %s (reviewed %s, %s).\n", printable(p.GetId()), orDash(dayOf(p.GetReviewed())), orDash(p.GetState()))
	}
	if users := lender.GetLeanedOnBy(); len(users) > 0 {
		out.printf("# Taken over before by %s.\n", strings.Join(users, ", "))
	}
	out.printf("# Still needed: a decision on %s by its own official, its security plan, and what is not\n# taken over in full. Write decision: and granted: when that decision is signed.\n", system)
	out.printf("apiVersion: demarc/v1\nkind: Authorization\nmetadata: {name: %s-ato}\nspec:\n  decision: not-yet-authorized\n", system)
	if o := lender.GetOrganization(); o != "" {
		out.printf("  issuer: {organization: %q}\n", o)
	}
	out.printf("  boundaries: [%s]\n  leverages:\n    - authorization: %s\n", system, lender.GetName())
	if c := takenBefore(lender.GetName(), all); c != "" {
		out.printf("      controls: [%s]   # as others take them over\n", c)
	}
	out.printf("  reviewTriggers: [{on: leveraged-lapsed}]\n")
	return out.err
}

// takenBefore lists the controls that others take over from a lender; in part
// where one of them does so.
func takenBefore(lender string, all []*demarcv1.Authorization) string {
	extent := map[string]string{}
	for _, a := range all {
		for _, x := range a.GetRecord().GetInherits() {
			if x.GetAuthorization() != lender {
				continue
			}
			for _, id := range x.GetFull() {
				if extent[id] == "" {
					extent[id] = "full"
				}
			}
			for _, id := range x.GetPartial() {
				extent[id] = "partial"
			}
		}
	}
	var list []string
	for _, id := range slices.Sorted(maps.Keys(extent)) {
		list = append(list, fmt.Sprintf("{id: %q, extent: %s}", id, extent[id]))
	}
	return strings.Join(list, ", ")
}
