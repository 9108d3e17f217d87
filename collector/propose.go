package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	demarcv1 "demarc/proto/demarc/v1"
)

// draftFiles are the files of --out, by the kind that stands in each.
var draftFiles = []struct{ kind, name string }{
	{"Site", "sites.yaml"}, {"Boundary", "boundaries.yaml"}, {"SharedService", "shared-services.yaml"}, {"Interconnection", "interconnections.yaml"},
}

func proposeCommand(at *place) *cobra.Command {
	r, format, dir := &demarcv1.ProposeRequest{}, "yaml", ""
	c := &cobra.Command{
		Use:   "propose",
		Short: "Draft boundaries, shared services and interconnections out of what was seen, for a person to edit",
		Long: "Groups what stands in no boundary into candidate boundaries, and what crosses without an agreement into candidate\n" +
			"shared services and interconnections. The drafts are YAML with the evidence and the doubts as comments. They approve\n" +
			"nothing and are not applied: edit what says TODO, try them with `apply --dry-run`, and decide.",
		Example: "  demarc-collector propose\n  demarc-collector propose --out drafts && demarc-collector apply -f drafts --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case format != "yaml" && format != "json":
				return errors.New("propose prints yaml or json")
			case dir != "" && c.Flags().Changed("output"):
				return errors.New("--out writes YAML into files: leave -o out")
			}
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				x, err := demarcv1.NewProposeServiceClient(conn).Propose(ctx, r)
				switch {
				case err != nil:
					return err
				case format == "json":
					return printJSON(c.OutOrStdout(), x)
				case dir != "":
					return writeDrafts(c.OutOrStdout(), dir, x)
				}
				return printDrafts(c.OutOrStdout(), x, "")
			})
		},
	}
	c.Flags().BoolVar(&r.All, "all", false, "draft agreements also for what one covers already")
	c.Flags().StringVar(&r.Site, "site", "", "only of this site")
	c.Flags().StringVar(&dir, "out", "", "write one file for each kind into this directory, in place of printing; files that are there are not overwritten")
	c.Flags().StringVarP(&format, "output", "o", "yaml", "output: yaml or json")
	return c
}

// printDrafts prints the candidates of a kind, or all of them; before them, what
// they are, and behind all what is missing.
func printDrafts(w io.Writer, r *demarcv1.ProposeResponse, kind string) error {
	out := lines{w: w}
	out.printf("# Drafted %s out of what was seen, beside policy version %d. Nobody approved any of this: edit it, above all what\n# says TODO, and apply what you answer for.\n", moment(r.GetAt()), r.GetPolicyVersion())
	n := 0
	for _, c := range r.GetCandidates() {
		if kind != "" && c.GetKind() != kind {
			continue
		}
		if n > 0 {
			out.printf("---\n")
		}
		out.printf("%s", c.GetText())
		n++
	}
	if kind == "" {
		if n == 0 {
			out.printf("# Nothing stands in no boundary, and nothing crosses without an agreement.\n")
		}
		for _, l := range r.GetLeftOut() {
			out.printf("# Left out: %s\n", printable(l))
		}
	}
	return out.err
}

// writeDrafts writes a file for each kind that there is something of, all or
// none.
func writeDrafts(w io.Writer, dir string, r *demarcv1.ProposeResponse) error {
	out := lines{w: w}
	var paths []string
	counts := map[string]int{}
	for _, c := range r.GetCandidates() {
		counts[c.GetKind()]++
	}
	for _, f := range draftFiles {
		path := filepath.Join(dir, f.name)
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("--out: %s is there already: name another directory, or move it away", path)
		}
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	for _, f := range draftFiles {
		if counts[f.kind] == 0 {
			continue
		}
		path := filepath.Join(dir, f.name)
		var b strings.Builder
		err := printDrafts(&b, r, f.kind)
		if err == nil {
			err = writeNew(path, b.String())
		}
		if err != nil {
			for _, p := range paths {
				_ = os.Remove(p) // half of it is none
			}
			return fmt.Errorf("--out: %w", err)
		}
		paths = append(paths, path)
		out.printf("%s: %d\n", path, counts[f.kind])
	}
	if len(paths) == 0 {
		out.printf("Nothing stands in no boundary, and nothing crosses without an agreement.\n")
	}
	for _, l := range r.GetLeftOut() {
		out.printf("Left out: %s\n", printable(l))
	}
	return out.err
}

func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640) //nolint:gosec // the directory that the user named
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
