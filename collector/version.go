package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"demarc/internal/version"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "demarc-collector", version.String())
			return err
		},
	}
}
