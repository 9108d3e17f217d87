package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// snapshotCommand is what was there when it was decided.
func snapshotCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "snapshot take|merge|list|show AUTHORIZATION",
		Short: "Keep what stands in an authorization's boundaries as what was decided on",
		Long: "Drift (`get drift`) is what differs from the latest snapshot in reality. What other agents, VLANs or programs made\n" +
			"newly visible is no drift: `snapshot merge` takes it over as a batch.",
		Example: "  demarc-collector snapshot take line4-ato --reason \"ATO letter of 2026-03-01\" --dry-run\n  demarc-collector snapshot merge line4-ato --cause sight --reason \"second agent at the cell\"",
	}
	c.AddCommand(takeCommand(at), mergeCommand(at), snapshotsCommand(at, "list"), snapshotsCommand(at, "show"))
	return c
}

func takeCommand(at *place) *cobra.Command {
	r := &demarcv1.TakeSnapshotRequest{}
	c := &cobra.Command{
		Use: "take AUTHORIZATION --reason WHY", Short: "Confirm what is there as what was decided on", Args: one("authorization"),
		RunE: func(c *cobra.Command, args []string) error {
			r.Authorization = args[0]
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				x, err := demarcv1.NewFindingServiceClient(conn).TakeSnapshot(ctx, r)
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				if r.GetDryRun() {
					out.printf("Nothing recorded. It would be:\n")
				}
				tellSnapshot(&out, x.GetSnapshot())
				return out.err
			})
		},
	}
	c.Flags().StringVar(&r.Reason, "reason", "", "the decision that it belongs to (needed)")
	c.Flags().BoolVar(&r.DryRun, "dry-run", false, "say what it would hold, and record nothing")
	return c
}

func tellSnapshot(out *lines, s *demarcv1.Snapshot) {
	out.printf("Snapshot %s: %d assets and %d connections in %s, policy version %d\n", s.GetId(), s.GetAssets(), s.GetConnections(), strings.Join(s.GetBoundaries(), ", "), s.GetPolicyVersion())
	for _, x := range s.GetSight() {
		out.printf("  heard by %s\n", printable(x))
	}
	if len(s.GetSight()) == 0 {
		out.printf("  heard by nobody: whatever shows later is newly visible\n")
	}
}

func mergeCommand(at *place) *cobra.Command {
	r := &demarcv1.MergeSnapshotRequest{}
	c := &cobra.Command{
		Use: "merge AUTHORIZATION --reason WHY", Short: "Take what became newly visible over into the snapshot", Args: one("authorization"),
		RunE: func(c *cobra.Command, args []string) error {
			r.Authorization = args[0]
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				x, err := demarcv1.NewFindingServiceClient(conn).MergeSnapshot(ctx, r)
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				if r.GetDryRun() {
					out.printf("Nothing recorded. It would merge %d:\n", len(x.GetMerged()))
				}
				for _, d := range x.GetMerged() {
					out.printf("%s  %s  %s: %s\n", d.GetCause(), d.GetKind(), printable(d.GetWords()), printable(d.GetWhy()))
				}
				return out.err
			})
		},
	}
	c.Flags().StringVar(&r.Reason, "reason", "", "why it is known to have been there (needed)")
	c.Flags().StringVar(&r.Cause, "cause", "", "only what this made visible: sight or software")
	c.Flags().BoolVar(&r.DryRun, "dry-run", false, "say what it would take, and record nothing")
	return c
}

// snapshotsCommand lists snapshots, or shows what the latest of one
// authorization holds.
func snapshotsCommand(at *place, name string) *cobra.Command {
	format, items := "table", name == "show"
	c := &cobra.Command{Use: "list [AUTHORIZATION]", Short: "List snapshots, the latest of each authorization first", Args: cobra.MaximumNArgs(1)}
	if items {
		c.Use, c.Short, c.Args = "show AUTHORIZATION", "Show what the latest snapshot of an authorization holds", one("authorization")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
			r, err := whole(ctx, demarcv1.NewFindingServiceClient(conn).ListSnapshots, &demarcv1.ListSnapshotsRequest{Authorization: strings.Join(args, ""), Items: items})
			if err != nil {
				return err
			}
			return show(c.OutOrStdout(), format, r, func() table.Table {
				if items {
					return itemTable(r.GetSnapshots())
				}
				return snapshotTable(r.GetSnapshots())
			})
		})
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	return c
}

func snapshotTable(all []*demarcv1.Snapshot) table.Table {
	t := table.Table{Head: []string{"SNAPSHOT", "TAKEN", "BY", "ASSETS", "CONNECTIONS", "MERGES", "POLICY", "BOUNDARIES", "REASON"}, Right: []bool{3: true, 4: true, 5: true, 6: true}}
	for _, s := range all {
		t.Rows = append(t.Rows, []string{
			s.GetId(), moment(s.GetTaken()), s.GetBy(), count(s.GetAssets()), count(s.GetConnections()), count(uint32(len(s.GetMerges()))), count(s.GetPolicyVersion()), strings.Join(s.GetBoundaries(), " "), s.GetReason(),
		})
	}
	return t
}

func itemTable(all []*demarcv1.Snapshot) table.Table {
	t := table.Table{Head: []string{"KIND", "BOUNDARY", "WHAT", "ID"}}
	for _, s := range all[:min(1, len(all))] {
		for _, i := range s.GetItems() {
			t.Rows = append(t.Rows, []string{i.GetKind(), i.GetBoundary(), i.GetWords(), i.GetId()})
		}
	}
	return t
}

// driftCommand is `get drift`.
func driftCommand(at *place) *cobra.Command {
	r, format := &demarcv1.ListDriftRequest{}, "table"
	c := &cobra.Command{
		Use: "drift [AUTHORIZATION]", Short: "List how what is there differs from the snapshots of decisions", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			r.Authorization = strings.Join(args, "")
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				x, err := whole(ctx, demarcv1.NewFindingServiceClient(conn).ListDrift, r)
				if err != nil {
					return err
				}
				if err := show(c.OutOrStdout(), format, x, func() table.Table { return driftTable(x.GetDrift()) }); err != nil {
					return err
				}
				slices.Sort(x.Without) // every page holds it
				return tellWithout(c.ErrOrStderr(), slices.Compact(x.GetWithout()))
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	c.Flags().StringVar(&r.Boundary, "boundary", "", "only what stands in this boundary")
	c.Flags().StringVar(&r.Cause, "cause", "", "only of this cause: reality, sight, software, policy, placement")
	at.asOfFlag(c)
	return c
}

func tellWithout(w io.Writer, names []string) error {
	out := lines{w: w}
	for _, n := range names {
		out.printf("%s has no snapshot: nothing can be told of it before `demarc-collector snapshot take %s`\n", n, n)
	}
	return out.err
}

func driftTable(all []*demarcv1.Drift) table.Table {
	t := table.Table{Head: []string{"CAUSE", "SEVERITY", "DRIFT", "WHAT", "BOUNDARY", "WHY", "STATUS", "EXPLAINED BY", "FINDING", "ID"}, Right: []bool{1: true}}
	for _, d := range all {
		severity := ""
		if d.GetFinding() != "" {
			severity = count(d.GetSeverity())
		}
		t.Rows = append(t.Rows, []string{
			d.GetCause(), severity, d.GetKind(), d.GetWords(), d.GetBoundary(), d.GetWhy(), d.GetStatus(), strings.Join(d.GetExplainedBy(), ", "), d.GetFinding(), d.GetId(),
		})
	}
	return t
}
