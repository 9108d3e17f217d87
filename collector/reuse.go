package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	demarcv1 "demarc/proto/demarc/v1"
)

func reuseCommand(at *place) *cobra.Command {
	r, format := &demarcv1.ProposeReuseRequest{}, "yaml"
	c := &cobra.Command{
		Use: "reuse NAME --for BOUNDARY", Short: "Draft the record of one more system that takes over from an authorization", Args: one("authorization"),
		Long: "What was reviewed of the provider is not reviewed again; the system still needs a decision of its own. The draft is a\n" +
			"document for a person to edit and apply: it decides nothing. Refused, with the reason and its cure, where nothing can be\n" +
			"taken over; -o json then holds a draft of what has to be decided first.",
		Example: "  demarc-collector authorization reuse cloud-atu --for suppliers > suppliers.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case r.GetBoundary() == "":
				return errors.New("--for: name the boundary of the system that takes over")
			case format != "yaml" && format != "json":
				return errors.New("reuse prints yaml or json")
			}
			r.Authorization = args[0]
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				x, err := demarcv1.NewProposeServiceClient(conn).ProposeReuse(ctx, r)
				switch {
				case err != nil:
					return err
				case format == "json":
					return printJSON(c.OutOrStdout(), x)
				}
				for _, no := range x.GetRefusals() {
					return errors.New(no.GetWhat() + "; " + no.GetCure())
				}
				return printReuse(c.OutOrStdout(), x)
			})
		},
	}
	c.Flags().StringVar(&r.Boundary, "for", "", "boundary of the system that takes over (needed)")
	c.Flags().StringVar(&r.Organization, "organization", "", "whose official decides on it, where the documents do not tell")
	c.Flags().StringVarP(&format, "output", "o", "yaml", "output: yaml or json")
	return c
}

// printReuse prints the draft, which says all as comments; without one, those.
func printReuse(w io.Writer, r *demarcv1.ProposeReuseResponse) error {
	out := lines{w: w}
	out.printf("# A draft: %s takes over from %s. It decides nothing.\n", r.GetBoundary(), r.GetAuthorization())
	if r.GetDraft() != nil {
		out.printf("%s", r.GetDraft().GetText())
		return out.err
	}
	for _, x := range r.GetRemains() {
		out.printf("# Remains: %s\n", printable(x))
	}
	return out.err
}
