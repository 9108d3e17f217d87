package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"demarc/internal/pki"
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
	c.AddCommand(agentAdmitCommand(at), revoke)
	return c
}

func agentAdmitCommand(at *place) *cobra.Command {
	var answer string
	r := &demarcv1.AdmitAgentRequest{}
	c := &cobra.Command{
		Use:   "admit REQUEST --answer FILE",
		Short: "Enrol an agent that has no way to this collector",
		Long: "admit signs the request that `demarc-agent enroll --request FILE` wrote on the agent's machine. Carry the\n" +
			"answer back there: `demarc-agent enroll --answer FILE`. It holds no secret.",
		Example: "  demarc-collector agent admit line4.csr --site houston --agent line4 --answer line4.crt",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("agent admit needs the file that `demarc-agent enroll --request FILE` wrote")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if answer == "" {
				return errors.New("give --answer FILE: what is to be carried back to the agent")
			}
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if r.Csr, r.Hostname, err = pki.ParseRequest(text); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				var a *demarcv1.AdmitAgentResponse
				_, err := writeWhole(answer, func(w io.Writer) (err error) {
					if a, err = client.AdmitAgent(ctx, r); err != nil {
						return err
					}
					_, err = w.Write(pki.Answer(a.GetCertificate(), a.GetAuthority()))
					return err
				})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "Agent %s of site %s is enrolled until %s. On its machine: demarc-agent enroll --answer %s\n",
					a.GetAgent(), a.GetSite(), a.GetExpires().AsTime().Format(time.DateOnly), answer)
				return err
			})
		},
	}
	c.Flags().StringVar(&r.Site, "site", "", "site that the agent stands at")
	c.Flags().StringVar(&r.Agent, "agent", "", "name of the agent (default: its host name)")
	c.Flags().StringVar(&answer, "answer", "", "new file to write, for the agent")
	return c
}
