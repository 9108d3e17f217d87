package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/config"
	"demarc/collector/deliver"
	"demarc/internal/version"
	demarcv1 "demarc/proto/demarc/v1"
)

func deliverCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "deliver WHAT",
		Short: "Try out the delivery of events to a SIEM, a log server or a webhook",
		Long:  "The collector delivers events by itself, to what its settings name under deliver: `status` says how that goes.",
	}
	c.AddCommand(deliverTestCommand(at), deliverShowCommand(at))
	return c
}

func deliverTestCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use:   "test [NAME] --config collector.yaml",
		Short: "Send one marked event to a destination, or to each, and say what came back",
		Long: "test reads the settings and sends from this machine, by itself: no collector need run. The event says that it\n" +
			"is a test. Run it as the user that the collector runs as, so that it reads the same files.",
		Example: "  demarc-collector deliver test --config /etc/demarc/collector.yaml\n  demarc-collector deliver test soc --config /etc/demarc/collector.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			settings, err := at.load()
			if err != nil {
				return err
			}
			all, err := destinations(settings, args)
			if err != nil {
				return err
			}
			out := lines{w: c.OutOrStdout()}
			var failed []error
			for _, d := range all {
				answer, err := deliver.Test(c.Context(), d, about(settings, ""), time.Now())
				if err != nil {
					failed = append(failed, err)
					continue
				}
				out.printf("%s: %s\n", d.Name, answer)
			}
			return errors.Join(append(failed, out.err)...)
		},
	}
}

// destinations are those of the settings that are named, or all.
func destinations(settings config.Config, named []string) ([]config.Destination, error) {
	var names []string
	for _, d := range settings.Deliver {
		if len(named) > 0 && d.Name == named[0] {
			return []config.Destination{d}, nil
		}
		names = append(names, d.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no destination: the settings name some under deliver, give them with --config collector.yaml")
	case len(named) > 0:
		return nil, fmt.Errorf("no destination is named %q: %s", named[0], strings.Join(names, ", "))
	}
	return settings.Deliver, nil
}

func about(settings config.Config, pages string) deliver.About {
	host, _ := os.Hostname() // without one, an event says nothing of it
	if len(settings.Names) > 0 {
		host = settings.Names[0]
	}
	return deliver.About{Host: host, Version: version.String(), Pages: pages}
}

func deliverShowCommand(at *place) *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use:   "show [NAME] [--format cef]",
		Short: "Print what the findings of now look like when they are delivered; nothing is sent",
		Long: "show prints a line for each finding, as if it were raised now: to try a parser with, or to load what there was\n" +
			"before delivery began. With the NAME of a destination (and --config) its format and its limits count.",
		Example: "  demarc-collector deliver show --format cef\n  demarc-collector deliver show soc --config /etc/demarc/collector.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			settings, err := at.load()
			if err != nil {
				return err
			}
			d := config.Destination{Format: config.Formats[0], What: []string{config.Findings}, Least: config.Levels[0]}
			if len(args) > 0 {
				all, err := destinations(settings, args)
				if err != nil {
					return err
				}
				d = all[0]
			}
			if format != "" {
				d.Format = format
			}
			if !slices.Contains(config.Formats, d.Format) {
				return fmt.Errorf("--format %q is not known: %s", d.Format, strings.Join(config.Formats, ", "))
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				s, err := client.GetStatus(ctx, &demarcv1.GetStatusRequest{})
				if err != nil {
					return err
				}
				return showEvents(ctx, client, c.OutOrStdout(), d, about(settings, s.GetPages()))
			})
		},
	}
	c.Flags().StringVar(&format, "format", "", strings.Join(config.Formats, ", ")+" (default that of NAME, else cef)")
	return c
}

// showEvents prints an event for each finding that nothing holds back.
func showEvents(ctx context.Context, client demarcv1.CollectorServiceClient, w io.Writer, d config.Destination, a deliver.About) error {
	all, err := whole(ctx, client.ListFindings, &demarcv1.ListFindingsRequest{})
	if err != nil {
		return err
	}
	for _, f := range all.GetFindings() {
		if f.GetSurvey() || len(f.GetExplainedBy()) > 0 {
			continue
		}
		var some []*demarcv1.JudgedConnection
		if ids := slices.Concat(f.GetConnections(), f.GetPast()); len(ids) > 0 {
			c, err := client.ListConnections(ctx, &demarcv1.ListConnectionsRequest{Ids: ids[:min(len(ids), deliver.MaxEvidence)]})
			if err != nil {
				return err
			}
			some = c.GetConnections()
		}
		e := deliver.OfFinding(f, some)
		e.Kind, e.Time, e.Words = "finding.raised", asTime(f.GetRaised()), strings.Join(f.GetSeverityTerms(), "; ")
		e.Finish()
		if !deliver.Wanted(d, e) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\n", deliver.Render(d.Format, e, a)); err != nil {
			return err
		}
	}
	return nil
}

// asTime is the zero time for none.
func asTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// deliveries prints how delivery goes, a line for each destination.
func deliveries(out *lines, all []*demarcv1.Delivery) {
	for _, d := range all {
		state := "nothing sent yet"
		switch {
		case d.GetFailing():
			state = "failing, last tried " + moment(d.GetErrorAt()) + ": " + d.GetError()
		case d.GetLastSent() != nil:
			state = "last sent " + moment(d.GetLastSent())
		}
		out.printf("deliver    %s (%s, %s): %s; %d sent, %d wait", d.GetName(), d.GetTo(), d.GetFormat(), state, d.GetSent(), d.GetWaiting())
		if d.GetOldest() != nil {
			out.printf(" since %s", moment(d.GetOldest()))
		}
		if d.GetDropped() > 0 {
			out.printf(", %d were dropped because too many waited", d.GetDropped())
		}
		out.printf("\n")
	}
}
