package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

// filter is what a list may be narrowed by.
type filter struct {
	format, site, boundary, verdict, kind, status string
	assignee, authorization, survey, drift        string
	ceased                                        string
	from, to, protocol, outcome, activity, asset  string
	role, vendor, presence, state                 string
	connection                                    string
	ids                                           []string
	severity                                      uint32
}

// listing is one thing that `get` lists.
type listing struct {
	name, short string
	flags       []string
	get         func(context.Context, demarcv1.CollectorServiceClient, io.Writer, filter) error
	past        bool                                         // it can be listed as of a time
	more        func(at *place, c *cobra.Command, f *filter) // flags that are not texts
}

func getCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "get WHAT",
		Short: "List what the collector knows",
		Example: "  demarc-collector get findings\n  demarc-collector get connections --verdict unauthorized\n" +
			"  demarc-collector get assets --boundary line4 -o csv > assets.csv\n" +
			"  demarc-collector get connections --as-of 2026-03-14T10:00Z",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("get what? one of %s", listNames(c))
			}
			return fmt.Errorf("get %s: not known, one of %s", args[0], listNames(c))
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	for _, l := range listings {
		c.AddCommand(l.command(at))
	}
	c.AddCommand(getPendingCommand(at), getAuditCommand(at), driftCommand(at), getSlicesCommand(at))
	c.AddCommand(paperListings(at)...)
	c.AddCommand(crossingListings(at)...)
	return c
}

// listNames names what c lists.
func listNames(c *cobra.Command) string {
	var names []string
	for _, x := range c.Commands() {
		if x.IsAvailableCommand() {
			names = append(names, x.Name())
		}
	}
	return strings.Join(names, ", ")
}

func (l listing) command(at *place) *cobra.Command {
	var f filter
	c := &cobra.Command{
		Use: l.name, Short: l.short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			kind, back := writesBack[l.name]
			if back = back && f.format == "yaml"; !back {
				if err := checkFormat(f.format); err != nil {
					return err
				}
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				if back {
					return writeBack(ctx, client, c.OutOrStdout(), cmp.Or(kind, f.kind))
				}
				return l.get(ctx, client, c.OutOrStdout(), f)
			})
		},
	}
	formats := "output: table, json or csv"
	if _, back := writesBack[l.name]; back {
		formats = "output: table, json, csv, or yaml as apply read it"
	}
	c.Flags().StringVarP(&f.format, "output", "o", "table", formats)
	known := map[string]struct {
		to    *string
		usage string
	}{
		"site":     {&f.site, "only of this site"},
		"boundary": {&f.boundary, "only what stands in this boundary"},
		"verdict":  {&f.verdict, "only with this verdict"},
		"kind":     {&f.kind, "only of this kind"},
		"status":   {&f.status, "only with this status"},

		"assignee":      {&f.assignee, "only what this person looks after; none: what nobody does"},
		"authorization": {&f.authorization, "only what is about this authorization"},
		"survey":        {&f.survey, "yes: only the worklists of surveys; no: all but those"},
		"ceased":        {&f.ceased, "yes: only findings of which nothing holds any more; no: only others"},
		"drift":         {&f.drift, "yes: only drift; no: all but drift"},

		"from":       {&f.from, "only of clients in this boundary"},
		"to":         {&f.to, "only to servers in this boundary"},
		"protocol":   {&f.protocol, "only what speaks this"},
		"outcome":    {&f.outcome, "only of this outcome: exchanged, refused, unanswered, one-sided"},
		"activity":   {&f.activity, "only what still happens (live), does no more (silent), or may (not-observable)"},
		"asset":      {&f.asset, "only of the asset with this id, on either side"},
		"connection": {&f.connection, "only what the connection with this id stands in, or breaks a condition of"},

		"state":    {&f.state, "only in this state"},
		"role":     {&f.role, "only with this role"},
		"vendor":   {&f.vendor, "only of this vendor"},
		"presence": {&f.presence, "only what is active, quiet or gone"},
	}
	for _, name := range l.flags {
		c.Flags().StringVar(known[name].to, name, "", known[name].usage)
	}
	at.narrow.flags(c)
	if l.past {
		at.asOfFlag(c)
	}
	if l.more != nil {
		l.more(at, c, &f)
	}
	return c
}
