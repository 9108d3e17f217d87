package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"demarc/collector/boundary"
	"demarc/collector/paper/sheet"
	demarcv1 "demarc/proto/demarc/v1"
)

func importCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "import hardware|software|services|interconnections|bundle FILE",
		Short: "Take a list that was authorized from a CSV or XLSX file, as paper; or bundles of agents",
		Long: "import bundle takes what agents without a way to this collector saw. Of a list, import makes the Inventory document of a list, as `apply` would take it. It is paper: nothing in it\n" +
			"counts as seen. Columns are recognised by their headers, as eMASS and others export them.",
		Example: "  demarc-collector import hardware hw.xlsx --name line4-hw --boundary line4 --approved-by 'Dana Ortiz' --dry-run",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("import what? hardware, software, services, interconnections, or bundle")
			}
			return fmt.Errorf("import %s: not known: hardware, software, services, interconnections or bundle", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	for _, list := range []string{"hardware", "software", "services", "interconnections"} {
		c.AddCommand(importList(at, list))
	}
	c.AddCommand(importBundleCommand(at))
	return c
}

func importList(at *place, list string) *cobra.Command {
	var name, of, source, asOf, approved string
	var dryRun, show bool
	c := &cobra.Command{
		Use: list + " FILE", Short: "Take a " + list + " list from a CSV or XLSX file",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("import " + list + " needs one CSV or XLSX file")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			v := &boundary.Inventory{List: list, Source: source, ApprovedBy: approved, File: filepath.Base(args[0])}
			v.Name, v.Boundary.Name = name, of
			if name == "" {
				v.Name = nameFrom(args[0])
			}
			if err := boundary.CheckName(v.Name); err != nil {
				return fmt.Errorf("--name: %w", err)
			}
			if asOf != "" {
				var err error
				if v.AsOf, err = boundary.ParseDate(asOf); err != nil {
					return fmt.Errorf("--as-of: %w", err)
				}
			}
			left, err := readRows(v, args[0])
			if err != nil {
				return err
			}
			out := lines{w: c.OutOrStdout()}
			if show {
				out.printf("%s", v.Text())
				return out.err
			}
			out.printf("%d rows read from %s as Inventory/%s.\n", len(v.Rows), args[0], v.Name)
			if len(left) > 0 {
				out.printf("Columns that a %s list does not keep: %s.\n", list, printable(strings.Join(left, ", ")))
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r := &demarcv1.ApplyRequest{DryRun: dryRun, Documents: []*demarcv1.Document{{Path: v.Name + ".yaml", Content: v.Text()}}}
				answer, err := client.Apply(ctx, r)
				if err != nil {
					return err
				}
				return errors.Join(out.err, tellApplied(c.OutOrStdout(), answer, dryRun))
			})
		},
	}
	c.Flags().StringVar(&name, "name", "", "name of the Inventory (default: that of the file)")
	c.Flags().StringVar(&of, "boundary", "", "boundary whose list it is")
	c.Flags().StringVar(&source, "source", "", "where the list comes from: \"eMASS export\"")
	c.Flags().StringVar(&asOf, "as-of", "", "date of the list: 2026-02-20")
	c.Flags().StringVar(&approved, "approved-by", "", "who approved the list")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	c.Flags().BoolVar(&show, "print", false, "print the document and send nothing")
	return c
}

// nameFrom makes a document's name of a file's.
func nameFrom(path string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, base)
	return strings.Trim(name[:min(len(name), 63)], "-._")
}

// maxList bounds a file that rows are read from.
const maxList = 16 << 20

// readRows fills v with the rows of a file; left names headers that no row keeps.
func readRows(v *boundary.Inventory, path string) (left []string, err error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxList {
		return nil, fmt.Errorf("%s has %d bytes, more than %d: export fewer columns, or split it", path, info.Size(), maxList)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the file that the user named
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	v.Rows, left, err = sheet.Read(path, content, v.List)
	return left, err
}

// expand reads the file that an Inventory names for its rows, beside the
// document, so that the document that is applied holds them.
func expand(path string, content []byte) ([]*demarcv1.Document, error) {
	whole := []*demarcv1.Document{{Path: path, Content: content}}
	var docs []*demarcv1.Document
	found := false
	for _, p := range boundary.Pieces([]boundary.File{{Path: path, Content: content}}) {
		text := p.Content
		if p.Kind == "Inventory" {
			v, err := boundary.ReadInventory(p.File)
			if err != nil {
				return whole, nil //nolint:nilerr // apply tells what is wrong with it, with everything else
			}
			if v.File != "" && len(v.Rows) == 0 {
				if _, err := readRows(v, filepath.Join(filepath.Dir(path), v.File)); err != nil {
					return nil, fmt.Errorf("%s, inventory %s: %w", path, v.Name, err)
				}
				text, found = v.Text(), true
			}
		}
		docs = append(docs, &demarcv1.Document{Path: path, Content: text})
	}
	if !found {
		return whole, nil
	}
	return docs, nil
}
