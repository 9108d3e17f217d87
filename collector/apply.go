package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func applyCommand(at *place) *cobra.Command {
	var paths []string
	var dryRun, prune, resolve bool
	c := &cobra.Command{
		Use:   "apply -f DIR|FILE",
		Short: "Put boundary documents in force, all or none",
		Long: "apply reads every .yaml and .yml file of a directory, and of those in it, or one file, and takes\n" +
			"all documents or none. Documents that were applied before and are not among these stay, unless\n" +
			"--prune deletes them.\n\n" +
			"Where authority is enforced apply proposes: what only narrows acts at once, the rest waits for an\n" +
			"official (get pending, confirm). deploy/authority.md says how the two are told apart.",
		Example: "  demarc-collector apply -f deploy/example\n  demarc-collector apply -f deploy/example --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(paths) == 0 {
				return errors.New("apply needs documents: give -f DIR or -f FILE")
			}
			r := &demarcv1.ApplyRequest{DryRun: dryRun, Prune: prune, Resolve: resolve}
			for _, p := range paths {
				docs, err := readDocuments(p)
				if err != nil {
					return err
				}
				r.Documents = append(r.Documents, docs...)
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				answer, err := client.Apply(ctx, r)
				if err != nil {
					return err
				}
				return tellApplied(c.OutOrStdout(), answer, dryRun)
			})
		},
	}
	c.Flags().StringArrayVarP(&paths, "file", "f", nil, "directory or file of documents")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say which verdicts would change, and change nothing")
	c.Flags().BoolVar(&prune, "prune", false, "delete documents that are not among these")
	c.Flags().BoolVar(&resolve, "resolve", false, "resolve roles and names of devices anew: what has them now counts")
	return c
}

// maxDocument bounds one file of documents: people write them.
const maxDocument = 1 << 20

// readDocuments reads a file, or all YAML files below a directory in order.
func readDocuments(path string) ([]*demarcv1.Document, error) {
	var files []string
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (p == path || slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(p))) {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("documents: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("documents: no .yaml file in %s", path)
	}
	var docs []*demarcv1.Document
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Size() > maxDocument {
			return nil, fmt.Errorf("documents: %s has %d bytes, more than %d: split it, or take it away if it is none", f, info.Size(), maxDocument)
		}
		content, err := os.ReadFile(f) //nolint:gosec // the file that the user named
		if err != nil {
			return nil, fmt.Errorf("documents: %w", err)
		}
		of, err := expand(f, content)
		if err != nil {
			return nil, err
		}
		docs = append(docs, of...)
	}
	return docs, nil
}

// shownVerdicts is how many changed verdicts are printed.
const shownVerdicts = 20

func tellApplied(w io.Writer, a *demarcv1.ApplyResponse, dryRun bool) error {
	out := lines{w: w}
	same := 0
	for _, c := range a.GetChanges() {
		if c.GetChange() == "same" {
			same++
			continue
		}
		out.printf("%-8s %s/%s\n", c.GetChange(), c.GetKind(), c.GetName())
	}
	for _, r := range a.GetResolved() {
		out.printf("resolved %s\n", printable(r))
	}
	for _, warning := range a.GetWarnings() {
		out.printf("warning: %s\n", warning)
	}
	would := ""
	if dryRun {
		would = "would "
	}
	if n := len(a.GetVerdicts()); n > 0 {
		out.printf("%d verdicts %schange:\n", n, would)
		for _, v := range a.GetVerdicts()[:min(n, shownVerdicts)] {
			out.printf("  %s  %s -> %s  %s\n", v.GetConnection(), orDash(v.GetBefore()), orDash(v.GetAfter()), printable(v.GetReason()))
		}
		if n > shownVerdicts {
			out.printf("  and %d more\n", n-shownVerdicts)
		}
	}
	if p := a.GetPending(); p != nil {
		if n := len(a.GetPendingVerdicts()); n > 0 {
			out.printf("%d verdicts would change with what is pending.\n", n)
		}
		if out.err == nil {
			out.err = tellProposal(w, p, false)
		}
		if n := len(p.GetDocuments()); same+n == len(a.GetChanges()) {
			out.printf("Nothing acts at once: policy version %d stays in force.\n", a.GetPolicyVersion())
			return out.err
		}
	}
	switch {
	case same == len(a.GetChanges()):
		out.printf("Nothing to change: policy version %d says the same in %d documents.\n", a.GetPolicyVersion(), same)
	case dryRun:
		out.printf("Dry run: nothing was changed. It would be policy version %d.\n", a.GetPolicyVersion())
	default:
		out.printf("Policy version %d is in force.\n", a.GetPolicyVersion())
	}
	return out.err
}
