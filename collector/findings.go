package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func getFindings(ctx context.Context, c client, w io.Writer, f filter) error {
	q := &demarcv1.ListFindingsRequest{
		Kind: f.kind, Status: f.status, Boundary: f.boundary, Site: f.site, Assignee: f.assignee, Authorization: f.authorization, Severity: f.severity,
		Connection: f.connection, Ids: f.ids,
	}
	var err error
	if q.Survey, err = yesNo("survey", f.survey); err != nil {
		return err
	}
	if q.Ceased, err = yesNo("ceased", f.ceased); err != nil {
		return err
	}
	if q.Drift, err = yesNo("drift", f.drift); err != nil {
		return err
	}
	r, err := whole(ctx, c.ListFindings, q)
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"SEVERITY", "KIND", "FINDING", "SITE", "STATUS", "ASSIGNEE", "CONNECTIONS", "LAST SEEN", "ID"}, Right: []bool{0: true, 6: true}}
		for _, x := range r.GetFindings() {
			t.Rows = append(t.Rows, []string{
				count(x.GetSeverity()), x.GetKind(), x.GetTitle(), x.GetSite(), findingStatus(x), x.GetAssignee(), strconv.Itoa(len(x.GetConnections())), moment(x.GetLastSeen()), x.GetId(),
			})
		}
		return t
	})
}

// findingFlags add what is no text to the flags of get findings.
func findingFlags(at *place, c *cobra.Command, f *filter) {
	history := ""
	c.Flags().StringSliceVar(&f.ids, "id", nil, "only the findings with these ids")
	c.Flags().Uint32Var(&f.severity, "severity", 0, "only what is at least this severe")
	c.Flags().StringVar(&history, "history", "", "in place of the list, what was done to the finding with this id")
	list := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if history == "" {
			return list(c, args)
		}
		if err := checkFormat(f.format); err != nil {
			return err
		}
		return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
			return historyOf(ctx, demarcv1.NewFindingServiceClient(conn), c.OutOrStdout(), history, f.format)
		})
	}
}

// yesNo reads a filter that is off, yes or no.
func yesNo(flag, s string) (*bool, error) {
	switch s {
	case "":
		return nil, nil
	case "yes", "no":
		is := s == "yes"
		return &is, nil
	}
	return nil, fmt.Errorf("--%s is yes or no, not %q", flag, s)
}

// findingStatus is the status, with a word on what it rests on: the survey that
// holds it back, the end of an acceptance, the reason of a closure.
func findingStatus(f *demarcv1.Finding) string {
	switch {
	case f.GetAcceptance() != nil:
		return f.GetStatus() + " to " + lastDay(f.GetAcceptance().GetUntil())
	case f.GetClosure() != nil:
		return f.GetStatus() + " as " + f.GetClosure().GetReason()
	case len(f.GetExplainedBy()) > 0:
		return f.GetStatus() + ", explained by " + strings.Join(f.GetExplainedBy(), ", ")
	case f.GetCeased() != "":
		return f.GetStatus() + ", ceased"
	case f.GetSurvey():
		return f.GetStatus() + " (survey)"
	}
	return f.GetStatus()
}
