package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

func authorizationCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "authorization suspend|rescind|extend|revise|supersede NAME",
		Short: "Record what an official decided on an authorization",
		Long: "What is recorded is added to the authorization's history and never taken back. --dry-run says\n" +
			"what would come of it: which boundaries lose or gain their authorization, and which verdicts change.",
		Example: "  demarc-collector authorization rescind line4-ato --reason \"letter of 2026-04-12\" --dry-run\n" +
			"  demarc-collector authorization extend line4-ato --until 2027-06-30 --effective 2026-04-10 --reason renewal --artefact letter.pdf",
	}
	for _, d := range []struct{ kind, short string }{
		{boundary.Suspend, "It covers nothing from now on, until --until or a revision"},
		{boundary.Rescind, "It covers nothing from now on, for good"},
		{boundary.Extend, "It lasts to --until; --effective is when that was signed, which must be before its end"},
		{boundary.Revise, "It is decided anew: another decision, an earlier end, the end of a suspension"},
		{boundary.Supersede, "Another authorization (--by) stands in its place"},
	} {
		c.AddCommand(decideCommand(at, d.kind, d.short))
	}
	c.AddCommand(letterCommand(at), reuseCommand(at))
	return c
}

func decideCommand(at *place, kind, short string) *cobra.Command {
	a := &demarcv1.AuthorizationAct{Kind: kind}
	var effective, until, artefact string
	dryRun := false
	c := &cobra.Command{
		Use: kind + " NAME", Short: short, Args: one("authorization"),
		RunE: func(c *cobra.Command, args []string) error {
			a.Authorization = args[0]
			var err error
			if a.Effective, err = instant("effective", effective, false); err != nil {
				return err
			}
			if a.Until, err = instant("until", until, true); err != nil {
				return err
			}
			if a.Sha256, err = digestOf(artefact); err != nil {
				return err
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r, err := client.DecideAuthorization(ctx, &demarcv1.DecideAuthorizationRequest{Act: a, DryRun: dryRun})
				if err != nil {
					return err
				}
				if p := r.GetPending(); p != nil {
					if err := tellConsequences(c.OutOrStdout(), r.GetConsequences(), "", true); err != nil {
						return err
					}
					return tellProposal(c.OutOrStdout(), p, false)
				}
				return tellConsequences(c.OutOrStdout(), r.GetConsequences(), kind+" "+args[0], dryRun)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&a.Reason, "reason", "", "why, for the record (needed)")
	f.StringVar(&a.Official, "official", "", "who decided, where it is recorded for them")
	f.StringVar(&artefact, "artefact", "", "the signed paper: its SHA-256 is recorded")
	f.StringVar(&effective, "effective", "", "from when it holds (default: now)")
	f.BoolVar(&dryRun, "dry-run", false, "say what would come of it, and record nothing")
	if kind != boundary.Rescind && kind != boundary.Supersede {
		f.StringVar(&until, "until", "", "last day, or instant, of it")
	}
	if kind == boundary.Revise {
		f.StringVar(&a.Decision, "decision", "", "what it is from then on, such as ato-with-conditions")
	}
	if kind == boundary.Supersede {
		f.StringVar(&a.Successor, "by", "", "authorization in its place")
	}
	return c
}

func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			words := "name one " + what
			if list := listedBy[what]; list != "" {
				words += ", as `" + list + "` lists them"
			}
			return errors.New(words)
		}
		return nil
	}
}

// listedBy are the commands that list what other commands ask for.
var listedBy = map[string]string{
	"authorization": "get authorizations", "condition": "get conditions", "proposal": "get pending", "user": "user list", "agent": "get agents", "finding": "get findings", "schedule": "probe list",
}

// instant reads a date of a flag; the end of a day is the first instant after
// it.
func instant(flag, text string, end bool) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none is given
	}
	d, err := boundary.ParseDate(text)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	if end {
		return timestamppb.New(d.End()), nil
	}
	return timestamppb.New(d.Time), nil
}

// digestOf is the SHA-256 of a file; empty without one.
func digestOf(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path) //nolint:gosec // the file that the user named
	if err != nil {
		return "", fmt.Errorf("--artefact: %w", err)
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("--artefact: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func tellConsequences(w io.Writer, c *demarcv1.Consequences, what string, dryRun bool) error {
	out := lines{w: w}
	for _, b := range c.GetBoundaries() {
		out.printf("boundary %s\n  before: %s\n  after:  %s\n", b.GetBoundary(), b.GetBefore(), b.GetAfter())
	}
	for _, name := range c.GetAuthorizations() {
		out.printf("authorization %s leans on it\n", name)
	}
	if n := len(c.GetVerdicts()); n > 0 {
		out.printf("Live connections whose verdict changes: %d\n", n)
		for _, v := range c.GetVerdicts()[:min(n, shownVerdicts)] {
			out.printf("  %s  %s -> %s  %s\n", v.GetConnection(), orDash(v.GetBefore()), orDash(v.GetAfter()), printable(v.GetReason()))
		}
		if n > shownVerdicts {
			out.printf("  and %d more\n", n-shownVerdicts)
		}
	} else {
		out.printf("No live connection changes its verdict.\n")
	}
	if dryRun {
		out.printf("Dry run: nothing was recorded.\n")
	} else {
		out.printf("Recorded: %s.\n", what)
	}
	return out.err
}
