package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/export"
	"demarc/internal/pki"
	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func exportCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "export WHAT", Short: "Write what the collector knows to a file for others"}
	c.AddCommand(evidenceCommand(at), pdfCommand(at), xlsxCommand(at), exportSliceCommand(at))
	c.AddCommand(draftCommands(at)...)
	return c
}

func evidenceCommand(at *place) *cobra.Command {
	var file, asOf string
	r := &demarcv1.ExportEvidenceRequest{}
	c := &cobra.Command{
		Use:   "evidence [AUTHORIZATION] [--boundary B] [--as-of T] [--without-slices] [--file F]",
		Short: "Write the inspection package of an authorization, or of a boundary",
		Long: "The package is a zip file for people who do not know Demarc, with a summary, every document, verdict,\n" +
			"condition, finding and act behind it, and what could not be seen. It is signed with the collector's key:\n" +
			"`demarc-collector verify` tells, without any collector, whether anything of it was changed. The same moment\n" +
			"gives the same bytes. That it was made stands in the audit log.",
		Example: "  demarc-collector export evidence lines-ato\n  demarc-collector export evidence lines-ato --as-of 2026-03-14 --file lines.zip\n  demarc-collector export evidence --boundary laboratory",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("export evidence takes one authorization, as `get authorizations` shows it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				r.Authorization = args[0]
			}
			if asOf != "" {
				t, err := readMoment(asOf, time.Now())
				if err != nil {
					return fmt.Errorf("--as-of: %w", err)
				}
				r.AsOf = timestamppb.New(t)
			}
			if file == "" {
				file = api.EvidenceName(r)
			}
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				defer tellSlow(c.ErrOrStderr()).Stop()
				n, err := writeWhole(file, func(w io.Writer) error {
					stream, err := demarcv1.NewExportServiceClient(conn).ExportEvidence(ctx, r)
					return receive(stream, err, w)
				})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d bytes. Check it anywhere: demarc-collector verify %s\n", file, n, file)
				return err
			})
		},
	}
	c.Flags().StringVar(&r.Boundary, "boundary", "", "only of this boundary and its parts")
	c.Flags().BoolVar(&r.WithoutSlices, "without-slices", false, "leave recorded frames out, and tell only who recorded them and their SHA-256")
	c.Flags().StringVar(&asOf, "as-of", "", "as it was recorded at this time: 2026-03-14T10:00Z, 2026-03-14 (its first instant, UTC), or how long ago: 48h, 7d")
	c.Flags().StringVar(&file, "file", "", "new file to write (default evidence-AUTHORIZATION.zip)")
	return c
}

func pdfCommand(at *place) *cobra.Command {
	r := &demarcv1.ExportRequest{Format: "pdf"}
	c := &cobra.Command{
		Use:   "pdf [AUTHORIZATION] [--boundary B | --connection ID] [--paper a4|letter] [--as-of T] [--file F]",
		Short: "Write the report that an official signs, or the brief of a connection",
		Long: "The report begins with the question whether each condition still holds and how that is known; interconnections,\n" +
			"open findings, drift, what was not seen, and what ends within 90 days follow, and room to sign. With\n" +
			"--connection it is the brief of one connection, on one page. The same moment gives the same bytes; the\n" +
			"head of every page has the moment and a fingerprint of what is said. That it was made stands in the audit log.",
		Example: "  demarc-collector export pdf lines-ato --file lines.pdf\n  demarc-collector export pdf lines-ato --as-of 2026-03-14 --paper letter\n  demarc-collector export pdf --connection c-kzq8ihzp733v",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				r.Authorization = args[0]
			}
			return at.export(c, r)
		},
	}
	c.Args = atMostOne(c, "one authorization, as `get authorizations` shows it")
	exportFlags(c, r)
	c.Flags().StringVar(&r.Connection, "connection", "", "brief of this connection, by its id as `get connections` shows it")
	c.Flags().StringVar(&r.Paper, "paper", "a4", "paper: a4 or letter")
	return c
}

// lists are what export xlsx takes in place of an authorization.
var lists = []string{"assets", "connections", "conditions", "findings", "agreements", "reconcile", "calendar"}

func xlsxCommand(at *place) *cobra.Command {
	r := &demarcv1.ExportRequest{Format: "xlsx"}
	c := &cobra.Command{
		Use:   "xlsx [AUTHORIZATION | LIST] [--boundary B] [--as-of T] [--file F]",
		Short: "Write a workbook of an authorization, of a boundary, or of one list",
		Long: "The workbook has a sheet for each of " + strings.Join(lists, ", ") + ", behind a summary that says\n" +
			"what was not seen. Given one of these names in place of an authorization, it has that list alone, of all\n" +
			"that you may see or of --boundary: `import hardware` takes that of assets. Dates are dates, numbers are\n" +
			"numbers, and no text is a formula. That it was made stands in the audit log.",
		Example: "  demarc-collector export xlsx lines-ato\n  demarc-collector export xlsx --boundary laboratory --as-of 2026-03-14\n  demarc-collector export xlsx assets --boundary line4 --file line4-hw.xlsx",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && slices.Contains(lists, args[0]) {
				r.List = args[0]
			} else if len(args) == 1 {
				r.Authorization = args[0]
			}
			return at.export(c, r)
		},
	}
	c.Args = atMostOne(c, "one authorization, as `get authorizations` shows it, or one list")
	exportFlags(c, r)
	return c
}

func atMostOne(c *cobra.Command, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("export %s takes %s", c.Name(), what)
		}
		return nil
	}
}

// exportFlags are those of every export.
func exportFlags(c *cobra.Command, r *demarcv1.ExportRequest) {
	c.Flags().StringVar(&r.Boundary, "boundary", "", "only of this boundary and its parts")
	c.Flags().String("as-of", "", "as it was recorded at this time: 2026-03-14T10:00Z, 2026-03-14 (its first instant, UTC), or how long ago: 48h, 7d")
	c.Flags().String("file", "", "new file to write (default: named after what it is of)")
}

// export writes what is asked for to a file.
func (at *place) export(c *cobra.Command, r *demarcv1.ExportRequest) error {
	file, asOf := c.Flag("file").Value.String(), c.Flag("as-of").Value.String()
	if asOf != "" {
		t, err := readMoment(asOf, time.Now())
		if err != nil {
			return fmt.Errorf("--as-of: %w", err)
		}
		r.AsOf = timestamppb.New(t)
	}
	if file == "" {
		file = api.ExportName(r)
	}
	return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
		defer tellSlow(c.ErrOrStderr()).Stop()
		left := &leaving{}
		n, err := writeWhole(file, func(w io.Writer) (err error) {
			left.ServerStreamingClient, err = demarcv1.NewExportServiceClient(conn).Export(ctx, r)
			return receive(left, err, w)
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d bytes.\n", file, n)
		return errors.Join(err, left.tell(c.ErrOrStderr()))
	})
}

// receive writes a file as it comes.
func receive[P interface{ GetData() []byte }](stream interface{ Recv() (P, error) }, err error, w io.Writer) error {
	if err != nil {
		return err
	}
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(piece.GetData()); err != nil {
			return err
		}
	}
}

// writeWhole writes a file that takes its name when it is whole, and never the
// place of another.
func writeWhole(name string, write func(io.Writer) error) (n int64, err error) {
	if _, err := os.Lstat(name); err == nil {
		return 0, fmt.Errorf("%s is there already: choose another file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".demarc-export-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone when it has its name
	err = write(f)
	if info, bad := f.Stat(); bad == nil {
		n = info.Size()
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return n, os.Link(f.Name(), name)
}

// errAltered ends verify when something was changed.
const errAltered exit = 1

func verifyCommand() *cobra.Command {
	var pin, format string
	c := &cobra.Command{
		Use:   "verify PACKAGE|SLICE.pcapng [--pin FINGERPRINT]",
		Short: "Check an inspection package, or recorded frames, without any collector",
		Long: "verify checks the signature, every file, that nothing is missing or was put in, and the chain of the audit\n" +
			"log. It needs no collector and no network, and writes nothing. Exit status 0: all is as the collector wrote\n" +
			"it; 1: it is not, and what differs is named. Whose key signed it only --pin tells. Of frames that `export slice`\n" +
			"wrote, it checks the three files beside them.",
		Example: "  demarc-collector verify evidence-lines-ato.zip --pin 9f2c...",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("verify needs one package, as `export evidence` wrote it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			if strings.HasSuffix(args[0], slicesEnd) {
				return verifySlice(c.OutOrStdout(), args[0], pin, format)
			}
			r, err := verifyPackage(args[0], pin)
			if err != nil {
				return err
			}
			return tellReport(c.OutOrStdout(), args[0], format, r)
		},
	}
	c.Flags().StringVar(&pin, "pin", "", "fingerprint of the collector's key, as 'demarc-collector status' prints it there")
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	return c
}

func verifyPackage(name, pin string) (*export.Report, error) {
	var key *pki.Fingerprint
	if pin != "" {
		k, err := readPin(pin)
		if err != nil {
			return nil, err
		}
		key = &k
	}
	f, err := os.Open(name) //nolint:gosec // the file that the user named
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := export.Verify(f, info.Size(), key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func tellReport(w io.Writer, name, format string, r *export.Report) error {
	t := table.Table{Head: []string{"CHECK", "RESULT", "WHAT"}, Wrap: []bool{2: true}}
	for _, x := range r.Checks {
		t.Rows = append(t.Rows, []string{x.What, map[bool]string{true: "intact", false: "ALTERED"}[x.Intact], printable(x.Words)})
	}
	var err error
	switch format {
	case "json":
		err = json.NewEncoder(w).Encode(r)
	case "csv":
		err = t.WriteCSV(w)
	default:
		m := r.Manifest
		out := lines{w: w}
		out.printf("%s: %s as of %s, policy version %d\n", name, printable(strings.TrimSpace(m.Authorization+" "+m.Boundary)), m.AsOf.UTC().Format(time.RFC3339Nano), m.PolicyVersion)
		err = errors.Join(out.err, t.Write(w, width(w)))
	}
	if err != nil || len(r.Faults) == 0 {
		return err
	}
	var faults []string
	for _, f := range r.Faults {
		faults = append(faults, printable(f))
	}
	return errors.Join(fmt.Errorf("%s is not what the collector wrote:\n  %s", name, strings.Join(faults, "\n  ")), errAltered)
}
