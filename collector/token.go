package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func tokenCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "One-time tokens that agents enrol with, and tokens of the API"}
	c.AddCommand(tokenCreateCommand(at), apiTokenCommand(at))
	return c
}

func tokenCreateCommand(at *place) *cobra.Command {
	var site, agent string
	var valid time.Duration
	quiet := false
	c := &cobra.Command{
		Use:     "create [--site SITE] [--agent NAME]",
		Short:   "Make a token and print the line to run on the agent's machine",
		Long:    "A token works once and is shown once. It names this collector's key, so that an agent gives its\nsecret to no other.",
		Example: "  demarc-collector token create --site houston --agent agent-l4\n  TOKEN=$(demarc-collector token create -q --site houston)",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			seconds := valid.Seconds()
			if seconds < 1 || seconds > math.MaxUint32 {
				return fmt.Errorf("--valid %v: give a time from 1s on, such as 1h", valid)
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r, err := client.CreateToken(ctx, &demarcv1.CreateTokenRequest{Site: site, Agent: agent, ValidSeconds: uint32(seconds)})
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				if quiet {
					out.printf("%s\n", r.GetToken())
					return out.err
				}
				out.printf("Run this on the agent's machine before %s:\n\n  %s\n", moment(r.GetExpires()), r.GetCommand())
				return out.err
			})
		},
	}
	c.Flags().StringVar(&site, "site", "", "site that the agent stands at")
	c.Flags().StringVar(&agent, "agent", "", "name of the agent (default: its host name)")
	c.Flags().DurationVar(&valid, "valid", time.Hour, "how long the token is good")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the token alone")
	return c
}
