package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func diffCommand(at *place) *cobra.Command {
	r, format := &demarcv1.ListChangesRequest{}, "table"
	c := &cobra.Command{
		Use:   "diff FROM [TO]",
		Short: "Say what came, went and changed between two moments (TO: now)",
		Long: "Compares assets, connections, findings, authorizations, agreements and conditions as they were recorded at two times, each\n" +
			"written as for --as-of. Counters and times that only move on are no difference.",
		Example: "  demarc-collector diff 7d\n  demarc-collector diff 2026-03-01 2026-03-14T10:00Z -o csv\n  demarc-collector diff 24h --what connection --change new",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return errors.New("name one moment, or two: 2026-03-14T10:00Z, 2026-03-14, or how long ago: 48h, 7d")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			now := time.Now()
			for i, to := range []**timestamppb.Timestamp{&r.From, &r.To}[:len(args)] {
				t, err := readMoment(args[i], now)
				if err != nil {
					return err
				}
				*to = timestamppb.New(t)
			}
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				wait := tellSlow(c.ErrOrStderr())
				a, err := whole(ctx, demarcv1.NewPastServiceClient(conn).ListChanges, r)
				wait.Stop()
				if err != nil {
					return err
				}
				head := c.OutOrStdout()
				if format != "table" { // programs read it in the answer
					head = c.ErrOrStderr()
				}
				for _, m := range []*demarcv1.AsOf{a.GetFrom(), a.GetTo()} {
					if m == nil {
						continue
					}
					if _, err := fmt.Fprintln(head, asOfWords(m)); err != nil {
						return err
					}
				}
				return show(c.OutOrStdout(), format, a, func() table.Table { return changeTable(a) })
			})
		},
	}
	f := c.Flags()
	f.StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	f.StringVar(&r.What, "what", "", "only of assets, connections, ...: asset, connection, finding, authorization, agreement or condition")
	f.StringVar(&r.Change, "change", "", "only what is new, gone or changed")
	f.StringVar(&r.Boundary, "boundary", "", "only what stands or stood in this boundary, on either side")
	at.narrow.flags(c)
	return c
}

func changeTable(a *demarcv1.ListChangesResponse) table.Table {
	t := table.Table{Head: []string{"WHAT", "CHANGE", "NAME", "FIELD", "BEFORE", "AFTER", "ID"}}
	for _, x := range a.GetChanges() {
		t.Rows = append(t.Rows, []string{x.GetWhat(), x.GetChange(), x.GetName(), x.GetField(), x.GetBefore(), x.GetAfter(), x.GetId()})
	}
	return t
}

// tellSlow tells a person for what they wait; stop it when there is an answer.
func tellSlow(w io.Writer) *time.Timer {
	return time.AfterFunc(slow, func() {
		_, _ = fmt.Fprintln(w, "The collector rebuilds what it had come to then; its log says how far it is.")
	})
}
