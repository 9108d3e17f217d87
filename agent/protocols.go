package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"demarc/agent/dissect"
	"demarc/internal/table"
	"demarc/internal/version"
)

func protocolsCommand() *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use:   "protocols",
		Short: "List the protocols that are read from their bytes",
		Long: "protocols lists what the agent reads from bytes, whatever the port.\n\n" +
			"Tier 1: identity, direction and class of operation; tier 2: content and direction; tier 3: a signature alone.\n" +
			"Kind OT is operational technology, IT the rest. OVER is what carries it: a transport, or another protocol.\n" +
			"\"" + dissect.FromText + "\": no public capture was found, so it was never checked against real traffic.",
		Example: "  demarc-agent protocols\n  demarc-agent protocols -o csv > protocols.csv\n  demarc-agent protocols -o json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return printProtocols(c.OutOrStdout(), format, dissect.Protocols())
		},
	}
	c.Flags().StringVarP(&format, "output", "o", format, "output: table, json or csv")
	return c
}

func printProtocols(w io.Writer, format string, all []dissect.Protocol) error {
	switch format {
	case "table":
		if _, err := fmt.Fprintf(w, "%s\n\n", dissect.CountProtocols(all)); err != nil {
			return err
		}
		t := protocolTable(all)
		return t.Write(w, width())
	case "csv":
		t := protocolTable(all)
		t.Head = []string{"protocol", "kind", "tier", "over", "reads", "standard"}
		return t.WriteCSV(w)
	case "json":
		return protocolJSON(w, all)
	}
	return fmt.Errorf("--output %q is not known: table, json or csv", format)
}

func protocolTable(all []dissect.Protocol) table.Table {
	t := table.Table{Head: []string{"PROTOCOL", "KIND", "TIER", "OVER", "READS", "STANDARD"}, Wrap: []bool{4: true, 5: true}}
	for _, p := range all {
		t.Rows = append(t.Rows, []string{p.Name, kindOf(p), strconv.Itoa(p.Tier), strings.Join(p.Over, " "), p.Reads, p.Standard})
	}
	return t
}

func kindOf(p dissect.Protocol) string {
	if p.OT {
		return "OT"
	}
	return "IT"
}

func protocolJSON(w io.Writer, all []dissect.Protocol) error {
	type row struct {
		Name      string   `json:"name"`
		Tier      int      `json:"tier"`
		Over      []string `json:"over"`
		Reads     string   `json:"reads"`
		Standard  string   `json:"standard"`
		OT        bool     `json:"ot"`
		TextAlone bool     `json:"text_alone"`
	}
	rows := make([]row, 0, len(all))
	for _, p := range all {
		rows = append(rows, row{p.Name, p.Tier, p.Over, p.Reads, p.Standard, p.OT, p.TextAlone()})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "demarc-agent", version.String())
			return err
		},
	}
}
