package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func statusCommand(at *place) *cobra.Command {
	format, wait := "table", false
	c := &cobra.Command{
		Use:   "status [--wait]",
		Short: "Say how the collector is, and how far it has judged",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("output %q is not known: table or json", format)
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				s, err := settled(ctx, client, wait)
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(c.OutOrStdout(), s)
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("version    %s\nagents     %s\npages      %s\nauthority  %s\npolicy     version %d\njudged     %d of %d records\n",
					s.GetVersion(), s.GetUplink(), orDash(s.GetPages()), s.GetAuthority(), s.GetPolicyVersion(), s.GetApplied(), s.GetJournal())
				if s.GetJudgingOf() > 0 {
					out.printf("judging    %d of %d connections again\n", s.GetJudgingDone(), s.GetJudgingOf())
				}
				if s.GetFingerprint() != "" {
					out.printf("key        %s\n", s.GetFingerprint())
				}
				if s.GetPending() > 0 {
					out.printf("pending    %d changes wait for an official: demarc-collector get pending\n", s.GetPending())
				}
				if len(s.GetSurveys()) > 0 {
					out.printf("survey     %s: findings alarm nobody yet\n", strings.Join(s.GetSurveys(), ", "))
				}
				deliveries(&out, s.GetDeliveries())
				return out.err
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table (lines) or json")
	c.Flags().BoolVar(&wait, "wait", false, "wait until everything that is in the journal now is judged")
	return c
}

// settled asks for the status, until what was there at first is judged.
func settled(ctx context.Context, c client, wait bool) (*demarcv1.GetStatusResponse, error) {
	first, err := c.GetStatus(ctx, &demarcv1.GetStatusRequest{})
	if err != nil || !wait {
		return first, err
	}
	for s := first; ; {
		if s.GetApplied() >= first.GetJournal() {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if s, err = c.GetStatus(ctx, &demarcv1.GetStatusRequest{}); err != nil {
			return nil, err
		}
	}
}
