package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// writesBack lists what `get -o yaml` writes back as apply read it, and the
// kind of document that it is; empty is every kind.
var writesBack = map[string]string{
	"sites": "Site", "boundaries": "Boundary", "authorizations": "Authorization", "documents": "",
}

func getDocuments(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListDocuments, &demarcv1.ListDocumentsRequest{Kind: f.kind})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"KIND", "NAME", "FILE"}}
		for _, d := range r.GetDocuments() {
			t.Rows = append(t.Rows, []string{d.GetKind(), d.GetName(), d.GetPath()})
		}
		return t
	})
}

// writeBack prints documents as apply read them, so that apply takes them again.
func writeBack(ctx context.Context, c client, w io.Writer, kind string) error {
	r, err := whole(ctx, c.ListDocuments, &demarcv1.ListDocumentsRequest{Kind: kind})
	if err != nil {
		return err
	}
	out := lines{w: w}
	for i, d := range r.GetDocuments() {
		if i > 0 {
			out.printf("---\n")
		}
		out.printf("%s", d.GetText())
	}
	return out.err
}

func policyCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Versions of the documents"}
	c.AddCommand(policyListCommand(at), policyDiffCommand(at))
	return c
}

func policyListCommand(at *place) *cobra.Command {
	last := 0
	c := &cobra.Command{
		Use: "list", Short: "List the policy versions, the newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if last < 1 {
				return fmt.Errorf("--last is how many versions, 1 or more, not %d", last)
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				t := table.Table{Head: []string{"VERSION", "APPLIED", "DOCUMENTS"}, Right: []bool{0: true, 2: true}}
				for version := uint64(0); len(t.Rows) < last; { // 0 is the newest
					r, err := client.ListDocuments(ctx, &demarcv1.ListDocumentsRequest{PolicyVersion: version, PageSize: 1})
					if err != nil {
						return err
					}
					version = r.GetPolicyVersion()
					if version == 0 {
						break // nothing was ever applied
					}
					t.Rows = append(t.Rows, []string{strconv.FormatUint(version, 10), moment(r.GetApplied()), count(r.GetTotal())})
					if version--; version == 0 {
						break
					}
				}
				return show(c.OutOrStdout(), "table", nil, func() table.Table { return t })
			})
		},
	}
	c.Flags().IntVar(&last, "last", 20, "how many of them")
	return c
}

func policyDiffCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "diff FROM [TO]", Short: "Say what changed between two policy versions (TO: the newest)",
		Example: "  demarc-collector policy diff 3\n  demarc-collector policy diff 3 5",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return fmt.Errorf("name one policy version, or two")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var versions [2]uint64
			for i, a := range args {
				n, err := strconv.ParseUint(a, 10, 64)
				if err != nil || n == 0 {
					return fmt.Errorf("%q is no policy version: write a number from 1 on", a)
				}
				versions[i] = n
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				var sides [2]*demarcv1.ListDocumentsResponse
				for i, v := range versions {
					var err error
					if sides[i], err = whole(ctx, client.ListDocuments, &demarcv1.ListDocumentsRequest{PolicyVersion: v}); err != nil {
						return err
					}
				}
				return tellDiff(c.OutOrStdout(), sides[0], sides[1])
			})
		},
	}
}

func tellDiff(w io.Writer, before, after *demarcv1.ListDocumentsResponse) error {
	out := lines{w: w}
	out.printf("policy version %d, applied %s, to %d, applied %s\n", before.GetPolicyVersion(), moment(before.GetApplied()), after.GetPolicyVersion(), moment(after.GetApplied()))
	old := make(map[string]string)
	for _, d := range before.GetDocuments() {
		old[d.GetKind()+"/"+d.GetName()] = d.GetText()
	}
	same := true
	for _, d := range after.GetDocuments() {
		name := d.GetKind() + "/" + d.GetName()
		was, had := old[name]
		delete(old, name)
		if was == d.GetText() {
			continue
		}
		same = false
		if !had {
			out.printf("new      %s\n", name)
		} else {
			out.printf("changed  %s\n", name)
		}
		tellLines(&out, was, d.GetText())
	}
	for _, d := range before.GetDocuments() {
		name := d.GetKind() + "/" + d.GetName()
		if text, gone := old[name]; gone {
			same = false
			out.printf("removed  %s\n", name)
			tellLines(&out, text, "")
		}
	}
	if same {
		out.printf("Both say the same.\n")
	}
	return out.err
}

// tellLines prints the lines that only one of two texts has, in order: those
// between a longest common beginning and a longest common end.
func tellLines(out *lines, before, after string) {
	a, b := splitLines(before), splitLines(after)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for _, l := range a {
		if !slices.Contains(b, l) {
			out.printf("  - %s\n", printable(l))
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out.printf("  + %s\n", printable(l))
		}
	}
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
