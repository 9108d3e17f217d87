package main

import (
	"context"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func signInCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use:   "sign-in",
		Short: "Print a link to the pages that works once",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r, err := client.CreateSignInLink(ctx, &demarcv1.CreateSignInLinkRequest{})
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("%s\n", r.GetUrl())
				return out.err
			})
		},
	}
}
