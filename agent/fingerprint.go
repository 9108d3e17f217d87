package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"demarc/internal/role"
)

func fingerprintCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fingerprint",
		Short: "Work on fingerprints of your own devices",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "test FILE",
		Short: "Check a fingerprint file and run its tests",
		Long: "test reads a file of fingerprints as the collector does and runs the tests in it. It exits with 0 when\n" +
			"all is right, and with 1 and the file, line and cure of each fault when not.",
		Example: "  demarc-agent fingerprint test fingerprints.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := role.LoadFingerprints(args[0])
			if err != nil {
				return err
			}
			names := f.Summary()
			for _, n := range names {
				if _, err := fmt.Fprintln(c.OutOrStdout(), "good:", n); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d fingerprints, every test passes\n", args[0], len(names))
			return err
		},
	})
	return c
}
