package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"demarc/agent/dissect"
	"demarc/internal/table"
	"demarc/internal/version"
)

func protocolsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "protocols",
		Short: "List the protocols that are read from their bytes",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t := table.Table{Head: []string{"PROTOCOL", "OVER", "READS", "STANDARD"}}
			for _, p := range dissect.Protocols() {
				t.Rows = append(t.Rows, []string{p.Name, strings.Join(p.Over, " "), p.Reads, p.Standard})
			}
			return t.Write(c.OutOrStdout(), width())
		},
	}
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
