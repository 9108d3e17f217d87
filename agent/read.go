package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/agent/capture"
	"demarc/agent/pipeline"
	"demarc/internal/identity"
	"demarc/internal/role"
	"demarc/internal/table"
	"demarc/internal/tables"
	demarcv1 "demarc/proto/demarc/v1"
)

type readOptions struct {
	site, segment, format, tables, fingerprints string
	progress                                    bool
}

func readCommand() *cobra.Command {
	var (
		o  readOptions
		at place
	)
	c := &cobra.Command{
		Use:   "read FILE...",
		Short: "Read capture files and print the assets and connections in them",
		Long: "read prints what is in capture files, or, with --collector, delivers it to a collector as this\n" +
			"enrolled agent. Delivering is resumed where it was interrupted; the same file again changes nothing.\n" +
			"With --collector none it waits in the spool for `demarc-agent export`.",
		Example: "  demarc-agent read line4.pcap\n" +
			"  demarc-agent read --format json line4.pcapng > inventory.json\n" +
			"  demarc-agent read --collector collector:7443 --segment line4 line4.pcap\n" +
			"  tcpdump -i eth1 -c 10000 -w - | demarc-agent read -",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("read needs a capture file, as in: demarc-agent read line4.pcap")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if at.collector != "" || at.configFile != "" {
				return feed(c, at, o, args)
			}
			return read(c, o, args)
		},
	}
	at.flags(c)
	c.Flags().StringVar(&o.site, "site", "", "site that the captures come from")
	c.Flags().StringVar(&o.segment, "segment", "", "segment that the captures come from")
	c.Flags().StringVar(&o.tables, "tables", "", "folder of newer lists of vendors and the like, or your own")
	c.Flags().StringVar(&o.fingerprints, "fingerprints", "", "file of fingerprints of your own devices")
	c.Flags().BoolVar(&o.progress, "progress", false, "tell on stderr how far a file is read, for programs: \"progress DONE TOTAL\", in bytes")
	c.Flags().StringVar(&o.format, "format", "table", "output: table, json or csv")
	return c
}

// bookSink brings what the pipeline saw to the inventory.
type bookSink struct {
	book *identity.Book
	site string
}

func (s bookSink) Emit(b *demarcv1.Body, _ bool) error {
	s.book.Apply(s.site, "", b)
	return nil
}

func read(c *cobra.Command, o readOptions, files []string) error {
	print, err := printer(o.format)
	if err != nil {
		return err
	}
	if o.tables != "" {
		if _, err := tables.Use(o.tables); err != nil {
			return err
		}
	}
	if o.fingerprints != "" {
		own, err := role.LoadFingerprints(o.fingerprints)
		if err != nil {
			return err
		}
		role.UseFingerprints(own)
	}
	book := identity.New(identity.OneSpace)
	var (
		captures []*demarcv1.Capture
		failed   error
	)
	for _, f := range files {
		sum, err := readFile(c, o, f, bookSink{book, o.site})
		if sum.Packets > 0 || err == nil {
			captures = append(captures, captureOf(f, sum))
		}
		if err != nil {
			failed = err
			break
		}
	}
	if len(captures) > 0 {
		inv := book.Inventory()
		inv.Captures = captures
		if err := print(c.OutOrStdout(), inv); err != nil {
			return err
		}
	}
	return failed
}

func readFile(c *cobra.Command, o readOptions, file string, sink bookSink) (pipeline.Summary, error) {
	src, err := capture.Open(file)
	if err != nil {
		return pipeline.Summary{}, err
	}
	defer func() { _ = src.Close() }()
	bar := newProgress(file, src, o.progress)
	defer bar.clear()
	sum, err := pipeline.Run(c.Context(), pipeline.Config{Default: o.segment, Progress: bar.draw}, src, sink)
	return sum, named(file, err)
}

// named puts the file's name before an error that does not begin with it.
func named(file string, err error) error {
	if err == nil || strings.HasPrefix(err.Error(), file) {
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}

func captureOf(file string, s pipeline.Summary) *demarcv1.Capture {
	c := &demarcv1.Capture{File: filepath.Base(file), Packets: s.Packets, Bytes: s.Bytes}
	if s.Packets > 0 {
		c.FirstSeen, c.LastSeen = timestamppb.New(time.Unix(0, s.First)), timestamppb.New(time.Unix(0, s.Last))
	}
	return c
}

func printer(format string) (func(io.Writer, *demarcv1.Inventory) error, error) {
	switch format {
	case "table":
		return func(w io.Writer, inv *demarcv1.Inventory) error { return table.Inventory(w, inv, width()) }, nil
	case "json":
		return writeJSON, nil
	case "csv":
		return table.InventoryCSV, nil
	}
	return nil, fmt.Errorf("--format %q is not known: table, json or csv", format)
}

// writeJSON prints an inventory as proto JSON with proto field names,
// re-indented so that the same message gives the same bytes (protojson varies
// its spaces on purpose), one element at a time so that a large one needs
// little memory.
func writeJSON(out io.Writer, inv *demarcv1.Inventory) error {
	w := bufio.NewWriterSize(out, 1<<16)
	_, _ = w.WriteString("{\n")
	if err := errors.Join(
		writeList(w, "captures", inv.Captures, ","),
		writeList(w, "assets", inv.Assets, ","),
		writeList(w, "connections", inv.Connections, ","),
		writeList(w, "losses", inv.Losses, ""),
	); err != nil {
		return err
	}
	_, _ = w.WriteString("}\n")
	return w.Flush()
}

// writeList leaves write errors to the writer's Flush.
func writeList[M proto.Message](w *bufio.Writer, name string, list []M, end string) error {
	if len(list) == 0 {
		_, _ = fmt.Fprintf(w, " %q: []%s\n", name, end)
		return nil
	}
	_, _ = fmt.Fprintf(w, " %q: [\n", name)
	var b bytes.Buffer
	for i, m := range list {
		raw, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
		if err != nil {
			return err
		}
		b.Reset()
		if err := json.Indent(&b, raw, "  ", " "); err != nil {
			return err
		}
		if i < len(list)-1 {
			b.WriteByte(',')
		}
		_, _ = fmt.Fprintf(w, "  %s\n", b.Bytes())
	}
	_, _ = fmt.Fprintf(w, " ]%s\n", end)
	return nil
}

// width is the terminal's, or 0 for no limit when output goes elsewhere.
func width() int {
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil { // a file descriptor is small
		return w
	}
	return 0
}
