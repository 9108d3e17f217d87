package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

// assetCommand is what people do to assets: it survives restarts and new
// reports, and stands in the audit log.
func assetCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use: "asset", Short: "Put assets together, take them apart, and set what people know of them",
		Example: "  demarc-collector asset merge a-abc a-def --reason \"two cards of one server\"\n  demarc-collector asset set a-abc owner=\"Line 4 maintenance\" criticality=high",
	}
	reason := c.PersistentFlags().String("reason", "", "why, for the audit log and whoever asks later")
	c.AddCommand(
		&cobra.Command{
			Use: "merge ID ID...", Short: "Say that assets are one device", Args: atLeast(2, "asset merge needs two ids or more, as `get assets` shows them"),
			RunE: at.run(func(ctx context.Context, client client, w io.Writer, args []string) error {
				r, err := client.MergeAssets(ctx, &demarcv1.MergeAssetsRequest{Assets: args, Reason: *reason})
				return printAssets(w, err, r.GetAsset())
			}),
		},
		&cobra.Command{
			Use: "split ID ADDRESS...", Short: "Say that some addresses of an asset are a device of their own", Args: atLeast(2, "asset split needs an id and the addresses that are another device"),
			RunE: at.run(func(ctx context.Context, client client, w io.Writer, args []string) error {
				r, err := client.SplitAsset(ctx, &demarcv1.SplitAssetRequest{Asset: args[0], Addresses: args[1:], Reason: *reason})
				return printAssets(w, err, r.GetAssets()...)
			}),
		},
		&cobra.Command{
			Use: "rename ID NAME", Short: "Give an asset its name; an empty one takes it back", Args: exactly(2, "asset rename needs an id and a name"),
			RunE: at.run(func(ctx context.Context, client client, w io.Writer, args []string) error {
				return setAsset(ctx, client, w, args[0], "name", args[1], *reason)
			}),
		},
		&cobra.Command{
			Use: "retire ID", Short: "Say that an asset is out of service; it is told if it is heard again", Args: exactly(1, "asset retire needs one id"),
			RunE: at.run(func(ctx context.Context, client client, w io.Writer, args []string) error {
				return setAsset(ctx, client, w, args[0], "retired", "yes", *reason)
			}),
		},
		&cobra.Command{
			Use: "set ID FIELD=VALUE...", Short: "Set name, owner, criticality, place, notes, role or retired; an empty value takes it back",
			Args: atLeast(2, "asset set needs an id and FIELD=VALUE"),
			RunE: at.run(func(ctx context.Context, client client, w io.Writer, args []string) error {
				for _, pair := range args[1:] {
					if !strings.Contains(pair, "=") {
						return fmt.Errorf("%q is not FIELD=VALUE, as in owner=maintenance", pair)
					}
				}
				var now *demarcv1.SetAssetResponse
				for _, pair := range args[1:] {
					field, value, _ := strings.Cut(pair, "=")
					var err error
					if now, err = client.SetAsset(ctx, &demarcv1.SetAssetRequest{Asset: args[0], Field: field, Value: value, Reason: *reason}); err != nil {
						return err
					}
				}
				return printAssets(w, nil, now.GetAsset())
			}),
		})
	return c
}

// run makes a command of a question to the running collector.
func (p *place) run(f func(context.Context, client, io.Writer, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		return p.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
			return f(ctx, client, c.OutOrStdout(), args)
		})
	}
}

func atLeast(n int, words string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s", words)
		}
		return nil
	}
}

func exactly(n int, words string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s", words)
		}
		return nil
	}
}

func setAsset(ctx context.Context, client client, w io.Writer, id, field, value, reason string) error {
	r, err := client.SetAsset(ctx, &demarcv1.SetAssetRequest{Asset: id, Field: field, Value: value, Reason: reason})
	return printAssets(w, err, r.GetAsset())
}

// printAssets writes what assets are now.
func printAssets(w io.Writer, err error, all ...*demarcv1.Asset) error {
	if err != nil {
		return err
	}
	out := lines{w: w}
	for _, a := range all {
		out.printf("%s  %s\n", a.GetId(), printable(strings.Join(slices.Concat(a.GetIps(), a.GetMacs()), " ")))
		for _, n := range a.GetAnnotations() {
			out.printf("  %s: %s (%s, %s)\n", n.GetField(), printable(n.GetValue()), printable(n.GetBy()), moment(n.GetAt()))
		}
		for _, j := range a.GetJoins() {
			out.printf("  %s\n", printable(j))
		}
	}
	return out.err
}
