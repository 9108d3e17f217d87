package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func getConditions(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListConditions, &demarcv1.ListConditionsRequest{Authorization: f.authorization, State: f.state})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"CONDITION", "STATE", "SINCE", "STATEMENT", "WHY", "CHECK", "LAST TEST", "CONTROLS", "CONNECTIONS"}}
		for _, x := range r.GetConditions() {
			t.Rows = append(t.Rows, []string{
				x.GetId(), x.GetWords(), moment(x.GetSince()), x.GetStatement(), x.GetReason(), x.GetCheck(), moment(x.GetTested()), strings.Join(x.GetControls(), " "), strings.Join(x.GetConnections(), " "),
			})
		}
		return t
	})
}

// exit is an error that ends the program with a code of its own; what there is
// to say was said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Exit codes of gate.
const (
	errFails  exit = 1
	errCannot exit = 2
)

func gateCommand(at *place) *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use:   "gate AUTHORIZATION",
		Short: "Say whether every condition of an authorization holds",
		Long:  "Ends with 0 when every condition holds, with 1 when one does not, and with 2 when it cannot be told.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("gate needs one authorization, as `get authorizations` shows it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return errors.New("gate prints table or json")
			}
			var r *demarcv1.GateResponse
			err := at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) (err error) {
				r, err = client.Gate(ctx, &demarcv1.GateRequest{Authorization: args[0]})
				return err
			})
			if err != nil {
				return errors.Join(err, errCannot)
			}
			if format == "json" {
				err = printJSON(c.OutOrStdout(), r)
			} else {
				err = printGate(c.OutOrStdout(), args[0], r)
			}
			switch {
			case err != nil:
				return errors.Join(err, errCannot)
			case r.GetResult() == "fails":
				return errFails
			case r.GetResult() != "holds":
				return errCannot
			}
			return nil
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table (lines) or json")
	at.asOfFlag(c)
	return c
}

// gateGroups are the states as gate lists them.
var gateGroups = []struct{ state, title string }{
	{"violated", "Violated"},
	{"not-observable", "Not observable"},
	{"stale", "Stale"},
	{"not-exercised", "Not exercised"},
	{"attestation-due", "Attestation due"},
	{"attested", "Attested"},
	{"holds", "Holds"},
}

func printGate(w io.Writer, name string, r *demarcv1.GateResponse) error {
	out := lines{w: w}
	out.printf("%s: %s\n", name, map[string]string{"holds": "every condition holds", "fails": "does not pass"}[r.GetResult()]+map[bool]string{true: "it cannot be told"}[r.GetResult() == "cannot-tell"])
	for _, x := range r.GetReasons() {
		out.printf("  %s\n", printable(x))
	}
	for _, g := range gateGroups {
		first := true
		for _, c := range r.GetConditions() {
			if c.GetState() != g.state {
				continue
			}
			if first {
				out.printf("%s:\n", g.title)
				first = false
			}
			out.printf("  %s  %s\n      %s: %s\n", c.GetId(), printable(c.GetStatement()), printable(c.GetWords()), printable(c.GetReason()))
		}
	}
	return out.err
}
