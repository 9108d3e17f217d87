package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func windowCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "window open|close NAME", Short: "Open an agreement for a time, or close it early"}
	c.AddCommand(windowOpenCommand(at), windowCloseCommand(at))
	return c
}

func windowOpenCommand(at *place) *cobra.Command {
	a := &demarcv1.WindowAct{Kind: "open"}
	var from, until string
	dryRun := false
	c := &cobra.Command{
		Use: "open NAME --interconnection X --until T --approved-by WHO", Short: "Open an agreement that is active per window", Args: one("window"),
		Example: "  demarc-collector window open abb-visit --interconnection vendor-ra --from 2026-04-12T08:00-05:00 --until 2026-04-12T16:00-05:00 --approved-by \"B. Osei\" --ticket CHG-4711",
		RunE: func(c *cobra.Command, args []string) error {
			if until == "" {
				return errors.New("--until: a window needs its end")
			}
			a.Window = args[0]
			var err error
			if a.From, err = instant("from", from, false); err != nil {
				return err
			}
			if a.Until, err = instant("until", until, true); err != nil {
				return err
			}
			return moveWindow(c, at, a, dryRun)
		},
	}
	f := c.Flags()
	f.StringVar(&a.Interconnection, "interconnection", "", "agreement that it opens")
	f.StringVar(&a.Type, "type", "vendor-session", "vendor-session, maintenance or emergency")
	f.StringVar(&from, "from", "", "from when (default: now)")
	f.StringVar(&until, "until", "", "to when")
	f.StringVar(&a.RequestedBy, "requested-by", "", "who asked for it")
	f.StringVar(&a.ApprovedBy, "approved-by", "", "who approved it")
	f.StringVar(&a.Ticket, "ticket", "", "ticket that it belongs to")
	f.BoolVar(&dryRun, "dry-run", false, "say what would come of it, and record nothing")
	return c
}

func windowCloseCommand(at *place) *cobra.Command {
	a := &demarcv1.WindowAct{Kind: "close"}
	dryRun := false
	c := &cobra.Command{
		Use: "close NAME --reason WHY", Short: "Close a window before its end", Args: one("window"),
		RunE: func(c *cobra.Command, args []string) error {
			a.Window = args[0]
			return moveWindow(c, at, a, dryRun)
		},
	}
	c.Flags().StringVar(&a.Reason, "reason", "", "why, for the record (needed)")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would come of it, and record nothing")
	return c
}

func moveWindow(c *cobra.Command, at *place, a *demarcv1.WindowAct, dryRun bool) error {
	return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
		r, err := client.MoveWindow(ctx, &demarcv1.MoveWindowRequest{Act: a, DryRun: dryRun})
		if err != nil {
			return err
		}
		return tellConsequences(c.OutOrStdout(), r.GetConsequences(), "window "+a.GetKind()+" "+a.GetWindow(), dryRun)
	})
}

func attestCommand(at *place) *cobra.Command {
	a := &demarcv1.Attestation{}
	artefact := ""
	c := &cobra.Command{
		Use: "attest AUTHORIZATION/CONDITION --statement TEXT", Short: "Give your word that a condition holds that no traffic shows", Args: one("condition"),
		Example: "  demarc-collector attest line4-ato/C3 --statement \"I checked the gateway's sign-in policy today\"",
		RunE: func(c *cobra.Command, args []string) error {
			var ok bool
			if a.Authorization, a.Condition, ok = strings.Cut(args[0], "/"); !ok {
				return errors.New("name the condition as AUTHORIZATION/CONDITION, such as line4-ato/C3")
			}
			var err error
			if a.Sha256, err = digestOf(artefact); err != nil {
				return err
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r, err := client.Attest(ctx, &demarcv1.AttestRequest{Attestation: a})
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("Recorded: %s is attested to %s.\n", args[0], moment(r.GetUntil()))
				return out.err
			})
		},
	}
	c.Flags().StringVar(&a.Statement, "statement", "", "what you attest, and how you know (needed)")
	c.Flags().StringVar(&artefact, "artefact", "", "what shows it: its SHA-256 is recorded")
	return c
}
