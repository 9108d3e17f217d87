package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func explainCommand(at *place) *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use:     "explain ID",
		Short:   "Say how a connection came to its verdict, a condition to its state, or what a finding, an asset, an authorization, a boundary or an agreement is made of",
		Example: "  demarc-collector explain c-kzq8ihzp733v\n  demarc-collector explain lines-ato/C1\n  demarc-collector explain lines-ato\n  demarc-collector explain boundary/line4\n  demarc-collector explain line4-to-historian\n  demarc-collector explain lines-ato/C1 --as-of 48h",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("explain needs one id or name, as `get connections`, `get findings`, `get assets`, `get conditions`, `get authorizations`, `get boundaries` and `get agreements` show it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return errors.New("explain prints table or json")
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r, err := client.Explain(ctx, &demarcv1.ExplainRequest{Id: args[0]})
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(c.OutOrStdout(), r)
				}
				out := lines{w: c.OutOrStdout()}
				for _, l := range r.GetLines() {
					out.printf("%s\n", printable(l))
				}
				return out.err
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table (lines) or json")
	at.asOfFlag(c)
	return c
}
