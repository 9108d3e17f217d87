package main

import (
	"context"
	"io"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func getAuthorizations(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListAuthorizations, &demarcv1.ListAuthorizationsRequest{Boundary: f.boundary})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"AUTHORIZATION", "DECISION", "STATE", "GRANTED", "UNTIL", "REVIEW DUE", "TRIGGERS", "BOUNDARIES", "LEVERAGES", "LEANED ON BY", "ORGANIZATION", "WHY"}}
		for _, a := range r.GetAuthorizations() {
			t.Rows = append(t.Rows, []string{
				a.GetName(), a.GetDecision(), a.GetState(), date(a.GetGranted()), lastDay(a.GetUntil()), date(a.GetReviewDue()), strings.Join(a.GetTriggers(), "; "),
				strings.Join(a.GetBoundaries(), " "), strings.Join(a.GetLeverages(), " "), strings.Join(a.GetLeanedOnBy(), " "), a.GetOrganization(), a.GetWhy(),
			})
		}
		return t
	})
}

// date is a day, as documents write it.
func date(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format("2006-01-02")
}

// lastDay is the last day that an end leaves.
func lastDay(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Add(-1).Format("2006-01-02")
}

func getNotices(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListNotices, &demarcv1.ListNoticesRequest{Kind: f.kind})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"SINCE", "KIND", "NOTICE", "DOCUMENT"}}
		for _, n := range r.GetNotices() {
			t.Rows = append(t.Rows, []string{moment(n.GetAt()), n.GetKind(), n.GetWords(), n.GetDocument()})
		}
		return t
	})
}
