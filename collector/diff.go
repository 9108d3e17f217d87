package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// thing is a row of a list as two moments are compared by.
type thing struct {
	name   string            // in words
	fields map[string]string // what may change of it
}

// diffs are what is compared, in the order in which it is told: each list by id
// as of a moment, nil for now.
var diffs = []struct {
	what string
	list func(context.Context, client, *timestamppb.Timestamp) (map[string]thing, error)
}{
	{"asset", assetsAt}, {"connection", connectionsAt}, {"finding", findingsAt}, {"authorization", authorizationsAt}, {"condition", conditionsAt},
}

// diffTable lists what came, went and changed from one moment to another.
func diffTable(ctx context.Context, c client, from, to *timestamppb.Timestamp) (table.Table, error) {
	t := table.Table{Head: []string{"WHAT", "CHANGE", "NAME", "FIELD", "BEFORE", "AFTER", "ID"}}
	for _, d := range diffs {
		before, err := d.list(ctx, c, from)
		if err != nil {
			return t, err
		}
		after, err := d.list(ctx, c, to)
		if err != nil {
			return t, err
		}
		ids := maps.Clone(before)
		maps.Copy(ids, after)
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			was, had := before[id]
			is, has := after[id]
			switch {
			case !had:
				t.Rows = append(t.Rows, []string{d.what, "new", is.name, "", "", "", id})
			case !has:
				t.Rows = append(t.Rows, []string{d.what, "gone", was.name, "", "", "", id})
			default:
				for _, field := range slices.Sorted(maps.Keys(is.fields)) {
					if was.fields[field] != is.fields[field] {
						t.Rows = append(t.Rows, []string{d.what, "changed", is.name, field, was.fields[field], is.fields[field], id})
					}
				}
			}
		}
	}
	return t, nil
}

func assetsAt(ctx context.Context, c client, at *timestamppb.Timestamp) (map[string]thing, error) {
	r, err := whole(ctx, c.ListAssets, &demarcv1.ListAssetsRequest{AsOf: at})
	all := map[string]thing{}
	for _, a := range r.GetAssets() {
		var roles []string
		for _, x := range a.GetRoles() {
			roles = append(roles, x.GetRole())
		}
		all[a.GetId()] = thing{strings.TrimSpace(address(a) + " " + strings.Join(a.GetNames(), " ")), map[string]string{
			"addresses": strings.Join(slices.Concat(a.GetIps(), a.GetMacs()), " "), "names": strings.Join(a.GetNames(), " "), "roles": strings.Join(roles, " "), "vendor": a.GetVendor(),
			"product": a.GetProduct(), "model": a.GetModel(), "firmware": a.GetFirmware(), "hardware": a.GetHardware(), "serial": a.GetSerial(), "os": a.GetOs(),
			"boundary": places(a), "presence": presence(a), "owner": annotation(a, "owner"),
		}}
	}
	return all, err
}

func connectionsAt(ctx context.Context, c client, at *timestamppb.Timestamp) (map[string]thing, error) {
	r, err := whole(ctx, c.ListConnections, &demarcv1.ListConnectionsRequest{AsOf: at})
	all := map[string]thing{}
	for _, x := range r.GetConnections() {
		d := x.GetConnection()
		all[x.GetId()] = thing{d.GetClient() + " -> " + d.GetServer() + " " + port(d), map[string]string{
			"verdict": x.GetVerdict().GetVerdict(), "protocol": d.GetProtocol(), "outcome": d.GetOutcome(), "security": d.GetSecurity(),
			"operations": strings.Join(slices.Sorted(maps.Keys(d.GetOperations())), " "), "from": x.GetClientBoundary(), "to": x.GetServerBoundary(),
		}}
	}
	return all, err
}

func findingsAt(ctx context.Context, c client, at *timestamppb.Timestamp) (map[string]thing, error) {
	r, err := whole(ctx, c.ListFindings, &demarcv1.ListFindingsRequest{AsOf: at})
	all := map[string]thing{}
	for _, f := range r.GetFindings() {
		all[f.GetId()] = thing{f.GetTitle(), map[string]string{"status": findingStatus(f), "severity": count(f.GetSeverity()), "assignee": f.GetAssignee()}}
	}
	return all, err
}

func authorizationsAt(ctx context.Context, c client, at *timestamppb.Timestamp) (map[string]thing, error) {
	r, err := whole(ctx, c.ListAuthorizations, &demarcv1.ListAuthorizationsRequest{AsOf: at})
	all := map[string]thing{}
	for _, a := range r.GetAuthorizations() {
		all[a.GetName()] = thing{a.GetName(), map[string]string{"decision": a.GetDecision(), "state": a.GetState(), "boundaries": strings.Join(a.GetBoundaries(), " "), "until": lastDay(a.GetUntil())}}
	}
	return all, err
}

func conditionsAt(ctx context.Context, c client, at *timestamppb.Timestamp) (map[string]thing, error) {
	r, err := whole(ctx, c.ListConditions, &demarcv1.ListConditionsRequest{AsOf: at})
	all := map[string]thing{}
	for _, x := range r.GetConditions() {
		all[x.GetId()] = thing{x.GetStatement(), map[string]string{"state": x.GetState(), "statement": x.GetStatement()}}
	}
	return all, err
}

func diffCommand(at *place) *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use:   "diff FROM [TO]",
		Short: "Say what came, went and changed between two moments (TO: now)",
		Long: "Compares assets, connections, findings, authorizations and conditions as they were recorded at two times, each written\n" +
			"as for --as-of. Counters and times that only move on are no difference.",
		Example: "  demarc-collector diff 7d\n  demarc-collector diff 2026-03-01 2026-03-14T10:00Z -o csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return errors.New("name one moment, or two: 2026-03-14T10:00Z, 2026-03-14, or how long ago: 48h, 7d")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if format != "table" && format != "csv" {
				return errors.New("diff prints table or csv")
			}
			now := time.Now()
			var moments [2]*timestamppb.Timestamp
			for i, a := range args {
				t, err := readMoment(a, now)
				if err != nil {
					return err
				}
				moments[i] = timestamppb.New(t)
			}
			if moments[1] != nil && moments[1].AsTime().Before(moments[0].AsTime()) {
				return fmt.Errorf("%s lies after %s: name the earlier moment first", args[0], args[1])
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				t, err := diffTable(ctx, client, moments[0], moments[1])
				if err != nil {
					return err
				}
				return show(c.OutOrStdout(), format, nil, func() table.Table { return t })
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table or csv")
	return c
}
