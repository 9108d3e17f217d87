package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func agentCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "agent", Short: "Agents that are enrolled"}
	var reason string
	revoke := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take an agent's certificates back",
		Long:  "The agent's stream ends at once and no certificate that it has is believed any more. What it\nreported stays. A new token enrols it again.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("agent revoke needs one name, as `get agents` shows it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				if _, err := client.RevokeAgent(ctx, &demarcv1.RevokeAgentRequest{Agent: args[0], Reason: reason}); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "Agent %s is revoked.\n", args[0])
				return err
			})
		},
	}
	revoke.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	c.AddCommand(revoke)
	return c
}
