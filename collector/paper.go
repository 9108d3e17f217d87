package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// paperListings are what `get` lists of paper against the wire.
func paperListings(at *place) []*cobra.Command {
	return []*cobra.Command{reconcileCommand(at), pathsCommand(at), regulatedCommand(at)}
}

// paperAsk asks the PaperService.
func (p *place) paperAsk(ctx context.Context, f func(context.Context, demarcv1.PaperServiceClient) error) error {
	return p.call(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return f(ctx, demarcv1.NewPaperServiceClient(conn))
	})
}

func reconcileCommand(at *place) *cobra.Command {
	var list, format string
	c := &cobra.Command{
		Use:   "reconcile BOUNDARY",
		Short: "Hold the lists of a boundary against what was seen",
		Long: "Each row is on paper and seen, on paper and never seen, seen and not on paper, or seen but different,\n" +
			"with the field and both values. UNUSED says how long nothing used an agreement, or a device was never seen, in\n" +
			"days on which it would have shown; a finding begins after 30 of them.",
		Example: "  demarc-collector get reconcile line4\n  demarc-collector get reconcile line4 --list hardware -o csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("reconcile needs one boundary, as `get boundaries` shows it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.paperAsk(c.Context(), func(ctx context.Context, client demarcv1.PaperServiceClient) error {
				r, err := client.Reconcile(ctx, &demarcv1.ReconcileRequest{Boundary: args[0], List: list})
				if err != nil {
					return err
				}
				if err := show(c.OutOrStdout(), format, r, func() table.Table { return reconcileTable(r) }); err != nil || format != "table" {
					return err
				}
				return tellReconciled(c.OutOrStdout(), r)
			})
		},
	}
	c.Flags().StringVar(&list, "list", "", "one list: hardware, software, services or interconnections")
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	at.asOfFlag(c)
	return c
}

func reconcileTable(r *demarcv1.ReconcileResponse) table.Table {
	t := table.Table{Head: []string{"LIST", "BUCKET", "ROW", "DIFFERENCES", "SEEN", "LAST SEEN", "UNUSED", "PAPER"}}
	for _, x := range r.GetRows() {
		var all []string
		for _, d := range x.GetDifferences() {
			all = append(all, d.GetField()+": paper "+d.GetPaper()+", wire "+d.GetWire())
		}
		t.Rows = append(t.Rows, []string{
			x.GetList(), x.GetBucket(), x.GetName(), strings.Join(all, "; "), x.GetSeen(), moment(x.GetLastSeen()), x.GetUnused(), cmp.Or(x.GetAt(), x.GetDocument()),
		})
	}
	return t
}

// tellReconciled sums the rows up, and says what could not be told.
func tellReconciled(w io.Writer, r *demarcv1.ReconcileResponse) error {
	out := lines{w: w}
	counts := map[string]int{}
	for _, x := range r.GetRows() {
		counts[x.GetBucket()]++
	}
	out.printf("\n%s on paper and seen, %s never seen, %s not on paper, %s different.\n", n(counts["seen"]), n(counts["never-seen"]), n(counts["not-on-paper"]), n(counts["different"]))
	for _, m := range r.GetMissing() {
		out.printf("Not told: %s.\n", m)
	}
	out.printf("Seen over the last day: %s.\n", printable(r.GetSight()))
	return out.err
}

func n(i int) string { return strconv.Itoa(i) }

func pathsCommand(at *place) *cobra.Command {
	r := &demarcv1.ListPathsRequest{}
	format := "table"
	c := &cobra.Command{
		Use: "paths", Short: "List chains of flows that move information on from boundary to boundary (CA-3(7))",
		Long: "Each hop may be authorized and the chain not. A read moves information from server to client, a write from\n" +
			"client to server; where no operation was decoded, the hop is listed both ways and marked not certain.",
		Example: "  demarc-collector get paths --from line4 --hops 3",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.paperAsk(c.Context(), func(ctx context.Context, client demarcv1.PaperServiceClient) error {
				a, err := client.ListPaths(ctx, r)
				if err != nil {
					return err
				}
				if err := show(c.OutOrStdout(), format, a, func() table.Table { return pathTable(a) }); err != nil || !a.GetLeftOff() || format != "table" {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("There are more: narrow them with --to or fewer --hops.\n")
				return out.err
			})
		},
	}
	c.Flags().StringVar(&r.From, "from", "", "boundary in which chains begin")
	c.Flags().StringVar(&r.To, "to", "", "boundary in which they end (default: any)")
	c.Flags().Uint32Var(&r.Hops, "hops", 3, "flows in a chain at most, 2 to 8")
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	at.asOfFlag(c)
	return c
}

func pathTable(r *demarcv1.ListPathsResponse) table.Table {
	t := table.Table{Head: []string{"CHAIN", "HOP", "FROM", "TO", "SERVICE", "VERDICT", "DIRECTION", "CONNECTIONS"}, Right: []bool{0: true, 1: true, 7: true}}
	end := func(boundary string, addresses []string) string {
		s := addresses[0]
		if len(addresses) > 1 {
			s += " and " + n(len(addresses)-1) + " more"
		}
		return s + " (" + boundary + ")"
	}
	for i, p := range r.GetPaths() {
		for j, h := range p.GetHops() {
			direction := "certain"
			if !h.GetCertain() {
				direction = "not observable"
			}
			t.Rows = append(t.Rows, []string{
				n(i + 1), n(j + 1), end(h.GetFromBoundary(), h.GetFrom()), end(h.GetToBoundary(), h.GetTo()), h.GetService(), h.GetVerdict(), direction, n(len(h.GetConnections())),
			})
		}
	}
	return t
}

func regulatedCommand(at *place) *cobra.Command {
	r := &demarcv1.ListRegulatedRequest{}
	format := "table"
	c := &cobra.Command{
		Use: "regulated", Short: "List the flows that leave boundaries with regulated records, and where they go",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.paperAsk(c.Context(), func(ctx context.Context, client demarcv1.PaperServiceClient) error {
				a, err := client.ListRegulated(ctx, r)
				if err != nil {
					return err
				}
				if err := show(c.OutOrStdout(), format, a, func() table.Table { return regulatedTable(a) }); err != nil || len(a.GetQuiet()) == 0 || format != "table" {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("Nothing was seen to leave %s.\n", strings.Join(a.GetQuiet(), ", "))
				return out.err
			})
		},
	}
	c.Flags().StringVar(&r.Boundary, "boundary", "", "only of this boundary")
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	at.asOfFlag(c)
	return c
}

func regulatedTable(r *demarcv1.ListRegulatedResponse) table.Table {
	t := table.Table{Head: []string{"BOUNDARY", "RECORDS", "TO", "SERVICE", "LEAVES", "VERDICT", "AGREEMENT", "CARRIES", "RETENTION", "DESTINATIONS", "LAST SEEN"}}
	for _, f := range r.GetFlows() {
		t.Rows = append(t.Rows, []string{
			f.GetBoundary(), strings.Join(f.GetRecords(), " "), f.GetTo(), f.GetService(), f.GetLeaves(), f.GetVerdict(), f.GetDocument(), strings.Join(f.GetCarries(), " "), f.GetRetention(),
			strings.Join(f.GetDestinations(), " "), moment(f.GetLastSeen()),
		})
	}
	return t
}
